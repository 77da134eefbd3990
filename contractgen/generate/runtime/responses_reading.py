"""Responses as the client reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contractgen.generate.runtime.arrays import read_list, read_wire
from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.hints import kept
from contractgen.generate.runtime.limits import NPY, NPZ, Limits, Message, read_headers
from contractgen.generate.runtime.number_lists import Special
from contractgen.generate.runtime.numpy_files import numpy_tensors
from contractgen.generate.runtime.protocol import decode_tensors, is_protocol, member
from contractgen.generate.runtime.spec import Spec
from contractgen.generate.runtime.violations import ContractViolation, Refused, quoted, violation
from contractgen.generate.runtime.walk import Place, Reader, Walk, gather


def decode_response(spec: Spec, body: Buffer, headers: Mapping[str, str], limits: Limits) -> Any:
    """What `forward` returns, as numpy arrays. Raises `ContractViolation` where a response is none of this model."""
    try:
        tree, read = response_tree(spec, read_headers(body, headers, limits), limits)
    except Refused as refused:
        raise ContractViolation([violation(refused.kind, "body", **refused.facts)]) from None
    walk = Walk(read)
    walk.visit(spec.outputs, tree, Place("outputs"))
    results = gather(spec.outputs, kept(spec, walk))
    return results[spec.outputs.fields[0].key] if len(spec.outputs.fields) == 1 else tuple(results.values())


def response_tree(spec: Spec, message: Message, limits: Limits) -> tuple[Any, Reader]:
    """The results by name as they came, and how to read their leaves. Raises `Refused`."""
    fields = spec.outputs.fields
    if message.media in (NPY, NPZ):
        return gather(
            spec.outputs, numpy_tensors(message, spec.output_names, next(iter(spec.output_names), ""), limits)
        ), read_wire
    try:
        value = json.loads(message.text(), parse_constant=Special)
    except (ValueError, RecursionError) as error:
        raise Refused("body", wanted="JSON", got=type(error).__name__) from error
    if isinstance(value, dict) and isinstance(value.get("error"), str) and message.json_length is None:
        raise Refused("body", wanted="a result", got=f"the error {quoted(value['error'])}")
    if is_protocol(value, "outputs"):
        theirs = member(value, "parameters", dict, {}).get("contract", spec.contract)
        if theirs != spec.contract:
            raise Refused("contract", wanted=spec.contract, got=quoted(theirs, 80))
        binary = message.binary()
        wires, _ = decode_tensors(value["outputs"], spec.output_names, binary, limits.max_members, read_list)
        return gather(spec.outputs, wires), read_wire
    if len(fields) == 1:
        return {fields[0].key: value}, read_list
    if isinstance(value, list):
        return {part.key: item for part, item in zip(fields, value)}, read_list
    return value, read_list
