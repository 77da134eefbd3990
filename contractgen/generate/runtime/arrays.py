"""What may stand at a leaf: the readers that a walk uses."""

from __future__ import annotations

from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, dtype_name, is_bfloat16
from contractgen.generate.runtime.number_lists import array_of_lists
from contractgen.generate.runtime.protocol import Wire
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, described
from contractgen.generate.runtime.walk import summary


def read_array(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """A numpy array as it is: nothing is cast. Raises `Refused`."""
    if not isinstance(value, np.ndarray):
        raise Refused("structure", wanted=summary(tensor), got=described(value))
    if is_bfloat16(value.dtype):  # only: bfloat16
        return value.view(np.uint16), "bfloat16"
    return value, dtype_name(value.dtype, tensor.dtype)


def read_list(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """Nested lists of numbers, as JSON has them; an empty list stands for fixed sizes below it, too. Raises `Refused`."""
    if value is None or isinstance(value, (str, dict)):
        raise Refused("structure", wanted=summary(tensor), got=described(value))
    array = array_of_lists(value, tensor.dtype)
    rest = tensor.shape[array.ndim :]
    if array.size == 0 and rest and all(isinstance(size, int) for size in rest):
        array = array.reshape(array.shape + rest)
    return array, tensor.dtype


def read_wire(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """A tensor out of a message. Raises `Refused`."""
    if not isinstance(value, Wire):
        raise Refused("missing", wanted=summary(tensor))
    if value.array is None:
        raise value.refused or Refused("structure", wanted=summary(tensor), got="nothing")
    return value.array, value.dtype
