"""Sizes that follow from others: by an equality of the symbolic run, or as the product or the sum of what real runs bind.

A model that makes its positions by counting turns the sizes that it counts to into numbers, and a mask that has one
column for each pixel would be left as fixed as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from contractgen.infer.extents import Extent, axes_of
from contractgen.infer.guards import AxisExpr, Guard, evaluate
from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import Prober
from contractgen.infer.reads import reads_last
from contractgen.infer.ties import Group

_LEAST = 4
_TIMES = (2, 3, 4)
_FORMS: tuple[tuple[Literal["*", "+"], int], ...] = (("*", 2), ("*", 3), ("+", 2))


def derive(groups: Sequence[Group], guards: Sequence[Guard]) -> list[Extent]:
    """An extent for each group; those that an equality of the symbolic run computes from earlier ones are derived."""
    extents = [Extent(group) for group in groups]
    owner = {axis: extent for extent in extents for axis in extent.group}
    for guard in guards:
        for axis, expr in sorted(guard.solutions, key=lambda item: extents.index(owner[item[0]]), reverse=True):
            extent = owner[axis]
            sources = [owner[a] for a in axes_of(expr)]
            ready = extent.free and extent not in sources and all(source.free for source in sources)
            if ready and not guard.tie and not _is_source(extent, extents):
                extent.derived = expr
                break
    return extents


def compose(prober: Prober, extents: Sequence[Extent]) -> None:
    """Derive each size that is a product or a sum of others, and that has to follow each of them."""
    sizes = prober.hypothesis.sizes()
    for extent, others in _open(extents, sizes):
        size = sizes[extent.group[0]]
        parts = [other for other in others if 1 < sizes[other.group[0]] < size]
        for expr, of in _expressions(parts):
            if evaluate(expr, sizes) == size and _follows(prober, extent, expr, of):
                extent.derived = expr
                break


def follow_reads(prober: Prober, extents: Sequence[Extent]) -> Prober:
    """Derive each size that has to be so many times another one, beyond which nothing is read, as two matrices side by side.

    The input is then of these sizes.
    """
    sizes = prober.hypothesis.sizes()
    for extent, others in _open(extents, sizes):
        larger = dict.fromkeys(extent.group, sizes[extent.group[0]] + 1)
        if not prober.ok(larger) or prober.ok(dict.fromkeys(extent.group, 1)):
            continue  # it is fixed, or free
        for source, times in itertools.product(others, _TIMES):
            if sizes[source.group[0]] > 1 and _read_as_far(prober, extent, source, times):
                extent.derived = ("*", times, source.group[0])
                prober = prober.resized(dict.fromkeys(extent.group, times * sizes[source.group[0]]))
                break
    return prober


def _read_as_far(prober: Prober, extent: Extent, source: Extent, times: int) -> bool:
    """Whether the model needs this many times another size, and reads that far, also where the other one is larger."""

    def at(size: int, own: int) -> dict[Axis, int]:
        return dict.fromkeys(source.group, size) | dict.fromkeys(extent.group, own)

    size = prober.hypothesis.sizes()[source.group[0]]
    return all(
        prober.ok(at(s, times * s + 1))
        and not prober.ok(at(s, times * s - 1))
        and reads_last(prober, extent.group, at(s, times * s)) is True
        and reads_last(prober, extent.group, at(s, times * s + 2), times * s) is False
        for s in (size, size + 1)
    )


def _open(extents: Sequence[Extent], sizes: Mapping[Axis, int]) -> Iterator[tuple[Extent, list[Extent]]]:
    """The sizes that may still follow from others, each with those that it may follow from as far as they are free by then."""
    for extent in extents:
        if not extent.free or extent.batch or _is_source(extent, extents) or sizes[extent.group[0]] < _LEAST:
            continue
        yield extent, [other for other in extents if other.free and not other.batch and other is not extent]


def _is_source(extent: Extent, extents: Sequence[Extent]) -> bool:
    """Whether the size of another extent is derived from this one's."""
    derived = [other.derived for other in extents if other.derived is not None]
    return any(axis in extent.group for expr in derived for axis in axes_of(expr))


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
