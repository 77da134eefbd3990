"""Lengths that kernels do not check: numbers that only say which elements of an axis count.

Where positions are compared with a length, every number beyond the size of the axis acts as the size does, and every
negative one as 0 does. The bound that its author means is where other numbers stop making a difference, as real runs show.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from contractgen.infer.edits import Put
from contractgen.infer.extents import Extent, Sizes
from contractgen.infer.hypothesis import Path
from contractgen.infer.probe import Input, out_tensors, same_bits

_STRIDE = 17
"""Layers that shorten an axis let a length be short of its size by less than this without a difference."""
_APART = 48
_BEYOND = (1, _STRIDE, 1000)


def counted_axis(sizes: Sizes, path: Path) -> tuple[Extent, str] | None:
    """The dim up to which the numbers at ``path`` count elements, and what ran; None where no dim is."""
    for extent in sizes.extents:
        if not extent.free or extent.batch or any(at == path for at, _ in extent.group):
            continue
        small = sizes.size(extent)
        large = extent.ceil(small + _APART)
        if extent.max is not None:
            large = min(large, extent.floor(extent.max))
        short = max(small, large - _STRIDE)
        if not extent.contains(small) or short == large:
            continue
        if not _counts(sizes, path, (extent, small), max(1, small - _STRIDE)):
            continue
        if _counts(sizes, path, (extent, large), short):
            return (
                extent,
                f"at size {large}, {short} and {large} ran differently and any number beyond {large} as {large}",
            )
    return None


def counts_from_zero(sizes: Sizes, path: Path) -> bool:
    """Whether every negative number acts as 0 does."""
    results = _floats(sizes, path, (), [0, *(-more for more in _BEYOND)])
    return all(_alike(results[0], other) for other in results[1:])


def rows_made(sizes: Sizes, path: Path) -> Extent | None:
    """The dim of a vector whose largest number says how many rows come out: graphs of a batch are no more than its nodes."""
    extent = next((one for one in sizes.extents if one.free and (path, 0) in one.group), None)
    if extent is None or len(sizes.prober.hypothesis.leaves()[path].sizes) != 1:
        return None
    numbers = [int(sizes.prober.tensor(path).max()) + more for more in (3, 7)]
    outcomes = sizes.prober.run([Input((), ((path, Put(number, -1)),)) for number in numbers])
    for number, outcome in zip(numbers, outcomes, strict=True):
        if not outcome.ok or all(number + 1 not in tensor.sizes for _, tensor in out_tensors(outcome.value.tree)):
            return None
    return extent


def _counts(sizes: Sizes, path: Path, sized: tuple[Extent, int], short: int) -> bool:
    """Whether at this size no number beyond it makes a difference, and a number ``short`` of it does."""
    size = sized[1]
    less, own, *beyond = _floats(sizes, path, (sized,), [short, size, *(size + more for more in _BEYOND)])
    return own is not None and not _alike(less, own) and all(_alike(own, other) for other in beyond)


def _floats(
    sizes: Sizes, path: Path, sized: Sequence[tuple[Extent, int]], numbers: Sequence[int]
) -> list[list[torch.Tensor] | None]:
    """The outputs of floats with each of these numbers as the last one at ``path``; lengths may be returned as well."""
    prober = sizes.prober.lively()
    change = tuple(sizes.with_size(*sized).items())
    outcomes = prober.run([Input(change, ((path, Put(number, -1)),)) for number in numbers], tensors=True)
    return [
        [tensor for tensor in outcome.value.tensors if tensor.is_floating_point() or tensor.is_complex()]
        if prober.means(outcome)
        else None
        for outcome in outcomes
    ]


def _alike(first: list[torch.Tensor] | None, second: list[torch.Tensor] | None) -> bool:
    """Whether both ran and gave the same floats, of which there are some."""
    if not first or not second or len(first) != len(second):
        return False
    return all(same_bits(a, b) for a, b in zip(first, second, strict=True))
