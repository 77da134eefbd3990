"""Nested lists of numbers, as JSON and Python have them, to arrays: exact, or refused with the element's index."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import DTYPES, Array, from_bfloat16, to_bfloat16
from contractgen.generate.runtime.violations import Refused, described

INTEGERS = {
    "float16": (2**11, 65504),
    "bfloat16": (2**8, (2**8 - 1) << 120),  # only: bfloat16
    "float32": (2**24, (2**24 - 1) << 104),
    "float64": (2**53, (2**53 - 1) << 971),
    "complex64": (2**24, (2**24 - 1) << 104),  # only: complex
    "complex128": (2**53, (2**53 - 1) << 971),  # only: complex
}
"""Up to which magnitude a float type holds every integer, and the largest that it holds at all."""


class Special(float):
    """A NaN or an infinity that was written as such; a float that is infinite otherwise was too large."""


ELEMENT_TYPES: dict[str, set[type]] = {
    "b": {bool},
    "i": {int},
    "u": {int},
    "f": {float, int, Special},
    "c": {complex, float, int, Special},  # only: complex
}
"""What the elements of a list may be, by numpy's letter for the kind of a dtype."""


def array_of_lists(value: Any, dtype: str, ours: bool = False) -> Array:
    """The array that nested lists stand for.

    Every element must be a bool for bool, an integer in range for integers, and for floats a float that does not
    overflow (it is rounded to the nearest) or an integer that is held exactly. Lists of Python's own may hold infinities
    and numpy's numbers, too (`ours`). Raises `Refused`.
    """
    shape, flat = flattened(value)
    if dtype.startswith("complex") and shape[-1:] == (2,) and complex not in set(map(type, flat)):  # only: complex
        # Pairs [real, imaginary].
        part = "float32" if dtype == "complex64" else "float64"
        return array_of_numbers(flat, part, shape, 0, ours).reshape(shape).view(DTYPES[dtype])[..., 0]
    return array_of_numbers(flat, dtype, shape, 0, ours).reshape(shape)


def flattened(value: Any) -> tuple[tuple[int, ...], Sequence[Any]]:
    """The shape of nested lists and their elements in C order. Raises `Refused`."""
    shape: tuple[int, ...] = ()
    level: list[Any] = [value]
    while level and isinstance(level[0], (list, tuple)):
        if len(shape) == 32:
            raise Refused("body", wanted="at most 32 levels of lists", got="more")
        if not all(issubclass(kind, (list, tuple)) for kind in set(map(type, level))):
            raise Refused("ragged", got="lists beside numbers")
        sizes = sorted(set(map(len, level)))
        if len(sizes) != 1:
            raise Refused("ragged", got=f"lengths {', '.join(map(str, sizes[:4]))} at depth {len(shape) + 1}")
        shape = (*shape, sizes[0])
        level = list(chain.from_iterable(level))
    return shape, level


def array_of_numbers(
    flat: Sequence[Any], dtype: str, shape: tuple[int, ...], start: int = 0, ours: bool = False
) -> Array:
    """Numbers in C order as a flat array, the first being that at `start` of the shape; see `array_of_lists`."""
    kinds, wanted = set(map(type, flat)), ELEMENT_TYPES[kind_of(dtype)]
    if ours and any(issubclass(kind, np.generic) for kind in kinds):
        flat = [item.item() if isinstance(item, np.generic) and item.dtype.kind in "biuf" else item for item in flat]
        kinds = set(map(type, flat))

    def refused(kind: str, is_bad: Callable[[Any], Any]) -> Refused:
        bad = next(i for i, item in enumerate(flat) if is_bad(item))
        got = described(flat[bad]) if kind == "number" else number_text(flat[bad])
        return Refused(kind, wanted=dtype, got=got, index=place(start + bad, shape), position=start + bad)

    if not kinds <= wanted:
        raise refused("number", lambda item: type(item) not in wanted)
    if kind_of(dtype) in "biu":
        if kind_of(dtype) != "b" and flat:
            limits = np.iinfo(DTYPES[dtype])
            if not (limits.min <= min(flat) and max(flat) <= limits.max):
                raise refused("inexact", lambda item: not limits.min <= item <= limits.max)
        return np.array(flat, DTYPES[dtype])
    if int in kinds:
        integers = [item for item in flat if type(item) is int]
        if max(map(abs, integers)) > INTEGERS[dtype][0] and not all(exact(item, dtype) for item in integers):
            raise refused("inexact", lambda item: type(item) is int and not exact(item, dtype))
    wide = np.array(flat, np.complex128 if kind_of(dtype) == "c" else np.float64)
    array = narrowed(wide, dtype)
    numbers: Array = array
    if dtype == "bfloat16":  # only: bfloat16
        numbers = from_bfloat16(array)
    overflown = np.isinf(numbers)
    if overflown.any():
        written = [ours or type(item) is Special for item in flat]
        overflown &= ~(np.isinf(wide) & np.array(written))
        if overflown.any():
            bad = iter(overflown)
            raise refused("inexact", lambda _: next(bad))
    return array


def narrowed(wide: Array, dtype: str) -> Array:
    """Float64 or complex128 numbers as the nearest of a dtype."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype == "bfloat16":  # only: bfloat16
            return to_bfloat16(wide.astype(np.float32))
        return wide.astype(DTYPES[dtype])


def kind_of(dtype: str) -> str:
    """Numpy's letter for the kind of a dtype; bfloat16 is a float."""
    return "f" if dtype == "bfloat16" else DTYPES[dtype].kind


def exact(number: int, dtype: str) -> bool:
    """Whether a float type holds this integer exactly."""
    every, largest = INTEGERS[dtype]
    odd = abs(number)
    odd >>= max((odd & -odd).bit_length() - 1, 0)
    return odd <= every and abs(number) <= largest


def place(position: int, shape: tuple[int, ...], *column: int) -> str:
    """`[0, 3]` for a position in C order; with the `column` of an array that is one of another's last axis."""
    index = list(column)
    for size in reversed(shape):
        position, i = divmod(position, size)
        index.insert(0, i)
    return str(index)


def number_text(number: Any) -> str:
    """An offending number, short; a long integer by its length."""
    if isinstance(number, int) and abs(number) >= 10**30:
        return f"an integer of about {int(math.log10(abs(number))) + 1} digits"
    return str(number)
