"""Responses as the validator builds them."""

from __future__ import annotations

import json
from typing import Any

from contractgen.generate.runtime.arrays import read_array
from contractgen.generate.runtime.buffers import Parts
from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.limits import BINARY, JSON, NPY, NPZ, SAGEMAKER_BINARY, message_headers
from contractgen.generate.runtime.numpy_writing import npy_parts, npz_parts
from contractgen.generate.runtime.plain_json import plain_json
from contractgen.generate.runtime.protocol import encode_tensors, envelope
from contractgen.generate.runtime.requests_reading import Reply
from contractgen.generate.runtime.spec import Spec, Tuple
from contractgen.generate.runtime.violations import MAX_REPORTED, ContractViolation
from contractgen.generate.runtime.walk import Walk, gather


class Response:
    """A response's status, body and headers. `buffers` are the parts of the body; `body` joins them."""

    __slots__ = ("buffers", "content_type", "json_length", "status")

    def __init__(self, buffers: Parts, content_type: str, status: int = 200, json_length: int | None = None) -> None:
        self.buffers = buffers
        self.content_type = content_type
        self.status = status
        self.json_length = json_length

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.buffers)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what the body is."""
        return message_headers(self.content_type, self.json_length)


def encode_response(spec: Spec, outputs: Any, accept: str, reply: Reply | None) -> Response:
    """A response out of what the model returned. Raises `TypeError` where that is not what the contract says."""
    media = chosen_media(accept, reply)
    only = spec.outputs.fields[0].key if len(spec.outputs.fields) == 1 else None
    tree = {only: outputs} if only else dict(zip((part.key for part in spec.outputs.fields), outputs))
    walk = Walk(read_array, strict=False)
    walk.visit(spec.outputs, tree, "outputs", "")
    if walk.found.violations:
        raise TypeError(f"the model's result is not what its contract says: {walk.found.violations[0].message}")
    arrays = {leaf.name: leaf.array for leaf in walk.found.leaves}
    if media == JSON and (reply is None or reply.media not in (BINARY, SAGEMAKER_BINARY)):
        results = gather(spec.outputs, arrays)
        node = spec.outputs.fields[0].node if only else Tuple(tuple(part.node for part in spec.outputs.fields))
        return Response([plain_json(node, results[only] if only else tuple(results.values()))], JSON)
    if media == NPY and len(arrays) == 1:
        return Response(npy_parts(next(iter(arrays.values()))), NPY)
    if media in (NPY, NPZ):
        return Response(npz_parts(arrays), NPZ)
    return protocol_response(spec, arrays, media, reply or Reply())


def protocol_response(spec: Spec, arrays: dict[str, Array], media: str, reply: Reply) -> Response:
    """A response of the Open Inference Protocol, with the outputs that were asked for."""
    wanted = reply.outputs
    if wanted is not None:
        arrays = {name: arrays[name] for name in wanted if name in arrays}
    is_binary = dict.fromkeys(arrays, reply.binary) if wanted is None else wanted
    entries, parts = encode_tensors(arrays, spec.output_names, is_binary)
    members = [f'"model_name":{json.dumps(spec.model)}']
    if reply.id is not None:
        members.append(f'"id":{json.dumps(reply.id)}')
    members.append(f'"parameters":{{"contract":{json.dumps(spec.contract)}}}')
    outputs = b'"outputs":[' + b",".join(entries) + b"]"
    buffers, length = envelope([*(one.encode() for one in members), outputs], parts)
    if not parts:
        return Response(buffers, JSON)
    if media == SAGEMAKER_BINARY:
        return Response(buffers, f"{SAGEMAKER_BINARY};json-header-size={length}")
    return Response(buffers, BINARY, json_length=length)


def chosen_media(accept: str, reply: Reply | None) -> str:
    """The media type to answer with: the first that `accept` names and is known, else that of the request."""
    for part in accept.split(","):
        media = part.split(";")[0].strip().lower()
        if media in (BINARY, SAGEMAKER_BINARY, JSON, NPY, NPZ):
            return media
    return reply.media if reply is not None else BINARY


def encode_error(error: BaseException) -> Response:
    """The response to a request that failed. Only a `ContractViolation` is explained to the client."""
    if not isinstance(error, ContractViolation):
        return Response([b'{"error":"internal error","violations":[]}'], JSON, 500)
    count = len(error.violations)
    first = error.violations[0].message if error.violations else "the request breaks the contract"
    text = first if count <= 1 else f"{first} (and {count - 1} more)"
    shown = [one.to_json() for one in error.violations[:MAX_REPORTED]]
    return Response([json.dumps({"error": text, "violations": shown}).encode()], JSON, error.status)
