"""A message out of sizes: the smallest tensors of the choice, filled with plain numbers but for what is demanded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from contractgen.contract.compare.admits import Reading, is_of_kind
from contractgen.contract.compare.claims import Demand
from contractgen.contract.compare.elements import domain
from contractgen.contract.compare.message import Array, Element, Value
from contractgen.contract.compare.numbers import is_integer, largest, smallest
from contractgen.contract.compare.pair import PairedLeaf
from contractgen.contract.compare.presence import is_sure
from contractgen.contract.compare.root import ITEM_STEP, Path, Side, core, index_step, key_step, root
from contractgen.contract.compare.scene import Scene
from contractgen.contract.expression import evaluate
from contractgen.contract.model import Constant, Contract, Dict, EachRow, Expr, List, Node, Tensor, Tuple, Values
from contractgen.contract.tree import in_sequence


@dataclass(frozen=True)
class Builder:
    """Builds messages of ``given``; where there is a choice, with what ``judge`` allows too."""

    given: Contract
    judge: Contract
    leaves: Mapping[tuple[Side, Path], PairedLeaf]
    scene: Scene
    sizes: Mapping[str, int]
    judge_sizes: Mapping[str, int]
    demand: Demand | None

    def message(self, side: Side) -> Value:
        """One side of the message."""
        return self._value(root(self.given, side), side, ())

    def _value(self, node: Node, side: Side, path: Path) -> Value:
        inner, may_be_none = core(node)
        if inner is None or (may_be_none and (side, path, "some") not in self.scene.choice.needs):
            return None
        if isinstance(inner, Tensor):
            return self._array(inner, side, path)
        if isinstance(inner, Constant):
            return inner
        if isinstance(inner, Dict):
            found: dict[str, Value] = {}
            for part in inner.fields:
                below = (*path, key_step(part.key))
                if is_sure(part.node, part.required) or (side, below, "present") in self.scene.choice.needs:
                    found[part.key] = self._value(part.node, side, below)
            return found
        if isinstance(inner, List):
            length = self._size(inner.length)
            item = self._value(inner.item, side, (*path, ITEM_STEP)) if length else None
            return [item] * length
        assert isinstance(inner, Tuple)
        return in_sequence(
            inner, (self._value(item, side, (*path, index_step(index))) for index, item in enumerate(inner.items))
        )

    def _size(self, size: int | str) -> int:
        resolved = self.scene.size_of(size)
        assert resolved is not None
        return int(evaluate(resolved, self.sizes))

    def _array(self, tensor: Tensor, side: Side, path: Path) -> Array:
        shape = tuple(map(self._size, tensor.shape))
        if 0 in shape:
            return Array(tensor.wire_name, tensor.dtype, shape, 0)
        demanded: dict[int | None, Element] = {}
        if self.demand is not None and (self.demand.side, self.demand.path) == (side, path):
            demanded = {index: self._number(number, tensor.dtype) for index, number in self.demand.numbers}
        leaf = self.leaves.get((side, path))
        picker = _Picker(
            tensor, leaf.judge if leaf else None, self._reading(self.given), self._reading(self.judge), demanded
        )
        fill, at = picker.row(shape[-1] if shape else 1)
        return Array(tensor.wire_name, tensor.dtype, shape, fill, at)

    def _reading(self, contract: Contract) -> Reading:
        sizes = self.sizes if contract is self.given else self.judge_sizes
        return Reading(contract, sizes=dict(sizes))

    def _number(self, number: Element | Expr, dtype: str) -> Element:
        if isinstance(number, (str, tuple)):
            resolved = self.scene.size_of(number)
            assert resolved is not None
            return int(evaluate(resolved, self.sizes))
        return number if is_integer(dtype) else float(number)


@dataclass(frozen=True)
class _Picker:
    """Picks the numbers of one tensor's rows."""

    tensor: Tensor
    judge: Tensor | None
    reading: Reading
    judge_reading: Reading
    demanded: Mapping[int | None, Element]

    def row(self, length: int) -> tuple[Element, tuple[tuple[int, Element], ...]]:
        """The number that fills a row of the last axis, and those at some indices."""
        fill, at = self._row(length)
        needs = self.tensor.values.each_row if self.tensor.values else None
        if needs is not None:
            fill, at = self._with_enough(needs, fill, dict(at), length)
        largest = self._largest(self.tensor, self.reading)
        if largest is None or largest in (fill, *(number for _, number in at)):
            return fill, at
        # A demanded number fills all places but the one that the largest element has.
        if length > 1 and self.tensor.values and self.tensor.values.order == "ascending":
            return largest, ((0, fill),)
        return fill, tuple(sorted({**dict(at), 0: largest}.items()))

    def _with_enough(
        self, needs: EachRow, fill: Element, at: dict[int, Element], length: int
    ) -> tuple[Element, tuple[tuple[int, Element], ...]]:
        """The row with as many elements of a kind as there have to be, in the first places that have others."""
        lacking = needs.least - sum(is_of_kind(needs, at.get(place, fill)) for place in range(length))
        if lacking > 0:
            number = next(one for one in self._options(None) if is_of_kind(needs, one))
            others = [place for place in range(length) if not is_of_kind(needs, at.get(place, fill))]
            at |= dict.fromkeys(others[:lacking], number)
        return fill, tuple(sorted(at.items()))

    def _largest(self, tensor: Tensor | None, reading: Reading) -> Element | None:
        """The number that the largest element has to be, where that is known."""
        values = tensor.values if tensor else None
        if values is None or tensor is None or not values.attained:
            return None
        return reading.bound(values.max, tensor.dtype)

    def _row(self, length: int) -> tuple[Element, tuple[tuple[int, Element], ...]]:
        order = self.tensor.values.order if self.tensor.values else None
        columns = self._columns(self.tensor)
        if order is not None and columns:
            told = max([columns, *(1 + index for index in self.demanded if index is not None)])
            row = self._ordered(min(told, length), order)
            fill = self.demanded.get(None, row[-1])
            return fill, tuple(enumerate(row[:-1] if fill == row[-1] else row))
        if order is not None and self.demanded:
            *first, last = self.demanded.values()
            return last, tuple(enumerate(first))
        fill = self.demanded[None] if None in self.demanded else self.pick(None)
        at = {index: number for index, number in self.demanded.items() if index is not None}
        for index in range(max(columns, self._columns(self.judge) if self.judge else 0)):
            at.setdefault(index, self.pick(index))
        return fill, tuple(sorted((index, number) for index, number in at.items() if index < length and number != fill))

    def _columns(self, tensor: Tensor) -> int:
        return len(tensor.values.along_last or ()) if tensor.values else 0

    def _ordered(self, columns: int, order: str) -> list[Element]:
        """A row in order: from the demanded numbers on, each as near to the one before as its column lets it be."""
        up = order == "ascending"
        row: list[Element] = []
        for column in range(columns):
            if column in self.demanded:
                row.append(self.demanded[column])
                continue
            options = sorted(self._options(column), reverse=not up)
            behind = [one for one in options if not row or (one >= row[-1] if up else one <= row[-1])]
            if not row:
                row.append(behind[0] if behind else options[0])
            elif self.allows(column, row[-1]):
                row.append(row[-1])
            else:
                row.append(behind[0] if behind else row[-1])
        return row

    def pick(self, column: int | None) -> Element:
        """A plain number that the domain allows, and that of the judge too where there is one."""
        for tensor, reading in ((self.tensor, self.reading), (self.judge, self.judge_reading)):
            largest = self._largest(tensor, reading)
            if largest is not None and self.allows(column, largest):
                return largest
        options = self._options(column)
        for tensor in (self.judge, self.tensor):
            if tensor and tensor.values and tensor.values.each_row:
                options.sort(key=partial(is_of_kind, tensor.values.each_row), reverse=True)
        if self.judge is None:
            return options[0] if options else 0
        domain_of_judge = self.judge.values or Values()
        for number in options:
            refused = list(self.judge_reading.broken(domain_of_judge, number, self.judge.dtype))
            if domain_of_judge.along_last and column is not None and column < len(domain_of_judge.along_last):
                part = domain_of_judge.along_last[column]
                refused += self.judge_reading.broken(part, number, self.judge.dtype)
            if not refused:
                return number
        return options[0] if options else 0

    def allows(self, column: int | None, number: Element) -> bool:
        """Whether the given domain allows a number."""
        values = self.tensor.values or Values()
        parts = [values]
        if column is not None and values.along_last and column < len(values.along_last):
            parts.append(values.along_last[column])
        return not any(True for part in parts for _ in self.reading.broken(part, number, self.tensor.dtype))

    def _options(self, column: int | None) -> list[Element]:
        dtype = self.tensor.dtype
        numbers: list[Element] = [0, 1]
        for tensor, reading in ((self.tensor, self.reading), (self.judge, self.judge_reading)):
            if tensor is None:
                continue
            claims = domain(tensor, column)
            numbers += sorted(claims.one_of or ())
            for bound in (*claims.low, *claims.high):
                value = reading.value(bound) if isinstance(bound, (str, tuple)) else bound
                if value is not None:
                    numbers.append(value)
        if not dtype.startswith("complex"):
            numbers += [smallest(dtype, finite=True), largest(dtype, finite=True)]
        typed = [number if is_integer(dtype) else float(number) for number in numbers]
        return [number for number in dict.fromkeys(typed) if not math.isnan(number) and self.allows(column, number)]


def sizes_of_judge(leaves: Sequence[tuple[int | str, Expr]], scene: Scene, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes of the judge's dims that a message shows."""
    found: dict[str, int] = {}
    for name, term in leaves:
        resolved = scene.size_of(term)
        if isinstance(name, str) and resolved is not None:
            found.setdefault(name, int(evaluate(resolved, sizes)))
    return found
