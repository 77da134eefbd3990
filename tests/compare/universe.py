"""All small messages of a contract, by enumeration, and whether another contract takes them, by an oracle of its own.

Nothing here knows how comparisons are made: a message is a tree of numpy arrays, the oracle is the one that generated
code is held against.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from contractgen.contract.compare.message import Array, Value
from contractgen.contract.expression import names_in_order
from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Field,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
)
from contractgen.contract.tree import used_in
from tests.generate import oracle

RESPONSE = "the response"
SIZES = range(7)


def joined(contract: Contract, *, with_outputs: bool) -> Contract:
    """A contract whose inputs are a request, and its response where that is wanted. Constants need not be sent."""
    inputs = [dataclasses.replace(part, node=loosened(part.node), required=sure(part)) for part in contract.inputs]
    if with_outputs:
        nodes = [loosened(part.node) for part in contract.outputs]
        inputs.append(Parameter(RESPONSE, nodes[0] if len(nodes) == 1 else Tuple(tuple(nodes)), "keyword"))
    return dataclasses.replace(contract, inputs=tuple(inputs))


def sure(part: Parameter | Field) -> bool:
    return part.required and not isinstance(part.node, Constant)


def loosened(node: Node) -> Node:
    if isinstance(node, Dict):
        return Dict(tuple(Field(part.key, loosened(part.node), sure(part)) for part in node.fields))
    if isinstance(node, List):
        return List(loosened(node.item), node.length)
    if isinstance(node, Tuple):
        return Tuple(tuple(map(loosened, node.items)), node.sequence)
    return Optional(loosened(node.node)) if isinstance(node, Optional) else node


def arrays(value: Value) -> Any:
    """A message as the oracle reads it."""
    if isinstance(value, Array):
        array = np.full(value.shape, value.fill, value.dtype)
        for index, number in value.at:
            array[..., index] = number
        return array
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, dict):
        return {key: arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [arrays(item) for item in value]
    return tuple(map(arrays, value)) if isinstance(value, tuple) else None


def takes(whole: Contract, message: dict[str, Value]) -> bool:
    """Whether a joined contract takes a message: by the oracle, and by the names of its tensors."""
    names = all(named(part.node, message[part.name]) for part in whole.inputs if part.name in message)
    with np.errstate(all="ignore"):
        return names and oracle.accepts(whole, {name: arrays(value) for name, value in message.items()})


def named(node: Node, value: Value) -> bool:
    if isinstance(node, Optional):
        return value is None or named(node.node, value)
    if isinstance(node, Tensor):
        return not isinstance(value, Array) or value.name == node.wire_name
    if isinstance(node, Dict) and isinstance(value, dict):
        return all(named(part.node, value[part.key]) for part in node.fields if part.key in value)
    if isinstance(node, List) and isinstance(value, list):
        return all(named(node.item, item) for item in value)
    if isinstance(node, Tuple) and isinstance(value, list if node.sequence == "list" else tuple):
        return all(itertools.starmap(named, zip(node.items, value, strict=False)))
    return True


def structures(node: Node) -> Iterator[Any]:
    """Each choice of what is there: a tree with the tensors themselves as leaves, lists as pairs of node and item."""
    if isinstance(node, Optional):
        yield None
        yield from structures(node.node)
    elif isinstance(node, Dict):
        options = [[*structures(part.node), *([] if sure(part) else [_ABSENT])] for part in node.fields]
        for chosen in itertools.product(*options):
            yield {part.key: one for part, one in zip(node.fields, chosen, strict=True) if one is not _ABSENT}
    elif isinstance(node, Tuple):
        kind = Apart if node.sequence == "list" else tuple
        yield from map(kind, itertools.product(*(list(structures(item)) for item in node.items)))
    elif isinstance(node, List):
        for item in structures(node.item):
            yield [node, item]
    else:
        yield node


class Apart(tuple):
    """The items of a list that the contract says one by one."""

    __slots__ = ()


_ABSENT = object()


def messages(whole: Contract) -> Iterator[dict[str, Value]]:
    """The small messages that a joined contract takes: all structures, all small sizes, all rows of few values."""
    KNOWN.clear()
    OWN.clear()
    root = Dict(tuple(Field(part.name, part.node, part.required) for part in whole.inputs))
    yield from taking_turns([in_structure(whole, structure) for structure in structures(root)])


def taking_turns(sources: list[Iterator[Any]]) -> Iterator[Any]:
    """One of each source after the other."""
    while sources:
        for source in list(sources):
            try:
                yield next(source)
            except StopIteration:
                sources.remove(source)


def in_structure(whole: Contract, structure: Any) -> Iterator[dict[str, Value]]:
    """The small messages of one structure."""
    names = sorted(shown(structure))
    chooser = random.Random(len(names))
    every = list(itertools.product(SIZES, repeat=len(names)))
    parts = []
    # In a fixed disorder, so that a part of them is spread over all.
    for sizes in chooser.sample(every, len(every)):
        size_of = dict(zip(names, sizes, strict=True))
        if fits(whole, size_of):
            parts.append(filled(whole, structure, size_of))
    yield from taking_turns(parts)


def fits(whole: Contract, sizes: dict[str, int]) -> bool:
    """A quick look that spares most of the enumeration: the oracle looks again."""
    for name, size in sizes.items():
        dim = whole.dims[name]
        if dim.equals is not None:
            if oracle.value_of(dim.equals, sizes, whole) not in (None, size):
                return False
        elif size < dim.min or (dim.max is not None and size > dim.max) or size % dim.multiple_of:
            return False
    return all(oracle.value_of(relation, sizes, whole) in (None, True) for relation in whole.relations)


def shown(structure: Any) -> set[str]:
    if isinstance(structure, Tensor):
        return {size for size in structure.shape if isinstance(size, str)}
    if isinstance(structure, list):
        length = structure[0].length
        return shown(structure[1]) | ({length} if isinstance(length, str) else set())
    items = structure.values() if isinstance(structure, dict) else structure if isinstance(structure, tuple) else ()
    return set().union(*map(shown, items))


def filled(whole: Contract, structure: Any, sizes: dict[str, int]) -> Iterator[dict[str, Value]]:
    """Messages of one structure and sizes: a plain one, then one tensor after the other with each row."""
    leaves = list(tensors(structure))
    plain: dict[str, tuple] = {}
    for leaf in leaves:
        plain[leaf.wire_name] = next((row for row in rows(leaf, sizes) if alone(whole, leaf, row, sizes)), None)
        if plain[leaf.wire_name] is None:
            return
    first = instance(structure, sizes, plain)
    if not takes(whole, first):
        return
    yield first
    for leaf in leaves:
        for row in rows(leaf, sizes):
            if alone(whole, leaf, row, sizes):
                yield instance(structure, sizes, {**plain, leaf.wire_name: row})


def alone(whole: Contract, leaf: Tensor, row: tuple, sizes: dict[str, int]) -> bool:
    """Whether a tensor's values are as its own domain wants them."""
    if leaf.values is None:
        return True
    known = KNOWN
    if leaf.wire_name not in OWN:
        names = {*used_in([Output("", leaf)])}
        OWN[leaf.wire_name] = names | {one for name in names for one in names_in_order(whole.dims[name].equals or 0)}
    sizes = {name: size for name, size in sizes.items() if name in OWN[leaf.wire_name]}
    # NaN is a key as good as any here: each row has the same one.
    key = (leaf.wire_name, row, tuple(sizes.items()))
    if key not in known:
        array = arrays(_array(leaf, row, sizes))
        pretended = (Tensor("", "float32", tuple(sizes)), np.zeros(tuple(sizes.values()), np.float32))
        with np.errstate(all="ignore"):
            known[key] = oracle.filled(whole, leaf, array, [pretended, (leaf, array)], [])
    return known[key]


KNOWN: dict[tuple, bool] = {}
OWN: dict[str, set[str]] = {}
"""What `alone` found, and the dims that each tensor is about: emptied with each universe."""


def tensors(structure: Any) -> Iterator[Tensor]:
    if isinstance(structure, Tensor):
        yield structure
    elif isinstance(structure, list):
        yield from tensors(structure[1])
    elif isinstance(structure, (dict, tuple)):
        for item in structure.values() if isinstance(structure, dict) else structure:
            yield from tensors(item)


def rows(leaf: Tensor, sizes: dict[str, int]) -> Iterator[tuple]:
    """Rows of the last axis: all equal, and all of two numbers side by side."""
    if leaf.dtype == "bool":
        pool: tuple = (0, 1)
    elif leaf.dtype.startswith("int"):
        pool = (0, 1, -2, -1, 2, 3, 4, 5, 6, 7, 8, 127, -128)
    else:
        pool = (
            0.0,
            1.0,
            -1.5,
            -1.0,
            -0.5,
            0.5,
            1.5,
            2.0,
            2.5,
            3.0,
            4.0,
            5.0,
            6.0,
            7.0,
            8.0,
            math.nan,
            math.inf,
            -math.inf,
        )
    last = (sizes[leaf.shape[-1]] if isinstance(leaf.shape[-1], str) else leaf.shape[-1]) if leaf.shape else 1
    for number in pool:
        yield (number, ())
    if last > 1:
        for one, other in itertools.permutations(pool, 2):
            yield (other, ((0, one),))


def _array(leaf: Tensor, row: tuple, sizes: dict[str, int]) -> Array:
    shape = tuple(sizes[size] if isinstance(size, str) else size for size in leaf.shape)
    return Array(leaf.wire_name, leaf.dtype, shape, row[0], row[1] if 0 not in shape else ())


def instance(structure: Any, sizes: dict[str, int], chosen: dict[str, tuple]) -> Any:
    if isinstance(structure, Tensor):
        return _array(structure, chosen[structure.wire_name], sizes)
    if isinstance(structure, list):
        length = structure[0].length
        item = instance(structure[1], sizes, chosen)
        return [item] * (sizes[length] if isinstance(length, str) else length)
    if isinstance(structure, dict):
        return {key: instance(item, sizes, chosen) for key, item in structure.items()}
    if isinstance(structure, tuple):
        kind = list if isinstance(structure, Apart) else tuple
        return kind(instance(item, sizes, chosen) for item in structure)
    return None if isinstance(structure, Constant) and structure.type == "none" else structure
