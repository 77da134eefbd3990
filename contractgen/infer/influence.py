"""Elements that cannot influence any output: what a strided layer silently drops.

The last slice along an axis is given other contents; outputs that stay the same to the bit did not read it.
"""

from __future__ import annotations

import torch

from contractgen.infer.extents import WINDOW, Claim, Extent, Sizes
from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import Edit, Input

_SCALES = (10.0, -10.0, 0.5)


def reads_last(sizes: Sizes, extent: Extent, wanted: list[int]) -> list[bool | None]:
    """Whether the outputs depend on the last slice of the group's axes, at each of these sizes; None where it failed."""
    prober = sizes.prober
    inputs: list[Input] = []
    for size in wanted:
        change = tuple(sizes.with_size((extent, size)).items())
        inputs.append(Input(change))
        inputs += [
            Input(change, tuple((path, _edit_last(axis, scale)) for path, axis in _editable(extent)))
            for scale in _SCALES
        ]
    outcomes = prober.run(inputs, tensors=True)
    found: list[bool | None] = []
    stride = 1 + len(_SCALES)
    for start in range(0, len(outcomes), stride):
        base, *others = outcomes[start : start + stride]
        ran = [other for other in others if other.ok]
        if not base.ok or not ran:
            found.append(None)
        else:
            found.append(any(not _equal(base.value.tensors, other.value.tensors) for other in ran))
    return found


def find_dropped(sizes: Sizes, extent: Extent) -> None:
    """Claim a multiple where every other size leaves a remainder that no output reads."""
    current = sizes.size(extent)
    if not extent.free or extent.multiple_of != 1 or not _editable(extent):
        return
    start = max(current, extent.min)
    if extent.max is not None and extent.max < start + 3:
        return
    if all(read is not False for read in reads_last(sizes, extent, [start, start + 1, start + 2])):
        return
    end = min(start + WINDOW, extent.max or start + WINDOW)
    window = list(range(start, end + 1))
    read = dict(zip(window, reads_last(sizes, extent, window), strict=True))
    whole = [size for size, depends in read.items() if depends]
    for step in range(2, WINDOW // 2 + 1):
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


def settle_band(sizes: Sizes, extent: Extent) -> None:
    """A few neighbouring sizes that the model maps to the same grid are one size to its author: the one that fits exactly."""
    if (
        not extent.free
        or extent.max is None
        or extent.min < 4
        or extent.max > extent.min * 1.3
        or extent.max == extent.min
    ):
        return
    band = [size for size in range(extent.min, extent.max + 1) if size % extent.multiple_of == 0]
    if len(band) > WINDOW:
        return
    read = reads_last(sizes, extent, band)
    whole = [size for size, depends in zip(band, read, strict=True) if depends] or band
    chosen = max(whole, key=lambda size: size & -size)
    extent.claims = [
        Claim(
            "fixed",
            "probed",
            f"{band[0]} to {band[-1]} ran and end in the same grid; {chosen} is the size that fits it",
        )
    ]
    extent.fixed, extent.min, extent.max, extent.multiple_of = chosen, 1, None, 1


def _editable(extent: Extent) -> list[Axis]:
    return list(extent.group)


def _edit_last(axis: int, scale: float) -> Edit:
    def edit(tensor: torch.Tensor) -> torch.Tensor:
        part = tensor.select(axis, tensor.shape[axis] - 1)
        if tensor.is_floating_point() or tensor.is_complex():
            part.fill_(scale)
        elif tensor.dtype == torch.bool:
            part.copy_(~part)
        else:
            part.copy_(part + 1 if scale > 1 else 1 - part.clamp(0, 1))
        return tensor

    return edit


def _equal(first: tuple[torch.Tensor, ...], second: tuple[torch.Tensor, ...]) -> bool:
    return len(first) == len(second) and all(
        a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
        for a, b in zip(first, second, strict=True)
    )
