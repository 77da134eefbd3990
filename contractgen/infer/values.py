"""What the tensors of a run contain.

A *fill* names the content of one tensor; a *plan* gives each tensor its fill. Which plan a model runs on is found by
trying: a mask of only zeros makes attention undefined, a length of zero cannot be packed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, Union

import torch

from contractgen.infer.hypothesis import Axis, Hypothesis, Leaf, Path, is_mask, name_in


@dataclass(frozen=True)
class SizeOf:
    """A fill with the size that an axis of another tensor has, at whatever size that is run."""

    axis: Axis


Fill: TypeAlias = Union[Literal["normal", "uniform", "zeros", "ones", "mixed", "ramp"], torch.Tensor, SizeOf]
"""How to fill a tensor; a tensor stands for itself, repeated or cut to the sizes that are wanted."""

Plan: TypeAlias = "dict[Path, Fill]"

_FILLS: dict[str, tuple[Fill, ...]] = {
    "float": ("normal", "uniform", "zeros"),
    "weight": ("uniform", "normal", "zeros"),
    "integer": ("zeros", "ones", "mixed", "ramp"),
    "mask": ("mixed", "ones", "zeros"),
    "bool": ("mixed", "zeros", "ones"),
    "length": ("ones", "ramp", "zeros"),
}

_WHOLE = 3
"""So many sizes of others are tried as lengths."""


def fills(path: Path, leaf: Leaf) -> tuple[Fill, ...]:
    """The fills worth trying for a tensor, the likeliest first."""
    if leaf.dtype.is_floating_point or leaf.dtype.is_complex:
        return _FILLS["weight" if "weight" in name_in(path).lower() else "float"]
    if leaf.dtype == torch.bool:
        return _FILLS["bool"]
    if is_mask(path):
        return _FILLS["mask"]
    return _FILLS["length"] if "len" in name_in(path).lower() else _FILLS["integer"]


def plans(hypothesis: Hypothesis, limit: int = 48) -> Iterator[Plan]:
    """Plans, the likeliest first: those that differ least from every tensor's first choice."""
    choices = {path: _choices(path, leaf, hypothesis) for path, leaf in hypothesis.leaves().items()}
    ranked = itertools.islice(itertools.product(*(range(len(choice)) for choice in choices.values())), 20_000)
    for picks in itertools.islice(sorted(ranked, key=lambda picks: (sum(picks), max(picks, default=0))), limit):
        yield {path: choice[pick] for (path, choice), pick in zip(choices.items(), picks, strict=True)}


def _choices(path: Path, leaf: Leaf, hypothesis: Hypothesis) -> tuple[Fill, ...]:
    """The fills of a tensor; lengths may also have to be whole sizes of another one."""
    first, *others = fills(path, leaf)
    if first != "ones" or len(leaf.sizes) != 1:
        return (first, *others)
    sizes = {
        axis: size
        for axis, size in hypothesis.sizes().items()
        if axis[0] != path and (axis[1] or size != leaf.sizes[0])
    }
    whole = {size: SizeOf(axis) for axis, size in reversed(sizes.items())}
    return (first, *others, *tuple(reversed(whole.values()))[:_WHOLE])


def make_tensor(leaf: Leaf, fill: Fill, seed: int, sizes: Mapping[Axis, int] | None = None) -> torch.Tensor:
    """A tensor of the leaf's dtype and sizes; the same arguments give the same elements on every machine.

    ``sizes`` are those of all axes of the input.
    """
    if isinstance(fill, SizeOf):
        return torch.full(leaf.sizes, (sizes or {}).get(fill.axis, 1), dtype=leaf.dtype)
    if isinstance(fill, torch.Tensor):
        return _tiled(fill, leaf.sizes)
    generator = torch.Generator().manual_seed(seed)
    if fill == "zeros":
        return torch.zeros(leaf.sizes, dtype=leaf.dtype)
    if fill == "ones":
        return torch.ones(leaf.sizes, dtype=leaf.dtype)
    count = 1
    for size in leaf.sizes:
        count *= size
    if fill == "ramp":  # grows along the last axis, from 0
        length = leaf.sizes[-1] if leaf.sizes else 1
        return torch.arange(length).expand(leaf.sizes or (1,)).reshape(leaf.sizes).to(leaf.dtype).clone()
    if fill == "mixed":  # zeros and ones, the first of each row a one and, where there is room, the last a zero
        bits = torch.randint(0, 2, leaf.sizes, generator=generator)
        if leaf.sizes and count:
            bits[..., 0] = 1
            if leaf.sizes[-1] > 1:
                bits[..., -1] = 0
        return bits.to(leaf.dtype)
    if fill == "uniform":  # shares of a whole, and what has a root or a logarithm
        return torch.rand(leaf.sizes, generator=generator).to(leaf.dtype)
    if leaf.dtype.is_complex:
        return torch.complex(
            torch.randn(leaf.sizes, generator=generator), torch.randn(leaf.sizes, generator=generator)
        ).to(leaf.dtype)
    if leaf.dtype.is_floating_point:
        return torch.randn(leaf.sizes, generator=generator).to(leaf.dtype)
    return torch.randint(0, 2, leaf.sizes, generator=generator).to(leaf.dtype)


def _tiled(given: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
    result = given
    for axis, size in enumerate(sizes):
        if size != result.shape[axis]:
            result = result.index_select(axis, torch.arange(size) % max(1, result.shape[axis]))
    return result.clone()
