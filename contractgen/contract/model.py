"""The data of a contract: frozen dataclasses that mirror ``contract.json`` member by member.

Nothing here computes. Reading and writing JSON is `codec`, cross-reference checks are `checks`, the canonical
form and its fingerprint are `canonical`, arithmetic over dims is `expression`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, Union

FORMAT = "contractgen/1"
"""The format's name, the first member of every contract."""

MAX_INTEGER = 2**53 - 1
"""The largest magnitude of an integer in a contract: every JSON reader keeps it exact (RFC 8785)."""

DType: TypeAlias = Literal[
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip

Operator: TypeAlias = Literal["+", "-", "*", "//", "%", "min", "max", "==", "<=", "<"]

Expr: TypeAlias = Union[int, str, "tuple[Operator, Expr, Expr]"]
"""An expression over dims: an integer, the name of a dim, or ``(operator, left, right)``.

``==``, ``<=`` and ``<`` yield a truth value and stand only at the top of a relation. ``//`` and ``%`` round as
Python's do, towards minus infinity.
"""

Bound: TypeAlias = Expr
"""A bound of a value domain: an integer, a decimal string (``"0.5"``), or an expression over dims (``"seq"``).

A string is a decimal if it matches ``-?[0-9]+(\\.[0-9]+)?(e-?[0-9]{1,3})?``, else the name of a dim; a dim's name is an
identifier, so the two cannot be confused.
"""

Scalar: TypeAlias = Union[bool, int, str, None]
"""What a JSON contract can hold of a Python constant; a float stands as a decimal string in `Constant`."""


@dataclass(frozen=True, slots=True)
class Dim:
    """A named size. Free within its bounds, or derived from other dims by ``equals`` (then the bounds are unused)."""

    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    role: str | None = None
    """What the axis means, where that is proven (``batch``)."""
    equals: Expr | None = None


@dataclass(frozen=True, slots=True)
class EachRow:
    """At least so many elements that are not zero, or that are, as a model asks of a mask that leaves something."""

    kind: Literal["nonzero", "zero"]
    least: int = 1

    @property
    def text(self) -> str:
        """`at least 1 nonzero`."""
        return f"at least {self.least} {self.kind}"


@dataclass(frozen=True, slots=True)
class Values:
    """What a tensor's elements may be. The members that are set hold together."""

    min: Bound | None = None
    max: Bound | None = None
    one_of: tuple[int | str, ...] | None = None
    finite: bool = False
    """No NaN and no infinity."""
    not_nan: bool = False
    """No NaN; infinities are meaningful."""
    order: Literal["ascending", "descending"] | None = None
    """The elements along the last axis never fall (``ascending``) or never rise (``descending``)."""
    attained: bool = False
    """The largest element, if there is any, is ``max``, which follows from dims."""
    each_row: EachRow | None = None
    """What each row has. A row is all that one index of the first axis holds; one axis is one row. A tensor without
    elements passes."""
    along_last: tuple[Values, ...] | None = None
    """One domain per index of the last axis: of a fixed one for each, of a free one for the first that it always has."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A leaf. ``wire_name`` names it in a request; below a list it holds one ``*`` per list, replaced by the index."""

    wire_name: str
    dtype: DType
    shape: tuple[int | str, ...]
    values: Values | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A leaf that has one value and never travels: a Python flag at its default, or ``None``."""

    value: Scalar
    type: Literal["bool", "int", "float", "str", "none"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a `Dict`. A field that is not required may be absent."""

    key: str
    node: Node
    required: bool = True


@dataclass(frozen=True, slots=True)
class Dict:
    """A mapping with string keys; no other keys are accepted."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class List:
    """``length`` items (an integer or a dim's name), each like ``item``; the dims of ``item`` are shared by all."""

    item: Node
    length: int | str


@dataclass(frozen=True, slots=True)
class Tuple:
    """A fixed number of items, each with a node of its own: a Python tuple, or a list (``sequence``).

    A list whose items are alike is a `List`. In JSON both are of the type ``list``, this one with ``items``.
    """

    items: tuple[Node, ...]
    sequence: Literal["tuple", "list"] = "tuple"


@dataclass(frozen=True, slots=True)
class Optional:
    """``None`` or what ``node`` says."""

    node: Node


Node: TypeAlias = Union[Tensor, Constant, Dict, List, Tuple, Optional]

ParameterKind: TypeAlias = Literal["positional", "keyword", "variadic"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of ``forward``. A ``variadic`` one is ``*args``: its node is a `List` or `Tuple` that is spread."""

    name: str
    node: Node
    kind: ParameterKind = "positional"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """One result. A contract with one output says that ``forward`` returns its node; with several, a tuple of them."""

    name: str
    node: Node


Source: TypeAlias = Literal["declared", "traced", "weights", "probed", "assumed"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why one claim is believed.

    ``about`` names its subject: ``dim:seq``, ``tensor:batch.ids`` (a wire name), ``input:mask`` (a parameter),
    ``output:logits`` (an output's wire name), ``relation:0`` (an index) or ``model``; ``property`` the member of it.
    """

    about: str
    property: str
    source: Source
    detail: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What a model accepts and returns. ``fingerprint`` is empty only in a contract that was not yet sealed."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    dims: dict[str, Dim] = field(default_factory=dict)
    relations: tuple[Expr, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    fingerprint: str = ""
    description: str | None = None
    extensions: dict[str, object] = field(default_factory=dict)
    """The free ``x-*`` members of the top level."""
