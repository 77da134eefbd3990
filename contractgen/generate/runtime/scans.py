"""Whether all elements of a tensor are in a domain: each is read once, in pieces that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16

PIECE = 65536
TOP_BYTES = {"float32": 4, "float64": 8, "bfloat16": 2, "complex64": 4, "complex128": 8}
"""How many bytes apart the bytes stand that hold a sign and the upper seven bits of an exponent."""
UNSIGNED = {f"int{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)}


def pieces(array: Array, dtype: str) -> Iterator[Array]:
    """The numbers of an array in C order, in flat pieces that are views wherever the layout allows it."""
    if array.size <= PIECE or array.ndim == 1 or array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            if dtype == "bfloat16":  # only: bfloat16
                piece = from_bfloat16(piece)
            yield piece
    else:
        for part in blocks(array):
            yield from pieces(part, dtype)


def blocks(array: Array) -> Iterator[Array]:
    """An array in parts along its first axis, each about a piece in size or one row."""
    step = PIECE * len(array) // array.size
    if step < 2:
        yield from array
    else:
        for start in range(0, len(array), step):
            yield array[start : start + step]


def all_finite(array: Array, dtype: str) -> bool:
    """Whether there is no NaN and no infinity.

    Where not all upper bits of an exponent are set, its number is finite: bytes tell that quickest for a few numbers. For
    many, a sum of squares does: it is finite only if every term is. Where neither can say, each number is looked at.
    """
    width = TOP_BYTES.get(dtype)
    if width and array.size <= 256:
        top = array.tobytes()[width - 1 :: width]
        if 127 not in top and 255 not in top:
            return True
    elif dtype in ("float32", "float64") and array.flags.c_contiguous:
        flat = array.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(flat.dot(flat)):
                return True
    return all(bool(np.isfinite(piece).all()) for piece in pieces(array, dtype))


def none_nan(array: Array, dtype: str) -> bool:
    """Whether there is no NaN."""
    return not any(bool(np.isnan(piece).any()) for piece in pieces(array, dtype))


def all_within(array: Array, dtype: str, low: Any, high: Any) -> bool:
    """Whether `low <= element <= high`, either of which may be None. A NaN is within no bounds."""
    with np.errstate(invalid="ignore"):
        for piece in pieces(array, dtype):
            if low == 0 and high is not None and dtype in UNSIGNED:
                # A negative number is a large one when its bits are read without a sign: one reading decides both bounds.
                if not piece.view(UNSIGNED[dtype]).max() <= high:
                    return False
            elif (low is not None and not low <= piece.min()) or (high is not None and not piece.max() <= high):
                return False
    return True


def all_among(array: Array, dtype: str, options: tuple[Any, ...]) -> bool:
    """Whether each element is one of the options."""
    return all(bool(is_among(piece, options).all()) for piece in pieces(array, dtype))


def is_among(piece: Array, options: tuple[Any, ...]) -> Array:
    """Which elements are one of the options."""
    found: Array = np.zeros(piece.shape, bool)
    for option in options:
        found |= piece == option
    return found


def attains(array: Array, high: int) -> bool:
    """Whether the largest element, if there is any, is at least `high`."""
    return array.size == 0 or int(array.max()) >= high


def each_row_has(array: Array, dtype: str, kind: str, least: int) -> bool:
    """Whether each row has at least so many elements that are `nonzero`, or `zero`."""
    return row_without(array, dtype, kind, least)[0] < 0


def row_without(array: Array, dtype: str, kind: str, least: int) -> tuple[int, int]:
    """The first index of the first axis that holds fewer, or -1, and how many; a single axis is one row."""
    if array.size and array.ndim:
        rows = array if array.ndim > 1 else array[np.newaxis]
        if dtype == "bfloat16":  # only: bfloat16
            rows = from_bfloat16(rows)
        counts = np.count_nonzero(rows == 0 if kind == "zero" else rows, axis=tuple(range(1, rows.ndim)))
        if counts.min() < least:
            row = int((counts < least).argmax())
            return row, int(counts[row])
    return -1, 0


def all_ordered(array: Array, dtype: str, order: str) -> bool:
    """Whether the elements never fall (`ascending`) or never rise along the last axis."""
    return disorder(array, dtype, order) < 0


def disorder(array: Array, dtype: str, order: str) -> int:
    """The position in C order of the first element that breaks the order along the last axis, or -1."""
    if array.ndim and array.shape[-1] > 1:
        start: int = 0
        for part in pieces_of_rows(array):
            rows = part
            if dtype == "bfloat16":  # only: bfloat16
                rows = from_bfloat16(part)
            earlier, later = rows[..., :-1], rows[..., 1:]
            kept = earlier <= later if order == "ascending" else earlier >= later
            if not kept.all():
                width: int = kept.shape[-1]
                row, place = divmod(int(kept.argmin()), width)
                return start + row * (width + 1) + place + 1
            start += rows.size
    return -1


def pieces_of_rows(array: Array) -> Iterator[Array]:
    """Parts of an array that are whole along the last axis, each about a piece in size."""
    if array.ndim < 2 or array.size <= PIECE:
        yield array
    else:
        for part in blocks(array):
            yield from pieces_of_rows(part)
