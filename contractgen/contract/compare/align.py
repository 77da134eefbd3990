"""Two contracts with one spelling of what both can say: a list of three alike is a list of three, each said by itself."""

from __future__ import annotations

import re
from dataclasses import replace

from contractgen.contract.model import Contract, Dict, List, Node, Optional, Tensor, Tuple


def aligned(old: Contract, new: Contract) -> tuple[Contract, Contract]:
    """The two contracts; a list of as many items as the other contract has one by one is said so, too.

    They allow the same messages as before.
    """
    ours, theirs = (_nodes(contract) for contract in (old, new))
    return _with_nodes(old, _aligned(ours, theirs, 0)), _with_nodes(new, _aligned(theirs, ours, 0))


def _nodes(contract: Contract) -> dict[str | int, Node]:
    """Inputs by name, outputs by place."""
    nodes: dict[str | int, Node] = {part.name: part.node for part in contract.inputs}
    return nodes | {index: part.node for index, part in enumerate(contract.outputs)}


def _aligned(nodes: dict[str | int, Node], others: dict[str | int, Node], depth: int) -> dict[str | int, Node]:
    return {key: _like(node, others.get(key), depth) for key, node in nodes.items()}


def _with_nodes(contract: Contract, nodes: dict[str | int, Node]) -> Contract:
    return replace(
        contract,
        inputs=tuple(replace(part, node=nodes[part.name]) for part in contract.inputs),
        outputs=tuple(replace(part, node=nodes[index]) for index, part in enumerate(contract.outputs)),
    )


def _like(node: Node, other: Node | None, depth: int) -> Node:
    """A node spelled as the other one is; ``depth`` counts the lists around it."""
    if isinstance(node, Optional):
        return Optional(_like(node.node, other.node if isinstance(other, Optional) else other, depth))
    if isinstance(other, Optional):
        other = other.node
    if isinstance(node, Dict):
        fields = {part.key: part.node for part in other.fields} if isinstance(other, Dict) else {}
        return Dict(tuple(replace(part, node=_like(part.node, fields.get(part.key), depth)) for part in node.fields))
    if isinstance(node, List):
        is_said_apart = isinstance(other, Tuple) and (other.sequence, len(other.items)) == ("list", node.length)
        if not is_said_apart:
            return replace(node, item=_like(node.item, other.item if isinstance(other, List) else None, depth + 1))
        assert isinstance(other, Tuple)
        node = Tuple(tuple(_numbered(node.item, depth, index) for index in range(len(other.items))), "list")
    if isinstance(node, Tuple):
        others = _items(other, len(node.items))
        return replace(node, items=tuple(_like(*pair, depth) for pair in zip(node.items, others, strict=True)))
    return node


def _items(node: Node | None, count: int) -> tuple[Node | None, ...]:
    """The nodes of the items of a list or tuple, as many as wanted."""
    items = node.items if isinstance(node, Tuple) else (node.item,) * count if isinstance(node, List) else ()
    return (*items[:count], *(None,) * (count - len(items)))


def _numbered(node: Node, depth: int, index: int) -> Node:
    """A node with the ``*`` behind ``depth`` others in each wire name replaced by an index."""
    if isinstance(node, Tensor):
        before = re.match(rf"(?:[^*]*\*){{{depth}}}[^*]*", node.wire_name)
        assert before is not None
        return replace(node, wire_name=f"{before[0]}{index}{node.wire_name[before.end() + 1 :]}")
    if isinstance(node, Dict):
        return Dict(tuple(replace(part, node=_numbered(part.node, depth, index)) for part in node.fields))
    if isinstance(node, List):
        return replace(node, item=_numbered(node.item, depth, index))
    if isinstance(node, Tuple):
        return replace(node, items=tuple(_numbered(item, depth, index) for item in node.items))
    return Optional(_numbered(node.node, depth, index)) if isinstance(node, Optional) else node
