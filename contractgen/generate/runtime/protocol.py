"""The Open Inference Protocol, version 2, over HTTP: JSON, and the binary tensor extension.

https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md: raw little-endian elements in C
order, without padding, in the order of the tensors. BF16 is Triton's; neither FP16 nor BF16 has a JSON form.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contractgen.generate.runtime.buffers import Part, array_at, byte_count, raw
from contractgen.generate.runtime.dtypes import DATATYPES, DTYPE_OF_DATATYPE, DTYPES, Array
from contractgen.generate.runtime.json_writing import as_pairs, json_array
from contractgen.generate.runtime.number_lists import place
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, described, quoted
from contractgen.generate.runtime.walk import Reader

ALIGNMENT = 64
"""Where the first tensor starts in a body of ours is a multiple of this: the JSON before it is filled up with spaces."""


@dataclass(frozen=True)
class Wire:
    """A tensor that came in a message: the contract's name of its dtype, and its array or why there is none."""

    dtype: str
    array: Array | None
    refused: Refused | None = None


def encode_message(
    first: Mapping[str, Any],
    label: str,
    arrays: Mapping[str, Array],
    tensors: Mapping[str, Tensor],
    binary: Mapping[str, bool],
) -> tuple[list[Part], int]:
    """The parts of a message and the length of its JSON: members, and tensors below `label`.

    `binary` says by name which of them stand behind the JSON.
    """
    entries: list[bytes] = []
    parts: list[Part] = []
    for name, given in arrays.items():
        dtype, array = tensors[name].dtype, given
        if dtype.startswith("complex"):  # only: complex
            array = as_pairs(given)
        head = {"name": name, "shape": array.shape, "datatype": DATATYPES[dtype]}
        if binary[name] or dtype in ("float16", "bfloat16"):
            entries.append(compact({**head, "parameters": {"binary_data_size": array.nbytes}}))
            parts.append(raw(array))
        else:
            data = json_array(array.reshape(-1), array.dtype.name)
            entries.append(compact(head)[:-1] + b',"data":' + data + b"}")
    text = compact(first)[:-1] + f',"{label}":['.encode() + b",".join(entries) + b"]}"
    if parts:
        text += b" " * (-len(text) % ALIGNMENT)
    return [text, *parts], len(text)


def compact(value: Any) -> bytes:
    """A value as JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def member(entry: Any, name: str, kind: type, default: Any = None) -> Any:
    """A member of a JSON object that must be of one type, or absent where there is a default. Raises `Refused`."""
    value = entry.get(name, default) if isinstance(entry, dict) else None
    if type(value) is not kind:
        raise Refused("body", wanted=f"{name!r} to be {JSON_KINDS[kind]}", got=described(value))
    return value


JSON_KINDS = {str: "a string", list: "a list", dict: "an object", int: "an integer", bool: "a bool"}


def decode_tensors(
    entries: list[Any], tensors: Mapping[str, Tensor], binary: memoryview, max_members: int, numbers: Reader
) -> tuple[dict[str, Wire], list[int]]:
    """The tensors of a message by name, and the offsets of those that are binary. Raises `Refused`."""
    wires: dict[str, Wire] = {}
    offsets: list[int] = []
    offset = 0
    if len(entries) > max_members:
        raise Refused("body", wanted=f"at most {max_members} tensors (max_members)", got=f"{len(entries)}")
    for entry in entries:
        name, datatype, shape = member(entry, "name", str), member(entry, "datatype", str), member(entry, "shape", list)
        if name in wires:
            raise Refused("body", wanted="each tensor once", got=f"{quoted(name)} twice")
        if not all(type(size) is int and 0 <= size < 2**62 for size in shape) or len(shape) > 32:
            raise Refused("body", wanted=f"a shape for {quoted(name)}", got="other values")
        size = member(entry, "parameters", dict, {}).get("binary_data_size")
        dtype = DTYPE_OF_DATATYPE.get(datatype)
        is_binary = type(size) is int and 0 <= size <= len(binary) - offset
        if ("data" in entry) == is_binary or ("data" in entry and size is not None):
            wanted = f"{quoted(name)} to have data, or a binary_data_size within the body"
            raise Refused("body", wanted=wanted, got="both" if "data" in entry else "neither")
        if dtype is None:
            wanted = tensors[name].dtype if name in tensors else "numbers"
            wires[name] = Wire(datatype, None, Refused("dtype", wanted=wanted, got=quoted(datatype)))
        elif is_binary:
            wires[name] = wire_of_bytes(binary, offset, size, dtype, tuple(shape))
        else:
            wires[name] = wire_of_list(entry["data"], dtype, tuple(shape), numbers)
        if name in tensors and tensors[name].dtype.startswith("complex"):  # only: complex
            wires[name] = paired(wires[name], tensors[name].dtype)
        if is_binary:
            offsets.append(offset)
            offset += size
    if offset != len(binary):
        raise Refused("body", wanted=f"{offset} bytes of tensors", got=f"{len(binary)} bytes")
    return wires, offsets


def wire_of_bytes(data: memoryview, offset: int, size: int, dtype: str, shape: tuple[int, ...]) -> Wire:
    """A tensor of raw bytes. Raises `Refused`."""
    wanted = byte_count(shape, DTYPES[dtype])
    if size != wanted:
        raise Refused("body", wanted=f"{wanted} bytes for the shape and datatype of a tensor", got=f"{size} bytes")
    return Wire(dtype, array_at(data, DTYPES[dtype], shape, offset))


def wire_of_list(data: Any, dtype: str, shape: tuple[int, ...], numbers: Reader) -> Wire:
    """A tensor of JSON numbers: a flat list in C order, or nested as the shape is. Raises `Refused`."""
    count = math.prod(shape)
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
    return Wire(dtype, array.reshape(shape))


def paired(wire: Wire, dtype: str) -> Wire:
    """Pairs of floats as complex numbers."""
    array = wire.array
    if array is None or array.shape[-1:] != (2,) or DATATYPES[dtype] != DATATYPES[wire.dtype]:
        return wire
    return Wire(dtype, np.asarray(array, order="C").view(DTYPES[dtype])[..., 0])


def is_protocol(value: Any, label: str) -> bool:
    """Whether this is a message of the Open Inference Protocol, and not plain JSON with a like-named member."""
    entries: Any = value.get(label) if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return False
    return all(isinstance(entry, dict) and "name" in entry and "datatype" in entry for entry in entries)
