"""The judge's claims about structure and sizes, as questions.

Each asks whether the given contract has a message that breaks the claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Final, NamedTuple

from contractgen.contract.compare.elements import Number
from contractgen.contract.compare.pair import Break, Position
from contractgen.contract.compare.presence import Needs, Switch
from contractgen.contract.compare.root import Path, Side, path_text
from contractgen.contract.expression import names_in_order, operators, render
from contractgen.contract.model import Contract, Dim, Expr

_MOST_SUPPORTS: Final = 48


@dataclass(frozen=True)
class Demand:
    """What the elements of one tensor must be: a number at an index of the last axis (or anywhere), or several."""

    side: Side
    path: Path
    numbers: tuple[tuple[int | None, Number], ...]


class Way(NamedTuple):
    """One way in which a message could break a claim."""

    conditions: list[Expr]
    """What its sizes must meet."""
    bounds: list[Expr]
    """What they must meet as far as the dims are known: a bound by a size that is not there binds nothing."""
    demand: Demand | None


@dataclass(frozen=True)
class Question:
    """One claim, with the ways in which a message could break it."""

    rule: str
    side: Side
    about: str
    """What it is about: a place, a dim of the judge, or a relation."""
    path: Path
    needs: Needs
    lacks: Switch | None
    ways: Callable[[], Iterator[Way]]
    given: str
    judge: str
    complete: bool = True


def _one_way() -> Iterator[Way]:
    yield Way([], [], None)


def _no_way() -> Iterator[Way]:
    return iter(())


def structural(breaks: Iterable[Break]) -> Iterator[Question]:
    """Questions about structure: any message that has what is needed will do."""
    for one in breaks:
        about = path_text(one.side, one.path)
        ways = _one_way if one.decided else _no_way
        yield Question(
            one.rule, one.side, about, one.path, one.needs, one.lacks, ways, one.given, one.judge, one.decided
        )


class Support(NamedTuple):
    """One way to know an expression: what must be there, and what it is over the given contract's dims."""

    needs: Needs
    term: Expr
    used: tuple[Position, ...]


class Supports(NamedTuple):
    """Ways to know an expression; not ``complete`` where there are too many to look at."""

    found: list[Support]
    complete: bool


@dataclass(frozen=True)
class Sizes:
    """Questions about sizes. ``context`` are the positions of the side that the judge is known to allow."""

    given: Contract
    judge: Contract
    side: Side
    subject: tuple[Position, ...]
    context: tuple[Position, ...]

    def questions(self) -> Iterator[Question]:
        """All questions about sizes, those about single axes first."""
        for position in self.subject:
            yield from self._about_position(position)
        yield from self._ties()
        yield from self._derived()
        yield from self._relations()

    def _question(
        self,
        rule: str,
        about: str,
        position: Position,
        needs: Needs,
        ways: Iterable[list[Expr]],
        said: tuple[str, str],
        complete: bool = True,
    ) -> Question:
        kept = [Way(way, [], None) for way in ways]
        return Question(rule, self.side, about, position.path, needs, None, lambda: iter(kept), *said, complete)

    def _about_position(self, position: Position) -> Iterator[Question]:
        given, wanted = position.given, position.judge
        if isinstance(wanted, int):
            if given != wanted:
                ways: list[list[Expr]] = [[("<", given, wanted)], [("<", wanted, given)]]
                said = (self.said(given), str(wanted))
                yield self._question("size", place(position), position, position.needs, ways, said)
            return
        dim = self.judge.dims[wanted]
        if dim.equals is not None:
            return
        about = f"dim {wanted} at {place(position)}"
        if dim.min > 0:
            said = (self.said(given), f"at least {dim.min}")
            yield self._question("min", about, position, position.needs, [[("<", given, dim.min)]], said)
        if dim.max is not None:
            said = (self.said(given), f"at most {dim.max}")
            yield self._question("max", about, position, position.needs, [[("<", dim.max, given)]], said)
        if dim.multiple_of > 1:
            said = (self.said(given), f"a multiple of {dim.multiple_of}")
            rest: Expr = ("<=", 1, ("%", given, dim.multiple_of))
            yield self._question("multiple", about, position, position.needs, [[rest]], said)

    def said(self, size: int | str) -> str:
        """A size of the given contract in words."""
        if isinstance(size, int):
            return str(size)
        return f"{size} ({bounds(self.given.dims[size])})"

    def _positions(self, name: str) -> list[Position]:
        """The places of a dim of the judge; of those with one size that is the same in the given contract the barest."""
        found: list[Position] = []
        for position in (*self.context, *self.subject):
            if position.judge == name and not any(_covers(one, position) for one in found):
                found = [one for one in found if not _covers(position, one)]
                found.append(position)
        return found

    def _ties(self) -> Iterator[Question]:
        for name in self.judge.dims:
            for one, other in combinations(self._positions(name), 2):
                if one.given == other.given or one.side == other.side != self.side:
                    continue
                subject = other if other.side == self.side else one
                ways: list[list[Expr]] = [[("<", one.given, other.given)], [("<", other.given, one.given)]]
                about = f"dim {name} at {place(one)} and {place(other)}"
                said = (f"{one.given} and {other.given}", "equal")
                yield self._question("tie", about, subject, one.needs | other.needs, ways, said)

    def _derived(self) -> Iterator[Question]:
        for name, dim in self.judge.dims.items():
            if dim.equals is None:
                continue
            for position in self._positions(name):
                supports = self.supports(dim.equals)
                for needs, formula, used in supports.found:
                    # A size of a request may follow from one that only the response shows.
                    if not self.is_subject((position, *used)):
                        continue
                    ways = [*_unequal(position.given, formula), *_without_value(formula)]
                    about = f"dim {name} at {place(position)}"
                    said = (self.said(position.given), render(dim.equals))
                    needs_both = needs | position.needs
                    yield self._question("derived", about, position, needs_both, ways, said, supports.complete)

    def is_subject(self, positions: Iterable[Position]) -> bool:
        """Whether what is known from some places is a claim about the side that is looked at."""
        return any(position.side == self.side for position in positions)

    def _relations(self) -> Iterator[Question]:
        for relation in self.judge.relations:
            supports = self.supports(relation)
            for needs, formula, used in supports.found:
                if used and not self.is_subject(used):
                    continue
                ways = [*_negated(formula), *_without_value(formula)]
                nowhere = Position(self.side, (), None, 0, 0, frozenset())
                said = ("not required" if self.side == "input" else "not promised", render(relation))
                about = f"relation {render(relation)}"
                yield self._question("relation", about, nowhere, needs, ways, said, supports.complete)

    def supports(self, expr: Expr) -> Supports:
        """Ways to know all dims in an expression from what a message shows, and what the expression is then."""
        complete = True
        choices: list[list[Support]] = []
        for name in names_in_order(expr):
            own = [Support(one.needs, one.given, (one,)) for one in self._positions(name)]
            equals = self.judge.dims[name].equals
            if equals is not None:
                through = self.supports(equals)
                complete = complete and through.complete
                own = [*through.found, *own]
            choices.append(own)
        found = []
        for chosen in islice(product(*choices), _MOST_SUPPORTS):
            terms = {name: one.term for name, one in zip(names_in_order(expr), chosen, strict=True)}
            needs: Needs = frozenset().union(*(one.needs for one in chosen))
            found.append(Support(needs, _replaced(expr, terms), tuple(place for one in chosen for place in one.used)))
        return Supports(found, complete and math.prod(map(len, choices)) <= _MOST_SUPPORTS)


def _covers(one: Position, other: Position) -> bool:
    """Whether what is known from one place is known wherever the other is there, and the same."""
    return (one.side, one.given) == (other.side, other.given) and one.needs <= other.needs


def place(position: Position) -> str:
    """``inputs.ids axis 1``, ``the length of inputs.frames``."""
    where = path_text(position.side, position.path)
    return f"the length of {where}" if position.axis is None else f"{where} axis {position.axis}"


def bounds(dim: Dim) -> str:
    """What a dim may be, in a few words."""
    if dim.equals is not None:
        return render(dim.equals)
    text = f"{dim.min} or more" if dim.max is None else f"{dim.min} to {dim.max}"
    return text if dim.multiple_of == 1 else f"{text}, a multiple of {dim.multiple_of}"


def _replaced(expr: Expr, found: dict[str, Expr]) -> Expr:
    if isinstance(expr, tuple):
        return (expr[0], _replaced(expr[1], found), _replaced(expr[2], found))
    return found[expr] if isinstance(expr, str) else expr


def _unequal(left: Expr, right: Expr) -> list[list[Expr]]:
    return [[("<", left, right)], [("<", right, left)]]


def _negated(relation: Expr) -> list[list[Expr]]:
    assert isinstance(relation, tuple)
    operator, left, right = relation
    if operator == "==":
        return _unequal(left, right)
    return [[("<" if operator == "<=" else "<=", right, left)]]


def _without_value(expr: Expr) -> list[list[Expr]]:
    """Each divisor that may be 0: an expression without a value holds for no message."""
    if not isinstance(expr, tuple) or not operators(expr) & {"//", "%"}:
        return []
    operator, left, right = expr
    own: list[list[Expr]] = (
        [[("==", right, 0)]] if operator in ("//", "%") and (not isinstance(right, int) or right == 0) else []
    )
    return [*own, *_without_value(left), *_without_value(right)]
