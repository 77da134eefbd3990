"""Requests as the validator reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from contractgen.generate.runtime.arrays import read_array, read_wire
from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.hints import kept
from contractgen.generate.runtime.json_blocks import block_items, read_numbers
from contractgen.generate.runtime.json_reading import read_json
from contractgen.generate.runtime.limits import (
    BINARY,
    JSON,
    LENGTH_HEADER,
    NPY,
    NPZ,
    SAGEMAKER_BINARY,
    Limits,
    Message,
    read_headers,
)
from contractgen.generate.runtime.numpy_files import numpy_tensors
from contractgen.generate.runtime.plain_json import unwrapped
from contractgen.generate.runtime.protocol import Wire, decode_tensors, is_protocol, member
from contractgen.generate.runtime.spec import Spec, tensors_of
from contractgen.generate.runtime.violations import ContractViolation, Refused, listed, quoted, violation
from contractgen.generate.runtime.walk import Place, Reader, Walk, gather


@dataclass(frozen=True)
class Reply:
    """How a client wants its answer: the media type, the request's id, and the outputs.

    Of those, each that was asked for by name has its own wish whether to be binary; without names `binary` is for all.
    """

    media: str = BINARY
    id: str | None = None
    binary: bool = True
    outputs: dict[str, bool] | None = None


class Layout(NamedTuple):
    """A binary request: the length of its JSON as the header has it, where its tensors are behind that, and its reply."""

    length: str
    tensors: list[tuple[str, np.dtype[Any], tuple[int, ...], int]]
    size: int
    reply: Reply


MAX_KNOWN = 256
MAX_HEAD = 8192
KNOWN_LAYOUTS: dict[bytes, Layout] = {}
"""The layouts of binary requests accepted before, by their JSON: the same JSON means the same; emptied when full."""

Check = Callable[[dict[str, Any]], bool]
Received = tuple[dict[str, Array], Reply]
"""A request that keeps the contract: its tensors by name, and how to answer it."""


def decode_request(spec: Spec, is_valid: Check, body: Buffer, headers: Mapping[str, str], limits: Limits) -> Received:
    """The tensors of a request. Raises `ContractViolation`, with status 413 or 415 where those say more."""
    if len(headers) == 2 and headers.get("Content-Type") == BINARY and len(body) <= limits.max_body_bytes:
        received = received_before(is_valid, body, headers.get(LENGTH_HEADER, ""))
        if received is not None:
            return received
    try:
        message = read_headers(body, headers, limits)
        if message.media in (NPY, NPZ):
            required = [tensor.name for part in spec.inputs.fields if part.required for tensor in tensors_of(part.node)]
            only = next(iter([*required, *spec.input_names]), "")
            wires = numpy_tensors(message, spec.input_names, only, limits)
            return accepted(spec, is_valid, wires, Reply(message.media), limits)
        if message.json_length is not None and message.media == BINARY:
            received = received_before(is_valid, message.body, str(message.json_length))
            if received is not None:
                return received
        value = read_json(message.text(), limits)
        if message.json_length is None and not is_protocol(value, "inputs"):
            return read_tree(spec, unwrapped(spec, value), read_numbers, Reply(JSON), limits)
        return read_protocol(spec, is_valid, value, message, limits)
    except Refused as refused:
        status = {"media-type": 415, "too-large": 413}.get(refused.kind, 400)
        raise ContractViolation([violation(refused.kind, "body", **refused.facts)], status) from None


def received_before(is_valid: Check, body: Buffer, length: str) -> Received | None:
    """A binary request with the JSON of one that was accepted before, if it keeps the contract, too."""
    start = int(length) if length.isdecimal() and len(length) < 5 else 0
    layout = KNOWN_LAYOUTS.get(bytes(body[:start]))
    if layout is None or layout.length != length or layout.size != len(body):
        return None
    arrays: dict[str, Array] = {}
    for name, dtype, shape, offset in layout.tensors:
        array: Array = np.ndarray(shape, dtype, body, offset)
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:  # only: bool
            return None
        arrays[name] = array if array.flags.aligned else array.copy()
    return (arrays, layout.reply) if is_valid(arrays) else None


def read_protocol(spec: Spec, is_valid: Check, value: Any, message: Message, limits: Limits) -> Received:
    """A request of the Open Inference Protocol."""
    entries, parameters = member(value, "inputs", list), member(value, "parameters", dict, {})
    theirs = parameters.get("contract", spec.contract)
    if theirs != spec.contract:
        raise Refused("contract", wanted=spec.contract, got=quoted(theirs, 80))
    binary = message.binary()
    wires, offsets = decode_tensors(entries, spec.input_names, binary, limits.max_members, read_numbers)
    arrays, reply = accepted(spec, is_valid, wires, read_reply(spec, value, parameters, message.media), limits)
    start = message.json_length or 0
    if 0 < start < MAX_HEAD and len(offsets) == len(arrays) and message.media == BINARY and "id" not in value:
        if len(KNOWN_LAYOUTS) >= MAX_KNOWN:
            KNOWN_LAYOUTS.clear()
        tensors = [
            (name, array.dtype, array.shape, start + offset) for (name, array), offset in zip(arrays.items(), offsets)
        ]
        KNOWN_LAYOUTS[bytes(message.text())] = Layout(str(start), tensors, start + len(binary), reply)
    return arrays, reply


def read_reply(spec: Spec, value: dict[str, Any], parameters: dict[str, Any], protocol_media: str) -> Reply:
    """What a request says about its answer."""
    everything = member(parameters, "binary_data_output", bool, False)
    media = SAGEMAKER_BINARY if protocol_media == SAGEMAKER_BINARY else BINARY
    identity = member(value, "id", str) if "id" in value else None
    if not value.get("outputs"):
        return Reply(media, identity, everything)
    wanted: dict[str, bool] = {}
    for entry in member(value, "outputs", list):
        name, options = member(entry, "name", str), member(entry, "parameters", dict, {})
        if name not in spec.output_names:
            raise Refused("unexpected", wanted=f"outputs {listed(spec.output_names)}", got=quoted(name))
        if name in wanted or options.get("classification") or options.get("shared_memory_region"):
            raise Refused("body", wanted="each output once, as a tensor", got="another wish")
        wanted[name] = member(options, "binary_data", bool, everything)
    return Reply(media, identity, everything, wanted)


def accepted(spec: Spec, is_valid: Check, wires: dict[str, Wire], reply: Reply, limits: Limits) -> Received:
    """The tensors of a message, if they keep the contract. Raises `ContractViolation` with all that is wrong."""
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
    walk = Walk(read)
    walk = replace(walk, unfold=lambda value: block_items(value, limits.max_members))  # only: lists, tuples
    walk = replace(walk, max_items=limits.max_members)  # only: lists
    walk.visit(spec.inputs, tree, Place("inputs"))
    used = {leaf.name for leaf in walk.found.leaves}
    for name, wire in (wires or {}).items():
        if name not in used and not (name in spec.input_names and wire.array is None):
            walk.refuse("unexpected", Place("inputs"), wanted=listed(spec.input_names), got=quoted(name))
    return kept(spec, walk), reply


def check_arguments(spec: Spec, arguments: dict[str, Any]) -> None:
    """Check arguments in memory, explaining. Raises `ContractViolation`."""
    walk = Walk(read_array, strict=True)
    walk.visit(spec.inputs, arguments, Place("inputs"))
    kept(spec, walk)


def call_of(
    found: dict[str, Any], positional: tuple[str, ...], variadic: str | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The `(args, kwargs)` of a call: by position up to the first argument that is absent, by name from there on."""
    rest = list(found.get(variadic, ())) if variadic else []
    split = next((i for i, name in enumerate(positional) if name not in found), len(positional))
    if rest:
        split = len(positional)
    args = [found.get(name) for name in positional[:split]]
    kwargs = {name: value for name, value in found.items() if name not in positional[:split] and name != variadic}
    return (*args, *rest), kwargs
