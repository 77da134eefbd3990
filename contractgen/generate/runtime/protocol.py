"""The Open Inference Protocol, version 2, over HTTP: JSON, and the binary tensor extension.

https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md: raw little-endian elements in C
order, without padding, in the order of the tensors. BF16 is Triton's; neither FP16 nor BF16 has a JSON form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contractgen.generate.runtime.buffers import Parts, array_at, element_count, raw
from contractgen.generate.runtime.dtypes import DATATYPES, DTYPE_OF_DATATYPE, DTYPES, Array
from contractgen.generate.runtime.json_writing import json_array
from contractgen.generate.runtime.number_lists import place
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, described, quoted
from contractgen.generate.runtime.walk import Reader

ALIGNMENT = 64
"""Where the first tensor starts in a body of ours is a multiple of this: the JSON before it is filled up with spaces."""


def encode_tensors(
    arrays: Mapping[str, Array], tensors: Mapping[str, Tensor], binary: Mapping[str, bool]
) -> tuple[list[bytes], Parts]:
    """The JSON of each tensor, and the parts of the binary area. `binary` says by name where the elements go."""
    entries: list[bytes] = []
    parts: Parts = []
    for name, given in arrays.items():
        dtype = tensors[name].dtype
        array = given
        if dtype.startswith("complex"):
            array = np.asarray(given, order="C")[..., None].view(given.real.dtype)
        head = f'{{"name":{json_name(name)},"shape":{json_shape(array.shape)},"datatype":"{DATATYPES[dtype]}",'
        if binary[name] or dtype in ("float16", "bfloat16"):
            entries.append(f'{head}"parameters":{{"binary_data_size":{array.nbytes}}}}}'.encode())
            parts.append(raw(array))
        else:
            entries.append(f'{head}"data":'.encode() + json_array(array.reshape(-1), array.dtype.name) + b"}")
    return entries, parts


JSON_NAMES: dict[str, str] = {}


def json_name(name: str) -> str:
    """A name as JSON."""
    known = JSON_NAMES.get(name)
    if known is None:
        known = json.dumps(name)
        if len(JSON_NAMES) < 4096:
            JSON_NAMES[name] = known
    return known


def json_shape(shape: tuple[int, ...]) -> str:
    """A shape as JSON."""
    return f"[{','.join(map(str, shape))}]"


def envelope(members: list[bytes], parts: Parts) -> tuple[Parts, int]:
    """The JSON object made of these members, before the binary parts, and its length."""
    text = b"{" + b",".join(members) + b"}"
    if parts:
        text += b" " * (-len(text) % ALIGNMENT)
    return [text, *parts], len(text)


def member(entry: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A member of a JSON object that must be of one type, or absent where there is a default. Raises `Refused`."""
    value = entry.get(name, default)
    if type(value) is not kind:
        raise Refused("body", wanted=f"{name!r} to be {JSON_KINDS[kind]}", got=described(value))
    return value


JSON_KINDS = {str: "a string", list: "a list", dict: "an object", int: "an integer", bool: "a bool"}


def decode_tensors(
    entries: list[Any], tensors: Mapping[str, Tensor], binary: memoryview, max_members: int, numbers: Reader
) -> tuple[dict[str, Wire], list[int]]:
    """The tensors of a message by name, and the offsets of those that are binary. Raises `Refused`."""
    arrays: dict[str, Wire] = {}
    offsets: list[int] = []
    offset = 0
    if len(entries) > max_members:
        raise Refused("body", wanted=f"at most {max_members} tensors (max_members)", got=f"{len(entries)}")
    for entry in entries:
        if type(entry) is not dict:
            raise Refused("body", wanted="a tensor to be an object", got=described(entry))
        name, datatype = member(entry, "name", str), member(entry, "datatype", str)
        shape = tuple(member(entry, "shape", list))
        if name in arrays:
            raise Refused("body", wanted="each tensor once", got=f"{quoted(name)} twice")
        if not all(type(size) is int and 0 <= size < 2**62 for size in shape) or len(shape) > 32:
            raise Refused("body", wanted=f"a shape for {quoted(name)}", got="other values")
        parameters = member(entry, "parameters", dict, {})
        size = parameters.get("binary_data_size")
        if "data" in entry and size is None:
            arrays[name] = wire_of_list(entry["data"], datatype, shape, tensors.get(name), numbers)
        elif "data" not in entry and type(size) is int and 0 <= size <= len(binary) - offset:
            arrays[name] = wire_of_bytes(binary, offset, size, datatype, shape, tensors.get(name))
            offsets.append(offset)
            offset += size
        else:
            wanted = f"{quoted(name)} to have data, or a binary_data_size within the body"
            raise Refused("body", wanted=wanted, got="both" if "data" in entry else "neither")
    if offset != len(binary):
        raise Refused("body", wanted=f"{offset} bytes of tensors", got=f"{len(binary)} bytes")
    return arrays, offsets


@dataclass(frozen=True)
class Wire:
    """A tensor that came in a message: the contract's name of its dtype, and its array or why there is none."""

    dtype: str
    array: Array | None
    refused: Refused | None = None


def wire_of_bytes(
    data: memoryview, offset: int, size: int, datatype: str, shape: tuple[int, ...], tensor: Tensor | None
) -> Wire:
    """A tensor of raw bytes."""
    dtype = DTYPE_OF_DATATYPE.get(datatype)
    if dtype is None:
        return Wire(
            datatype, None, Refused("dtype", wanted=tensor.dtype if tensor else "numbers", got=quoted(datatype))
        )
    wanted = element_count(shape) * DTYPES[dtype].itemsize
    if size != wanted:
        raise Refused("body", wanted=f"{wanted} bytes for the shape and datatype of a tensor", got=f"{size} bytes")
    return paired(Wire(dtype, array_at(data, DTYPES[dtype], shape, offset)), tensor)


def wire_of_list(data: Any, datatype: str, shape: tuple[int, ...], tensor: Tensor | None, numbers: Reader) -> Wire:
    """A tensor of JSON numbers: a flat list in C order, or nested as the shape is."""
    dtype = DTYPE_OF_DATATYPE.get(datatype)
    if dtype is None:
        return Wire(
            datatype, None, Refused("dtype", wanted=tensor.dtype if tensor else "numbers", got=quoted(datatype))
        )
    count = element_count(shape)
    try:
        array, _ = numbers(Tensor("", dtype, ()), data)
    except Refused as refused:
        if refused.kind in ("body", "json-size"):
            raise
        if 0 <= refused.facts.get("position", -1) < count:
            refused.facts["index"] = place(refused.facts["position"], shape)
        return Wire(dtype, None, refused)
    if array.size != count or (array.ndim != 1 and array.shape != shape and count):
        raise Refused("body", wanted=f"{count} numbers for the shape of a tensor", got=f"{array.size}")
    return paired(Wire(dtype, array.reshape(shape)), tensor)


def paired(wire: Wire, tensor: Tensor | None) -> Wire:
    """Pairs of floats as complex numbers where the contract wants those."""
    array = wire.array
    if tensor is None or not tensor.dtype.startswith("complex") or array is None or array.shape[-1:] != (2,):
        return wire
    if DATATYPES[tensor.dtype] != DATATYPES.get(wire.dtype):
        return wire
    return Wire(tensor.dtype, np.asarray(array, order="C").view(DTYPES[tensor.dtype])[..., 0])


def is_protocol(value: dict[str, Any], member_name: str) -> bool:
    """Whether this is a message of the Open Inference Protocol, and not plain JSON with a like-named member."""
    entries = value.get(member_name)
    if not isinstance(entries, list):
        return False
    return all(isinstance(entry, dict) and "name" in entry and "datatype" in entry for entry in entries)
