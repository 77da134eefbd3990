"""What the numbers of each dtype are: their range, their neighbours, and the number that a decimal stands for.

A decimal in a contract stands for the nearest number of the tensor's dtype, as generated code takes it.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Final

from contractgen.contract.compare.message import Element

INTEGERS: Final[dict[str, tuple[int, int]]] = {
    "bool": (0, 1),
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}

_PARTS: Final = {"complex64": "float32", "complex128": "float64"}
_FORMATS: Final = {"float16": ("e", "H"), "float32": ("f", "I"), "float64": ("d", "Q")}


def is_integer(dtype: str) -> bool:
    """Whether the elements are whole numbers, bool included."""
    return dtype in INTEGERS


def nearest(number: int | str, dtype: str) -> Element:
    """The number of a dtype that a literal of a contract stands for."""
    if is_integer(dtype):
        return int(Decimal(number))
    exact = float(Decimal(number))
    part = _PARTS.get(dtype, dtype)
    try:
        if part == "bfloat16":
            return _bfloat16(exact)
        unpacked: float = struct.unpack(_FORMATS[part][0], struct.pack(_FORMATS[part][0], exact))[0]
    except OverflowError:
        return exact
    return unpacked


def largest(dtype: str, *, finite: bool) -> Element:
    """The largest number of a dtype; infinity unless ``finite``."""
    if is_integer(dtype):
        return INTEGERS[dtype][1]
    return neighbour(math.inf, dtype, up=False) if finite else math.inf


def smallest(dtype: str, *, finite: bool) -> Element:
    """The smallest number of a dtype; minus infinity unless ``finite``."""
    return INTEGERS[dtype][0] if is_integer(dtype) else -largest(dtype, finite=finite)


def neighbour(number: Element, dtype: str, *, up: bool) -> Element:
    """The next number of a dtype; for integers also one that the dtype cannot hold."""
    if is_integer(dtype):
        return int(number) + (1 if up else -1)
    if math.isnan(number) or number == (math.inf if up else -math.inf):
        return number
    if number == 0:
        tiny = _from_bits(1, dtype)
        return tiny if up else -tiny
    towards_zero = (number > 0) != up
    magnitude = _from_bits(_bits(abs(float(number)), dtype) + (-1 if towards_zero else 1), dtype)
    return math.copysign(magnitude, number)


def _bits(number: float, dtype: str) -> int:
    """The bits of a number that is not negative."""
    part = _PARTS.get(dtype, dtype)
    if part == "bfloat16":
        found: int = struct.unpack("I", struct.pack("f", number))[0] >> 16
        return found
    float_format, int_format = _FORMATS[part]
    bits: int = struct.unpack(int_format, struct.pack(float_format, number))[0]
    return bits


def _from_bits(bits: int, dtype: str) -> float:
    part = _PARTS.get(dtype, dtype)
    if part == "bfloat16":
        wide: float = struct.unpack("f", struct.pack("I", bits << 16))[0]
        return wide
    float_format, int_format = _FORMATS[part]
    number: float = struct.unpack(float_format, struct.pack(int_format, bits))[0]
    return number


def _bfloat16(exact: float) -> float:
    """The nearest bfloat16 by way of the nearest float32, as generated code rounds; the even one of two as near."""
    (bits,) = struct.unpack("I", struct.pack("f", exact))
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    number: float = struct.unpack("f", struct.pack("I", bits))[0]
    return number
