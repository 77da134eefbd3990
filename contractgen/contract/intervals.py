"""Expressions over ranges of sizes: what an expression can be at most, and whether a relation can hold at all."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TypeAlias

from contractgen.contract.model import Expr

Interval: TypeAlias = "tuple[int, int]"
"""All integers from the first to the second, both included."""


def interval(expr: Expr, ranges: Mapping[str, Interval]) -> Interval | None:
    """Bounds on the values of an expression (not necessarily the tightest); None where every case divides by zero.

    A dim is treated as if it varied on its own at each place where it occurs. Raises `KeyError` for an unknown dim.
    """
    if isinstance(expr, str):
        return ranges[expr]
    if not isinstance(expr, tuple):
        return (expr, expr)
    operator, left_expr, right_expr = expr
    left, right = interval(left_expr, ranges), interval(right_expr, ranges)
    if left is None or right is None:
        return None
    (a, b), (c, d) = left, right
    if operator == "+":
        return (a + c, b + d)
    if operator == "-":
        return (a - d, b - c)
    if operator == "*":
        corners = [x * y for x, y in product(left, right)]
        return (min(corners), max(corners))
    if operator == "min":
        return (min(a, c), min(b, d))
    if operator == "max":
        return (max(a, c), max(b, d))
    if operator in ("//", "%"):
        return _divided(left, right, remainder=operator == "%")
    certain, possible = _truth(operator, left, right)
    return (int(certain), int(possible))


def can_hold(relation: Expr, ranges: Mapping[str, Interval]) -> bool:
    """Whether a relation may be true somewhere in the ranges; where it says no, it is true nowhere."""
    truth = interval(relation, ranges)
    return truth is not None and truth[1] > 0


def _truth(operator: str, left: Interval, right: Interval) -> tuple[bool, bool]:
    """Whether a comparison is true everywhere, and whether it may be true somewhere."""
    (a, b), (c, d) = left, right
    if operator == "<=":
        return b <= c, a <= d
    if operator == "<":
        return b < c, a < d
    return a == b == c == d, a <= d and c <= b


def _divided(left: Interval, right: Interval, *, remainder: bool) -> Interval | None:
    """The quotients, or remainders, by the divisors other than zero."""
    low, high = right
    parts = [part for part in ((low, min(high, -1)), (max(low, 1), high)) if part[0] <= part[1]]
    found = [_remainders(left, part) if remainder else _quotients(left, part) for part in parts]
    return (min(part[0] for part in found), max(part[1] for part in found)) if found else None


def _quotients(left: Interval, divisors: Interval) -> Interval:
    corners = [x // y for x, y in product(left, divisors)]
    return (min(corners), max(corners))


def _remainders(left: Interval, divisors: Interval) -> Interval:
    (a, b), (c, d) = left, divisors
    if c == d and a // c == b // c:
        first, last = a % c, b % c
        return (first, last)
    if c > 0:
        return (a, b) if a >= 0 and b < c else (0, min(b, d - 1) if a >= 0 else d - 1)
    return (c + 1, 0)
