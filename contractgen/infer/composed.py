"""Sizes that come to the product or the sum of others, where no condition of the symbolic run says so.

A model that makes its positions by counting turns the sizes that it counts to into numbers, and a mask that has one
column for each pixel would be left as fixed as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from contractgen.infer.extents import Extent, axes_of
from contractgen.infer.guards import AxisExpr, evaluate
from contractgen.infer.probe import Prober

_LEAST = 4
_FORMS: tuple[tuple[Literal["*", "+"], int], ...] = (("*", 2), ("*", 3), ("+", 2))


def compose(prober: Prober, extents: Sequence[Extent]) -> None:
    """Derive each size that is a product or a sum of others, and that has to follow each of them."""
    sizes = prober.hypothesis.sizes()
    for extent in extents:
        size = sizes[extent.group[0]]
        used = any(other.derived is not None and extent.group[0] in axes_of(other.derived) for other in extents)
        if not extent.free or extent.batch or used or size < _LEAST:
            continue
        others = [other for other in extents if other.free and not other.batch and other is not extent]
        parts = [other for other in others if 1 < sizes[other.group[0]] < size]
        for expr, of in _expressions(parts):
            if evaluate(expr, sizes) == size and _follows(prober, extent, expr, of):
                extent.derived = expr
                break


def _expressions(extents: Sequence[Extent]) -> Iterator[tuple[AxisExpr, tuple[Extent, ...]]]:
    for operator, count in _FORMS:
        for first, *others in itertools.combinations(extents, count):
            expr: AxisExpr = first.group[0]
            for other in others:
                expr = (operator, expr, other.group[0])
            yield expr, (first, *others)


def _follows(prober: Prober, extent: Extent, expr: AxisExpr, parts: Sequence[Extent]) -> bool:
    """Whether the model runs with each part larger where the size follows, and with none of them larger alone."""
    sizes = prober.hypothesis.sizes()
    if prober.ok(dict.fromkeys(extent.group, sizes[extent.group[0]] + 1)):
        return False
    for part in parts:
        larger = dict.fromkeys(part.group, sizes[part.group[0]] + 1)
        whole = dict.fromkeys(extent.group, evaluate(expr, sizes | larger))
        if prober.ok(larger) or not prober.ok(larger | whole):
            return False
    return True
