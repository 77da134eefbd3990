"""Whether two runtimes agree: a tolerance per dtype, widened by what eager itself does under rounding noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from contractgen.contract.model import Tensor
from contractgen.verify.fill import Array, from_bits

RELATIVE = {"float16": 2e-2, "bfloat16": 5e-2, "float32": 1e-4, "float64": 1e-8, "complex64": 1e-4, "complex128": 1e-8}
"""How far two orders of summation may lie apart, relative to the largest magnitude of the tensor."""

NOISE = 8.0
"""Differences up to this many times eager's own noise are not held against a runtime."""


@dataclass(frozen=True)
class Gap:
    """The largest difference in one case. ``ratio`` is in units of what is allowed."""

    ratio: float
    absolute: float
    output: str
    message: str = ""
    """Set where it is no difference of numbers: another shape, dtype or set of outputs."""


def widest(
    expected: Mapping[str, Array],
    got: Mapping[str, Array],
    tensors: Mapping[str, Tensor],
    noise: Mapping[str, float] | None = None,
    *,
    values: bool = True,
) -> Gap:
    """The widest gap between two results by wire name; without ``values``, of shapes and dtypes alone."""
    if expected.keys() != got.keys():
        missing = ", ".join(sorted(expected.keys() ^ got.keys()))
        return Gap(math.inf, math.inf, missing, f"other outputs: {missing}")
    worst = Gap(0.0, 0.0, next(iter(expected), ""))
    for name, left in expected.items():
        right = got[name]
        if left.shape != right.shape or left.dtype != right.dtype:
            return Gap(math.inf, math.inf, name,
                       f"{name} is {right.dtype}{list(right.shape)}, eager has {left.dtype}{list(left.shape)}")  # fmt: skip
        if not values or left.size == 0:
            continue
        dtype = tensors[name].dtype if name in tensors else left.dtype.name
        ratio, absolute = _gap(left, right, dtype, (noise or {}).get(name, 0.0))
        if ratio > worst.ratio:
            worst = Gap(ratio, absolute, name)
    return worst


def _gap(left: Array, right: Array, dtype: str, noise: float) -> tuple[float, float]:
    """The largest difference in units of the allowed one, and as it is."""
    if dtype == "bfloat16":
        left, right = from_bits(left), from_bits(right)
    if left.dtype.kind not in "fc":
        difference = float(np.abs(left.astype(np.float64) - right.astype(np.float64)).max())
        return (0.0 if difference <= NOISE * noise else math.inf), difference
    finite = np.isfinite(left)
    if not np.array_equal(finite, np.isfinite(right)) or not _same_specials(left, right, finite):
        return math.inf, math.inf
    if not finite.any():
        return 0.0, 0.0
    wide = np.complex128 if left.dtype.kind == "c" else np.float64
    a, b = left[finite].astype(wide), right[finite].astype(wide)
    absolute = float(np.abs(a - b).max())
    scale = float(np.abs(a).max())
    allowed = RELATIVE[dtype] * max(scale, 1e-6) + NOISE * noise
    return absolute / allowed, absolute


def _same_specials(left: Array, right: Array, finite: Array) -> bool:
    odd = ~finite
    return bool(np.array_equal(left[odd], right[odd], equal_nan=True))


def noise_of(
    expected: Mapping[str, Array], runs: list[Mapping[str, Array]], tensors: Mapping[str, Tensor]
) -> dict[str, float]:
    """How far perturbed runs of eager lie from the first one, by output."""
    noise: dict[str, float] = {}
    for name, left in expected.items():
        for run in runs:
            right = run.get(name)
            if right is None or right.shape != left.shape or left.size == 0:
                continue
            a, b = left, right
            if name in tensors and tensors[name].dtype == "bfloat16":
                a = from_bits(a)
                b = from_bits(b) if b.dtype == np.uint16 else b
            with np.errstate(invalid="ignore"):
                difference = np.abs(a.astype(np.complex128) - b.astype(np.complex128))
            difference = difference[np.isfinite(difference)]
            if difference.size:
                noise[name] = max(noise.get(name, 0.0), float(difference.max()))
    return noise


def output_problem(
    tensors: Mapping[str, tuple[Tensor, Array]], sizes: Mapping[str, int], other: Mapping[str, int] | None = None
) -> tuple[str, str, bool] | None:
    """Where a result differs from what the contract says of its outputs; None where it is as stated.

    That is: the wire name, a message, and whether a *named* size is what differs. A named size may also be that of
    ``other``.
    """
    seen: dict[str, int] = {}
    for name, (tensor, array) in tensors.items():
        if array.dtype != np.dtype("uint16" if tensor.dtype == "bfloat16" else tensor.dtype):
            return name, f"output {name} is {array.dtype}, the contract says {tensor.dtype}", False
        if array.ndim != len(tensor.shape):
            return name, f"output {name} has shape {list(array.shape)}, the contract says {list(tensor.shape)}", True
        for axis, (size, actual) in enumerate(zip(tensor.shape, array.shape, strict=True)):
            wanted = size if isinstance(size, int) else sizes.get(size)
            if wanted is None:
                wanted = seen.setdefault(str(size), actual)
            if actual not in (wanted, (other or {}).get(str(size), wanted)):
                stated = f"{size} = {wanted}" if isinstance(size, str) else f"{wanted}"
                text = f"output {name} has size {actual} on axis {axis}, the contract says {stated}"
                return name, text, isinstance(size, str)
    return None
