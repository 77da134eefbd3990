"""Random pairs of small contracts: two of a kind, the second often the first with a few edits."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from contractgen.contract.canonical import seal
from contractgen.contract.checks import problems
from contractgen.contract.expression import names_in_order
from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    EachRow,
    Expr,
    Field,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)
from contractgen.contract.tree import used_in

DIMS = ("a", "b", "c")
DTYPES = ("int64", "float32", "float32", "int8", "bool")


def pair(seed: int) -> tuple[Contract, Contract]:
    """Two sealed contracts without problems."""
    chooser = random.Random(seed)
    while True:
        old = contract(chooser)
        if old is None:
            continue
        if chooser.random() < 0.06:
            new = contract(chooser)
        else:
            new = old
            for _ in range(chooser.choice((0, 1, 1, 1, 2, 3))):
                new = edited(new, chooser)
            new = sound(new)
        if new is not None:
            return old, new


def contract(chooser: random.Random) -> Contract | None:
    dims = {name: free_dim(chooser) for name in DIMS}
    if chooser.random() < 0.4:
        dims["d"] = Dim(equals=formula(chooser))
    inputs = tuple(
        Parameter(name, node(chooser, name, 1), "positional", chooser.random() < 0.7)
        for name in chooser.sample(("x", "y", "z"), chooser.choice((1, 1, 2, 2, 3)))
    )
    inputs = tuple(sorted(inputs, key=lambda part: not part.required))
    outputs = tuple(Output(f"o{i}", node(chooser, f"o{i}", 1)) for i in range(chooser.choice((1, 1, 2))))
    relations = tuple(relation(chooser) for _ in range(chooser.choice((0, 0, 0, 1, 2))))
    return sound(Contract("m", inputs, outputs, dims, tuple(dict.fromkeys(relations))))


def sound(made: Contract) -> Contract | None:
    """The contract with the dims that it uses, or None where it contradicts itself."""
    used = {*used_in(made.inputs), *used_in(made.outputs)}
    used |= {name for one in made.relations for name in names_in_order(one)}
    if "d" in used and "d" in made.dims:
        used |= set(names_in_order(made.dims["d"].equals or 0))
    made = dataclasses.replace(
        made, dims={name: dim for name, dim in made.dims.items() if name in used}, fingerprint=""
    )
    return None if problems(made) else seal(made)


def free_dim(chooser: random.Random) -> Dim:
    low = chooser.choice((0, 1, 1, 1, 2))
    return Dim(low, chooser.choice((None, None, 3, 4, 6)), chooser.choice((1, 1, 1, 2, 3)))


def formula(chooser: random.Random) -> Expr:
    left = chooser.choice(DIMS)
    inner: Expr = (chooser.choice(("+", "-", "*", "//", "%", "min", "max")), left, chooser.choice((1, 2, 3, *DIMS)))
    return inner if chooser.random() < 0.7 else ("+", inner, chooser.choice((1, *DIMS)))


def relation(chooser: random.Random) -> Expr:
    left: Expr = chooser.choice((*DIMS, "d", formula(chooser)))
    return (chooser.choice(("<=", "<", "==")), left, chooser.choice((*DIMS, 2, 4)))


def node(chooser: random.Random, path: str, depth: int) -> Node:
    kinds = ("tensor", "tensor", "tensor", "dict", "list", "tuple", "optional", "constant")
    kind = chooser.choice(kinds) if depth else "tensor"
    if kind == "dict":
        keys = chooser.sample(("k", "l"), chooser.choice((1, 2)))
        return Dict(
            tuple(Field(key, node(chooser, f"{path}.{key}", depth - 1), chooser.random() < 0.6) for key in keys)
        )
    if kind == "list":
        return List(node(chooser, f"{path}.*", depth - 1), chooser.choice((1, 2, *DIMS)))
    if kind == "tuple":
        items = tuple(node(chooser, f"{path}.{i}", depth - 1) for i in range(chooser.choice((1, 2))))
        return Tuple(items, chooser.choice(("tuple", "list")))
    if kind == "optional":
        return Optional(node(chooser, path, depth - 1))
    if kind == "constant":
        return chooser.choice((Constant(True, "bool"), Constant(1, "int"), Constant(None, "none")))
    shape = tuple(chooser.choice((1, 2, *DIMS, *DIMS, "d")) for _ in range(chooser.choice((0, 1, 1, 2))))
    dtype: Any = chooser.choice(DTYPES)
    return Tensor(path, dtype, shape, values(chooser, dtype, shape, 1))


def _row(shape: tuple[int | str, ...], zero: bool) -> EachRow:
    """One element, or two where the row has them for sure."""
    return EachRow("zero" if zero else "nonzero", 2 if shape[-1] == 2 else 1)


def values(chooser: random.Random, dtype: str, shape: tuple[int | str, ...], depth: int) -> Values | None:
    if chooser.random() < 0.45:
        return None
    order = chooser.choice(("ascending", "descending")) if depth and shape and chooser.random() < 0.15 else None
    if dtype == "bool":
        return Values(order=order) if order else None
    if depth and shape and shape[-1] != "d" and chooser.random() < 0.4:
        count = shape[-1] if isinstance(shape[-1], int) else 1
        columns = tuple(values(chooser, dtype, (), 0) or Values() for _ in range(count))
        own = values(chooser, dtype, (), 0) if isinstance(shape[-1], str) else None
        return dataclasses.replace(own or Values(), along_last=columns, order=order)
    whole = dtype.startswith("int")
    points: tuple[int | str, ...] = (-1, 0, 1, 2, 3) if whole else (-1, 0, 1, 2, "0.5", "1.5", "-0.5")
    if chooser.random() < 0.25:
        one_of = tuple(chooser.sample(points, chooser.choice((1, 2, 3))))
        rows = bool(depth and shape) and order is None and len(one_of) == 2
        return Values(one_of=one_of, order=order, each_row=_row(shape, 0 in one_of) if rows else None)
    low = chooser.choice((None, None, *points, "a"))
    high = chooser.choice((None, *points, "a", "b", ("+", "a", 1)))
    flag = {} if whole else chooser.choice(({}, {"finite": True}, {"not_nan": True}))
    follows = isinstance(high, tuple) or high in ("a", "b")
    attained = whole and bool(depth) and follows and chooser.random() < 0.5
    rows = bool(depth and shape) and order is None and low is None and high in (0, 1, 2)
    return Values(
        low,
        high,
        order=order,
        attained=attained,
        each_row=_row(shape, high == 0) if rows else None,
        **flag,
    )


def edited(made: Contract, chooser: random.Random) -> Contract:
    """The contract with one thing changed."""
    kind = chooser.choice(("dim", "dim", "relation", "derived", "input", "input", "input", "input", "output", "output"))
    if kind == "dim" and made.dims:
        return dataclasses.replace(made, dims={**made.dims, chooser.choice(DIMS): free_dim(chooser)})
    if kind == "relation":
        kept = tuple(one for one in made.relations if chooser.random() < 0.5)
        return dataclasses.replace(made, relations=tuple(dict.fromkeys((*kept, relation(chooser)))))
    if kind == "derived":
        return dataclasses.replace(made, dims={**made.dims, "d": Dim(equals=formula(chooser))})
    made = dataclasses.replace(made, dims={**{name: free_dim(chooser) for name in DIMS}, **made.dims})
    if kind == "output":
        index = chooser.randrange(len(made.outputs))
        outputs = list(made.outputs)
        outputs[index] = dataclasses.replace(
            outputs[index], node=edited_node(outputs[index].node, chooser, f"o{index}")
        )
        return dataclasses.replace(made, outputs=tuple(outputs))
    parts = list(made.inputs)
    index = chooser.randrange(len(parts))
    action = chooser.choice(("node",) * 9 + ("required", "remove", "add"))
    if action == "node":
        parts[index] = dataclasses.replace(
            parts[index], node=edited_node(parts[index].node, chooser, parts[index].name)
        )
    elif action == "required":
        parts[index] = dataclasses.replace(parts[index], required=not parts[index].required)
    elif action == "remove" and len(parts) > 1:
        del parts[index]
    elif action == "add":
        name = chooser.choice(("x", "y", "z"))
        if name not in {part.name for part in parts}:
            parts.append(Parameter(name, node(chooser, name, 1), "positional", chooser.random() < 0.5))
    return dataclasses.replace(made, inputs=tuple(parts))


def edited_node(given: Node, chooser: random.Random, path: str) -> Node:
    if chooser.random() < 0.08:
        return node(chooser, path, 1)
    if chooser.random() < 0.08:
        return given.node if isinstance(given, Optional) else Optional(given)
    if isinstance(given, Optional):
        return Optional(edited_node(given.node, chooser, path))
    if isinstance(given, Dict):
        fields = list(given.fields)
        index = chooser.randrange(len(fields))
        one = fields[index]
        if chooser.random() < 0.3:
            fields[index] = dataclasses.replace(one, required=not one.required)
        elif chooser.random() < 0.2:
            fields[index] = dataclasses.replace(one, key=chooser.choice(("k", "l", "m")))
        else:
            fields[index] = dataclasses.replace(one, node=edited_node(one.node, chooser, f"{path}.{one.key}"))
        return Dict(tuple(fields))
    if isinstance(given, List):
        if chooser.random() < 0.5:
            return dataclasses.replace(given, length=chooser.choice((1, 2, *DIMS)))
        return dataclasses.replace(given, item=edited_node(given.item, chooser, f"{path}.*"))
    if isinstance(given, Tuple):
        items = list(given.items)
        index = chooser.randrange(len(items))
        items[index] = edited_node(items[index], chooser, f"{path}.{index}")
        kinds = ("tuple", "list") if chooser.random() < 0.2 else (given.sequence,)
        return Tuple(tuple(items), chooser.choice(kinds))
    if isinstance(given, Constant):
        return chooser.choice((Constant(True, "bool"), Constant(2, "int")))
    return edited_tensor(given, chooser)


def edited_tensor(given: Tensor, chooser: random.Random) -> Tensor:
    action = chooser.choice(("shape", "shape", "shape", *["values"] * 5, "dtype", "rank", "wire"))
    if action == "shape" and given.shape:
        shape = list(given.shape)
        shape[chooser.randrange(len(shape))] = chooser.choice((1, 2, *DIMS, "d"))
        return dataclasses.replace(given, shape=tuple(shape))
    if action == "values":
        return dataclasses.replace(given, values=values(chooser, given.dtype, given.shape, 1))
    if action == "dtype":
        dtype: Any = chooser.choice(DTYPES)
        return dataclasses.replace(given, dtype=dtype, values=values(chooser, dtype, given.shape, 1))
    if action == "rank":
        shape2 = given.shape[:-1] if given.shape and chooser.random() < 0.5 else (*given.shape, chooser.choice(DIMS))
        return dataclasses.replace(given, shape=shape2, values=None)
    if action == "wire":
        return dataclasses.replace(given, wire_name=f"{given.wire_name}_2")
    return given
