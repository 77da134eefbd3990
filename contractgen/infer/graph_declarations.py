"""What an ONNX graph declares of its inputs' sizes, held against what ONNX Runtime was seen to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from contractgen.infer.extents import Extent
from contractgen.infer.hypothesis import Axis

if TYPE_CHECKING:
    from contractgen.load.onnx_model import InputSpec


def differences(specs: Sequence[InputSpec], extents: Sequence[Extent]) -> Iterator[str]:
    """One line for each declaration that is looser than the truth, or tighter.

    Sizes that a graph fixes are no matter: the runtime itself enforces them.
    """
    owner: dict[Axis, Extent] = {axis: extent for extent in extents for axis in extent.group}
    named: dict[str, tuple[str, Extent]] = {}
    for spec in specs:
        for index, declared in enumerate(spec.shape or ()):
            extent = owner.get(((spec.parameter,), index))
            if extent is None or isinstance(declared, int):
                continue
            place = f"{spec.name}, axis {index}"
            limits = _limits(extent)
            if limits:
                free = f"the free size `{declared}`" if declared else "a free size"
                yield f"the graph declares {free} for {place}, and runs {limits}"
            if declared is None:
                continue
            first, known = named.setdefault(declared, (place, extent))
            if known is not extent and known.derived is None and extent.derived is None:
                yield f"the graph declares one size `{declared}` for {first} and {place}, and runs where they differ"


def _limits(extent: Extent) -> str:
    """How the sizes that run are fewer than all, or nothing."""
    if extent.fixed is not None:
        return f"at {extent.fixed} alone"
    parts = [
        *([f"from {extent.min}"] if extent.min > extent.multiple_of else []),
        *([f"up to {extent.max}"] if extent.max is not None else []),
        *([f"at multiples of {extent.multiple_of}"] if extent.multiple_of > 1 else []),
    ]
    return ", ".join(parts) + " only" if parts else ""
