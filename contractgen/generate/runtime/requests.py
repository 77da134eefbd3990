"""Requests as the client builds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contractgen.generate.runtime.buffers import SMALL, Part, raw
from contractgen.generate.runtime.convert import array_code, read_any
from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.hints import kept
from contractgen.generate.runtime.limits import BINARY, JSON, LENGTH_HEADER, MEDIA, NPY, NPZ, SAGEMAKER_BINARY
from contractgen.generate.runtime.numpy_files import npy_parts, npz_parts
from contractgen.generate.runtime.plain_json import plain_json, sole
from contractgen.generate.runtime.protocol import encode_message
from contractgen.generate.runtime.spec import Spec, Tensor
from contractgen.generate.runtime.violations import listed
from contractgen.generate.runtime.walk import Place, Walk, gather

OPEN_INFERENCE_JSON = "application/json;protocol=open-inference"
MAX_KNOWN = 256
KNOWN_HEADS: dict[Any, bytes] = {}
"""The JSON of binary requests sent before, by the names and shapes of their tensors; emptied when it is full."""


@dataclass
class Request:
    """A request's body and headers. `buffers` are the parts of the body; `body` joins them.

    The buffers look at the caller's own arrays: leave those unchanged until the request is sent.
    """

    buffers: list[Part]
    content_type: str
    json_length: int | None = None

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.buffers)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what the body is."""
        length = {LENGTH_HEADER: str(self.json_length)} if self.json_length is not None else {}
        return {"Content-Type": self.content_type, **length}


def checked(spec: Spec, arguments: dict[str, Any]) -> dict[str, Array]:
    """The tensors of a call by their names, converted where that is exact. Raises `ContractViolation`."""
    walk = Walk(read_any, code_of=array_code)
    walk.visit(spec.inputs, arguments, Place("inputs"))
    return kept(spec, walk)


def encode_request(spec: Spec, arrays: Mapping[str, Array], content_type: str) -> Request:
    """A request out of tensors that keep the contract. Raises `ValueError` for an unknown content type."""
    key: Any = content_type
    for name, array in arrays.items():
        key = (key, name, array.shape)
    head = KNOWN_HEADS.get(key)
    if head is not None:
        parts = [array.tobytes() if array.nbytes <= SMALL else raw(array) for array in arrays.values()]
        return Request([head, *parts], BINARY, len(head))
    if content_type == NPZ:
        return Request(npz_parts(arrays), NPZ)
    if content_type == NPY:
        if len(arrays) != 1:
            raise ValueError(f"{NPY} holds one tensor, these are {len(arrays)}: use {NPZ}")
        return Request(npy_parts(next(iter(arrays.values()))), NPY)
    if content_type == JSON:
        tree = gather(spec.inputs, arrays)
        only = sole(spec)
        if only is not None and isinstance(only.node, Tensor) and len(arrays) == 1:
            return Request([plain_json(only.node, tree[only.key])], JSON)
        return Request([plain_json(spec.inputs, tree)], JSON)
    if content_type not in (BINARY, SAGEMAKER_BINARY, OPEN_INFERENCE_JSON):
        known = listed((*MEDIA, OPEN_INFERENCE_JSON))
        raise ValueError(f"unknown content type {content_type!r}: use one of {known}")
    binary = content_type != OPEN_INFERENCE_JSON
    first = {"parameters": {"contract": spec.contract, "binary_data_output": binary}}
    buffers, length = encode_message(first, "inputs", arrays, spec.input_names, dict.fromkeys(arrays, binary))
    if content_type == SAGEMAKER_BINARY:
        return Request(buffers, f"{SAGEMAKER_BINARY};json-header-size={length}")
    if len(buffers) == 1:
        return Request(buffers, JSON)
    if binary:
        if len(KNOWN_HEADS) >= MAX_KNOWN:
            KNOWN_HEADS.clear()
        KNOWN_HEADS[key] = bytes(buffers[0])
    return Request(buffers, BINARY, length)
