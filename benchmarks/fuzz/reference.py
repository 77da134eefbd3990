"""A second, plain reading of a body: what the tensors are, where anything is read at all."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from contractgen.contract import model

DATATYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "FP16": "float16", "BF16": "uint16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip


def tensors(body: bytes, headers: Mapping[str, str]) -> dict[str, np.ndarray] | None:
    """The tensors of a body in a flat format by name, floats as they were sent; None for plain JSON."""
    lower = {name.lower(): value for name, value in headers.items()}
    encoding = lower.get("content-encoding", "").strip().lower()
    if "gzip" in encoding:
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    media, _, parameters = lower.get("content-type", "").partition(";")
    if media.strip().lower() == "application/x-npy":
        return {"": np.load(io.BytesIO(body), allow_pickle=False)}
    if media.strip().lower() == "application/x-npz":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
            return {
                name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in names
            }
    size = lower.get("inference-header-content-length")
    if "json-header-size=" in parameters:
        size = parameters.partition("json-header-size=")[2].split(";")[0].strip().strip('"')
    text = body if size is None else body[: int(size)]
    value = json.loads(text)
    entries = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) and "datatype" in one for one in entries):
        return None
    return protocol(entries, body[len(text) :])


def protocol(entries: list[dict[str, Any]], binary: bytes) -> dict[str, np.ndarray]:
    """The tensors of the Open Inference Protocol."""
    result = {}
    offset = 0
    for entry in entries:
        dtype = np.dtype(DATATYPES[entry["datatype"]]).newbyteorder("<")
        if "data" in entry:
            array = np.array(entry["data"], dtype=np.float32 if entry["datatype"] == "BF16" else dtype)
            if entry["datatype"] == "BF16":
                array = bfloat16(array)
        else:
            size = entry["parameters"]["binary_data_size"]
            array = np.frombuffer(binary[offset : offset + size], dtype)
            offset += size
        result[entry["name"]] = array.reshape(entry["shape"])
    assert offset == len(binary)
    return result


def bfloat16(array: np.ndarray) -> np.ndarray:
    """The bits of the nearest bfloat16, by the library that defines them."""
    import ml_dtypes

    return array.astype(ml_dtypes.bfloat16).view(np.uint16)


def flat(node: model.Node, value: Any, index: tuple[int, ...], into: dict[str, np.ndarray]) -> None:
    """The arrays of an argument by wire name, complex ones as pairs."""
    if value is None or isinstance(node, model.Constant):
        return
    if isinstance(node, model.Optional):
        flat(node.node, value, index, into)
    elif isinstance(node, model.Tensor):
        name = node.wire_name
        for i in index:
            name = name.replace("*", str(i), 1)
        into[name] = value
    elif isinstance(node, model.Dict):
        for part in node.fields:
            flat(part.node, value.get(part.key), index, into)
    elif isinstance(node, model.List):
        for i, item in enumerate(value):
            flat(node.item, item, (*index, i), into)
    else:
        for part, item in zip(node.items, value, strict=True):
            flat(part, item, index, into)


def same(sent: np.ndarray, given: np.ndarray) -> bool:
    """Whether an array that came out is what was sent, bit for bit up to byte order and the layout of complex numbers."""
    if given.dtype.kind == "c" and sent.dtype.kind != "c":
        given = np.asarray(given, order="C")[..., None].view(given.real.dtype)
    if sent.dtype.kind == "V" and given.dtype == np.uint16:
        sent = np.asarray(sent, order="C").view(np.uint16)
    return sent.shape == given.shape and np.asarray(sent, order="C").astype(given.dtype).tobytes() == given.tobytes()
