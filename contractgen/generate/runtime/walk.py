"""From a tree of arguments to its tensors, and back: structure is checked here, and every difference is reported."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, shortened_dtype
from contractgen.generate.runtime.spec import Constant, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.generate.runtime.violations import Refused, Violation, listed, plural, quoted, violation


@dataclass(frozen=True)
class Leaf:
    """A tensor that came: where it is, the Python expression for it, what the contract says, and the array itself."""

    path: str
    code: str
    name: str
    tensor: Tensor
    array: Array
    dtype: str


@dataclass(frozen=True)
class Length:
    """A list that came, with the number of its items."""

    path: str
    wanted: int | str
    size: int


@dataclass
class Found:
    """What a walk over the arguments brings home."""

    leaves: list[Leaf] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


Reader = Callable[[Tensor, Any], "tuple[Array, str]"]
"""Turns what stands at a leaf into an array and the name of its dtype, or raises `Refused`."""


@dataclass(frozen=True)
class Walk:
    """How to read a tree: `read` for its leaves; `strict` where lists and tuples, and absent constants, differ."""

    read: Reader
    strict: bool
    found: Found = field(default_factory=Found)

    def refuse(self, kind: str, path: str, **facts: Any) -> None:
        """Note a violation and go on."""
        self.found.violations.append(violation(kind, path, **facts))

    def visit(self, node: Node, value: Any, path: str, code: str, index: tuple[int, ...] = ()) -> None:
        """Read the part of the tree that `node` describes."""
        if isinstance(node, Optional):
            if value is not None:
                self.visit(node.node, value, path, code, index)
        elif isinstance(node, Tensor):
            self.visit_tensor(node, value, path, code, index)
        elif isinstance(node, Constant):
            if type(value) is not type(node.value) or value != node.value:
                self.refuse("constant", path, wanted=repr(node.value), got=described(value))
        elif isinstance(node, Dict):
            self.visit_dict(node, value, path, code, index)
        elif isinstance(node, List):
            if self.is_sequence(value, list, path):
                self.found.lengths.append(Length(path, node.length, len(value)))
                for i, item in enumerate(value):
                    self.visit(node.item, item, f"{path}[{i}]", f"{code}[{i}]", (*index, i))
        elif isinstance(node, Tuple) and self.is_sequence(value, tuple, path):
            if len(value) != len(node.items):
                self.refuse("length", path, wanted=len(node.items), got=len(value))
            for i, (part, item) in enumerate(zip(node.items, value)):
                self.visit(part, item, f"{path}[{i}]", f"{code}[{i}]", index)

    def visit_tensor(self, node: Tensor, value: Any, path: str, code: str, index: tuple[int, ...]) -> None:
        """Read one leaf."""
        try:
            array, dtype = self.read(node, value)
        except Refused as refused:
            self.refuse(refused.kind, path, **refused.facts)
        else:
            self.found.leaves.append(Leaf(path, code, wire_name(node, index), node, array, dtype))

    def visit_dict(self, node: Dict, value: Any, path: str, code: str, index: tuple[int, ...]) -> None:
        """Read a mapping: its keys, then what they hold."""
        keys = [part.key for part in node.fields]
        if not isinstance(value, Mapping):
            self.refuse("structure", path, wanted=f"a dict with the keys {listed(keys)}", got=described(value))
            return
        root = path == code == ""
        for part in node.fields:
            below = f"{path}.{part.key}" if path else part.key
            if part.key in value:
                self.visit(part.node, value[part.key], below, part.key if root else f"{code}[{part.key!r}]", index)
            elif part.required and (self.strict or not isinstance(part.node, Constant)):
                self.refuse("missing", below, wanted=summary(part.node))
        for key in value:
            if key not in keys:
                self.refuse("unexpected", path, wanted=listed(keys), got=quoted(key))

    def is_sequence(self, value: Any, kind: type, path: str) -> bool:
        """Whether a list or tuple came, as wanted; JSON and the client's callers need not tell them apart."""
        if isinstance(value, kind if self.strict else (list, tuple)):
            return True
        self.refuse("structure", path, wanted=f"a {kind.__name__}", got=described(value))
        return False


def wire_name(tensor: Tensor, index: tuple[int, ...]) -> str:
    """The name of a tensor in a request, its `*` replaced by the list's indices."""
    name = tensor.name
    for i in index:
        name = name.replace("*", str(i), 1)
    return name


def gather(node: Node, arrays: Mapping[str, Any], index: tuple[int, ...] = (), required: bool = True) -> Any:
    """The tree that the tensors of a request make, by their names; `ABSENT` where nothing of it came.

    A list goes on as long as there is something at its next index.
    """
    if isinstance(node, Tensor):
        return arrays.get(wire_name(node, index), ABSENT)
    if isinstance(node, Constant):
        return node.value if required else ABSENT
    if isinstance(node, Optional):
        inner = gather(node.node, arrays, index, required=False)
        return None if inner is ABSENT and required else inner
    if isinstance(node, List):
        items: list[Any] = []
        while (item := gather(node.item, arrays, (*index, len(items)), required=False)) is not ABSENT:
            items.append(item)
        return items if items or required else ABSENT
    if isinstance(node, Tuple):
        parts = [gather(item, arrays, index, required=False) for item in node.items]
        if not required and all(part is ABSENT for part in parts):
            return ABSENT
        return tuple(gather(item, arrays, index) if part is ABSENT else part for item, part in zip(node.items, parts))
    if not isinstance(node, Dict):
        raise TypeError(node)
    present = {part.key: gather(part.node, arrays, index, required=False) for part in node.fields}
    if not required and all(value is ABSENT for value in present.values()):
        return ABSENT
    for part in node.fields:
        if present[part.key] is ABSENT and part.required:
            present[part.key] = gather(part.node, arrays, index)
    return {key: value for key, value in present.items() if value is not ABSENT}


class Absent:
    """The type of `ABSENT`."""


ABSENT = Absent()
"""Stands where a request has nothing."""


def described(value: Any) -> str:
    """What came, for a message: its kind, never its content."""
    if isinstance(value, np.ndarray):
        return f"an array of {shortened_dtype(value.dtype) if value.dtype.kind in 'OSUMmV' else value.dtype.name}"
    if isinstance(value, Mapping):
        return f"a dict with the keys {listed(value)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {plural(len(value), 'item')}"
    names = {type(None): "None", bool: "a bool", int: "an integer", float: "a float", str: "a string", bytes: "bytes"}
    return names.get(type(value), f"an object of type {type(value).__name__[:40]}")


def summary(node: Node) -> str:
    """What a node wants, in a few words."""
    if isinstance(node, Tensor):
        return f"a tensor {node.dtype}[{', '.join(map(str, node.shape))}]"
    if isinstance(node, Dict):
        return f"a dict with the keys {listed(part.key for part in node.fields)}"
    if isinstance(node, List):
        return f"a list of {node.length} items"
    if isinstance(node, Tuple):
        return f"a tuple of {plural(len(node.items), 'item')}"
    return summary(node.node) if isinstance(node, Optional) else repr(node.value) if isinstance(node, Constant) else ""


def nearest(name: str, names: list[str]) -> str:
    """The name that was probably meant, or nothing."""
    return next(iter(difflib.get_close_matches(name[:64], names, 1, 0.6)), "")
