"""The names and shapes of a model's state, in a file and in a module that was built, and how far they agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from contractgen.load.loaded import MOST_LISTED

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """Shapes by key; None where the shape is still open (a lazy parameter) or the entry is no tensor."""

    shapes: Mapping[str, Shape | None]
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each key of a tensor with several names (tied weights): all of them."""


def layout_of(state: Mapping[str, Any]) -> Layout:
    """The layout of a state_dict, from a file or of a module."""
    shapes: dict[str, Shape | None] = {}
    names: dict[int, list[str]] = {}
    for key, value in state.items():
        known = isinstance(value, torch.Tensor) and not is_lazy(value)
        shapes[key] = tuple(value.shape) if known else None
        if known and isinstance(value, torch.nn.Parameter):
            names.setdefault(id(value), []).append(key)
    groups = [frozenset(keys) for keys in names.values() if len(keys) > 1]
    return Layout(shapes, {key: group for group in groups for key in group})


def layout_of_module(module: torch.nn.Module) -> Layout:
    """The layout of a module; ``keep_vars`` keeps the parameters themselves, so that ties can be seen."""
    return layout_of(module.state_dict(keep_vars=True))


@dataclass(frozen=True)
class Difference:
    """Where the layout of a file is not that of a module."""

    only_file: tuple[str, ...]
    only_module: tuple[str, ...]
    shapes: tuple[tuple[str, Shape, Shape], ...]
    """Key, shape in the file, shape in the module."""
    score: int
    """The higher, the more agrees."""

    def __bool__(self) -> bool:
        return bool(self.only_file or self.only_module or self.shapes)

    def text(self) -> str:
        """The differing keys, some of each kind, for a message."""
        lines: list[str] = []
        for title, keys in (("only in the file", self.only_file), ("only in the model", self.only_module)):
            lines += _lines(title, list(keys))
        lines += _lines("shapes", [f"{key}: file {list(a)}, model {list(b)}" for key, a, b in self.shapes])
        return "\n".join(lines)


def _lines(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    more = [f"    and {len(entries) - MOST_LISTED} more"] if len(entries) > MOST_LISTED else []
    return [f"  {title}:", *(f"    {entry}" for entry in entries[:MOST_LISTED]), *more]


def compare(file: Layout, module: Layout) -> Difference:
    """The difference between a file's layout and a module's.

    A key of the module may be absent from the file where the file has the tensor under another of its names, or where
    old versions of torch did not save it (``num_batches_tracked``).
    """
    only_file = tuple(key for key in file.shapes if key not in module.shapes)
    only_module = tuple(
        key
        for key in module.shapes
        if key not in file.shapes
        and not any(alias in file.shapes for alias in module.aliases.get(key, ()))
        and not key.endswith("num_batches_tracked")
    )
    shapes: list[tuple[str, Shape, Shape]] = []
    score = -3 * (len(only_file) + len(only_module))
    for key, ours in file.shapes.items():
        if key not in module.shapes:
            continue
        theirs = module.shapes[key]
        score += 4
        if ours is None or theirs is None or ours == theirs:
            score += 2 + (len(ours) if ours is not None else 0)
            continue
        shapes.append((key, ours, theirs))
        if len(ours) == len(theirs):
            score += sum(a == b for a, b in zip(ours, theirs, strict=True))
    return Difference(only_file, only_module, tuple(shapes), score)


def changed_axes(before: Layout, after: Layout) -> frozenset[tuple[str, int]]:
    """What differs between two layouts: (key, axis), and (key, -1) for a key that only one has or of another rank."""
    found: set[tuple[str, int]] = set()
    for key in before.shapes.keys() | after.shapes.keys():
        a, b = before.shapes.get(key), after.shapes.get(key)
        if (key in before.shapes) != (key in after.shapes) or (a is None) != (b is None):
            found.add((key, -1))
        elif a is not None and b is not None and a != b:
            found.update((key, axis) for axis in range(len(a)) if len(a) == len(b) and a[axis] != b[axis])
            if len(a) != len(b):
                found.add((key, -1))
    return frozenset(found)


def counts_of(layout: Layout) -> dict[str, tuple[int, ...]]:
    """How many numbered children each container has, ``{"blocks.": (12,)}``, likewise for names that end in a number.

    Where numbers are left out (layers without weights) the highest number counts too, from zero.
    """
    found: dict[str, set[int]] = {}
    for key in layout.shapes:
        for match in re.finditer(r"(?:^|(?<=\.))([A-Za-z_]*)(\d+)(?=\.)", key):
            found.setdefault(key[: match.start()] + match.group(1), set()).add(int(match.group(2)))
    return {prefix: tuple(dict.fromkeys((len(seen), max(seen) + 1))) for prefix, seen in found.items()}
