"""Arrays that lie inside a value domain: at its bounds, across it, or on its special values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from contractgen.contract.model import Bound, DType, EachRow, Values
from contractgen.verify.sizes import bound_value

Array = npt.NDArray[Any]

Fill = Literal["random", "lowest", "highest", "edges", "zeros", "special", "options"]
"""How to fill a tensor: ``edges`` alternates between the bounds, ``special`` holds NaN and infinities where they are
allowed, ``options`` walks through the allowed values."""

FREE = Values()


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The numpy type for a contract's dtype; bfloat16 is held as its bits."""
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def is_floating(dtype: str) -> bool:
    """Whether a dtype has NaN (complex ones do)."""
    return "float" in dtype or "complex" in dtype


def to_bits(numbers: Array) -> Array:
    """bfloat16 bits (uint16) of float numbers, rounded to nearest even."""
    bits = numbers.astype(np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)
    quiet = (bits >> np.uint64(16)) | np.uint64(0x40)
    chosen: Array = np.where(np.isnan(numbers), quiet, rounded).astype(np.uint16)
    return chosen


def from_bits(bits: Array) -> Array:
    """The float32 numbers of bfloat16 bits."""
    numbers: Array = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return numbers


def bounds_of(dtype: DType, values: Values | None, sizes: Mapping[str, int]) -> tuple[float, float] | tuple[int, int]:
    """The least and greatest element that a domain allows.

    Where it has no bound, integers get their dtype's and floats a magnitude that a network still computes with (1e4, in
    16 bits 100).
    """
    low, high = (None, None) if values is None else (bound_value(values.min, sizes), bound_value(values.max, sizes))
    if dtype == "bool":
        return 0, 1
    if is_floating(dtype):
        limit = 100.0 if dtype in ("float16", "bfloat16") else 1e4
        least = float(low) if low is not None else (-limit if high is None else min(-limit, high - limit))
        most = float(high) if high is not None else (limit if low is None else max(limit, low + limit))
        return least, most
    info = np.iinfo(dtype)
    floor = int(info.min) if low is None else int(np.ceil(low)) if isinstance(low, float) else low
    roof = int(info.max) if high is None else int(np.floor(high)) if isinstance(high, float) else high
    return max(floor, int(info.min)), min(roof, int(info.max))


def filled(
    how: Fill, dtype: DType, shape: tuple[int, ...], values: Values | None, sizes: Mapping[str, int], seed: list[int]
) -> Array:
    """An array of ``shape`` inside the domain. The same seed gives the same array."""
    chooser = np.random.default_rng(seed)
    values = values or FREE
    numbers = _numbers(how, dtype, shape, values, sizes, chooser)
    for index, column in enumerate(values.along_last or ()):
        if shape and index < shape[-1]:
            numbers[..., index] = _numbers(how, dtype, shape[:-1], _within(column, values, sizes), sizes, chooser)
    high = bound_value(values.max, sizes) if values.attained else None
    if high is not None and numbers.size and numbers.max() < high:
        numbers.reshape(-1)[chooser.integers(numbers.size)] = high
    if values.each_row is not None and numbers.size:
        _settle_rows(rows_of(numbers), dtype, values, values.each_row, chooser)
    if values.order is not None and shape:
        numbers = np.sort(numbers, axis=-1)
        if values.order == "descending":
            numbers = numbers[..., ::-1]
    return cast(numbers, dtype)


def _within(column: Values, whole: Values, sizes: Mapping[str, int]) -> Values:
    """The domain of a column, bound by that of the whole tensor too."""

    def tightest(bounds: tuple[Bound | None, Bound | None], choose: Callable[..., Bound]) -> Bound | None:
        known = {one: value for one in bounds if one is not None and (value := bound_value(one, sizes)) is not None}
        return choose(known, key=known.__getitem__) if known else None

    return replace(column, min=tightest((column.min, whole.min), max), max=tightest((column.max, whole.max), min))


def rows_of(array: Array) -> Array:
    """An array's rows, as a view: one for each index of the first axis, or one that is all of a single axis."""
    return array[None] if array.ndim == 1 else array


def opposites(dtype: DType, values: Values, needs: EachRow) -> tuple[float, float]:
    """A number of the kind that each row has to have some of, and one of the other kind; NaN where there is none."""
    low, high = bounds_of(dtype, values, {})
    options = [*map(float, values.one_of or ())] or [min(high, max(low, 1)), high, low, min(high, max(low, 0))]
    zero, other = (next((float(one) for one in options if (one == 0) == wanted), math.nan) for wanted in (True, False))
    return (zero, other) if needs.kind == "zero" else (other, zero)


def _settle_rows(rows: Array, dtype: DType, values: Values, needs: EachRow, chooser: np.random.Generator) -> None:
    """Put numbers of the kind that each row has to have some of in each row that has too few."""
    number, _ = opposites(dtype, values, needs)
    for row in rows:
        others = np.flatnonzero(row != 0 if needs.kind == "zero" else row == 0)
        lacking = needs.least - (row.size - others.size)
        if lacking > 0:
            places = chooser.choice(others, min(lacking, others.size), replace=False)
            row[np.unravel_index(places, row.shape)] = number


def cast(numbers: Array, dtype: str) -> Array:
    """Numbers as a contract's dtype, in C order."""
    if dtype == "bfloat16":
        return np.asarray(to_bits(numbers.astype(np.float64)), order="C")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(numbers.astype(numpy_dtype(dtype)), order="C")


def _numbers(
    how: Fill,
    dtype: DType,
    shape: tuple[int, ...],
    values: Values,
    sizes: Mapping[str, int],
    chooser: np.random.Generator,
) -> Array:
    if values.one_of is not None:
        return _options(how, dtype, shape, values.one_of, chooser)
    low, high = bounds_of(dtype, values, sizes)
    if how == "options":
        how = "random"
    if how == "zeros":
        return np.full(shape, _clamped(0, low, high), _wide(dtype))
    if how in ("lowest", "highest"):
        return np.full(shape, low if how == "lowest" else high, _wide(dtype))
    if how == "edges":
        flat = np.resize(np.array([low, high], _wide(dtype)), int(np.prod(shape, dtype=np.int64)))
        return flat.reshape(shape)
    numbers = _random(dtype, shape, values, low, high, chooser)
    if how == "special" and is_floating(dtype) and numbers.size:
        _put_specials(numbers, values)
    return numbers


def _random(
    dtype: DType, shape: tuple[int, ...], values: Values, low: float, high: float, chooser: np.random.Generator
) -> Array:
    if is_floating(dtype):
        if values.min is None and values.max is None:
            numbers = chooser.standard_normal(shape)
            return numbers + 1j * chooser.standard_normal(shape) if "complex" in dtype else numbers
        return chooser.uniform(low, high, shape)
    if dtype == "bool":
        return chooser.integers(0, 2, shape).astype(bool)
    if values.min is None and values.max is None:  # without a domain, numbers that mean something to most models
        low, high = _clamped(-8, low, high), _clamped(100, low, high)
    return chooser.integers(int(low), int(high), shape, dtype=_wide(dtype), endpoint=True)


def _put_specials(numbers: Array, values: Values) -> None:
    """Overwrite the first elements with the non-finite numbers that the domain allows."""
    if values.finite:
        return
    flat = numbers.reshape(-1)
    bounded_low, bounded_high = values.min is not None, values.max is not None
    if not values.not_nan and not bounded_low and not bounded_high and values.order is None:
        flat[0] = np.nan
    if not bounded_high:
        flat[-1] = np.inf
    if not bounded_low and flat.size > 2:
        flat[1] = -np.inf


def _options(
    how: Fill, dtype: DType, shape: tuple[int, ...], options: tuple[int | str, ...], chooser: np.random.Generator
) -> Array:
    allowed = np.array([float(o) if isinstance(o, str) else o for o in options], _wide(dtype))
    if how in ("lowest", "zeros"):
        return np.full(shape, 0 if how == "zeros" and 0 in allowed else allowed.min(), _wide(dtype))
    if how == "highest":
        return np.full(shape, allowed.max(), _wide(dtype))
    count = int(np.prod(shape, dtype=np.int64))
    if how in ("options", "edges"):
        return np.resize(allowed, count).reshape(shape)
    chosen: Array = chooser.choice(allowed, shape)
    return chosen


def _clamped(number: int, low: float, high: float) -> float:
    return min(max(number, low), high)


def _wide(dtype: DType) -> Any:
    """A type that numbers of a dtype can be computed in exactly."""
    if dtype == "bool":
        return np.int64
    if is_floating(dtype):
        return np.complex128 if "complex" in dtype else np.float64
    return np.uint64 if dtype.startswith("uint") else np.int64
