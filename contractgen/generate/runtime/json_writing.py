"""Arrays as JSON, each element of which reads back as the same."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16
from contractgen.generate.runtime.scans import all_finite


def optional_module(name: str) -> Any:
    """A module that makes JSON faster where it is installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


ORJSON = optional_module("orjson")
"""orjson, or None."""


def json_array(array: Array, dtype: str) -> bytes:
    """An array as nested lists, each element of which reads back as the same; complex numbers as pairs."""
    if dtype == "bfloat16":
        array = from_bfloat16(array)
    elif dtype.startswith("complex"):
        array = np.asarray(array, order="C")[..., None].view(array.real.dtype)
    if ORJSON is not None and array.ndim and all_finite(array, array.dtype.name):
        # As float64, the digits are those of the exact number: fewer might round twice on the way back.
        wide = array.astype(np.float64, order="C") if array.dtype.kind == "f" else np.asarray(array, order="C")
        text: bytes = ORJSON.dumps(wide, option=ORJSON.OPT_SERIALIZE_NUMPY)
        return text
    return json.dumps(array.tolist(), separators=(",", ":")).encode()
