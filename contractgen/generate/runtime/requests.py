"""Requests as the client builds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contractgen.generate.runtime.buffers import SMALL, Parts, raw
from contractgen.generate.runtime.convert import read_any
from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.hints import explained
from contractgen.generate.runtime.limits import BINARY, JSON, MAX_HEAD, NPY, NPZ, SAGEMAKER_BINARY, message_headers
from contractgen.generate.runtime.numpy_writing import npy_parts, npz_parts
from contractgen.generate.runtime.plain_json import plain_json, sole
from contractgen.generate.runtime.protocol import encode_tensors, envelope
from contractgen.generate.runtime.spec import MAX_KNOWN, Spec, Tensor
from contractgen.generate.runtime.violations import ContractViolation, listed
from contractgen.generate.runtime.walk import Walk, gather

OPEN_INFERENCE_JSON = "application/json;protocol=open-inference"


class Request:
    """A request's body and headers. `buffers` are the parts of the body; `body` joins them.

    The buffers look at the caller's own arrays: leave those unchanged until the request is sent.
    """

    __slots__ = ("buffers", "content_type", "json_length")

    def __init__(self, buffers: Parts, content_type: str, json_length: int | None = None) -> None:
        self.buffers = buffers
        self.content_type = content_type
        self.json_length = json_length

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.buffers)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what the body is."""
        return message_headers(self.content_type, self.json_length)


def checked(spec: Spec, arguments: dict[str, Any]) -> dict[str, Array]:
    """The tensors of a call by their names, converted where that is exact. Raises `ContractViolation`."""
    walk = Walk(read_any, strict=False)
    walk.visit(spec.inputs, arguments, "inputs", "")
    violations = explained(spec, walk)
    if violations:
        raise ContractViolation(violations)
    return {leaf.name: leaf.array for leaf in walk.found.leaves}


def encode_request(spec: Spec, arrays: Mapping[str, Array], content_type: str) -> Request:
    """A request out of tensors that keep the contract. Raises `ValueError` for an unknown content type."""
    key: tuple[Any, ...]
    if len(arrays) == 1:
        ((name, array),) = arrays.items()
        key = (content_type, name, array.shape)
    else:
        key = (content_type, *arrays, *[array.shape for array in arrays.values()])
    text = spec.known_heads.get(key)
    if text is not None:
        if len(arrays) == 1:
            return Request([text, array.tobytes() if array.nbytes <= SMALL else raw(array)], BINARY, len(text))
        return Request([text, *[raw(array) for array in arrays.values()]], BINARY, len(text))
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
        known = listed((BINARY, SAGEMAKER_BINARY, OPEN_INFERENCE_JSON, JSON, NPY, NPZ))
        raise ValueError(f"unknown content type {content_type!r}: use one of {known}")
    binary = content_type != OPEN_INFERENCE_JSON
    entries, parts = encode_tensors(arrays, spec.input_names, dict.fromkeys(arrays, binary))
    parameters = f'"parameters":{{"contract":{json.dumps(spec.contract)},"binary_data_output":{json.dumps(binary)}}}'
    buffers, length = envelope([b'"inputs":[' + b",".join(entries) + b"]", parameters.encode()], parts)
    if content_type == SAGEMAKER_BINARY:
        return Request(buffers, f"{SAGEMAKER_BINARY};json-header-size={length}")
    if not parts:
        return Request(buffers, JSON)
    if content_type == BINARY and length < MAX_HEAD:
        if len(spec.known_heads) >= MAX_KNOWN:
            spec.known_heads.clear()
        spec.known_heads[key] = bytes(buffers[0])
    return Request(buffers, BINARY, length)
