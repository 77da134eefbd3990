"""Responses as the validator builds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from contractgen.generate.runtime.arrays import read_array
from contractgen.generate.runtime.buffers import Part
from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.limits import BINARY, JSON, LENGTH_HEADER, MEDIA, NPY, NPZ, SAGEMAKER_BINARY
from contractgen.generate.runtime.numpy_files import npy_parts, npz_parts
from contractgen.generate.runtime.plain_json import plain_json
from contractgen.generate.runtime.protocol import encode_message
from contractgen.generate.runtime.requests_reading import Reply
from contractgen.generate.runtime.spec import Spec
from contractgen.generate.runtime.violations import MAX_REPORTED, ContractViolation, quoted
from contractgen.generate.runtime.walk import Place, Walk, gather


@dataclass
class Response:
    """A response's status, body and headers. `buffers` are the parts of the body; `body` joins them."""

    buffers: list[Part]
    content_type: str
    status: int = 200
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


def encode_response(spec: Spec, outputs: Any, accept: str, reply: Reply | None) -> Response:
    """A response out of what the model returned. Raises `TypeError` where that is not what the contract says."""
    media = chosen_media(accept, reply)
    fields = spec.outputs.fields
    walk = Walk(read_array)
    results = (outputs,) if len(fields) == 1 else outputs
    walk.visit(spec.outputs, dict(zip((part.key for part in fields), results)), Place("outputs"))
    if walk.found.violations:
        raise TypeError(f"the model's result is not what its contract says: {walk.found.violations[0].message}")
    for leaf in walk.found.leaves:
        if leaf.dtype != leaf.tensor.dtype:  # its bytes would be read as other numbers
            raise TypeError(
                f"the model's result {quoted(leaf.name)} is {leaf.dtype}, its contract says {leaf.tensor.dtype}"
            )
    arrays = {leaf.name: leaf.array for leaf in walk.found.leaves}
    if media == JSON and (reply is None or reply.media not in (BINARY, SAGEMAKER_BINARY)):
        tree = gather(spec.outputs, arrays)
        texts = [plain_json(part.node, tree[part.key]) for part in fields]
        return Response([texts[0] if len(texts) == 1 else b"[" + b",".join(texts) + b"]"], JSON)
    if media == NPY and len(arrays) == 1:
        return Response(npy_parts(next(iter(arrays.values()))), NPY)
    if media in (NPY, NPZ):
        return Response(npz_parts(arrays), NPZ)
    return protocol_response(spec, arrays, media, reply or Reply())


def protocol_response(spec: Spec, arrays: dict[str, Array], media: str, reply: Reply) -> Response:
    """A response of the Open Inference Protocol, with the outputs that were asked for."""
    wanted = dict.fromkeys(arrays, reply.binary) if reply.outputs is None else reply.outputs
    arrays = {name: arrays[name] for name in wanted if name in arrays}
    first: dict[str, Any] = {"model_name": spec.model, "parameters": {"contract": spec.contract}}
    if reply.id is not None:
        first["id"] = reply.id
    buffers, length = encode_message(first, "outputs", arrays, spec.output_names, wanted)
    if len(buffers) == 1:
        return Response(buffers, JSON)
    if media == SAGEMAKER_BINARY:
        return Response(buffers, f"{SAGEMAKER_BINARY};json-header-size={length}")
    return Response(buffers, BINARY, json_length=length)


def chosen_media(accept: str, reply: Reply | None) -> str:
    """The media type to answer with: the first that `accept` names and is known, else that of the request."""
    for part in accept.split(","):
        media = part.split(";")[0].strip().lower()
        if media in MEDIA:
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
