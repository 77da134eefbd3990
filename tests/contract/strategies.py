"""Random contracts that are valid: every kind of node, derived dims, relations and value domains, at small sizes.

A contract is built around one assignment of sizes (its witness): relations are drawn so that they hold there, so every
contract can be satisfied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from hypothesis import strategies as st

from contractgen.contract.canonical import seal
from contractgen.contract.expression import evaluate, names
from contractgen.contract.model import (
    Bound,
    Constant,
    Contract,
    Dict,
    Dim,
    DType,
    EachRow,
    Evidence,
    Expr,
    Field,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    ParameterKind,
    Source,
    Tensor,
    Tuple,
    Values,
)
from contractgen.contract.tree import carried_by, leaves, used_in

DTYPES: tuple[DType, ...] = get_args(DType)

_DIM_NAMES = ("batch", "seq", "height", "width", "n", "min", "d0", "_k")
_KEYS = ("ids", "mask", "image", "lengths", "pixel_values", "x", "a b", "größe", "class")
_PARAMETERS = ("input", "batch", "frames", "pair", "mask", "scale", "self_attention", "x2")
_CONSTANTS = (
    Constant(True, "bool"),
    Constant(False, "bool"),
    Constant(-3, "int"),
    Constant("0.1", "float"),
    Constant("-1e-6", "float"),
    Constant("same", "str"),
    Constant(None, "none"),
)

Draw = Any


@st.composite
def contracts(draw: Draw, dtypes: Sequence[DType] = DTYPES) -> Contract:
    """A valid, sealed contract whose tensors have dtypes among those given."""
    contract: Contract = draw(contracts_with_sizes(dtypes))[0]
    return contract


@st.composite
def contracts_with_sizes(draw: Draw, dtypes: Sequence[DType] = DTYPES) -> tuple[Contract, dict[str, int]]:
    """A valid, sealed contract and sizes for all its dims that satisfy it."""
    free = {name: draw(_free_dims()) for name in draw(_some(_DIM_NAMES, 0, 4))}
    witness = {name: draw(_size_of(dim)) for name, dim in free.items()}
    inputs = tuple(draw(_parameters(tuple(free), dtypes)))
    outputs = tuple(draw(_outputs(tuple(free), dtypes)))
    known = sorted(carried_by(inputs))
    derived: dict[str, Dim] = {}
    for name in draw(_some(("patches", "half", "total"), 0, 2)) if known else ():
        derived[name] = Dim(equals=draw(_sizes_over([*known, *derived], witness)))
        witness[name] = int(evaluate(derived[name].equals or 0, witness))
    told = (*known, *derived)
    inputs = tuple(
        dataclasses.replace(part, node=draw(_dressed(part.node, told, tuple(derived), witness))) for part in inputs
    )
    outputs = tuple(
        dataclasses.replace(part, node=draw(_dressed(part.node, told, tuple(derived), witness))) for part in outputs
    )
    relations = tuple(dict.fromkeys(draw(st.lists(_relations(told, witness), max_size=2)))) if told else ()
    dims = _only_used({**free, **derived}, inputs, outputs, relations)
    if known and draw(st.booleans()):
        batch = draw(st.sampled_from(known))
        dims[batch] = dataclasses.replace(dims[batch], role="batch")
    contract = Contract(
        name=draw(st.sampled_from(("ranker", "résumé 2", "a/b"))),
        inputs=inputs,
        outputs=outputs,
        dims={name: dims[name] for name in draw(st.permutations(sorted(dims)))},
        relations=relations,
        description=draw(st.sampled_from((None, "Scores documents.\nBy hand."))),
        extensions=draw(st.sampled_from(({}, {"x-owner": "search", "x-list": [1, None, {"b": 1, "a": 2}]}))),
    )
    contract = dataclasses.replace(contract, evidence=tuple(draw(st.lists(_evidence(contract), max_size=2))))
    return seal(contract), {name: witness[name] for name in contract.dims}


def _some(pool: Sequence[str], least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(pool), unique=True, min_size=least, max_size=most)


@st.composite
def _free_dims(draw: Draw) -> Dim:
    step = draw(st.sampled_from((1, 1, 1, 2, 3, 8)))
    low = draw(st.sampled_from((1, 1, 1, 0, 2, 5)))
    room = draw(st.sampled_from((None, None, 0, 1, 10)))
    first = -(-low // step) * step
    return Dim(min=low, max=None if room is None else first + room * step, multiple_of=step)


def _size_of(dim: Dim) -> st.SearchStrategy[int]:
    first = -(-max(dim.min, 1 if dim.max is None else min(1, dim.max)) // dim.multiple_of)
    last = first + 2 if dim.max is None else min(first + 2, dim.max // dim.multiple_of)
    return st.integers(first, max(first, last)).map(lambda factor: factor * dim.multiple_of)


_SPREAD = ("list", "tuple")
"""What ``*args`` can be; a list of unlike items it is not."""


@st.composite
def _parameters(draw: Draw, dims: tuple[str, ...], dtypes: Sequence[DType]) -> list[Parameter]:
    order: tuple[ParameterKind, ...] = get_args(ParameterKind)
    rank = {"positional": 0, "variadic": 1, "keyword": 2}
    kinds = draw(
        st.lists(
            st.sampled_from(("positional", "positional", "positional", "keyword", "variadic")), min_size=1, max_size=3
        )
    )
    kinds = sorted(kinds, key=lambda kind: rank[kind])
    parameters: list[Parameter] = []
    for name, kind in zip(draw(_some(_PARAMETERS, len(kinds), len(kinds))), kinds, strict=True):
        if kind == "variadic" and any(part.kind == "variadic" for part in parameters):
            continue
        assert kind in order
        tops = _SPREAD if kind == "variadic" else ("tensor", "tensor", "dict", "list", "tuple", "optional", "constant")
        node = draw(_nodes(name, dims, dtypes, tops, depth=0))
        required = kind == "variadic" or draw(st.sampled_from((True, True, False)))
        parameters.append(Parameter(name, node, kind, required))
    return parameters


@st.composite
def _outputs(draw: Draw, dims: tuple[str, ...], dtypes: Sequence[DType]) -> list[Output]:
    if draw(st.booleans()):
        top = draw(st.sampled_from(("tensor", "dict")))
        return [Output("output", draw(_nodes("output", dims, dtypes, (top,), depth=1)))]
    tops = ("tensor", "list", "tuple", "optional")
    return [Output(f"output_{i}", draw(_nodes(f"output_{i}", dims, dtypes, tops, depth=1))) for i in range(2)]


@st.composite
def _nodes(
    draw: Draw, wire: str, dims: tuple[str, ...], dtypes: Sequence[DType], tops: Sequence[str], depth: int
) -> Node:
    """A tree whose shapes name free dims only and whose tensors have no value domains yet."""
    kind = draw(st.sampled_from(tops))
    below = (
        ("tensor", "tensor", "constant")
        if depth >= 2
        else ("tensor", "tensor", "dict", "list", "tuple", "optional", "constant")
    )
    if kind == "dict":
        return Dict(
            tuple(
                Field(key, draw(_nodes(f"{wire}.{key}", dims, dtypes, below, depth + 1)), draw(st.booleans()))
                for key in draw(_some(_KEYS, 1, 3))
            )
        )
    if kind == "list":
        length = draw(st.sampled_from((1, 2, *dims)))
        return List(draw(_nodes(f"{wire}.*", dims, dtypes, below, depth + 1)), length)
    if kind == "tuple":
        count = draw(st.integers(1, 2))
        items = tuple(draw(_nodes(f"{wire}.{i}", dims, dtypes, below, depth + 1)) for i in range(count))
        return Tuple(items, "list" if tops != _SPREAD and draw(st.booleans()) else "tuple")
    if kind == "optional":
        inner = [one for one in below if one not in ("optional", "constant")]
        return Optional(draw(_nodes(wire, dims, dtypes, inner, depth + 1)))
    if kind == "constant":
        constant: Constant = draw(st.sampled_from(_CONSTANTS))
        return constant
    shape = draw(st.lists(st.sampled_from((1, 2, 3, *dims, *dims)), max_size=3))
    return Tensor(wire, draw(st.sampled_from(dtypes)), tuple(shape))


@st.composite
def _dressed(
    draw: Draw, node: Node, told: tuple[str, ...], derived: tuple[str, ...], witness: Mapping[str, int]
) -> Node:
    """The tree with derived dims in some of its shapes, and value domains."""

    def dressed(below: Node) -> Node:
        changed: Node = draw(_dressed(below, told, derived, witness))
        return changed

    if isinstance(node, Dict):
        return Dict(tuple(dataclasses.replace(field, node=dressed(field.node)) for field in node.fields))
    if isinstance(node, List):
        return dataclasses.replace(node, item=dressed(node.item))
    if isinstance(node, Tuple):
        return dataclasses.replace(node, items=tuple(map(dressed, node.items)))
    if isinstance(node, Optional):
        return Optional(dressed(node.node))
    if not isinstance(node, Tensor):
        return node
    shape = tuple(
        draw(st.sampled_from(derived)) if derived and size == 1 and draw(st.booleans()) else size for size in node.shape
    )
    return dataclasses.replace(node, shape=shape, values=draw(_values(node.dtype, shape, told, witness)))


@st.composite
def _values(
    draw: Draw, dtype: DType, shape: tuple[int | str, ...], told: tuple[str, ...], witness: Mapping[str, int]
) -> Values | None:
    choice = draw(st.sampled_from(("none", "none", "domain", "domain", "order", "columns", "rows")))
    if choice == "domain":
        domain: Values | None = draw(_domains(dtype, told, witness))
        if domain is not None and "int" in dtype and (isinstance(domain.max, tuple) or domain.max in told):
            return dataclasses.replace(domain, attained=draw(st.booleans()))
        return domain
    if choice == "rows" and shape and not dtype.startswith("complex"):
        return Values(each_row=EachRow(draw(st.sampled_from(("nonzero", "zero")))))
    if choice == "order" and shape and not dtype.startswith("complex"):
        return Values(order=draw(st.sampled_from(("ascending", "descending"))))
    if choice == "columns" and shape and isinstance(shape[-1], int):
        columns = [draw(_domains(dtype, told, witness)) or Values() for _ in range(shape[-1])]
        return Values(along_last=tuple(columns)) if any(column != Values() for column in columns) else None
    return None


@st.composite
def _domains(draw: Draw, dtype: DType, told: tuple[str, ...], witness: Mapping[str, int]) -> Values | None:
    if dtype == "bool":
        return None
    if dtype.startswith("complex"):
        return Values(finite=True) if draw(st.booleans()) else Values(not_nan=True)
    whole = "int" in dtype
    flags = {} if whole else draw(st.sampled_from(({}, {"finite": True}, {"not_nan": True})))
    choice = draw(st.sampled_from(("bounds", "sizes", "one_of", "flags")))
    if choice == "one_of":
        pool = (0, 1, 2, 100) if whole else (0, 1, "0.5", "2.5e-1")
        return Values(one_of=tuple(draw(st.lists(st.sampled_from(pool), unique=True, min_size=1))), **flags)
    if choice == "sizes" and told:
        name = draw(st.sampled_from(told))
        # The least is 0 where the size is: there must be a value between the two.
        low = draw(st.sampled_from((None, min(1, witness[name]), 0)))
        high: Bound = draw(st.sampled_from((name, ("+", name, 1))))
        return Values(min=low, max=high, **flags)
    if choice == "bounds":
        low = draw(st.sampled_from((None, 0, 1) if whole else (None, -1, "0.25")))
        high = draw(st.sampled_from((1, 100) if whole else (1, "1.5e1", "0.75")))
        return Values(min=low, max=high, **flags)
    return Values(**flags) if flags else None


@st.composite
def _sizes_over(draw: Draw, told: Sequence[str], witness: Mapping[str, int]) -> Expr:
    """An expression whose value at the witness is at least 1."""
    left, right = draw(st.sampled_from(told)), draw(st.sampled_from((*told, 1, 2, 3)))
    operator = draw(st.sampled_from(("+", "-", "*", "//", "%", "min", "max")))
    if operator in ("//", "%") and not (right if isinstance(right, int) else witness[right]):
        operator = "+"
    expr: Expr = (operator, left, right)
    if draw(st.booleans()):
        expr = ("+", ("*", 2, expr), draw(st.integers(-1, 2)))
    return expr if evaluate(expr, witness) >= 1 else ("max", 1, expr)


@st.composite
def _relations(draw: Draw, told: Sequence[str], witness: Mapping[str, int]) -> Expr:
    """A relation that holds at the witness."""
    left, right = draw(_sizes_over(told, witness)), draw(st.sampled_from((*told, 4)))
    a, b = evaluate(left, witness), evaluate(right, witness)
    if a == b:
        return (draw(st.sampled_from(("==", "<="))), left, right)
    if draw(st.booleans()) and names(left):
        step = draw(st.integers(2, 3))
        return ("==", ("%", left, step), a % step)
    return (draw(st.sampled_from(("<=", "<"))), *((left, right) if a < b else (right, left)))


def _only_used(
    dims: Mapping[str, Dim], inputs: Sequence[Parameter], outputs: Sequence[Output], relations: Sequence[Expr]
) -> dict[str, Dim]:
    used = {*used_in(inputs), *used_in(outputs), *(name for relation in relations for name in names(relation))}
    for name in reversed(list(dims)):
        equals = dims[name].equals
        if name in used and equals is not None:
            used |= names(equals)
    return {name: dim for name, dim in dims.items() if name in used}


@st.composite
def _evidence(draw: Draw, contract: Contract) -> Evidence:
    subjects = ["model", "input:labels", *(f"dim:{name}" for name in contract.dims)]
    subjects += [f"tensor:{leaf.tensor.wire_name}" for leaf in leaves(contract.inputs)]
    source: Source = draw(st.sampled_from(get_args(Source)))
    return Evidence(
        draw(st.sampled_from(subjects)), "max", source, draw(st.sampled_from(("512 ran, 513 failed", 'says "no"')))
    )
