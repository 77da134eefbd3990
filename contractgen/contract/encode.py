"""From a `Contract` to plain JSON data, members in the order of the on-disk form."""

from __future__ import annotations

from typing import Any

from contractgen.contract.model import (
    FORMAT,
    Constant,
    Contract,
    Dict,
    Dim,
    Expr,
    List,
    Node,
    Optional,
    Tensor,
    Tuple,
    Values,
)

JsonObject = dict[str, Any]


def to_json(contract: Contract) -> JsonObject:
    """The contract as plain JSON data, members in the order of the on-disk form."""
    model = {"name": contract.name}
    if contract.description is not None:
        model["description"] = contract.description
    return {
        "format": FORMAT,
        "model": model,
        **({"fingerprint": contract.fingerprint} if contract.fingerprint else {}),
        "dims": {name: dim_json(dim) for name, dim in contract.dims.items()},
        "relations": [expr_json(relation) for relation in contract.relations],
        "inputs": [
            {"name": part.name, "kind": part.kind, "required": part.required, "node": node_json(part.node)}
            for part in contract.inputs
        ],
        "outputs": [{"name": part.name, "node": node_json(part.node)} for part in contract.outputs],
        "evidence": [
            {"about": one.about, "property": one.property, "source": one.source, "detail": one.detail}
            for one in contract.evidence
        ],
        **contract.extensions,
    }


def dim_json(dim: Dim) -> JsonObject:
    """A dim; a role only where it has one."""
    role = {} if dim.role is None else {"role": dim.role}
    if dim.equals is not None:
        return {"equals": expr_json(dim.equals), **role}
    return {"min": dim.min, "max": dim.max, "multiple_of": dim.multiple_of, **role}


def expr_json(expr: Expr) -> object:
    """An expression as nested arrays."""
    return [expr[0], expr_json(expr[1]), expr_json(expr[2])] if isinstance(expr, tuple) else expr


def node_json(node: Node) -> JsonObject:
    """A node with all that is below it."""
    if isinstance(node, Tensor):
        return {
            "type": "tensor",
            "wire_name": node.wire_name,
            "dtype": node.dtype,
            "shape": list(node.shape),
            "values": values_json(node.values),
        }
    if isinstance(node, Dict):
        fields = [{"key": part.key, "required": part.required, "node": node_json(part.node)} for part in node.fields]
        return {"type": "dict", "fields": fields}
    if isinstance(node, List):
        return {"type": "list", "length": node.length, "item": node_json(node.item)}
    if isinstance(node, Tuple):
        return {"type": node.sequence, "items": [node_json(item) for item in node.items]}
    if isinstance(node, Optional):
        return {"type": "optional", "node": node_json(node.node)}
    return constant_json(node)


def constant_json(node: Constant) -> JsonObject:
    """A constant; a float stands as a decimal string."""
    return {"type": "constant", "value_type": node.type, "value": node.value}


def values_json(values: Values | None) -> JsonObject | None:
    """The members of a value domain that are set; None where it accepts everything."""
    if values is None:
        return None
    members: JsonObject = {}
    if values.min is not None:
        members["min"] = expr_json(values.min)
    if values.max is not None:
        members["max"] = expr_json(values.max)
    if values.one_of is not None:
        members["one_of"] = list(values.one_of)
    members |= {name: True for name in ("finite", "not_nan") if getattr(values, name)}
    if values.order is not None:
        members["order"] = values.order
    if values.attained:
        members["attained"] = True
    if values.each_row is not None:
        members["each_row"] = {f"min_{values.each_row.kind}": values.each_row.least}
    if values.along_last is not None:
        members["along_last"] = [values_json(column) for column in values.along_last]
    return members or None
