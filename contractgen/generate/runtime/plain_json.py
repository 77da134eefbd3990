"""Plain JSON in the model's own structure: the lists, objects and numbers that the arguments or results are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import from_bfloat16
from contractgen.generate.runtime.limits import BINARY
from contractgen.generate.runtime.spec import Constant, Dict, Field, List, Node, Optional, Spec, Tensor, Tuple


def plain_tree(node: Node, value: Any) -> Any:
    """What `json.dumps` takes for a tree of arrays; constants are left to the reader's own copy of the contract.

    Complex numbers become pairs, bfloat16 the numbers that the bits stand for. Raises `ValueError` for an empty tensor
    whose shape nested lists do not show.
    """
    if value is None:
        return None
    if isinstance(node, Optional):
        return plain_tree(node.node, value)
    if isinstance(node, Tensor):
        if value.size == 0 and any(isinstance(size, str) for size in node.shape[value.shape.index(0) + 1 :]):
            raise ValueError(f"{node.name}: plain JSON cannot hold the shape of an empty tensor, use {BINARY}")
        if node.dtype == "bfloat16":
            value = from_bfloat16(value)
        elif node.dtype.startswith("complex"):
            value = np.asarray(value, order="C")[..., None].view(value.real.dtype)
        return value.tolist()
    if isinstance(node, Dict):
        return {
            part.key: plain_tree(part.node, value[part.key])
            for part in node.fields
            if part.key in value and not isinstance(part.node, Constant)
        }
    if isinstance(node, List):
        return [plain_tree(node.item, item) for item in value]
    if isinstance(node, Tuple):
        return [plain_tree(part, item) for part, item in zip(node.items, value)]
    return value


def sole(spec: Spec) -> Field | None:
    """The only parameter that a request must have, if there is one: its JSON may stand for the whole."""
    required = [part for part in spec.inputs.fields if part.required and not isinstance(part.node, Constant)]
    return required[0] if len(required) == 1 else None


def unwrapped(spec: Spec, value: Any) -> Any:
    """The arguments by name that a plain JSON body means.

    It may be the object of all parameters, what the only required parameter takes, or either one below `instances` or
    `inputs`.
    """
    names = {part.key for part in spec.inputs.fields}
    only = sole(spec)
    if isinstance(value, dict) and len(value) == 1 and not names & value.keys():
        value = value.get("instances", value.get("inputs", value))
    own = {part.key for part in only.node.fields} if only and isinstance(only.node, Dict) else set()
    if isinstance(value, dict) and (only is None or (names & value.keys() and not value.keys() & (own - names))):
        return value
    if only is None or (isinstance(value, dict) and not own):
        return value
    return {only.key: value}
