"""Whether all elements of a tensor are in a domain: each is read once, in pieces that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16

PIECE = 65536
UNSIGNED = {f"int{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)}


def pieces(array: Array) -> Iterator[Array]:
    """The elements in C order, in flat pieces that are views wherever the layout allows it."""
    if array.size <= PIECE:
        yield array.reshape(-1)
    elif array.ndim == 1 or array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, PIECE):
            yield flat[start : start + PIECE]
    else:
        for row in array:
            yield from pieces(row)


def real_pieces(array: Array, dtype: str) -> Iterator[Array]:
    """The pieces as numbers that can be compared: bfloat16 as float32, complex numbers as pairs."""
    for piece in pieces(array):
        if dtype == "bfloat16":
            yield from_bfloat16(piece)
        elif piece.dtype.kind == "c":
            yield np.asarray(piece, order="C").view(piece.real.dtype)
        else:
            yield piece


def all_finite(array: Array, dtype: str) -> bool:
    """Whether there is no NaN and no infinity.

    A sum of squares is finite only if every term is, and BLAS forms it at the speed of memory; it may overflow, so only
    a finite one decides.
    """
    if dtype in ("float32", "float64") and array.flags.c_contiguous:
        flat = array.ravel()
        if math.isfinite(flat.dot(flat)):
            return True
    return all(bool(np.isfinite(piece).all()) for piece in real_pieces(array, dtype))


def none_nan(array: Array, dtype: str) -> bool:
    """Whether there is no NaN."""
    return not any(bool(np.isnan(piece).any()) for piece in real_pieces(array, dtype))


def all_within(array: Array, dtype: str, low: Any, high: Any) -> bool:
    """Whether `low <= element <= high`, either of which may be None. A NaN is within no bounds."""
    for piece in real_pieces(array, dtype):
        if piece.size == 0:
            continue
        if low == 0 and high is not None and dtype in UNSIGNED:
            # A negative number is a large one when its bits are read without a sign: one reading decides both bounds.
            if not piece.view(UNSIGNED[dtype]).max() <= high:
                return False
            continue
        if low is not None and not low <= piece.min():
            return False
        if high is not None and not piece.max() <= high:
            return False
    return True


def all_among(array: Array, dtype: str, options: tuple[Any, ...]) -> bool:
    """Whether each element is one of the options."""
    for piece in real_pieces(array, dtype):
        found = np.zeros(piece.shape, bool)
        for option in options:
            found |= piece == option
        if not found.all():
            return False
    return True


def all_ordered(array: Array, dtype: str, order: str) -> bool:
    """Whether the elements never fall (`ascending`) or never rise along the last axis."""
    if array.ndim == 0 or array.shape[-1] < 2:
        return True
    for row in pieces_of_rows(array):
        numbers = from_bfloat16(row) if dtype == "bfloat16" else row
        earlier, later = numbers[..., :-1], numbers[..., 1:]
        if not bool((earlier <= later if order == "ascending" else earlier >= later).all()):
            return False
    return True


def pieces_of_rows(array: Array) -> Iterator[Array]:
    """Parts of the array that are whole along the last axis, each about a piece in size."""
    if array.ndim < 2 or array.size <= PIECE:
        yield array
    else:
        for part in array:
            yield from pieces_of_rows(part)
