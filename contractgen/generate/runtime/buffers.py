"""Bytes as arrays and arrays as bytes."""

from __future__ import annotations

import math
from typing import Any, Union

import numpy as np

from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.violations import Refused

Buffer = Union[bytes, bytearray, memoryview]
Part = Union[bytes, memoryview]
SMALL = 4096


def array_at(data: Buffer, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int, order: Any = "C") -> Array:
    """An array over bytes that are known to be there: a view, or a copy where the bytes are not aligned or foreign."""
    try:
        array: Array = np.ndarray(shape, dtype, data, offset, order=order)
    except (ValueError, OverflowError, TypeError) as error:
        raise Refused("body", wanted="a shape that numpy can hold", got=f"{len(shape)} axes") from error
    if not array.dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
        raise Refused("body", wanted="bool as bytes 0 and 1", got="other bytes")
    return array if array.flags.aligned else array.copy()


def raw(array: Array) -> Part:
    """The bytes of an array in C order: a copy of a small one, a view of another unless its layout needs a copy."""
    if array.nbytes <= SMALL:
        return array.tobytes()
    flat: Array = np.asarray(array, order="C").reshape(-1).view(np.uint8)
    return flat.data


def byte_count(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """The number of bytes that an array has, exactly."""
    return math.prod(shape) * dtype.itemsize
