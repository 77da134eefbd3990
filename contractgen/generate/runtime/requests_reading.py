"""Requests as the validator reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contractgen.generate.runtime.arrays import read_array, read_wire
from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.dtypes import DTYPES, Array
from contractgen.generate.runtime.hints import explained
from contractgen.generate.runtime.json_blocks import block_items, read_numbers
from contractgen.generate.runtime.json_reading import read_json
from contractgen.generate.runtime.limits import (
    BINARY,
    JSON,
    MAX_HEAD,
    NPY,
    NPZ,
    SAGEMAKER_BINARY,
    Limits,
    Message,
    read_headers,
)
from contractgen.generate.runtime.numpy_reading import numpy_tensors, unknown_names
from contractgen.generate.runtime.plain_json import unwrapped
from contractgen.generate.runtime.protocol import Wire, decode_tensors, is_protocol, member
from contractgen.generate.runtime.spec import MAX_KNOWN, Layout, Spec
from contractgen.generate.runtime.violations import ContractViolation, Refused, described, listed, quoted, violation
from contractgen.generate.runtime.walk import Reader, Walk, gather


@dataclass(frozen=True)
class Reply:
    """How a client wants its answer: the media type, the request's id, and the outputs.

    Of those, each that was asked for by name has its own wish whether to be binary; without names `binary` is for all.
    """

    media: str = BINARY
    id: str | None = None
    binary: bool = True
    outputs: dict[str, bool] | None = None


Received = tuple[dict[str, Array], Reply]
"""A request that keeps the contract: its tensors by name, and how to answer it."""


def decode_request(
    spec: Spec,
    is_valid: Callable[[dict[str, Any]], bool],
    body: Buffer,
    headers: Mapping[str, str],
    limits: Limits,
) -> Received:
    """The tensors of a request. Raises `ContractViolation`, with status 413 or 415 where those say more."""
    if len(headers) == 2 and type(body) is bytes and len(body) <= limits.max_body_bytes:
        start = spec.known_lengths.get(headers.get("Inference-Header-Content-Length", ""))
        if start is not None and headers.get("Content-Type") == BINARY:
            layout = spec.known_layouts.get(body[:start])
            if layout is not None and len(body) == start + layout.size:
                arrays = laid_out(body, layout, start)
                if arrays is not None and is_valid(arrays):
                    return arrays, layout.reply
    try:
        message = read_headers(body, headers, limits)
        if message.media in (NPY, NPZ):
            reply = Reply(message.media)
            return accepted(
                spec, is_valid, numpy_tensors(spec.inputs, message, limits, spec.input_names), reply, limits
            )
        charset = message.parameters.get("charset", "utf-8").lower()
        if message.media not in ("", BINARY, SAGEMAKER_BINARY, JSON) or charset != "utf-8":
            wanted = listed((BINARY, SAGEMAKER_BINARY, JSON, NPY, NPZ))
            raise Refused("media-type", wanted=wanted, got=quoted(message.media))
        text = bytes_of(message)
        binary = message.body[len(text) :]
        layout = spec.known_layouts.get(text) if message.json_length is not None and message.media == BINARY else None
        if layout is not None and len(binary) == layout.size:
            arrays = laid_out(binary, layout, 0)
            if arrays is not None and is_valid(arrays):
                return arrays, layout.reply
        value = read_json(text, limits)
        if message.json_length is None and not (isinstance(value, dict) and is_protocol(value, "inputs")):
            return read_tree(spec, unwrapped(spec, value), read_numbers, Reply(JSON), limits)
        return read_protocol(spec, is_valid, value, text, binary, message.media, limits)
    except Refused as refused:
        status = {"media-type": 415, "too-large": 413}.get(refused.kind, 400)
        raise ContractViolation([violation(refused.kind, "body", **refused.facts)], status) from None


def bytes_of(message: Message) -> bytes:
    """The JSON of a message; the body itself where it is all of it."""
    whole = message.body.obj
    if message.json_length is None and isinstance(whole, bytes) and len(whole) == len(message.body):
        return whole
    return bytes(message.body if message.json_length is None else message.body[: message.json_length])


def laid_out(body: Buffer, layout: Layout, start: int) -> dict[str, Array] | None:
    """The tensors of a binary request whose layout is known; None where a bool is neither 0 nor 1."""
    arrays: dict[str, Array] = {}
    for name, dtype, shape, offset in layout.tensors:
        array: Array = np.ndarray(shape, dtype, body, start + offset)
        if dtype is BOOL and array.size and array.view(np.uint8).max() > 1:
            return None
        arrays[name] = array if array.flags.aligned else array.copy()
    return arrays


BOOL = DTYPES["bool"]


def read_protocol(
    spec: Spec,
    is_valid: Callable[[dict[str, Any]], bool],
    value: Any,
    text: bytes,
    binary: memoryview,
    media: str,
    limits: Limits,
) -> Received:
    """A request of the Open Inference Protocol."""
    if not isinstance(value, dict):
        raise Refused("body", wanted="a JSON object", got=described(value))
    parameters = member(value, "parameters", dict, {})
    theirs = parameters.get("contract", spec.contract)
    if theirs != spec.contract:
        raise Refused("contract", wanted=spec.contract, got=quoted(theirs, 80))
    wires, offsets = decode_tensors(
        member(value, "inputs", list), spec.input_names, binary, limits.max_members, read_numbers
    )
    received = accepted(spec, is_valid, wires, read_reply(spec, value, parameters, media), limits)
    if len(text) < MAX_HEAD and len(offsets) == len(wires) and media == BINARY and "id" not in value:
        remember(spec, text, wires, offsets, len(binary), received[1])
    return received


def remember(spec: Spec, text: bytes, wires: dict[str, Wire], offsets: list[int], size: int, reply: Reply) -> None:
    """Keep the layout of a binary request that was accepted: the same JSON means the same layout."""
    if len(spec.known_layouts) >= MAX_KNOWN:
        spec.known_layouts.clear()
        spec.known_lengths.clear()
    tensors = [
        (name, DTYPES[wire.dtype], wire.array.shape, offset)
        for (name, wire), offset in zip(wires.items(), offsets)
        if wire.array is not None
    ]
    spec.known_layouts[text] = Layout(tuple(tensors), size, reply)
    spec.known_lengths[str(len(text))] = len(text)


def read_reply(spec: Spec, value: dict[str, Any], parameters: dict[str, Any], protocol_media: str) -> Reply:
    """What a request says about its answer."""
    everything = member(parameters, "binary_data_output", bool, False)
    media = SAGEMAKER_BINARY if protocol_media == SAGEMAKER_BINARY else BINARY
    identity = member(value, "id", str) if "id" in value else None
    if not value.get("outputs"):
        return Reply(media, identity, everything)
    wanted: dict[str, bool] = {}
    for entry in member(value, "outputs", list):
        if type(entry) is not dict:
            raise Refused("body", wanted="an output to be an object", got=described(entry))
        name, options = member(entry, "name", str), member(entry, "parameters", dict, {})
        if name not in spec.output_names:
            raise Refused("unexpected", wanted=f"outputs {listed(spec.output_names)}", got=quoted(name))
        if name in wanted or options.get("classification") or options.get("shared_memory_region"):
            raise Refused("body", wanted="each output once, as a tensor", got="another wish")
        wanted[name] = member(options, "binary_data", bool, everything)
    return Reply(media, identity, everything, wanted)


def accepted(
    spec: Spec, is_valid: Callable[[dict[str, Any]], bool], wires: dict[str, Wire], reply: Reply, limits: Limits
) -> Received:
    """The tensors of a message, if they keep the contract."""
    arrays = {name: wire.array for name, wire in wires.items() if wire.array is not None}
    names = spec.input_names
    typed = all(name in names and names[name].dtype == wire.dtype for name, wire in wires.items())
    if typed and len(arrays) == len(wires) and is_valid(arrays):
        return arrays, reply
    return read_tree(spec, gather(spec.inputs, wires), read_wire, reply, limits, wires)


def read_tree(
    spec: Spec, tree: Any, read: Reader, reply: Reply, limits: Limits, wires: Mapping[str, Wire] | None = None
) -> Received:
    """The tensors of a tree of arguments. Raises `ContractViolation` with all that is wrong with it."""
    walk = Walk(read, False, limits.max_members, lambda value: block_items(value, limits.max_members))
    walk.visit(spec.inputs, tree, "inputs", "")
    if wires is not None:
        walk.found.violations.extend(unknown_names(wires, walk.found, spec.input_names))
    violations = explained(spec, walk)
    if violations:
        raise ContractViolation(violations)
    return {leaf.name: leaf.array for leaf in walk.found.leaves}, reply


def check_arguments(spec: Spec, arguments: dict[str, Any]) -> None:
    """Check arguments in memory, explaining. Raises `ContractViolation`."""
    walk = Walk(read_array, strict=True)
    walk.visit(spec.inputs, arguments, "inputs", "")
    violations = explained(spec, walk)
    if violations:
        raise ContractViolation(violations)


def call_of(
    found: dict[str, Any], positional: tuple[str, ...], variadic: str | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The `(args, kwargs)` of a call: by position up to the first argument that is absent, by name from there on."""
    rest = list(found.get(variadic, ())) if variadic else []
    present = [name for name in positional if name in found]
    split = next((i for i, name in enumerate(positional) if name not in found), len(positional))
    if rest:
        split = len(positional)
    args = [found.get(name) for name in positional[:split]]
    kwargs = {name: value for name, value in found.items() if name not in positional[:split] and name != variadic}
    return (*args, *rest), kwargs if present or kwargs else {}
