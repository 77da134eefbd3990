"""What the client takes for a tensor: arrays of any library, lists and numbers, wherever the conversion is exact."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from contractgen.generate.runtime.arrays import read_array
from contractgen.generate.runtime.dtypes import Array, dtype_name
from contractgen.generate.runtime.number_lists import array_of_lists
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, described


def read_any(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """An array in C order and native byte order, without a cast; lists as JSON has them. Raises `Refused`."""
    if isinstance(value, (bool, int, float, complex, list, tuple)):
        return array_of_lists(plain(value), tensor.dtype, infinite=True), tensor.dtype
    array, dtype = read_array(tensor, array_of(value))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
        dtype = dtype_name(array, tensor.dtype)
    return np.asarray(array, order="C"), dtype


def array_of(value: Any) -> Any:
    """An array of another library as numpy's, or the value itself where it is none.

    torch is asked only if something else has imported it: its bfloat16 comes as bits, gradients and devices are left.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise Refused("structure", wanted="an array without a mask", got="a masked array")
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        held = value.detach().cpu().resolve_conj().resolve_neg()
        return held.view(torch.int16).numpy().view(np.uint16) if held.dtype == torch.bfloat16 else held.numpy()
    try:
        if hasattr(value, "__array__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise Refused("structure", wanted="an array", got=described(value)) from error
    return value


def plain(value: Any) -> Any:
    """Lists with numpy's numbers in them as Python's, where that is the same number."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return value.item()
    return value
