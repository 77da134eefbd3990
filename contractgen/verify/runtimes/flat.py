"""A graph's inputs and outputs go by name, without structure: from a tree to the names of a contract, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contractgen.contract.model import Constant, Contract, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.contract.tree import in_sequence
from contractgen.verify.trees import OutputMismatch, indexed, named

Call = tuple[tuple[Any, ...], Mapping[str, Any]]


def flattened(contract: Contract, call: Call) -> dict[str, Any]:
    """The tensors of a call by wire name. What the contract does not know goes by its path, and is refused by that name."""
    nodes = {parameter.name: parameter.node for parameter in contract.inputs}
    given = named(contract, (call[0], dict(call[1])))
    return {name: leaf for key, value in given.items() for name, leaf in _leaves(nodes.get(key), value, key, ())}


def _leaves(node: Node | None, value: Any, path: str, index: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if value is None or isinstance(node, Constant):
        return
    if isinstance(node, Optional):
        yield from _leaves(node.node, value, path, index)
    elif isinstance(node, Tensor):
        yield indexed(node.wire_name, index), value
    elif isinstance(node, Dict) and isinstance(value, Mapping):
        fields = {field.key: field.node for field in node.fields}
        for key, item in value.items():
            yield from _leaves(fields.get(key), item, f"{path}.{key}", index)
    elif isinstance(node, List) and isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _leaves(node.item, item, f"{path}.{place}", (*index, place))
    elif isinstance(node, Tuple) and isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            inner = node.items[place] if place < len(node.items) else None
            yield from _leaves(inner, item, f"{path}.{place}", index)
    else:
        yield path, value


def structured(contract: Contract, found: Mapping[str, Any]) -> Any:
    """The result that the contract states, of a graph's outputs by wire name. Raises `OutputMismatch` where one is missing."""
    parts = [_built(output.node, found, ()) for output in contract.outputs]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _built(node: Node, found: Mapping[str, Any], index: tuple[int, ...]) -> Any:
    if isinstance(node, Tensor):
        name = indexed(node.wire_name, index)
        if name not in found:
            raise OutputMismatch(f"{name}: the graph does not return it, only {', '.join(found)}")
        return found[name]
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Optional):
        return _built(node.node, found, index) if _there(node.node, found, index) else None
    if isinstance(node, Dict):
        return {
            field.key: _built(field.node, found, index)
            for field in node.fields
            if field.required or _there(field.node, found, index)
        }
    if isinstance(node, Tuple):
        return in_sequence(node, (_built(item, found, index) for item in node.items))
    items: list[Any] = []
    while _there(node.item, found, (*index, len(items))):
        items.append(_built(node.item, found, (*index, len(items))))
    return items


def _there(node: Node, found: Mapping[str, Any], index: tuple[int, ...]) -> bool:
    try:
        _built(node, found, index)
    except OutputMismatch:
        return False
    return True
