"""Arrays as JSON, each element of which reads back as the same."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16
from contractgen.generate.runtime.scans import all_finite

ORJSON: Any = importlib.import_module("orjson") if importlib.util.find_spec("orjson") else None
"""orjson, which is faster, where it is installed."""


def json_array(array: Array, dtype: str) -> bytes:
    """An array as nested lists; complex numbers as pairs."""
    if dtype == "bfloat16":  # only: bfloat16
        array = from_bfloat16(array)
    if dtype.startswith("complex"):  # only: complex
        array = as_pairs(array)
    if ORJSON is not None and array.ndim and all_finite(array, array.dtype.name):
        # As float64, the digits are those of the exact number: fewer might round twice on the way back.
        wide = array.astype(np.float64, order="C") if array.dtype.kind == "f" else np.asarray(array, order="C")
        text: bytes = ORJSON.dumps(wide, option=ORJSON.OPT_SERIALIZE_NUMPY)
        return text
    return json.dumps(array.tolist(), separators=(",", ":")).encode()


def as_pairs(array: Array) -> Array:
    """Complex numbers as pairs [real, imaginary] along one more axis at the end."""
    return np.asarray(array, order="C")[..., None].view(array.real.dtype)
