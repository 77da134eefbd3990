"""Names for dims that a person would choose: the author's own, else those of the axis's role."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence

import torch

from contractgen.infer.extents import Extent
from contractgen.infer.hypothesis import Axis, Leaf, Path, name_in
from contractgen.infer.priors import Prior

_SPATIAL = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}
_ALIASES = {
    "b": "batch",
    "bs": "batch",
    "n": "batch",
    "t": "seq",
    "l": "seq",
    "s": "seq",
    "h": "height",
    "w": "width",
    "c": "channels",
}
_FORBIDDEN = {"min", "max"}


def name_extents(
    extents: Sequence[Extent], leaves: Mapping[Path, Leaf], priors: Mapping[Path, Prior], batch: Extent | None
) -> dict[int, str]:
    """A unique name per free extent, by its position in ``extents``."""
    named: dict[int, str] = {}
    last = _with_channels_last(extents, leaves)
    wanted = {
        index: _authors_name(extent, priors) or ("batch" if extent is batch else _role(extent, leaves, batch, last))
        for index, extent in enumerate(extents)
        if extent.fixed is None
    }
    taken: set[str] = set()
    for index, name in wanted.items():
        alone = sum(other == name for other in wanted.values()) == 1
        unique = name if alone or extents[index] is batch else f"{_owner(extents[index])}_{name}"
        number = 2
        while unique in taken:
            unique = f"{name}_{number}"
            number += 1
        taken.add(unique)
        named[index] = unique
    return named


def identifier(text: str) -> str:
    """``text`` as a Python identifier in lower case."""
    cleaned = re.sub(r"\W+", "_", text).strip("_") or "dim"
    cleaned = f"d{cleaned}" if cleaned[0].isdigit() else cleaned
    return f"{cleaned}_" if keyword.iskeyword(cleaned) or cleaned in _FORBIDDEN else cleaned


def _authors_name(extent: Extent, priors: Mapping[Path, Prior]) -> str | None:
    for path, axis in extent.group:
        dims = priors.get(path, Prior()).dims
        if axis < len(dims) and re.fullmatch(r"[A-Za-z_]\w*", dims[axis]):
            name = dims[axis].lower()
            return identifier(_ALIASES.get(name, name))
    return None


def _owner(extent: Extent) -> str:
    path = extent.group[0][0]
    return identifier(name_in(path).lower())


def _with_channels_last(extents: Sequence[Extent], leaves: Mapping[Path, Leaf]) -> set[Path]:
    """The pictures and volumes whose last axis has as many channels as pictures have, with a free size behind the batch."""
    fixed = {axis: extent.fixed for extent in extents for axis in extent.group}
    pictures = {path: len(leaf.sizes) for path, leaf in leaves.items() if len(leaf.sizes) in (4, 5)}
    return {
        path for path, rank in pictures.items() if fixed.get((path, rank - 1)) in _CHANNELS and not fixed.get((path, 1))
    }


_CHANNELS = (1, 3, 4)


def _role(extent: Extent, leaves: Mapping[Path, Leaf], batch: Extent | None, channels_last: set[Path]) -> str:
    """The usual name of the first axis of the group whose tensor tells one."""
    roles = [
        _axis_role((path, index + (path in channels_last and index > 0)), leaves, batch) for path, index in extent.group
    ]
    return next((role for role in roles if role != "size"), roles[0])


def _axis_role(axis: Axis, leaves: Mapping[Path, Leaf], batch: Extent | None) -> str:
    path, index = axis
    leaf = leaves[path]
    rank = len(leaf.sizes)
    name = str(path[-1]).lower()
    has_batch = batch is not None and any(other == path for other, _ in batch.group)
    floating = leaf.dtype.is_floating_point or leaf.dtype == torch.uint8
    if "edge" in name and index == rank - 1 and not floating:
        return "edges"
    if not has_batch and index == 0:
        return "edges" if "edge" in name else "nodes" if any("edge" in str(p[-1]).lower() for p in leaves) else "rows"
    if floating and rank in (4, 5) and index >= 2:
        return _SPATIAL[rank][index - 2]
    if floating and rank == 3 and index == 2:
        return "frames" if re.search(r"mel|feature|spec|audio", name) else "length"
    if floating and rank >= 3 and index == 1:
        return "seq" if rank == 3 else "channels"
    if floating and rank == 2 and index == 1:
        return "samples" if re.search(r"wav|audio|signal|speech|input_values", name) else "features"
    return "seq" if index >= 1 or has_batch else "size"
