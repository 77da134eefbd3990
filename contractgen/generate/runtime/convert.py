"""What the client takes for a tensor: arrays of any library, lists and numbers, wherever the conversion is exact."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from contractgen.generate.runtime.arrays import read_array
from contractgen.generate.runtime.dtypes import Array, numpy_code
from contractgen.generate.runtime.number_lists import array_of_lists
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, described


def read_any(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """An array in C order and native byte order, without a cast; lists as JSON has them. Raises `Refused`."""
    if isinstance(value, (bool, int, float, complex, list, tuple)) and not isinstance(value, np.generic):
        return array_of_lists(value, tensor.dtype, ours=True), tensor.dtype
    array, dtype = read_array(tensor, array_of(tensor, value))
    if not array.dtype.isnative:
        array, dtype = read_array(tensor, array.astype(array.dtype.newbyteorder("=")))
    return np.asarray(array, order="C"), dtype


def array_of(tensor: Tensor, value: Any) -> Any:
    """An array of another library as numpy's, or the value itself where it is none. Raises `Refused`.

    torch is asked only if something else has imported it: gradients and devices are left.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise Refused("structure", wanted="an array without a mask", got="a masked array")
    torch = sys.modules.get("torch")
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            held = value.detach().cpu().resolve_conj().resolve_neg()
            if held.dtype == torch.bfloat16 and tensor.dtype == "bfloat16":  # only: bfloat16
                return held.view(torch.int16).numpy().view(np.uint16)
            if held.dtype == torch.bfloat16:
                raise Refused("dtype", wanted=tensor.dtype, got="bfloat16")
            return held.numpy()
        if hasattr(value, "__array__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise Refused("structure", wanted="an array", got=described(value)) from error
    return value


def array_code(code: str, value: Any, tensor: Tensor) -> str:
    """The expression for the array that stands for a value which has the expression `code`."""
    if isinstance(value, np.ndarray):
        return code
    if isinstance(value, (bool, int, float, complex, list, tuple)):
        return f"np.array({code}, {numpy_code(tensor.dtype)})"
    return f"{code}.numpy(force=True)" if "torch" in type(value).__module__ else f"np.asarray({code})"
