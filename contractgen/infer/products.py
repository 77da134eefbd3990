"""Sizes of which only the product is bounded: the patches of a picture share one table, however they are laid out.

At the sizes that fill the table no other runs above, so each looks bounded, or fixed, by itself. There is room to see
their steps and bounds where all of them are smaller.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod

from contractgen.infer.extents import Claim, Extent, Sizes, scan
from contractgen.infer.guards import AxisExpr, Guard
from contractgen.infer.hypothesis import Axis, Path

_FACTORS = (2, 3, 5, 7)
_LEAST = 4


def with_room(sizes: Sizes, guards: Sequence[Guard], pool: Sequence[int]) -> Sizes:
    """The same at smaller sizes where the largest of some are bound by their product, with those scanned again there."""
    for factor in _FACTORS:
        parts = _crowded(sizes, factor)
        change = sizes.with_size(*((part, sizes.size(part) // factor) for part in parts))
        if not parts or not sizes.prober.ok(change):
            continue
        parts += [extent for extent in _full(sizes) if extent not in parts and _grows(sizes, extent, factor, parts)]
        fresh = {id(part): Extent(part.group) for part in parts}
        extents = [fresh.get(id(extent), extent) for extent in sizes.extents]
        roomy = Sizes(sizes.prober.resized(change), extents, sizes.oracle)
        for extent in fresh.values():
            scan(roomy, extent, guards, pool)
        if all(extent.free and extent.max is not None for extent in fresh.values()):
            sizes = roomy
            break
    for path in sizes.prober.hypothesis.leaves():
        parts = _bounded(sizes, path)
        for part in parts if len(parts) > 1 else ():
            _reach(sizes, part, parts, guards, pool)
    return sizes


def _bounded(sizes: Sizes, path: Path) -> list[Extent]:
    """The dims of one tensor, but for the batch, that are known to have a largest size."""
    return [e for e in sizes.extents if e.free and not e.batch and e.max is not None and e.group[0][0] == path]


def _crowded(sizes: Sizes, factor: int) -> list[Extent]:
    """The dims of one tensor at their largest, of which one may be larger if another is smaller by the same factor."""
    full = [extent for extent in _full(sizes) if sizes.size(extent) % factor == 0]
    less = [extent for extent in full if sizes.ok(extent, [sizes.size(extent) // factor])[0]]
    crowded: dict[int, Extent] = {}
    for one, other in itertools.permutations(less, 2):
        of_one_tensor = {path for path, _ in one.group} & {path for path, _ in other.group}
        if of_one_tensor and _grows(sizes, one, factor, [other]) and not _grows(sizes, one, factor, []):
            crowded[id(one)] = one
    return list(crowded.values()) if len(crowded) > 1 else []


def _full(sizes: Sizes) -> list[Extent]:
    """The dims that are at their largest, as far as is known."""
    own = [extent for extent in sizes.extents if extent.derived is None and not extent.batch]
    return [e for e in own if sizes.size(e) >= _LEAST and sizes.size(e) in (e.fixed, e.max)]


def _grows(sizes: Sizes, extent: Extent, factor: int, others: Sequence[Extent]) -> bool:
    """Whether the model runs with a dim larger by a factor, and others smaller by it."""
    less = [(other, sizes.size(other) // factor) for other in others]
    return sizes.ok(extent, [factor * sizes.size(extent)], less)[0]


def _reach(sizes: Sizes, extent: Extent, parts: Sequence[Extent], guards: Sequence[Guard], pool: Sequence[int]) -> None:
    """The largest size that a dim has beside the smallest of the others, if it is larger than beside what they are now."""
    least = [(part, part.min) for part in parts if part is not extent]
    if extent.max is None or not sizes.ok(extent, [extent.max + extent.multiple_of], least)[0]:
        return
    alone = scanned_beside(sizes, extent, least, guards, pool)
    if alone.free:
        extent.max = alone.max
        extent.claims = [claim for claim in extent.claims if claim.property != "max"]
        extent.claims += [claim for claim in alone.claims if claim.property == "max"]


def scanned_beside(
    sizes: Sizes, extent: Extent, others: Sequence[tuple[Extent, int]], guards: Sequence[Guard], pool: Sequence[int]
) -> Extent:
    """What a dim is found to be in a scan of its own, with other dims at these sizes."""
    fresh = Extent(extent.group)
    roomy = Sizes(sizes.prober, [fresh if other is extent else other for other in sizes.extents], sizes.oracle)
    roomy.base = sizes.base | {axis: size for other, size in others for axis in other.group}
    scan(roomy, fresh, guards, pool)
    return fresh


def bounded_products(sizes: Sizes) -> list[tuple[AxisExpr, int, Claim]]:
    """Products of steps of one tensor's sizes, with the most that each may be: as many as its dims have beside the least."""
    found: list[tuple[AxisExpr, int, Claim]] = []
    for path in sizes.prober.hypothesis.leaves():
        parts = _bounded(sizes, path)
        most = {_steps(part, part.max or 0) * prod(_steps(e, e.min) for e in parts if e is not part) for part in parts}
        if len(parts) < 2 or len(most) != 1:
            continue
        [bound] = most
        product: AxisExpr = _in_steps(parts[0])
        for part in parts[1:]:
            product = ("*", product, _in_steps(part))
        largest = [" and ".join(str(e.max if e is part else e.min) for e in parts) for part in parts]
        told = f"{'; '.join(largest)} ran, each with the most that the first, or the other, has beside the least"
        found.append((product, bound, Claim("holds", "probed", told)))
    return found


def largest_beside_others(sizes: Sizes) -> list[dict[Axis, int]]:
    """Each dim that is bounded at its largest, where the others of its tensor that are bounded too are not at their least."""
    changes: list[dict[Axis, int]] = []
    for path in sizes.prober.hypothesis.leaves():
        parts = _bounded(sizes, path)
        for part in parts if len(parts) > 1 else ():
            others = [(other, other.ceil(other.min + 1)) for other in parts if other is not part]
            if all(other.contains(size) for other, size in others):
                changes.append(sizes.with_size((part, part.max or part.min), *others))
    return changes


def _steps(extent: Extent, size: int) -> int:
    return size // extent.multiple_of


def _in_steps(extent: Extent) -> AxisExpr:
    axis = extent.group[0]
    return axis if extent.multiple_of == 1 else ("//", axis, extent.multiple_of)
