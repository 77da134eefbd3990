"""Nested lists of numbers, as JSON and Python have them, to arrays: exact, or refused with the element's index."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import DTYPES, Array, from_bfloat16, to_bfloat16
from contractgen.generate.runtime.violations import Refused, described

EXACT_INTEGERS = {"float16": 2**11, "bfloat16": 2**8, "float32": 2**24, "float64": 2**53}
EXACT_INTEGERS.update(complex64=2**24, complex128=2**53)
"""Up to this magnitude a float type holds every integer."""


class Special(float):
    """A NaN or an infinity that was written as such; a float that is infinite otherwise was too large."""


ELEMENT_TYPES: dict[str, set[type]] = {
    "b": {bool},
    "i": {int},
    "u": {int},
    "f": {float, int, Special},
    "c": {complex, float, int, Special},
}
"""What the elements of a list may be, by numpy's letter for the kind of a dtype."""


def array_of_lists(value: Any, dtype: str, infinite: bool = False) -> Array:
    """The array that nested lists stand for.

    Every element must be a bool for bool, an integer in range for integers, and for floats a float that does not
    overflow (it is rounded to the nearest) or an integer that is held exactly. A complex number is a complex, or a pair
    `[real, imaginary]`. With `infinite`, a float may be infinite. Raises `Refused`.
    """
    shape, flat = flattened(value)
    if dtype.startswith("complex") and shape[-1:] == (2,) and not any(isinstance(item, complex) for item in flat):
        part = "float32" if dtype == "complex64" else "float64"
        return array_of_numbers(flat, part, shape, 0, infinite).reshape(shape).view(DTYPES[dtype])[..., 0]
    return array_of_numbers(flat, dtype, shape, 0, infinite).reshape(shape)


def flattened(value: Any) -> tuple[tuple[int, ...], Sequence[Any]]:
    """The shape of nested lists and their elements in C order."""
    shape: tuple[int, ...] = ()
    level: list[Any] = [value]
    while level and isinstance(level[0], (list, tuple)):
        if len(shape) == 32:
            raise Refused("body", wanted="at most 32 levels of lists", got="more")
        sizes = set(map(len_or_none, level))
        if len(sizes) != 1:
            lengths = sorted(str(size) for size in sizes if size is not None)[:4]
            got = "lists beside numbers" if None in sizes else f"lengths {', '.join(lengths)} at depth {len(shape) + 1}"
            raise Refused("ragged", got=got)
        shape = (*shape, len(level[0]))
        level = list(chain.from_iterable(level))
    return shape, level


def len_or_none(item: Any) -> int | None:
    """The length of a list, None for anything else."""
    return len(item) if isinstance(item, (list, tuple)) else None


def array_of_numbers(
    flat: Sequence[Any], dtype: str, shape: tuple[int, ...], start: int = 0, infinite: bool = False
) -> Array:
    """Numbers in C order as a flat array, the first being that at `start` of the shape; see `array_of_lists`."""
    kinds = set(map(type, flat))
    wanted = ELEMENT_TYPES[kind_of(dtype)]

    def refused(kind: str, test: Callable[[Any], bool]) -> Refused:
        bad = next(i for i, item in enumerate(flat) if test(item))
        got = described(flat[bad]) if kind == "number" else number_text(flat[bad])
        return Refused(kind, wanted=dtype, got=got, index=place(start + bad, shape), position=start + bad)

    if kinds - wanted:
        raise refused("number", lambda item: type(item) not in wanted)
    if kind_of(dtype) in "biu":
        if kind_of(dtype) != "b" and flat:
            limits = np.iinfo(DTYPES[dtype])
            if not (limits.min <= min(flat) and max(flat) <= limits.max):
                raise refused("inexact", lambda item: not limits.min <= item <= limits.max)
        return np.array(flat, DTYPES[dtype])
    if int in kinds and not all(exact(item, dtype) for item in flat if type(item) is int):
        raise refused("inexact", lambda item: type(item) is int and not exact(item, dtype))
    wide = np.array(flat, np.complex128 if kind_of(dtype) == "c" else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        array = to_bfloat16(wide.astype(np.float32)) if dtype == "bfloat16" else wide.astype(DTYPES[dtype])
    numbers = from_bfloat16(array) if dtype == "bfloat16" else array
    overflown = np.isinf(numbers)
    if overflown.any():
        own = [infinite or type(item) is Special for item in flat]
        overflown &= ~(np.isinf(wide) & np.array(own))
        if overflown.any():
            bad = int(np.argmax(overflown))
            raise Refused(
                "inexact",
                wanted=dtype,
                got=number_text(flat[bad]),
                index=place(start + bad, shape),
                position=start + bad,
            )
    return array


def kind_of(dtype: str) -> str:
    """Numpy's letter for the kind of a dtype; bfloat16 is a float."""
    return "f" if dtype == "bfloat16" else DTYPES[dtype].kind


def exact(number: int, dtype: str) -> bool:
    """Whether a float type holds this integer exactly."""
    limit = EXACT_INTEGERS[dtype]
    if -limit <= number <= limit:
        return True
    odd = abs(number)
    odd >>= (odd & -odd).bit_length() - 1
    largest = {"float16": 65504.0, "float32": 3.4028234663852886e38, "complex64": 3.4028234663852886e38}
    largest["bfloat16"] = 3.3895313892515355e38
    return odd <= limit and abs(number) <= largest.get(dtype, 1.7976931348623157e308)


def place(position: int, shape: tuple[int, ...]) -> str:
    """`[0, 3]` for a position in C order."""
    index = []
    for size in reversed(shape):
        position, i = divmod(position, size)
        index.append(i)
    return str(index[::-1])


def number_text(number: Any) -> str:
    """An offending number, short; a long integer by its length."""
    if isinstance(number, int) and abs(number) >= 10**30:
        return f"an integer of about {int(math.log10(abs(number))) + 1} digits"
    return str(number)
