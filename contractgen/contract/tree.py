"""Walking a contract: its leaves with where they stand, and its dims in the order in which they are met."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar, Union

from contractgen.contract.expression import names_in_order
from contractgen.contract.model import (
    Contract,
    Dict,
    Dim,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)

T = TypeVar("T")

Parts: TypeAlias = Sequence[Union[Parameter, Output]]
"""``contract.inputs`` or ``contract.outputs``."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Place:
    """A node with where it stands.

    ``path`` is for people (``inputs.batch.ids``, ``inputs.frames[*]``), ``json_path`` points into the contract's file.
    ``required`` is false where the node, or something around it, may be absent or None. ``lengths`` are those of the
    lists around it, the outermost first.
    """

    path: str
    json_path: str
    node: Node
    required: bool
    lengths: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Leaf:
    """A tensor with where it stands, as in `Place`."""

    path: str
    json_path: str
    tensor: Tensor
    required: bool
    lengths: tuple[int | str, ...] = ()

    @property
    def sizes(self) -> tuple[int | str, ...]:
        """The lengths of the lists around the tensor, then its shape."""
        return (*self.lengths, *self.tensor.shape)


def places(parts: Parts) -> Iterator[Place]:
    """Every node below ``contract.inputs`` or ``contract.outputs``, each before those below it."""
    for index, part in enumerate(parts):
        side = "inputs" if isinstance(part, Parameter) else "outputs"
        required = part.required if isinstance(part, Parameter) else True
        start = Place(_below(side, part.name), f"$.{side}[{index}].node", part.node, required)
        yield from _walk(start)


def leaves(parts: Parts) -> Iterator[Leaf]:
    """The tensors below ``contract.inputs`` or ``contract.outputs``, in the order in which they travel."""
    for place in places(parts):
        if isinstance(place.node, Tensor):
            yield Leaf(place.path, place.json_path, place.node, place.required, place.lengths)


def in_sequence(node: Tuple, items: Iterable[T]) -> list[T] | tuple[T, ...]:
    """Items in the kind of sequence that a node is."""
    return list(items) if node.sequence == "list" else tuple(items)


def dims_in_order(contract: Contract) -> tuple[str, ...]:
    """The dims by first use: in the tree of inputs, then of outputs; then those that no place in a tree names."""
    used = dict.fromkeys([*used_in(contract.inputs), *used_in(contract.outputs)])
    return (*(name for name in used if name in contract.dims), *(name for name in contract.dims if name not in used))


def used_in(parts: Parts) -> Iterator[str]:
    """The names of dims in a tree as they are met, repeated: list lengths, shapes, and bounds of value domains."""
    for place in places(parts):
        if isinstance(place.node, List):
            yield from _named([place.node.length])
        elif isinstance(place.node, Tensor):
            yield from _named(place.node.shape)
            yield from named_in_values(place.node.values)


def carried_by(parts: Parts) -> frozenset[str]:
    """The dims whose sizes can be read from a request (or a response): those in shapes and list lengths."""
    return frozenset(name for leaf in leaves(parts) for name in _named(leaf.sizes)) | frozenset(
        name for place in places(parts) if isinstance(place.node, List) for name in _named([place.node.length])
    )


def named_in_values(values: Values | None) -> Iterator[str]:
    """The dims that the bounds of a value domain name."""
    if values is None:
        return
    for bound in (values.min, values.max):
        if bound is not None:
            yield from names_in_order(bound)
    for column in values.along_last or ():
        yield from named_in_values(column)


def derived_in_order(dims: dict[str, Dim]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The derived dims so that each comes after those that it names, and those of which that cannot be said: cycles."""
    needs = {
        name: {other for other in names_in_order(dim.equals) if other in dims and dims[other].equals is not None}
        for name, dim in dims.items()
        if dim.equals is not None
    }
    ordered: dict[str, None] = {}
    waiting: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            waiting.setdefault(other, []).append(name)
    ready = [name for name, others in needs.items() if not others]
    # A queue instead of recursion: a chain of derived dims can be longer than Python's stack.
    while ready:
        name = ready.pop(0)
        ordered[name] = None
        for other in waiting.get(name, ()):
            needs[other].discard(name)
            if not needs[other]:
                ready.append(other)
    return tuple(ordered), tuple(name for name in needs if name not in ordered)


def _named(sizes: Iterable[int | str]) -> Iterator[str]:
    return (size for size in sizes if isinstance(size, str))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def _walk(place: Place) -> Iterator[Place]:
    yield place
    node = place.node
    if isinstance(node, Dict):
        for index, field in enumerate(node.fields):
            where = f"{place.json_path}.fields[{index}].node"
            required = place.required and field.required
            yield from _walk(Place(_below(place.path, field.key), where, field.node, required, place.lengths))
    elif isinstance(node, List):
        lengths = (*place.lengths, node.length)
        yield from _walk(Place(f"{place.path}[*]", f"{place.json_path}.item", node.item, place.required, lengths))
    elif isinstance(node, Tuple):
        for index, item in enumerate(node.items):
            where = f"{place.json_path}.items[{index}]"
            yield from _walk(Place(f"{place.path}[{index}]", where, item, place.required, place.lengths))
    elif isinstance(node, Optional):
        yield from _walk(Place(place.path, f"{place.json_path}.node", node.node, required=False, lengths=place.lengths))
