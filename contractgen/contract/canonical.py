"""The canonical form of a contract and its fingerprint: what a client or a server can tell apart, and nothing else.

Two contracts have one fingerprint where they accept the same requests and promise the same responses for the same
reasons: names of dims, the order of relations, evidence, roles, the model's name and its description do not count.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from contractgen.contract.decimals import is_decimal, shortest
from contractgen.contract.encode import dim_json, expr_json, to_json
from contractgen.contract.expression import rename
from contractgen.contract.model import Bound, Contract, Dict, Expr, List, Node, Optional, Tensor, Tuple, Values
from contractgen.contract.tree import derived_in_order, used_in


def canonical(contract: Contract) -> str:
    """The canonical form, JSON as RFC 8785 (JCS) writes it: sorted members, no white space."""
    new_names = _new_names(contract)
    whole = to_json(
        dataclasses.replace(
            contract,
            dims={},
            inputs=tuple(dataclasses.replace(part, node=_renamed(part.node, new_names)) for part in contract.inputs),
            outputs=tuple(dataclasses.replace(part, node=_renamed(part.node, new_names)) for part in contract.outputs),
            relations=(),
        )
    )
    kept = {name: whole[name] for name in ("format", "inputs", "outputs")}
    kept["dims"] = {
        new_names[name]: dim_json(dataclasses.replace(dim, role=None, equals=_renamed_expr(dim.equals, new_names)))
        for name, dim in contract.dims.items()
    }
    relations = {rename(relation, new_names) for relation in contract.relations}
    kept["relations"] = sorted(map(expr_json, relations), key=_compact)
    return _compact(kept)


def fingerprint(contract: Contract) -> str:
    """``sha256:`` and the digest of the canonical form."""
    return f"sha256:{_digest(canonical(contract))}"


def seal(contract: Contract) -> Contract:
    """The same contract with its right fingerprint."""
    return dataclasses.replace(contract, fingerprint=fingerprint(contract))


def _compact(value: object) -> str:
    # With integers and strings alone, and member names in ASCII, this is RFC 8785.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _new_names(contract: Contract) -> Mapping[str, str]:
    """``d0``, ``d1``, ... for the dims that the trees use, by first use; the others have nothing but their definition.

    A derived dim that only relations or other derived dims use is called after the digest of its expression, so that
    neither its place in the file nor that of the relation matters.
    """
    used = [
        name for name in dict.fromkeys([*used_in(contract.inputs), *used_in(contract.outputs)]) if name in contract.dims
    ]
    new_names = {name: f"d{index}" for index, name in enumerate(used)}
    for index, name in enumerate(
        name for name, dim in contract.dims.items() if name not in new_names and dim.equals is None
    ):
        new_names[name] = f"u{index}"
    ordered, cyclic = derived_in_order(contract.dims)
    for name in (*ordered, *cyclic):
        equals = contract.dims[name].equals
        if name not in new_names and equals is not None:
            new_names[name] = f"e{_digest(_compact(expr_json(rename(equals, new_names))))}"
    return new_names


def _renamed_expr(expr: Expr | None, new_names: Mapping[str, str]) -> Expr | None:
    return None if expr is None else rename(expr, new_names)


def _renamed(node: Node, new_names: Mapping[str, str]) -> Node:
    """The node over the new names of dims, its values in their one spelling."""
    if isinstance(node, Tensor):
        shape = tuple(_renamed_size(size, new_names) for size in node.shape)
        return dataclasses.replace(node, shape=shape, values=_renamed_values(node.values, new_names))
    if isinstance(node, Dict):
        fields = tuple(dataclasses.replace(part, node=_renamed(part.node, new_names)) for part in node.fields)
        return Dict(fields)
    if isinstance(node, List):
        return List(_renamed(node.item, new_names), _renamed_size(node.length, new_names))
    if isinstance(node, Tuple):
        return dataclasses.replace(node, items=tuple(_renamed(item, new_names) for item in node.items))
    if isinstance(node, Optional):
        return Optional(_renamed(node.node, new_names))
    return node


def _renamed_size(size: int | str, new_names: Mapping[str, str]) -> int | str:
    return new_names.get(size, size) if isinstance(size, str) else size


def _renamed_values(values: Values | None, new_names: Mapping[str, str]) -> Values | None:
    if values is None:
        return None
    columns = values.along_last
    one_of = values.one_of
    return dataclasses.replace(
        values,
        min=_renamed_bound(values.min, new_names),
        max=_renamed_bound(values.max, new_names),
        one_of=None if one_of is None else tuple(sorted(map(_spelled, one_of), key=str)),
        not_nan=values.not_nan and not values.finite,
        along_last=None
        if columns is None
        else tuple(_renamed_values(column, new_names) or Values() for column in columns),
    )


def _renamed_bound(bound: Bound | None, new_names: Mapping[str, str]) -> Bound | None:
    if isinstance(bound, str) and is_decimal(bound):
        return shortest(bound)
    return None if bound is None else rename(bound, new_names)


def _spelled(literal: int | str) -> int | str:
    return shortest(literal) if isinstance(literal, str) else literal
