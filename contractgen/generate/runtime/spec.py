"""The contract as data: nodes of the argument tree, sizes, and what tensors may contain."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Dim:
    """A named size and its bounds."""

    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    equals: Any = None  # only: derived


@dataclass(frozen=True)
class Values:
    """What the elements of a tensor may be; what is set holds together."""

    min: Any = None  # only: bounds
    max: Any = None  # only: bounds
    one_of: tuple[Any, ...] | None = None  # only: one_of
    finite: bool = False  # only: finite
    not_nan: bool = False  # only: not_nan
    order: str = ""  # only: order
    attained: bool = False  # only: attained
    each_row: tuple[str, int] = ("", 0)  # only: each_row
    along_last: tuple[Values, ...] = ()  # only: columns


class Node:
    """A place in the tree of arguments or results."""


@dataclass(frozen=True)
class Tensor(Node):
    """A leaf, and the name under which it travels; below a list, each `*` of the name stands for an index."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    values: Values = Values()  # only: values


@dataclass(frozen=True)
class Constant(Node):
    """A leaf that has one value and never travels."""

    value: Any


@dataclass(frozen=True)
class Optional(Node):
    """None, or what `node` says."""

    node: Node


@dataclass(frozen=True)
class List(Node):
    """`length` items, each like `item`."""

    item: Node
    length: int | str


@dataclass(frozen=True)
class Tuple(Node):
    """A fixed number of items, each with a node of its own."""

    items: tuple[Node, ...]
    sequence: str = "tuple"  # only: mixed_lists


@dataclass(frozen=True)
class Field:
    """One key of a `Dict`; one that is not required may be absent."""

    key: str
    node: Node
    required: bool = True


@dataclass(frozen=True)
class Dict(Node):
    """A mapping with these keys and no others."""

    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Spec:
    """A contract: the parameters of `forward` are the fields of `inputs`, its results those of `outputs`."""

    model: str
    contract: str
    dims: dict[str, Dim]
    relations: tuple[Any, ...]  # only: relations
    inputs: Dict
    outputs: Dict

    @cached_property
    def input_names(self) -> Mapping[str, Tensor]:
        """The tensors of a request by the names under which they travel."""
        return tensors_by_name(self.inputs)

    @cached_property
    def output_names(self) -> Mapping[str, Tensor]:
        """The tensors of a response by the names under which they travel."""
        return tensors_by_name(self.outputs)


def tensors_of(node: Node) -> list[Tensor]:
    """The tensors below a node, in the order in which they travel."""
    if isinstance(node, Dict):
        return [tensor for field in node.fields for tensor in tensors_of(field.node)]
    if isinstance(node, Tuple):  # only: tuples
        return [tensor for item in node.items for tensor in tensors_of(item)]
    if isinstance(node, List):  # only: lists
        return tensors_of(node.item)
    if isinstance(node, Optional):  # only: optionals
        return tensors_of(node.node)
    return [node] if isinstance(node, Tensor) else []


def tensors_by_name(node: Node) -> Mapping[str, Tensor]:
    """The tensors below a node by name."""
    if any("*" in tensor.name for tensor in tensors_of(node)):  # only: lists
        return NumberedTensors(tensors_of(node))
    return {tensor.name: tensor for tensor in tensors_of(node)}


class NumberedTensors(Mapping[str, Tensor]):
    """Tensors by name, of which those below a list have one name per index."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.named = {tensor.name: tensor for tensor in tensors}
        self.patterns = [(pattern_of(tensor.name), tensor) for tensor in tensors if "*" in tensor.name]

    def __getitem__(self, name: str) -> Tensor:
        if name in self.named and "*" not in name:
            return self.named[name]
        for pattern, tensor in self.patterns:
            if pattern.fullmatch(name):
                return tensor
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)


def pattern_of(name: str) -> re.Pattern[str]:
    """What the names of a tensor below a list look like."""
    return re.compile("(?:0|[1-9][0-9]{0,8})".join(map(re.escape, name.split("*"))))


OPERATORS: dict[str, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "min": min,
    "max": max,
    "==": operator.eq,
    "<=": operator.le,
    "<": operator.lt,
}


def evaluate(expression: Any, sizes: Mapping[str, int], dims: Mapping[str, Dim]) -> Any:
    """The value of an expression over sizes; None where one of them is not known, NaN for a division by zero.

    `//` and `%` round towards minus infinity.
    """
    if isinstance(expression, str):
        if expression in dims and dims[expression].equals is not None:  # only: derived
            derived = evaluate(dims[expression].equals, sizes, dims)
            return sizes.get(expression) if derived is None else derived
        return sizes.get(expression)
    if not isinstance(expression, tuple):
        return expression
    left, right = evaluate(expression[1], sizes, dims), evaluate(expression[2], sizes, dims)
    if left is None or right is None:
        return None
    if expression[0] in ("//", "%") and right == 0:
        return float("nan")
    return OPERATORS[expression[0]](left, right)


def expression_text(expression: Any) -> str:
    """An expression as a person writes it."""
    if not isinstance(expression, tuple):
        return str(expression)
    name, *sides = expression
    if name in ("min", "max"):
        return f"{name}({', '.join(map(expression_text, sides))})"
    texts = [expression_text(side) for side in sides]
    if name not in ("==", "<=", "<"):
        texts = [f"({text})" if isinstance(side, tuple) else text for side, text in zip(sides, texts)]
    return f" {name} ".join(texts)


def names_in(expression: Any) -> list[str]:
    """The names of the sizes in an expression, each once, in order."""
    if isinstance(expression, tuple):
        return list(dict.fromkeys(names_in(expression[1]) + names_in(expression[2])))
    return [expression] if isinstance(expression, str) else []
