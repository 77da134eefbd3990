"""Element types: the contract's names, numpy's, and those of the Open Inference Protocol."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    **{name: np.dtype(name) for name in ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32")},
    **{name: np.dtype(name) for name in ("int64", "float16", "float32", "float64", "complex64", "complex128")},
    "bfloat16": np.dtype("uint16"),  # only: bfloat16
}
"""numpy's type for each of the contract's."""

DATATYPES = {
    **{name: name.upper() for name in DTYPES if "int" in name},
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "bfloat16": "BF16",  # only: bfloat16
    "complex64": "FP32",  # only: complex
    "complex128": "FP64",  # only: complex
}
"""The protocol's name for each. It has no complex type: they travel as pairs along one more axis at the end."""

DTYPE_OF_DATATYPE = {datatype: name for name, datatype in DATATYPES.items() if "complex" not in name}


def dtype_name(dtype: np.dtype[Any], wanted: str) -> str:
    """The contract's name for a dtype of numpy's, or a short one for what no contract has."""
    if wanted == "bfloat16" and dtype == np.uint16:  # only: bfloat16
        return wanted
    if dtype.kind in "biufc":
        return f"{dtype.name}{'' if dtype.isnative else ' with foreign byte order'}"
    kinds = {"O": "Python objects", "S": "bytes", "U": "strings", "M": "datetimes", "m": "timedeltas"}
    return kinds.get(dtype.kind, str(dtype.name)[:24])


def numpy_code(dtype: str) -> str:
    """The expression for numpy's type."""
    return {"bool": "np.bool_", "bfloat16": "np.uint16"}.get(dtype, f"np.{dtype}")


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether this is the bfloat16 of ml_dtypes, which is asked only if something else has imported it."""
    ml_dtypes = sys.modules.get("ml_dtypes")
    return ml_dtypes is not None and dtype == ml_dtypes.bfloat16


def from_bfloat16(bits: Array) -> npt.NDArray[np.float32]:
    """The float32 numbers that bfloat16 bits (uint16) stand for; exact."""
    wide: npt.NDArray[np.uint32] = bits.astype(np.uint32) << np.uint32(16)
    return wide.view(np.float32)


def to_bfloat16(numbers: Array) -> npt.NDArray[np.uint16]:
    """The bfloat16 bits (uint16) nearest to float32 numbers, ties to even."""
    with np.errstate(over="ignore", invalid="ignore"):
        bits = np.asarray(numbers, np.float32).view(np.uint32)
    rounded = ((bits.astype(np.uint64) + 0x7FFF + ((bits >> np.uint32(16)) & np.uint32(1))) >> 16).astype(np.uint16)
    quiet_nan = ((bits >> np.uint32(16)) | np.uint32(0x40)).astype(np.uint16)
    nearest: npt.NDArray[np.uint16] = np.where(np.isnan(bits.view(np.float32)), quiet_nan, rounded)
    return nearest
