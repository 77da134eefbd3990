"""Sizes whose last elements cannot influence any output: what a strided layer silently drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from contractgen.contract.model import Source
from contractgen.infer.extents import WINDOW, Claim, Extent, Sizes
from contractgen.infer.held import Held, in_band
from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import Prober
from contractgen.infer.reads import reads_first, reads_last


def reads_last_at(sizes: Sizes, extent: Extent, wanted: list[int]) -> list[bool | None]:
    """Whether the outputs depend on the last slice of the group's axes, at each of these sizes; None where it failed."""
    return [reads_last(sizes.prober, extent.group, sizes.with_size((extent, size))) for size in wanted]


def find_dropped(sizes: Sizes, extent: Extent, given: Mapping[Axis, int]) -> None:
    """Claim a multiple where every other size leaves a remainder that no output reads, the example (``given``) none."""
    current, own = sizes.size(extent), _own_size(extent, given)
    if not extent.free or extent.multiple_of != 1:
        return
    if own in (None, extent.min) and _keep_only_read(sizes, extent):
        return
    start = max(current, extent.min)
    if extent.max is not None and extent.max < start + WINDOW:
        start = max(extent.min, extent.max - WINDOW)
        if extent.max < start + 3:
            return
    if all(read is not False for read in reads_last_at(sizes, extent, [start, start + 1, start + 2])):
        return
    end = min(start + WINDOW, extent.max or start + WINDOW)
    window = list(range(start, end + 1))
    read = dict(zip(window, reads_last_at(sizes, extent, window), strict=True))
    whole = [size for size, depends in read.items() if depends]
    for step in range(2, WINDOW // 2 + 1):
        if own is not None and own % step:
            continue
        if whole and whole == [size for size in window if size % step == 0] and len(whole) > 1:
            extent.multiple_of = step
            extent.min = max(step, -(-extent.min // step) * step)
            if extent.max is not None:
                extent.max -= extent.max % step
            extent.claims.append(
                Claim(
                    "multiple_of",
                    "probed",
                    f"at {whole[0] + 1} the last elements change no output: the remainder by {step} is dropped",
                )
            )
            return


def _keep_only_read(sizes: Sizes, extent: Extent) -> bool:
    """Fix the size where less fails and more is never read: columns indexed one by one, the last steps of a history."""
    smallest = extent.min
    if smallest < 2 and (not is_column(sizes, extent) or _read_by_lengths(sizes, extent)):
        return False
    largest = 2 * smallest + WINDOW if extent.max is None else min(extent.max, 2 * smallest + WINDOW)
    near = [size for size in (smallest + 1, smallest + 2, smallest + 3, smallest + 8) if size <= largest]
    lively = sizes.prober.lively()
    livelier = Sizes(lively, sizes.extents, sizes.oracle)
    for end in ("end", "beginning") if smallest > 1 else ("end",):
        read, *beyond = [_reads_at(sizes, extent, size, end) for size in (smallest, *near)]
        if read is False and lively is not sizes.prober:  # ids that are all 0 tell nothing of what edges join
            read, *beyond = [_reads_at(livelier, extent, size, end) for size in (smallest, *near)]
        if not read or not beyond or any(depends is not False for depends in beyond):
            continue
        if _reads_at(sizes, extent, largest, end, largest - smallest) is not False:
            return False  # the next window of a strided layer, whose results a pooling takes together
        less = f", {smallest - 1} failed" * (smallest > 1)
        detail = f"{smallest} ran and was read to its {end}{less}; what is beyond {smallest} changes no output"
        extent.claims = [Claim("fixed", "probed", detail)]
        extent.fixed, extent.min, extent.max = smallest, 1, None
        return True
    return False


def is_column(sizes: Sizes, extent: Extent) -> bool:
    """Whether these are the columns of one tensor, which no other has: the first of them may be all that is read."""
    [(path, axis), *others] = extent.group
    return not others and axis > 0 and axis == len(sizes.prober.hypothesis.leaves()[path].sizes) - 1


def _read_by_lengths(sizes: Sizes, extent: Extent) -> bool:
    """Whether more is read where another tensor, whose ones are lengths or places, holds larger numbers."""
    size = extent.min + 8
    hypothesis = sizes.prober.hypothesis.with_sizes(sizes.with_size((extent, size)))
    for path, leaf in hypothesis.leaves().items():
        if leaf.dtype in _COUNTS and all(path != own for own, _ in extent.group):
            for number in (size, size - 1):
                plan = {**sizes.prober.plan, path: torch.full(leaf.sizes, number, dtype=leaf.dtype)}
                if reads_last(Prober(sizes.prober.runner, hypothesis, plan), extent.group, {}, start=extent.min):
                    return True
    return False


def _reads_at(sizes: Sizes, extent: Extent, size: int, end: str, count: int = 1) -> bool | None:
    """Whether the outputs depend on the outermost slices at one end of the group's axes, at this size."""
    change = sizes.with_size((extent, size))
    if end == "end":
        return reads_last(sizes.prober, extent.group, change, start=size - count)
    return reads_first(sizes.prober, extent.group, change, count)


_COUNTS = (torch.int64, torch.int32, torch.bool)
_CHOSEN = 4
"""People choose sizes that are multiples of this."""


def settle_band(sizes: Sizes, extent: Extent, held: Sequence[Held], given: Mapping[Axis, int]) -> None:
    """A few neighbouring sizes that the model maps to the same grid are one size to its author.

    It is the one that the example has (``given``), that the model holds as a number, or that fits the grid exactly, as far
    as people would choose it; else the roundest is a guess.
    """
    if not extent.free or extent.max is None or extent.min < 4 or extent.max == extent.min:
        return
    if extent.max > extent.min * 1.3 and not _is_one_cell(sizes, extent.min, extent.max, extent):
        return
    band = [size for size in range(extent.min, extent.max + 1) if extent.contains(size)]
    if len(band) > WINDOW:
        return
    ran = [size for size, well in zip(band, sizes.ok(extent, band), strict=True) if well]
    if ran != band:
        _keep_what_ran(sizes, extent, ran)
        return
    read = reads_last_at(sizes, extent, band)
    whole = [size for size, depends in zip(band, read, strict=True) if depends] or band
    chosen = _roundest(whole)
    divides = chosen == band[0] and chosen % len(band) == 0  # the others leave a remainder of the grid
    told = in_band(band, held)
    source: Source = "probed" if divides else "assumed"
    reason = f"{chosen} is the size that fits it"
    if not divides and chosen % _CHOSEN:
        chosen = _roundest(band)
        reason = f"{chosen} is the roundest of them: is another one meant?"
    elif not divides:
        reason = f"{chosen} fits it without a rest: is another one meant?"
    if told is not None and not (divides and told.size == chosen):
        source, chosen, reason = "assumed", told.size, f"the model holds {told.size} as {told.name}: is it meant?"
    own = _own_size(extent, given)
    if own is not None and own in band:
        source, chosen, reason = "declared", own, f"the example has {own}"
    detail = f"{band[0]} to {band[-1]} ran and end in the same grid; {reason}"
    extent.claims = [Claim("fixed", source, detail)]
    extent.fixed, extent.min, extent.max, extent.multiple_of = chosen, 1, None, 1


def _keep_what_ran(sizes: Sizes, extent: Extent, ran: Sequence[int]) -> None:
    """Fix the size at hand where the bounds were right and some sizes between them fail: no bounds tell which."""
    current = sizes.size(extent)
    if current not in ran:
        return
    shown = ", ".join(str(size) for size in ran[:4])
    detail = f"{shown} ran, others from {extent.min} to {extent.max} failed; is another size than {current} meant?"
    extent.claims = [Claim("fixed", "assumed", detail)]
    extent.fixed, extent.min, extent.max, extent.multiple_of = current, 1, None, 1


def _is_one_cell(sizes: Sizes, smallest: int, largest: int, extent: Extent) -> bool:
    """Whether these are all the sides of a picture that give a grid of one size: from one multiple of a stride to the next."""
    ranks = [len(sizes.prober.hypothesis.leaves()[path].sizes) for path, _ in extent.group]
    stride = largest - smallest + 1
    return min(ranks) >= 4 and largest < 2 * smallest and 0 in (smallest % stride, largest % stride)


def _own_size(extent: Extent, given: Mapping[Axis, int]) -> int | None:
    """The size that the example has."""
    return next((given[axis] for axis in extent.group if axis in given), None)


def _roundest(sizes: Sequence[int]) -> int:
    """The size that the largest power of two divides: what people choose."""
    return max(sizes, key=lambda size: size & -size)
