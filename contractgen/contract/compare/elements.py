"""Value domains: which numbers show that one domain allows what another refuses.

A number is a literal of the tensor's dtype, or an expression over dims where a bound is one. Where a comparison has an
expression in it, it becomes a condition on the sizes, so the same search that finds sizes decides about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from contractgen.contract.compare.message import Element
from contractgen.contract.compare.numbers import INTEGERS, is_integer, largest, nearest, neighbour, smallest
from contractgen.contract.decimals import is_decimal
from contractgen.contract.model import Bound, EachRow, Expr, Tensor, Values

Number: TypeAlias = Union[Element, Expr]
"""A literal, or an expression (a str or tuple) over dims."""


@dataclass(frozen=True)
class Domain:
    """What one element may be: the claims of the whole tensor and those of its column together."""

    dtype: str
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    one_of: frozenset[Element] | None
    finite: bool
    not_nan: bool
    attained: bool
    """The largest element of the tensor is ``high``."""
    each_row: EachRow | None
    """What each row of the tensor has."""


def is_nan(number: Number) -> bool:
    """Whether a number is NaN."""
    return isinstance(number, float) and math.isnan(number)


def is_finite(number: Number) -> bool:
    """Whether a number is none of NaN and the infinities; an expression is."""
    return not isinstance(number, float) or math.isfinite(number)


def is_expression(number: Number) -> bool:
    """Whether a number depends on sizes."""
    return isinstance(number, (str, tuple))


def domain(tensor: Tensor, column: int | None) -> Domain:
    """The domain of the elements of a tensor at an index of its last axis; None for any index that no column is about."""
    parts = [tensor.values or Values()]
    if column is not None and parts[0].along_last is not None and column < len(parts[0].along_last):
        parts.append(parts[0].along_last[column])
    sets = [frozenset(nearest(one, tensor.dtype) for one in part.one_of) for part in parts if part.one_of is not None]
    return Domain(
        tensor.dtype,
        tuple(number_of(part.min, tensor.dtype) for part in parts if part.min is not None),
        tuple(number_of(part.max, tensor.dtype) for part in parts if part.max is not None),
        frozenset.intersection(*sets) if sets else None,
        any(part.finite for part in parts),
        any(part.not_nan or part.finite for part in parts),
        parts[0].attained,
        parts[0].each_row,
    )


def number_of(bound: Bound, dtype: str) -> Number:
    """A bound as a literal of the dtype, or the expression that it is."""
    if isinstance(bound, int) or (isinstance(bound, str) and is_decimal(bound)):
        return nearest(bound, dtype)
    return bound


Condition: TypeAlias = Union[bool, Expr]
"""Decided already, or a relation that sizes have to meet."""


def at_most(left: Number, right: Number) -> Condition:
    """``left <= right``. An expression is an integer, so a literal beside it is rounded."""
    if isinstance(left, (str, tuple)):
        if isinstance(right, (str, tuple)):
            return ("<=", left, right)
        if not math.isfinite(right):
            return right == math.inf
        return ("<=", left, math.floor(right))
    if not isinstance(right, (str, tuple)):
        return left <= right
    if not math.isfinite(left):
        return left == -math.inf
    return ("<=", math.ceil(left), right)


def below(left: Number, right: Number) -> Condition:
    """``left < right``."""
    if isinstance(left, (str, tuple)):
        if isinstance(right, (str, tuple)):
            return ("<", left, right)
        if not math.isfinite(right):
            return right == math.inf
        return ("<", left, math.ceil(right))
    if not isinstance(right, (str, tuple)):
        return left < right
    if not math.isfinite(left):
        return left == -math.inf
    return ("<", math.floor(left), right)


def together(conditions: Iterable[Condition]) -> list[Expr] | None:
    """The conditions that are left to decide; None where one does not hold."""
    left: list[Expr] = []
    for condition in conditions:
        if condition is False:
            return None
        if condition is not True:
            left.append(condition)
    return left


def allowed(claims: Domain, number: Number) -> list[Expr] | None:
    """What sizes must be for a domain to allow a number; None where it never does."""
    if is_nan(number):
        free = not (claims.not_nan or claims.low or claims.high or claims.one_of is not None)
        return [] if free and not is_integer(claims.dtype) else None
    conditions: list[Condition] = [at_most(low, number) for low in claims.low]
    conditions += [at_most(number, high) for high in claims.high]
    if claims.finite:
        conditions.append(is_finite(number))
    if claims.one_of is not None:
        conditions.append(not is_expression(number) and number in claims.one_of)
    if is_integer(claims.dtype):
        low, high = INTEGERS[claims.dtype]
        conditions += [at_most(low, number), at_most(number, high)]
    return together(conditions)


def stands_alone(claims: Domain, number: Number) -> list[Condition]:
    """What must hold for an allowed number to be all that a tensor holds: to be its largest element, or not to be zero."""
    conditions = [at_most(high, number) for high in claims.high] if claims.attained else []
    return conditions if claims.each_row is None else [*conditions, is_of(claims.each_row.kind, number)]


def is_of(kind: str, number: Number) -> Condition:
    """That a number is zero, or is not; "is not" of one that depends on sizes only where it is more."""
    if isinstance(number, (str, tuple)):
        return ("==", number, 0) if kind == "zero" else below(0, number)
    return (number == 0) == (kind == "zero")


def candidates(given: Domain, judge: Domain, bound: Number = 0) -> list[Number]:
    """Numbers among which there is one that ``given`` allows and ``judge`` refuses, if there is any such number.

    What is allowed are intervals and points. Where not all of it lies within the other domain, then one of its own ends
    does not, or a number next to one of the other's points. ``bound`` is one of the judge's, over the given dims.
    """
    if given.dtype.startswith("complex"):
        return [0.0, math.nan, math.inf]
    numbers: list[Number] = [0, 1]
    if given.one_of is not None:
        numbers = [*sorted(given.one_of)]
    else:
        numbers += [*given.low, *given.high, bound]
        numbers += [neighbour(one, given.dtype, up=up) for one in sorted(judge.one_of or ()) for up in (False, True)]
        # The finite ends first: they are the more telling example.
        finites = (True, False) if not given.finite else (True,)
        for finite in finites:
            numbers += [smallest(given.dtype, finite=finite), largest(given.dtype, finite=finite)]
    if not is_integer(given.dtype):
        numbers = [float(one) if isinstance(one, int) else one for one in numbers]
        numbers.append(math.nan)
    return list(dict.fromkeys(numbers))


def outside(points: Sequence[Element], number: Number) -> list[list[Condition]]:
    """A number that is none of some points lies below the first, between two, or above the last."""
    if not is_expression(number):
        return [[number not in points]]
    gaps: list[list[Condition]] = []
    for lower, upper in zip((None, *points), (*points, None), strict=True):
        gap: list[Condition] = [] if lower is None else [below(lower, number)]
        gaps.append(gap if upper is None else [*gap, below(number, upper)])
    return gaps


def inhabited(claims: Domain) -> list[list[Expr]]:
    """Ways in which a domain allows some number: what sizes must be. Empty where it allows none."""
    if claims.dtype.startswith("complex"):
        return [[]]
    if claims.one_of is not None:
        numbers: list[Number] = [*sorted(claims.one_of)]
    elif not claims.low or not claims.high:
        numbers = [*claims.low, *claims.high] or [0]
        if is_integer(claims.dtype):
            numbers += INTEGERS[claims.dtype]
    else:
        numbers = list(claims.low)
    if claims.each_row is not None:
        numbers = [one for one in (*numbers, *claims.high, 1, 0, -1) if is_of(claims.each_row.kind, one) is True]
    ways = [way for way in (allowed(claims, number) for number in numbers) if way is not None]
    if claims.attained:
        largest = [way for way in (allowed(claims, number) for number in claims.high) if way is not None]
        ways = [[*one, *other] for one in ways for other in largest]
    return [[]] if [] in ways else ways
