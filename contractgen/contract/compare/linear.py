"""A proof that no sizes meet some conditions, by elimination over the integers.

Expressions become linear forms: quotients, remainders, minima and products become unknowns of their own with what is
known about them. The unknowns are eliminated one by one (Fourier and Motzkin's method, each inequality rounded to
integers). Where a contradiction is left, nothing meets the conditions; where none is left, nothing was said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, TypeAlias

from contractgen.contract.intervals import interval
from contractgen.contract.model import MAX_INTEGER, Dim, Expr

_MOST_FORMS: Final = 600
_MOST_PAIRS: Final = 4_000
_MOST_CASES: Final = 64

Form: TypeAlias = dict[object, int]
"""A linear form: coefficients by unknown, the constant under ``1``."""

_ONE: Final = 1


class _TooMany(Exception):
    """The elimination grew beyond what is worth it."""


@dataclass
class _System:
    """Forms that are at least 0, forms that are 0, and pairs of forms of which one is at least 0."""

    dims: Mapping[str, Dim]
    at_least_zero: list[Form] = field(default_factory=list)
    zero: list[Form] = field(default_factory=list)
    either: list[tuple[Form, Form]] = field(default_factory=list)
    _known: dict[object, None] = field(default_factory=dict)

    def condition(self, relation: Expr) -> None:
        assert isinstance(relation, tuple)
        operator, left, right = relation
        difference = _sum(self.form(right), self.form(left), -1)
        if operator == "==":
            self.zero.append(difference)
        else:
            self.at_least_zero.append(_sum(difference, {_ONE: -1}) if operator == "<" else difference)

    def form(self, expr: Expr) -> Form:
        """The linear form of an expression. What is noted about its unknowns holds wherever the expression has a value."""
        if isinstance(expr, int):
            return {_ONE: expr} if expr else {}
        if isinstance(expr, str):
            dim = self.dims[expr]
            if self._first(("dim", expr)):
                # The unknown is how many times `multiple_of` the size is.
                low, high = -(-dim.min // dim.multiple_of), (MAX_INTEGER if dim.max is None else dim.max)
                self.at_least_zero.append({expr: 1, _ONE: -low})
                self.at_least_zero.append({expr: -1, _ONE: high // dim.multiple_of})
            return {expr: dim.multiple_of}
        operator, left, right = expr[0], self.form(expr[1]), self.form(expr[2])
        if operator in ("+", "-"):
            return _sum(left, right, 1 if operator == "+" else -1)
        if operator == "*":
            return self._product(left, right)
        if operator in ("//", "%"):
            return self._divided(expr, left, right, remainder=operator == "%")
        return self._extreme(left, right, least=operator == "min")

    def _first(self, key: object) -> bool:
        """Whether an unknown is met for the first time."""
        if key in self._known:
            return False
        self._known[key] = None
        return True

    def _product(self, left: Form, right: Form) -> Form:
        result: Form = {}
        for (a, x), (b, y) in product(left.items(), right.items()):
            unknown = _monomial(a, b)
            result = _sum(result, {unknown: x * y})
            if isinstance(unknown, tuple) and self._first(unknown):
                # Factors that cannot be negative have a product that is at least each least one times the other.
                for one, other in ((a, b), (b, a)):
                    least, other_least = self._least(one), self._least(other)
                    if least is not None and other_least is not None and least >= 0 and other_least >= 0:
                        self.at_least_zero.append(_sum({unknown: 1}, {other: -least}))
        return {unknown: number for unknown, number in result.items() if number}

    def _least(self, unknown: object) -> int | None:
        if not isinstance(unknown, str):
            return None
        dim = self.dims[unknown]
        return -(-dim.min // dim.multiple_of)

    def _divided(self, expr: Expr, left: Form, right: Form, *, remainder: bool) -> Form:
        divisor = right.get(_ONE, 0)
        if set(right) - {_ONE} or divisor <= 0:
            return self._opaque(expr)
        if all(number % divisor == 0 for number in left.values()):
            exact = {unknown: number // divisor for unknown, number in left.items()}
            return {} if remainder else exact
        quotient = ("//", _key(left), divisor)
        if self._first(quotient):
            rest = _sum(left, {quotient: divisor}, -1)
            self.at_least_zero += [rest, _sum({_ONE: divisor - 1}, rest, -1)]
        return _sum(left, {quotient: divisor}, -1) if remainder else {quotient: 1}

    def _extreme(self, left: Form, right: Form, *, least: bool) -> Form:
        if left == right:
            return left
        unknown = ("min" if least else "max", *sorted((_key(left), _key(right)), key=str))
        if self._first(unknown):
            sign = 1 if least else -1
            gaps = [_times(_sum(side, {unknown: 1}, -1), sign) for side in (left, right)]
            self.at_least_zero += gaps
            # One of the gaps is 0.
            self.either.append((_times(gaps[0], -1), _times(gaps[1], -1)))
        return {unknown: 1}

    def _opaque(self, expr: Expr) -> Form:
        unknown = ("opaque", expr)
        if self._first(unknown):
            ranges = {name: (dim.min, MAX_INTEGER if dim.max is None else dim.max) for name, dim in self.dims.items()}
            found = interval(expr, ranges)
            if found is not None:
                self.at_least_zero += [{unknown: 1, _ONE: -found[0]}, {unknown: -1, _ONE: found[1]}]
        return {unknown: 1}


def refuted(dims: Mapping[str, Dim], conditions: Sequence[Expr]) -> bool:
    """Whether it is proven that no sizes of the dims (none of them derived) meet all conditions."""
    system = _System(dims)
    for condition in conditions:
        system.condition(condition)
    try:
        return all(_contradicts(system.zero, [*system.at_least_zero, *case]) for case in _cases(system.either))
    except _TooMany:
        return False


def _cases(either: Sequence[tuple[Form, Form]]) -> Iterator[tuple[Form, ...]]:
    if 2 ** len(either) > _MOST_CASES:
        raise _TooMany
    yield from product(*either)


def _contradicts(zero: Sequence[Form], at_least_zero: Sequence[Form]) -> bool:
    equations = [dict(form) for form in zero]
    forms = [dict(form) for form in at_least_zero]
    while equations:
        equation = equations.pop()
        unknowns = [unknown for unknown in equation if unknown != _ONE]
        constant = equation.get(_ONE, 0)
        if not unknowns:
            if constant:
                return True
            continue
        divisor = math.gcd(*(equation[unknown] for unknown in unknowns))
        if constant % divisor:
            return True
        equation = {unknown: number // divisor for unknown, number in equation.items()}
        chosen = next((unknown for unknown in unknowns if abs(equation[unknown]) == 1), None)
        if chosen is None:
            forms += [equation, _times(equation, -1)]
            continue
        # chosen = -sign * (the rest)
        rest = _times({key: number for key, number in equation.items() if key != chosen}, -equation[chosen])
        equations = [_replaced(form, chosen, rest) for form in equations]
        forms = [_replaced(form, chosen, rest) for form in forms]
    return _eliminated(forms)


def _eliminated(forms: list[Form]) -> bool:
    """Whether inequalities contradict each other."""
    kept: dict[object, Form] = {}
    for form in forms:
        _keep(kept, form)
    while True:
        if any(not set(form) - {_ONE} and form.get(_ONE, 0) < 0 for form in kept.values()):
            return True
        unknowns = {unknown for form in kept.values() for unknown in form if unknown != _ONE}
        if not unknowns:
            return False
        chosen = min(unknowns, key=lambda unknown: (_cost(kept.values(), unknown), str(unknown)))
        above = [form for form in kept.values() if form.get(chosen, 0) > 0]
        below = [form for form in kept.values() if form.get(chosen, 0) < 0]
        others = [form for form in kept.values() if chosen not in form]
        if len(above) * len(below) > _MOST_PAIRS:
            raise _TooMany
        kept = {}
        for form in others:
            _keep(kept, form)
        for up, down in product(above, below):
            _keep(kept, _sum(_times(up, -down[chosen]), _times(down, up[chosen])))
        if len(kept) > _MOST_FORMS:
            raise _TooMany


def _keep(kept: dict[object, Form], form: Form) -> None:
    """Add an inequality, rounded to integers; of two with the same unknowns the tighter one is kept."""
    unknowns = {unknown: number for unknown, number in form.items() if unknown != _ONE and number}
    constant = form.get(_ONE, 0)
    if unknowns:
        divisor = math.gcd(*unknowns.values())
        unknowns = {unknown: number // divisor for unknown, number in unknowns.items()}
        constant //= divisor
    elif constant >= 0:
        return
    key = _key(unknowns)
    if key not in kept or constant < kept[key].get(_ONE, 0):
        kept[key] = {**unknowns, _ONE: constant}


def _cost(forms: Iterable[Form], unknown: object) -> int:
    signs = [form[unknown] > 0 for form in forms if unknown in form]
    return sum(signs) * (len(signs) - sum(signs))


def _sum(left: Form, right: Form, times: int = 1) -> Form:
    result = dict(left)
    for unknown, number in right.items():
        result[unknown] = result.get(unknown, 0) + times * number
    return {unknown: number for unknown, number in result.items() if number}


def _times(form: Form, factor: int) -> Form:
    return {unknown: factor * number for unknown, number in form.items()}


def _replaced(form: Form, unknown: object, rest: Form) -> Form:
    if unknown not in form:
        return form
    return _sum({key: number for key, number in form.items() if key != unknown}, rest, form[unknown])


def _key(form: Form) -> object:
    return tuple(sorted(form.items(), key=lambda item: str(item[0])))


def _monomial(left: object, right: object) -> object:
    if left == _ONE:
        return right
    if right == _ONE:
        return left
    return ("*", *sorted((*_factors(left), *_factors(right)), key=str))


def _factors(unknown: object) -> tuple[object, ...]:
    return unknown[1:] if isinstance(unknown, tuple) and unknown[0] == "*" else (unknown,)
