"""The contract as data: nodes of the argument tree, sizes, and what tensors may contain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Dim:
    """A named size: free within its bounds, or derived from other sizes by `equals`."""

    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    equals: Any = None


@dataclass(frozen=True)
class Values:
    """What the elements of a tensor may be. A bound is a number, the name of a size, or an expression over sizes."""

    min: Any = None
    max: Any = None
    one_of: tuple[Any, ...] | None = None
    finite: bool = False
    not_nan: bool = False
    order: str = ""
    along_last: tuple[Values, ...] = ()


class Node:
    """A place in the tree of arguments or results."""


@dataclass(frozen=True)
class Tensor(Node):
    """A leaf that travels under `name`; below a list, each `*` of the name stands for an index."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    values: Values = Values()


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


class Layout(NamedTuple):
    """A binary request: per tensor its name, dtype, shape and offset behind the JSON; their bytes in all; the answer."""

    tensors: tuple[tuple[str, Any, tuple[int, ...], int], ...]
    size: int
    reply: Any


MAX_KNOWN = 256
"""How many heads and layouts are remembered; when there are more, all are forgotten."""


@dataclass(frozen=True)
class Spec:
    """All of a contract that decides about requests and responses.

    The parameters of `forward` are the fields of `inputs`, its results those of `outputs`.
    """

    model: str
    contract: str
    dims: dict[str, Dim]
    relations: tuple[Any, ...]
    inputs: Dict
    outputs: Dict

    @cached_property
    def input_names(self) -> TensorNames:
        """The tensors of a request by name."""
        return TensorNames(self.inputs)

    @cached_property
    def known_heads(self) -> dict[Any, bytes]:
        """The JSON of binary requests sent before, by the names and shapes of their tensors."""
        return {}

    @cached_property
    def known_layouts(self) -> dict[bytes, Layout]:
        """Where the tensors of binary requests received before were, by their JSON."""
        return {}

    @cached_property
    def known_lengths(self) -> dict[str, int]:
        """The lengths of that JSON, as headers state them."""
        return {}

    @cached_property
    def output_names(self) -> TensorNames:
        """The tensors of a response by name."""
        return TensorNames(self.outputs)


def tensors_of(node: Node) -> list[Tensor]:
    """The tensors below a node, in the order in which they travel."""
    if isinstance(node, Tensor):
        return [node]
    if isinstance(node, (Optional, List)):
        return tensors_of(node.node if isinstance(node, Optional) else node.item)
    if isinstance(node, Dict):
        return [tensor for field in node.fields for tensor in tensors_of(field.node)]
    if isinstance(node, Tuple):
        return [tensor for item in node.items for tensor in tensors_of(item)]
    return []


class TensorNames(Mapping[str, Tensor]):
    """The tensors of a tree by the names under which they travel; those below a list have one name per index."""

    def __init__(self, node: Node) -> None:
        tensors = tensors_of(node)
        self.fixed = {tensor.name: tensor for tensor in tensors if "*" not in tensor.name}
        self.patterns = [(pattern_of(tensor.name), tensor) for tensor in tensors if "*" in tensor.name]

    def __getitem__(self, name: str) -> Tensor:
        tensor = self.fixed.get(name)
        if tensor is not None:
            return tensor
        for pattern, tensor in self.patterns:
            if pattern.fullmatch(name):
                return tensor
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*self.fixed, *(tensor.name for _, tensor in self.patterns)])

    def __len__(self) -> int:
        return len(self.fixed) + len(self.patterns)


def pattern_of(name: str) -> re.Pattern[str]:
    """What the names of a tensor below a list look like."""
    return re.compile("(?:0|[1-9][0-9]{0,8})".join(map(re.escape, name.split("*"))))


def evaluate(expression: Any, sizes: dict[str, int], dims: dict[str, Dim]) -> Any:
    """The value of an expression over sizes; None where a size in it is not known. Division by zero holds for no input.

    `//` and `%` round towards minus infinity.
    """
    if not isinstance(expression, (str, tuple)):
        return expression
    if isinstance(expression, str):
        dim = dims.get(expression)
        if dim is not None and dim.equals is not None:
            derived = evaluate(dim.equals, sizes, dims)
            return sizes.get(expression) if derived is None else derived
        return sizes.get(expression)
    operator, left, right = expression[0], evaluate(expression[1], sizes, dims), evaluate(expression[2], sizes, dims)
    if left is None or right is None:
        return None
    if operator in ("//", "%") and right == 0:
        return float("nan")
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "//": lambda: left // right,
        "%": lambda: left % right,
        "min": lambda: min(left, right),
        "max": lambda: max(left, right),
        "==": lambda: left == right,
        "<=": lambda: left <= right,
        "<": lambda: left < right,
    }[operator]()


def expression_text(expression: Any) -> str:
    """An expression as a person writes it."""
    if not isinstance(expression, tuple):
        return str(expression)
    operator, left, right = expression
    if operator in ("min", "max"):
        return f"{operator}({expression_text(left)}, {expression_text(right)})"
    sides = [f"({expression_text(side)})" if isinstance(side, tuple) else str(side) for side in (left, right)]
    if operator in ("==", "<=", "<"):
        sides = [expression_text(left), expression_text(right)]
    return f"{sides[0]} {operator} {sides[1]}"


def names_in(expression: Any) -> list[str]:
    """The names of the sizes in an expression, each once, in order."""
    if isinstance(expression, str):
        return [expression]
    if isinstance(expression, tuple):
        return list(dict.fromkeys(names_in(expression[1]) + names_in(expression[2])))
    return []
