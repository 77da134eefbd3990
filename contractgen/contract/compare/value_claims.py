"""The judge's claims about the elements of tensors, as questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeAlias

from contractgen.contract.compare.claims import Demand, Question, Sizes, Way
from contractgen.contract.compare.elements import (
    Condition,
    Domain,
    Number,
    allowed,
    below,
    candidates,
    domain,
    inhabited,
    is_finite,
    is_nan,
    is_of,
    outside,
    stands_alone,
    together,
)
from contractgen.contract.compare.pair import PairedLeaf
from contractgen.contract.compare.presence import Needs
from contractgen.contract.compare.root import path_text
from contractgen.contract.expression import render
from contractgen.contract.model import Bound, EachRow, Expr, Tensor, Values

Ways: TypeAlias = Iterator[Way]


@dataclass(frozen=True)
class Elements:
    """Questions about one tensor. ``sizes`` knows what the dims of the judge are in a message."""

    leaf: PairedLeaf
    sizes: Sizes

    def questions(self) -> Iterator[Question]:
        """All of them, column by column where one of the contracts has domains for columns.

        Of a request's tensor, where responses are looked at, those whose bound only the response tells.
        """
        judge = self.leaf.judge.values
        if judge is None:
            return
        both = (self.leaf.given, self.leaf.judge)
        count = max(len(one.values.along_last or ()) if one.values else 0 for one in both)
        for column in self._columns(count):
            yield from self._about_column(column, count)
        if judge.attained and judge.max is not None:
            yield from self._about_largest(count, judge.max)
        if judge.each_row is not None and self.leaf.side == self.sizes.side:
            yield from self._about_rows(count, judge.each_row)
        if judge.order is not None and self.leaf.side == self.sizes.side:
            given = self.leaf.given.values.order if self.leaf.given.values else None
            if given != judge.order:
                said = (given or "in any order", judge.order)
                yield self._question("order", "", self.leaf.needs, lambda: self._disorders(count), said, complete=True)

    def _columns(self, count: int) -> Sequence[int | None]:
        """The indices that have domains, and None for all others of an axis that has more."""
        more = not count or self.leaf.given.shape[-1] != count
        return [*range(count), *[None] * more]

    def _about_column(self, column: int | None, count: int) -> Iterator[Question]:
        given, judge = domain(self.leaf.given, column), domain(self.leaf.judge, column)
        said = (said_values(self.leaf.given, column), said_values(self.leaf.judge, column))
        where = "" if column is None else f"[..., {column}]"
        place = count or None if column is None else column

        # Messages are built of one row: where that has no room for a largest element beside, another row has.
        rank = len(self.leaf.given.shape)
        rows = {"value-min", "value-set"} if given.attained and rank > 1 else set[str]()
        if given.each_row is not None and rank > 2:
            rows |= {"value-min", "value-max", "value-set"}

        def question(rule: str, needs: Needs, claim: Claim, complete: bool = True) -> Question:
            complete = complete and rule not in rows
            return self._question(rule, where, needs, lambda: self._ways(place, given, judge, claim), said, complete)

        for rule, bounds in (("value-min", judge.low), ("value-max", judge.high)):
            for bound in bounds:
                if not isinstance(bound, (str, tuple)):
                    if not _within(given, rule, bound) and self.leaf.side == self.sizes.side:
                        yield question(rule, self.leaf.needs, Claim(rule, bound))
                    continue
                supports = self.sizes.supports(bound)
                for needs, term, used in supports.found:
                    if self.leaf.side != self.sizes.side and not self.sizes.is_subject(used):
                        continue
                    yield question(rule, self.leaf.needs | needs, Claim(rule, term), supports.complete)
        if self.leaf.side != self.sizes.side:
            return
        if judge.one_of is not None and given.one_of != judge.one_of:
            yield question("value-set", self.leaf.needs, Claim("value-set"))
        if judge.finite and not given.finite:
            yield question("finite", self.leaf.needs, Claim("finite"))
        if judge.not_nan and not judge.finite and not given.not_nan:
            yield question("not-nan", self.leaf.needs, Claim("not-nan"))

    def _about_largest(self, count: int, bound: Bound) -> Iterator[Question]:
        """Whether all elements may be below the judge's max. Of ``count`` columns each has its least number."""
        places = self._columns(count)
        given = [domain(self.leaf.given, column) for column in places]
        said = (_said_largest(self.leaf.given), _said_largest(self.leaf.judge))

        def ways(term: Number) -> Ways:
            for numbers in product(*(candidates(one, one, term) for one in given)):
                inside = [allowed(one, number) for one, number in zip(given, numbers, strict=True)]
                left = together(below(number, term) for number in numbers)
                largest = together(stands_alone(given[0], numbers[0]))
                if left is None or largest is None or any(one is None for one in inside):
                    continue
                demand = Demand(self.leaf.side, self.leaf.path, tuple(zip(places, numbers, strict=True)))
                known = [condition for one in inside for condition in one or ()]
                yield Way([*self._filled(None, 0), *left], [*known, *largest], demand)

        supports = self.sizes.supports(bound)
        for needs, term, used in supports.found:
            if self.leaf.side == self.sizes.side or self.sizes.is_subject(used):
                needed = self.leaf.needs | needs
                yield self._question("attained", "", needed, partial(ways, term), said, supports.complete)

    def _about_rows(self, count: int, needs: EachRow) -> Iterator[Question]:
        """Whether a row may have too few elements of a kind. Of ``count`` columns each may have what is of the other."""
        known = domain(self.leaf.given, None).each_row
        if known is not None and known.kind == needs.kind and known.least >= needs.least:
            return
        places = self._columns(count)
        given = [domain(self.leaf.given, column) for column in places]
        other = "zero" if needs.kind == "nonzero" else "nonzero"

        def ways() -> Ways:
            options = [[n for n in candidates(one, one) if is_of(other, n) is True] for one in given]
            for numbers in product(*options):
                inside = [allowed(one, number) for one, number in zip(given, numbers, strict=True)]
                # Beside as many of the kind as there have to be, it need not stand alone.
                alone = [] if known and known.kind == needs.kind else together(stands_alone(given[0], numbers[0]))
                if alone is None or any(one is None for one in inside):
                    continue
                demand = Demand(self.leaf.side, self.leaf.path, tuple(zip(places, numbers, strict=True)))
                bounds = [condition for one in inside for condition in one or ()]
                yield Way(self._filled(None, 0), [*bounds, *alone], demand)

        said = (_said_rows(self.leaf.given), _said_rows(self.leaf.judge))
        rank = len(self.leaf.given.shape)
        complete = not ((given[0].attained and rank > 1) or (known and rank > 2))
        yield self._question("each-row", "", self.leaf.needs, ways, said, complete)

    def _question(
        self, rule: str, where: str, needs: Needs, ways: Callable[[], Ways], said: tuple[str, str], complete: bool
    ) -> Question:
        leaf = self.leaf
        about = path_text(leaf.side, leaf.path) + where
        return Question(rule, self.sizes.side, about, leaf.path, needs, None, ways, *said, complete)

    def _ways(self, column: int | None, given: Domain, judge: Domain, claim: Claim) -> Ways:
        for number in candidates(given, judge, claim.bound):
            inside = allowed(given, number)
            if inside is None:
                continue
            for breaking in claim.broken(judge, number):
                left = together(breaking)
                if left is None:
                    continue
                demand = Demand(self.leaf.side, self.leaf.path, ((column, number),))
                conditions = [*self._filled(column, number), *left]
                # It is the largest element itself, or one beside it.
                largest = together(stands_alone(given, number))
                if largest is not None:
                    yield Way(conditions, [*inside, *largest], demand)
                if (given.attained or given.each_row) and self.leaf.given.shape:
                    least = given.each_row.least + 1 if given.each_row else 2
                    for beside in inhabited(given) if given.each_row else [[]]:
                        yield Way([*conditions, ("<=", least, self.leaf.given.shape[-1])], [*inside, *beside], demand)

    def _filled(self, column: int | None, number: Number) -> list[Expr]:
        """The tensor has elements, and one at the column."""
        given = self.leaf.given
        conditions: list[Expr] = [("<=", 1, size) for size in given.shape]
        if column is not None:
            conditions.append(("<", column, given.shape[-1]))
        if given.values is not None and given.values.order is not None and is_nan(number):
            # NaN is in order with nothing, not even with itself.
            conditions.append(("==", given.shape[-1], 1))
        return conditions

    def _disorders(self, count: int) -> Ways:
        """Two neighbours along the last axis that are in the wrong order, both allowed."""
        leaf = self.leaf
        order = leaf.judge.values.order if leaf.judge.values else None
        free = leaf.given.values is None or leaf.given.values.order is None
        last = count - 1 if self._columns(count)[-1] is not None else count + 1
        places = [(index, index + 1) for index in range(last)]
        for first, second in places:
            one, other = (domain(leaf.given, place if count else None) for place in (first, second))
            for a, b in _plain_first(candidates(one, one), candidates(other, other)):
                wrong: Condition = below(b, a) if order == "ascending" else below(a, b)
                if is_nan(a) or is_nan(b):
                    wrong = free
                inside = allowed(one, a), allowed(other, b), together([wrong])
                if inside[0] is None or inside[1] is None or inside[2] is None:
                    continue
                demand = Demand(leaf.side, leaf.path, ((first, a), (second, b)))
                # Where there is any disorder, there is one with the largest element in it, and one with a zero or without.
                for number in (a, b) if one.attained or one.each_row else (a,):
                    largest = together(stands_alone(one, number))
                    if largest is not None:
                        bounds = [*inside[0], *inside[1], *largest]
                        yield Way([*self._filled(second, 0), *inside[2]], bounds, demand)


@dataclass(frozen=True)
class Claim:
    """One claim about elements; a bound is over the given contract's dims."""

    rule: str
    bound: Number = 0

    def broken(self, judge: Domain, number: Number) -> list[list[Condition]]:
        """The ways in which a number breaks it."""
        if self.rule == "value-min":
            return [[is_nan(number) or below(number, self.bound)]]
        if self.rule == "value-max":
            return [[is_nan(number) or below(self.bound, number)]]
        if self.rule == "finite":
            return [[not is_finite(number)]]
        if self.rule == "not-nan":
            return [[is_nan(number)]]
        return outside(sorted(judge.one_of or ()), number)


def _plain_first(left: list[Number], right: list[Number]) -> Iterator[tuple[Number, Number]]:
    """All pairs, those of the first numbers of both lists first."""
    ranked = sorted(product(enumerate(left), enumerate(right)), key=lambda pair: pair[0][0] + pair[1][0])
    return ((a, b) for (_, a), (_, b) in ranked)


def _within(given: Domain, rule: str, bound: Number) -> bool:
    """Whether the given domain has that very bound, or a tighter one."""
    ours = given.low if rule == "value-min" else given.high
    return any((below(one, bound) if rule == "value-min" else below(bound, one)) is False for one in ours)


def said_values(tensor: Tensor, column: int | None) -> str:
    """A domain in a few words."""
    values = tensor.values or Values()
    parts = [values]
    if column is not None and values.along_last and column < len(values.along_last):
        parts.append(values.along_last[column])
    said: list[str] = []
    for part in parts:
        if part.min is not None or part.max is not None:
            said.append(f"{_bound(part.min, '-inf')} to {_bound(part.max, 'inf')}")
        if part.one_of is not None:
            said.append("one of " + ", ".join(map(str, part.one_of)))
        said += ["finite"] * part.finite + ["not NaN"] * part.not_nan
    return ", ".join(said) or "anything"


def _said_rows(tensor: Tensor) -> str:
    """What each row has, in a few words."""
    needs = tensor.values.each_row if tensor.values else None
    return f"{needs.text} in each row" if needs else "any rows"


def _said_largest(tensor: Tensor) -> str:
    """What the largest element is, in a few words."""
    values = tensor.values or Values()
    return (
        f"the largest element is {render(values.max)}" if values.attained and values.max is not None else "any largest"
    )


def _bound(bound: Bound | None, otherwise: str) -> str:
    return otherwise if bound is None else render(bound)
