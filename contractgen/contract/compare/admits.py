"""Whether a contract allows a message: the plain definition that findings are held against.

It knows nothing of how findings are made, so that a witness that passes it is one. What is refused is told by the names
of the rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from contractgen.contract.compare.message import Array, Element, Value
from contractgen.contract.compare.numbers import nearest
from contractgen.contract.compare.root import ITEM_STEP, Path, Side, index_step, key_step, root
from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import evaluate
from contractgen.contract.model import (
    Bound,
    Constant,
    Contract,
    Dict,
    EachRow,
    Expr,
    List,
    Node,
    Optional,
    Tensor,
    Tuple,
    Values,
)

Row: TypeAlias = "tuple[tuple[int, int, Element], ...]"
"""The elements along a last axis: from where, to where, and which number."""


@dataclass(frozen=True)
class Refusal:
    """One way in which a message differs from a contract: the rule's name, and the place (a dim's or relation's is a size)."""

    rule: str
    side: Side
    path: Path


@dataclass
class Reading:
    """A message as a contract reads it."""

    contract: Contract
    refusals: list[Refusal] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    extents: list[tuple[Side, Path, int | str, int]] = field(default_factory=list)
    leaves: list[tuple[Side, Path, Tensor, Array]] = field(default_factory=list)

    def refuse(self, rule: str, side: Side, path: Path) -> None:
        """Note a difference and go on."""
        self.refusals.append(Refusal(rule, side, path))

    def visit(self, node: Node, value: Value, side: Side, path: Path) -> None:
        """Read the part of a message that a node describes."""
        if isinstance(node, Optional):
            if value is not None:
                self.visit(node.node, value, side, path)
        elif isinstance(node, Constant) and node.type == "none":
            if value is not None:
                self.refuse("kind", side, path)
        elif value is None:
            self.refuse("none", side, path)
        elif isinstance(node, Tensor):
            self.visit_tensor(node, value, side, path)
        elif isinstance(node, Constant):
            if not isinstance(value, Constant):
                self.refuse("kind", side, path)
            elif (value.value, value.type) != (node.value, node.type):
                self.refuse("constant", side, path)
        elif isinstance(node, Dict):
            self.visit_dict(node, value, side, path)
        else:
            self.visit_items(node, value, side, path)

    def visit_items(self, node: List | Tuple, value: Value, side: Side, path: Path) -> None:
        """Read a list or a tuple."""
        if not isinstance(value, list if isinstance(node, List) or node.sequence == "list" else tuple):
            self.refuse("kind", side, path)
        elif isinstance(node, List):
            self.extents.append((side, path, node.length, len(value)))
            # Items that are one and the same are read once: a witness may have millions.
            for item in {id(item): item for item in value}.values():
                self.visit(node.item, item, side, (*path, ITEM_STEP))
        elif len(value) != len(node.items):
            self.refuse("items", side, path)
        else:
            for index, (part, item) in enumerate(zip(node.items, value, strict=True)):
                self.visit(part, item, side, (*path, index_step(index)))

    def visit_dict(self, node: Dict, value: Value, side: Side, path: Path) -> None:
        """Read a mapping."""
        if not isinstance(value, Mapping):
            self.refuse("kind", side, path)
            return
        for part in node.fields:
            below = (*path, key_step(part.key))
            if part.key in value:
                self.visit(part.node, value[part.key], side, below)
            elif part.required and not isinstance(part.node, Constant):
                # A constant never travels: the reader has its own copy.
                self.refuse("missing", side, below)
        for key in value.keys() - {part.key for part in node.fields}:
            self.refuse("unexpected", side, (*path, key_step(key)))

    def visit_tensor(self, node: Tensor, value: Value, side: Side, path: Path) -> None:
        """Read a leaf."""
        if not isinstance(value, Array):
            self.refuse("kind", side, path)
            return
        for rule, differs in (
            ("wire-name", value.name != node.wire_name),
            ("dtype", value.dtype != node.dtype),
            ("rank", len(value.shape) != len(node.shape)),
        ):
            if differs:
                self.refuse(rule, side, path)
        if len(value.shape) == len(node.shape):
            self.extents += [(side, path, wanted, size) for wanted, size in zip(node.shape, value.shape, strict=True)]
            if value.dtype == node.dtype:
                self.leaves.append((side, path, node, value))

    def value(self, expr: Expr) -> int | float | bool | None:
        """The value of an expression; None where a size in it is not known, NaN where it divides by zero."""
        if isinstance(expr, str):
            equals = self.contract.dims[expr].equals
            computed = None if equals is None else self.value(equals)
            return self.sizes.get(expr) if computed is None else computed
        if not isinstance(expr, tuple):
            return expr
        left, right = self.value(expr[1]), self.value(expr[2])
        if left is None or right is None:
            return None
        if math.isnan(left) or math.isnan(right) or (expr[0] in ("//", "%") and right == 0):
            return math.nan
        assert isinstance(left, int)
        assert isinstance(right, int)
        return evaluate((expr[0], left, right), {})

    def check_sizes(self) -> None:
        """Hold the sizes against each other, their bounds and the relations."""
        dims = self.contract.dims
        for side, path, wanted, size in self.extents:
            if isinstance(wanted, int):
                if size != wanted:
                    self.refuse("size", side, path)
            elif dims[wanted].equals is None and self.sizes.setdefault(wanted, size) != size:
                self.refuse("tie", side, path)
        for side, path, wanted, size in self.extents:
            if isinstance(wanted, str):
                self.check_dim(wanted, size, side, path)
        side = "output" if any(extent[0] == "output" for extent in self.extents) else "input"
        for relation in self.contract.relations:
            if self.value(relation) not in (None, True):
                self.refuse("relation", side, ())

    def check_dim(self, name: str, size: int, side: Side, path: Path) -> None:
        """Hold the size of a dim against its bounds or its formula."""
        dim = self.contract.dims[name]
        if dim.equals is not None:
            computed = self.value(dim.equals)
            if computed is None:
                if self.sizes.setdefault(name, size) != size:
                    self.refuse("tie", side, path)
            elif computed != size:
                self.refuse("derived", side, path)
            return
        if size < dim.min:
            self.refuse("min", side, path)
        if dim.max is not None and size > dim.max:
            self.refuse("max", side, path)
        if size % dim.multiple_of:
            self.refuse("multiple", side, path)

    def check_values(self) -> None:
        """Hold the elements against the value domains."""
        for side, path, tensor, array in self.leaves:
            values = tensor.values
            if values is None or array.is_empty:
                continue
            row = array.row()
            rules = {rule for _, _, element in row for rule in self.broken(values, element, tensor.dtype)}
            for index, column in enumerate(values.along_last or ()):
                here = [element for start, end, element in row if start <= index < end]
                rules |= {rule for element in here for rule in self.broken(column, element, tensor.dtype)}
            if values.order is not None and not _is_ordered(row, values.order):
                rules.add("order")
            if values.attained and self.is_short(values, row, tensor.dtype):
                rules.add("attained")
            if values.each_row is not None and row_count(values.each_row, row, array.shape) < values.each_row.least:
                rules.add("each-row")
            for rule in sorted(rules):
                self.refuse(rule, side, path)

    def broken(self, values: Values, element: Element, dtype: str) -> Iterator[str]:
        """The claims of a domain that an element does not keep."""
        nan = isinstance(element, float) and math.isnan(element)
        if values.finite and not math.isfinite(element):
            yield "finite"
        if values.not_nan and nan:
            yield "not-nan"
        low, high = (self.bound(bound, dtype) for bound in (values.min, values.max))
        if low is not None and not element >= low:
            yield "value-min"
        if high is not None and not element <= high:
            yield "value-max"
        if values.one_of is not None and element not in {nearest(one, dtype) for one in values.one_of}:
            yield "value-set"

    def is_short(self, values: Values, row: Row, dtype: str) -> bool:
        """Whether the largest element is below a maximum that it has to be."""
        high = self.bound(values.max, dtype)
        return high is not None and all(element < high for _, _, element in row)

    def bound(self, bound: Bound | None, dtype: str) -> int | float | None:
        """The number that a bound is; None where there is none or a size in it is not known."""
        if bound is None:
            return None
        if isinstance(bound, int) or (isinstance(bound, str) and is_decimal(bound)):
            return nearest(bound, dtype)
        return self.value(bound)


def is_of_kind(needs: EachRow, element: Element) -> bool:
    """Whether an element is of the kind that each row has to have some of."""
    return (element == 0) == (needs.kind == "zero")


def row_count(needs: EachRow, row: Row, shape: Sequence[int]) -> int:
    """How many of them a row has, whose parts along the last axis are all alike."""
    here = sum(end - start for start, end, element in row if is_of_kind(needs, element))
    return here * math.prod(shape[1:-1])


def _is_ordered(row: Row, order: str) -> bool:
    if any(end - start > 1 and element != element for start, end, element in row):
        return False
    return all(a <= b if order == "ascending" else a >= b for (_, _, a), (_, _, b) in pairwise(row))


def refusals(contract: Contract, request: Value, response: Value = None, *, with_response: bool) -> list[Refusal]:
    """Every way in which a request, or a request with its response, differs from what a contract allows."""
    reading = Reading(contract)
    reading.visit(root(contract, "input"), request, "input", ())
    if with_response:
        reading.visit(root(contract, "output"), response, "output", ())
    reading.check_sizes()
    reading.check_values()
    return reading.refusals
