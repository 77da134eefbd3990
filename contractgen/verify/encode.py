"""Requests written without any check, so that a validator can be shown what no client of ours would send.

This is deliberately not the runtime of the generated client: a fault there (a byte order, a lost name) shows up as a
difference between the two.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from contractgen.contract.model import Contract, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.verify.fill import Array, from_bits
from contractgen.verify.trees import indexed

BINARY = "application/octet-stream"
SAGEMAKER = "application/vnd.sagemaker-triton.binary+json"
PROTOCOL_JSON = "application/json;protocol=open-inference"
PLAIN_JSON = "application/json"
NPY = "application/x-npy"
NPZ = "application/x-npz"
FORMATS = (BINARY, SAGEMAKER, PROTOCOL_JSON, PLAIN_JSON, NPY, NPZ)

Message = tuple[bytes, dict[str, str]]
"""A body and its headers."""

Named = tuple[str, Array, str]
"""A tensor's name in a request, its elements, and the dtype that it is sent as."""


def tensors_of(contract: Contract, arguments: Mapping[str, Any], other: tuple[str, str] | None = None) -> list[Named]:
    """The tensors of a tree of arguments in wire order, whatever is wrong with it.

    ``other`` gives one tensor (by wire name) another dtype than the contract's.
    """
    found: list[Named] = []
    known = {parameter.name for parameter in contract.inputs}
    for parameter in contract.inputs:
        if parameter.name in arguments:
            found += _walk(parameter.node, arguments[parameter.name], parameter.name, (), other)
    for name, value in arguments.items():
        if name not in known:
            found += _unknown(name, value)
    return found


def _walk(node: Node, value: Any, path: str, index: tuple[int, ...], other: tuple[str, str] | None) -> Iterator[Named]:
    if value is None:
        return
    if isinstance(node, Optional):
        yield from _walk(node.node, value, path, index, other)
    elif isinstance(node, Tensor) and isinstance(value, np.ndarray):
        name = indexed(node.wire_name, index)
        changed = other is not None and other[0] == node.wire_name and value.dtype != _held(node.dtype)
        sent_as = other[1] if changed and other is not None else node.dtype
        yield name, value, sent_as if sent_as == "bfloat16" or node.dtype == "bfloat16" else value.dtype.name
    elif isinstance(node, Dict) and isinstance(value, Mapping):
        fields = {field.key: field for field in node.fields}
        for key, item in value.items():
            if key in fields:
                yield from _walk(fields[key].node, item, f"{path}.{key}", index, other)
            else:
                yield from _unknown(f"{path}.{key}", item)
    elif isinstance(node, List) and isinstance(value, list):
        for i, item in enumerate(value):
            yield from _walk(node.item, item, f"{path}.{i}", (*index, i), other)
    elif isinstance(node, Tuple) and isinstance(value, list if node.sequence == "list" else tuple):
        for i, item in enumerate(value):
            if i < len(node.items):
                yield from _walk(node.items[i], item, f"{path}.{i}", index, other)
            else:
                yield from _unknown(f"{path}.{i}", item)


def _held(dtype: str) -> np.dtype[Any]:
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def _unknown(name: str, value: Any) -> Iterator[Named]:
    if isinstance(value, np.ndarray):
        yield name, value, value.dtype.name


def encode(named: list[Named], content_type: str, contract_id: str) -> Message | None:
    """The message with these tensors in a wire format; None where the format has no way to say it."""
    if content_type == NPZ:
        return _npz(named), {"Content-Type": NPZ}
    if content_type == NPY:
        if len(named) != 1 or named[0][2] == "bfloat16":
            return None
        return _npy(named[0][1]), {"Content-Type": NPY}
    binary = content_type in (BINARY, SAGEMAKER)
    entries, parts = [], []
    for name, given, dtype in named:
        array = np.stack([given.real, given.imag], axis=-1) if "complex" in dtype else given
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": _DATATYPES[dtype]}
        if binary or dtype in ("float16", "bfloat16"):
            body = array.astype(array.dtype.newbyteorder("<")).tobytes()
            entry["parameters"] = {"binary_data_size": len(body)}
            parts.append(body)
        else:
            entry["data"] = array.ravel().tolist()
        entries.append(entry)
    head = json.dumps({
        "inputs": entries, "parameters": {"contract": contract_id, "binary_data_output": binary},
    }).encode()  # fmt: skip
    body = head + b"".join(parts)
    if content_type == SAGEMAKER:
        return body, {"Content-Type": f"{SAGEMAKER};json-header-size={len(head)}"}
    if binary or parts:
        return body, {"Content-Type": BINARY, "Inference-Header-Content-Length": str(len(head))}
    return body, {"Content-Type": PLAIN_JSON}


_DATATYPES = {
    "bool": "BOOL", "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64", "complex64": "FP32",
    "complex128": "FP64", **{f"{sign}int{bits}": f"{sign}int{bits}".upper() for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def _npz(named: list[Named]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array, _ in named:
            archive.writestr(f"{name}.npy", _npy(array))
    return stream.getvalue()


def encode_plain(contract: Contract, arguments: Mapping[str, Any]) -> Message | None:
    """Plain JSON in the model's own structure; None where the arguments hold what JSON cannot."""
    try:
        nodes: dict[str, Node] = {parameter.name: parameter.node for parameter in contract.inputs}
        tree = {name: _plain(nodes.get(name), value) for name, value in arguments.items()}
        return json.dumps(tree).encode(), {"Content-Type": PLAIN_JSON}
    except TypeError:
        return None


def _plain(node: Node | None, value: Any) -> Any:
    if isinstance(node, Optional):
        return _plain(node.node, value)
    if isinstance(value, np.ndarray):
        if isinstance(node, Tensor) and node.dtype == "bfloat16" and value.dtype == np.uint16:
            return from_bits(value).tolist()
        return np.stack([value.real, value.imag], axis=-1).tolist() if value.dtype.kind == "c" else value.tolist()
    if isinstance(value, dict):
        fields: dict[str, Node] = {f.key: f.node for f in node.fields} if isinstance(node, Dict) else {}
        return {key: _plain(fields.get(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        inner = [node.item] * len(value) if isinstance(node, List) else [*node.items] if isinstance(node, Tuple) else []
        return [_plain(inner[i] if i < len(inner) else None, item) for i, item in enumerate(value)]
    return value
