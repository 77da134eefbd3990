"""JSON Schema (2020-12) of the plain JSON request and response: nested lists of numbers in the model's own structure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    List,
    Node,
    Optional,
    Tensor,
    Values,
)
from contractgen.contract.tree import Parts, leaves
from contractgen.report.formats import losses

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_INTEGERS: Final = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}


def request_schema(contract: Contract) -> dict[str, Any]:
    """The schema of a request: an object of forward's parameters. What the contract allows, it allows."""
    intro = (
        f"The plain JSON request of {contract.name}: an object of the parameters. The only required parameter may also "
        "stand for the whole, and either below `instances` or `inputs`."
    )
    fields = [(part.name, part.node, part.required) for part in contract.inputs]
    return {
        "$schema": DIALECT,
        "title": f"{contract.name} request",
        "description": losses.described(intro, lost(contract, contract.inputs)),
        **_object(contract, fields),
    }


def response_schema(contract: Contract) -> dict[str, Any]:
    """The schema of a response: what forward returns, a list where that is a tuple."""
    intro = f"The plain JSON response of {contract.name}."
    nodes = [part.node for part in contract.outputs]
    body = node_schema(contract, nodes[0]) if len(nodes) == 1 else _items(contract, nodes)
    return {
        "$schema": DIALECT,
        "title": f"{contract.name} response",
        "description": losses.described(intro, lost(contract, contract.outputs)),
        **body,
    }


def lost(contract: Contract, parts: Parts) -> Iterator[str]:
    """What the schema of one side cannot say."""
    yield from losses.sizes(contract, parts)
    yield from losses.bounds(parts)
    dtypes = {leaf.tensor.dtype for leaf in leaves(parts)}
    if dtypes & _INTEGERS.keys():
        yield "integers are written without a fraction (JSON Schema takes 1.0 for one)"
    if any("float" in dtype or "complex" in dtype for dtype in dtypes):
        yield "numbers fit their float type, and integers among them are exact in it"
        yield "NaN and infinities, where they are allowed, have no form in standard JSON"


def node_schema(contract: Contract, node: Node) -> dict[str, Any]:
    """The schema of a node."""
    if isinstance(node, Tensor):
        return _tensor(contract, node)
    if isinstance(node, Constant):
        value = float(str(node.value)) if node.type == "float" else node.value
        return {"const": value}
    if isinstance(node, Optional):
        return {"anyOf": [node_schema(contract, node.node), {"type": "null"}]}
    if isinstance(node, Dict):
        return _object(contract, [(part.key, part.node, part.required) for part in node.fields])
    if isinstance(node, List):
        return {"type": "array", "items": node_schema(contract, node.item), **_length(contract, node.length)}
    return _items(contract, list(node.items))


def _object(contract: Contract, fields: list[tuple[str, Node, bool]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: node_schema(contract, node) for key, node, _ in fields},
        # A constant need not be sent: the server has its own copy.
        "required": [key for key, node, required in fields if required and not isinstance(node, Constant)],
        "additionalProperties": False,
    }


def _items(contract: Contract, nodes: list[Node]) -> dict[str, Any]:
    return {
        "type": "array",
        "prefixItems": [node_schema(contract, node) for node in nodes],
        "items": False,
        "minItems": len(nodes),
    }


def _length(contract: Contract, size: int | str) -> dict[str, int]:
    if isinstance(size, int):
        return {"minItems": size, "maxItems": size}
    dim = contract.dims[size]
    if dim.equals is not None:
        return {}
    found = {"minItems": -(-dim.min // dim.multiple_of) * dim.multiple_of}
    if dim.max is not None:
        found["maxItems"] = dim.max // dim.multiple_of * dim.multiple_of
    return found


def _tensor(contract: Contract, tensor: Tensor) -> dict[str, Any]:
    values = tensor.values or Values()
    made = _number(tensor, [values])
    shape = list(tensor.shape)
    if shape and values.along_last is not None:
        columns = [_number(tensor, [values, column]) for column in values.along_last]
        last = shape.pop()
        rest = {"items": False, "minItems": len(columns)} if isinstance(last, int) else {"items": made}
        made = {"type": "array", "prefixItems": columns, **rest}
        if isinstance(last, str):
            made |= _length(contract, last)
    may_be_empty = any(_least(contract, size) == 0 for size in tensor.shape)
    for size in reversed(shape):
        length = _length(contract, size)
        if may_be_empty and length.get("minItems"):
            # Nested lists show no size behind one that is 0: `[]` stands for them all.
            made = {"anyOf": [{"type": "array", "items": made, **length}, {"const": []}]}
        else:
            made = {"type": "array", "items": made, **length}
    return {"description": f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]", **made}


def _least(contract: Contract, size: int | str) -> int:
    if isinstance(size, int):
        return size
    dim = contract.dims[size]
    return 0 if dim.equals is not None else dim.min


def _number(tensor: Tensor, domains: list[Values]) -> dict[str, Any]:
    """The schema of one element."""
    if tensor.dtype == "bool":
        return {"type": "boolean"}
    if tensor.dtype.startswith("complex"):
        # A pair of the real and the imaginary part.
        return {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    low, high = _INTEGERS.get(tensor.dtype, (None, None))
    made: dict[str, Any] = {"type": "integer" if low is not None else "number"}
    lows = [low, *(_literal(domain.min) for domain in domains)]
    highs = [high, *(_literal(domain.max) for domain in domains)]
    if any(bound is not None for bound in lows):
        made["minimum"] = max(bound for bound in lows if bound is not None)
    if any(bound is not None for bound in highs):
        made["maximum"] = min(bound for bound in highs if bound is not None)
    sets = [domain.one_of for domain in domains if domain.one_of is not None]
    if len(sets) == 1:
        made["enum"] = [_literal(one) for one in sets[0]]
    elif sets:
        made["allOf"] = [{"enum": [_literal(one) for one in options]} for options in sets]
    return made


def _literal(bound: Any) -> int | float | None:  # noqa: ANN401 (any bound, or none)
    if bound is None or not losses.is_literal(bound):
        return None
    exact = Decimal(bound)
    return int(exact) if exact == exact.to_integral_value() else float(exact)
