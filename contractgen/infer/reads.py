"""Whether a model's outputs depend on the last or the first slices along an axis: they are given other contents, and outputs are compared.

Outputs that stay the same to the bit did not read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import Input, Prober, same_bits

_SCALES = (10.0, -10.0, 0.5, None)
"""What the slices are filled with: a number, or noise, which a model may tell from a flat slice."""


def reads_last(
    prober: Prober, axes: tuple[Axis, ...], change: Mapping[Axis, int], start: int | None = None
) -> bool | None:
    """Whether the outputs depend on the last slice of these axes, at changed sizes; None where the model fails.

    With a ``start``, on any slice from there on.
    """
    return _reads(prober, axes, change, -1 if start is None else start, None)


def reads_first(prober: Prober, axes: tuple[Axis, ...], change: Mapping[Axis, int], count: int = 1) -> bool | None:
    """Whether the outputs depend on any of the first ``count`` slices of these axes; None where the model fails."""
    return _reads(prober, axes, change, 0, count)


def _reads(
    prober: Prober, axes: tuple[Axis, ...], change: Mapping[Axis, int], start: int, end: int | None
) -> bool | None:
    key = tuple(change.items())
    inputs = [Input(key)]
    inputs += [Input(key, tuple((path, _Slices(axis, start, end, scale)) for path, axis in axes)) for scale in _SCALES]
    base, *others = prober.run(inputs, tensors=True)
    ran = [other for other in others if other.ok]
    if not base.ok or not ran:
        return None
    return any(not _equal(base.value.tensors, other.value.tensors) for other in ran)


@dataclass(frozen=True)
class _Slices:
    """An edit of the slices along an axis from ``start`` to ``end``, counted as Python does."""

    axis: int
    start: int
    end: int | None
    scale: float | None

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        first, last, _ = slice(self.start, self.end).indices(tensor.shape[self.axis])
        part = tensor.narrow(self.axis, first, last - first)
        if tensor.is_floating_point() or tensor.is_complex():
            noise = torch.randn(part.shape, generator=torch.Generator().manual_seed(7))
            part.copy_(3.0 * noise if self.scale is None else torch.full(part.shape, self.scale))
        elif tensor.dtype == torch.bool:
            part.copy_(~part)
        else:
            part.copy_(part + 1 if self.scale is None or self.scale > 1 else 1 - part.clamp(0, 1))
        return tensor


def _equal(first: tuple[torch.Tensor, ...], second: tuple[torch.Tensor, ...]) -> bool:
    return len(first) == len(second) and all(same_bits(a, b) for a, b in zip(first, second, strict=True))
