"""Plain JSON in the model's own structure: the lists, objects and numbers that the arguments or results are made of."""

from __future__ import annotations

import json
from typing import Any

from contractgen.generate.runtime.json_writing import json_array
from contractgen.generate.runtime.limits import BINARY
from contractgen.generate.runtime.spec import Constant, Dict, Field, List, Node, Optional, Spec, Tensor, Tuple


def plain_json(node: Node, value: Any) -> bytes:
    """The JSON of a tree of arrays, without constants: they are the reader's own.

    Raises `ValueError` for an empty tensor whose shape nested lists do not show.
    """
    if isinstance(node, Optional) and value is not None:  # only: optionals
        return plain_json(node.node, value)
    if isinstance(node, Dict):
        fields = [part for part in node.fields if part.key in value]
        fields = [part for part in fields if not isinstance(part.node, Constant)]  # only: constants
        texts = [json.dumps(part.key).encode() + b":" + plain_json(part.node, value[part.key]) for part in fields]
        return b"{" + b",".join(texts) + b"}"
    if isinstance(node, List):  # only: lists
        return b"[" + b",".join(plain_json(node.item, item) for item in value) + b"]"
    if isinstance(node, Tuple):  # only: tuples
        return b"[" + b",".join(plain_json(part, item) for part, item in zip(node.items, value)) + b"]"
    if not isinstance(node, Tensor):
        return json.dumps(value).encode()
    if value.size == 0 and any(isinstance(size, str) for size in node.shape[value.shape.index(0) + 1 :]):
        raise ValueError(f"{node.name}: plain JSON cannot hold the shape of an empty tensor, use {BINARY}")
    return json_array(value, node.dtype)


def sole(spec: Spec) -> Field | None:
    """The only parameter that a request must have, if there is one: its JSON may stand for the whole."""
    required = [part for part in spec.inputs.fields if part.required]
    required = [part for part in required if not isinstance(part.node, Constant)]  # only: constants
    return required[0] if len(required) == 1 else None


def unwrapped(spec: Spec, value: Any) -> Any:
    """The arguments by name that a plain JSON body means.

    It may be the object of all parameters, what the only required parameter takes, or either one below `instances` or
    `inputs`; below `instances` also as one object per row of the batch.
    """
    names = {part.key for part in spec.inputs.fields}
    only = sole(spec)
    if isinstance(value, dict) and len(value) == 1 and not names & value.keys():
        value = columns(value["instances"]) if "instances" in value else value.get("inputs", value)
    own = {part.key for part in only.node.fields} if only and isinstance(only.node, Dict) else set()
    if isinstance(value, dict) and (only is None or (names & value.keys() and not value.keys() & (own - names))):
        return value
    if only is None or (isinstance(value, dict) and not own):
        return value
    return {only.key: value}


def columns(value: Any) -> Any:
    """One object per row of a batch as one object of whole batches; any other value as it is."""
    is_rows = isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    if not is_rows or any(row.keys() != value[0].keys() for row in value):
        return value
    return {key: [row[key] for row in value] for key in value[0]}
