"""Conditions between dims that no bound of a single dim can say, found where allowed sizes fail together."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contractgen.contract.model import Operator
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.guards import AxisExpr, Guard, evaluate
from contractgen.infer.hypothesis import Axis
from contractgen.infer.products import bounded_products, largest_beside_others, scanned_beside

_SAMPLES = 12


@dataclass(frozen=True)
class Relation:
    """``left operator right`` over axes of the inputs, one for each group."""

    operator: Operator
    left: AxisExpr
    right: AxisExpr
    claim: Claim

    def holds(self, sizes: Mapping[Axis, int]) -> bool:
        """Whether these sizes satisfy it."""
        try:
            left, right = evaluate(self.left, sizes), evaluate(self.right, sizes)
        except ZeroDivisionError:
            return False
        return left == right if self.operator == "==" else left <= right if self.operator == "<=" else left < right


Grid = list[tuple[int, int, bool]]
"""Two sizes, and whether the model ran on them."""


def relate(sizes: Sizes, guards: Sequence[Guard], pool: Sequence[int]) -> list[Relation]:
    """The relations between free extents. A bound that turns out to come from another dim is taken back."""
    found = [_of_step(extent) for extent in sizes.extents if extent.free and extent.remainder]
    found += _of_shares(sizes, guards)
    free = [extent for extent in sizes.extents if extent.free and not extent.batch]
    for first, second in itertools.combinations(free, 2):
        grid = _grid(sizes, first, second)
        if not all(ran for _, _, ran in grid) and any(ran for _, _, ran in grid):
            relation = _fitting(first, second, grid)
            if relation is not None:
                found.append(relation)
                if isinstance(relation.left, tuple) and isinstance(relation.right, tuple):
                    _release(sizes, first, second, guards, pool)
    found += _of_smallest(sizes, found, free)
    found += _from_conditions(sizes, found, guards)
    return found + _of_products(sizes, found)


def _of_smallest(sizes: Sizes, known: Sequence[Relation], free: Sequence[Extent]) -> list[Relation]:
    """That of three sizes not all may be smallest: a norm of what is left of a volume asks for more than one voxel."""
    base = sizes.prober.hypothesis.sizes()
    for parts in itertools.combinations(free, 3):
        corner = sizes.with_size(*((extent, extent.min) for extent in parts))
        if not all(relation.holds(base | corner) for relation in known) or sizes.ran([corner])[0]:
            continue
        steps = [[extent.min + i * extent.multiple_of for i in range(3)] for extent in parts]
        points = list(itertools.product(*steps))
        ran = sizes.ran([sizes.with_size(*zip(parts, point, strict=True)) for point in points])
        most_failed = max(math.prod(point) for point, well in zip(points, ran, strict=True) if not well)
        good = [point for point, well in zip(points, ran, strict=True) if well]
        if good and most_failed < min(map(math.prod, good)):
            shown = [" and ".join(map(str, point)) for point in (good[0], points[0])]
            product: AxisExpr = ("*", parts[0].group[0], ("*", parts[1].group[0], parts[2].group[0]))
            claim = Claim("holds", "probed", f"sizes {shown[0]} ran, {shown[1]} failed")
            return [Relation("<", most_failed, product, claim)]
    return []


def _of_products(sizes: Sizes, known: Sequence[Relation]) -> list[Relation]:
    """Bounds of products that forbid every combination of sizes that was seen to fail, and none that ran."""
    failed = _failing(sizes, known)
    if not failed:
        return []
    products = [Relation("<=", product, most, claim) for product, most, claim in bounded_products(sizes)]
    told = [product for product in products if not any(product.holds(sample) for sample in failed)]
    return [product for product in told if not _failing(sizes, [*known, product])][:1]


def _of_shares(sizes: Sizes, guards: Sequence[Guard]) -> list[Relation]:
    """That one size is so many times another, whatever that one is: as many questions for each picture."""
    found: list[Relation] = []
    for whole, parts in itertools.permutations([extent for extent in sizes.extents if extent.free], 2):
        axes = {*whole.group, *parts.group}
        conditions = any(not guard.tie and len(guard.axes) > 1 and axes.issuperset(guard.axes) for guard in guards)
        if not conditions and not 1 < whole.multiple_of == sizes.size(parts):
            continue
        pairs = [(x, y) for y in (1, 2, 3, 4, 5) for x in (y, y + 1, 2 * y, 2 * y + 1, 3 * y)]
        ran = sizes.ran([sizes.with_size((whole, x), (parts, y)) for x, y in pairs])
        if all(well == (x % y == 0) for (x, y), well in zip(pairs, ran, strict=True)):
            for extent in (whole, parts):
                extent.min, extent.max, extent.multiple_of = 1, None, 1
                extent.claims = [claim for claim in extent.claims if claim.property not in _OF_BOUNDS]
            rest: AxisExpr = ("%", whole.group[0], parts.group[0])
            found.append(Relation("==", rest, 0, Claim("holds", "probed", "sizes 6 and 3 ran, 7 and 3 failed")))
    return found


_OF_BOUNDS = ("min", "max", "multiple_of")


def _of_step(extent: Extent) -> Relation:
    """That the sizes leave a remainder, which no multiple says; the evidence for the step goes with it."""
    [claim] = [claim for claim in extent.claims if claim.property == "multiple_of"]
    extent.claims = [claim for claim in extent.claims if claim.property != "multiple_of"]
    rest: AxisExpr = ("%", extent.group[0], extent.multiple_of)
    return Relation("==", rest, extent.remainder, Claim("holds", claim.source, claim.detail))


def _fitting(first: Extent, second: Extent, grid: Grid) -> Relation | None:
    """The form that says exactly which sizes of the grid ran."""
    good = next((a, b) for a, b, ran in grid if ran)
    bad = next((a, b) for a, b, ran in grid if not ran)
    claim = Claim("holds", "probed", f"sizes {good[0]} and {good[1]} ran, {bad[0]} and {bad[1]} failed")
    one, other = first.group[0], second.group[0]
    for left, right in ((one, other), (other, one)):
        for operator in _ORDERS:
            relation = Relation(operator, left, right, claim)
            if all(relation.holds({one: a, other: b}) == ran for a, b, ran in grid):
                return relation
    most_failed = max(a * b for a, b, ran in grid if not ran)
    if most_failed < min(a * b for a, b, ran in grid if ran):
        return Relation("<", most_failed, ("*", one, other), claim)
    return None


_ORDERS: tuple[Operator, ...] = ("<=", "<")
_POINTS = 64


def _from_conditions(sizes: Sizes, known: Sequence[Relation], guards: Sequence[Guard]) -> list[Relation]:
    """Conditions of the symbolic run that tell exactly which of the allowed sizes run together."""
    found: list[Relation] = []
    failed = _failing(sizes, known)
    extents = {axis: extent for extent in sizes.extents for axis in extent.group}
    for guard in guards:
        if not failed:
            break
        if guard.comparison is None or guard.tie or all(guard.holds(sample) for sample in failed):
            continue
        parts = list({id(extents[axis]): extents[axis] for axis in guard.axes if axis in extents}.values())
        if not all(extent.free for extent in parts):
            continue
        relation = _confirmed(sizes, guard, parts, [*known, *found])
        if relation is not None:
            found.append(relation)
            failed = _failing(sizes, [*known, *found])
    return found


def _confirmed(sizes: Sizes, guard: Guard, parts: Sequence[Extent], known: Sequence[Relation]) -> Relation | None:
    """The condition as a relation, if the model ran where it holds and failed where it does not, at sizes on both sides."""
    assert guard.comparison is not None
    base = sizes.prober.hypothesis.sizes()
    most = round(_POINTS ** (1 / len(parts)))
    combinations = itertools.product(*(_steps(extent, sizes.size(extent))[:most] for extent in parts))
    tried = [values for values in combinations if sum(map(_is_largest, parts, values)) < 2]  # all of them is much
    changes = [sizes.with_size(*zip(parts, values, strict=True)) for values in tried]
    points = [base | change for change in changes]
    kept = [(c, p) for c, p in zip(changes, points, strict=True) if all(r.holds(p) for r in known)]
    ran = [sizes.prober.means(outcome) for outcome in sizes.prober.at([change for change, _ in kept])]
    good = next((p for (_, p), well in zip(kept, ran, strict=True) if well), None)
    bad = next((p for (_, p), well in zip(kept, ran, strict=True) if not well), None)
    if good is None or bad is None:
        return None
    shown = [" and ".join(str(point[extent.group[0]]) for extent in parts) for point in (good, bad)]
    relation = Relation(*guard.comparison, Claim("holds", "traced", f"sizes {shown[0]} ran, {shown[1]} failed"))
    told = all(relation.holds(p) == well for (_, p), well in zip(kept, ran, strict=True))
    return relation if told else None


def _steps(extent: Extent, current: int) -> list[int]:
    """A few sizes around the smallest, at which rounding to grids changes, the largest, and the one at hand."""
    step, low = extent.multiple_of, extent.min
    wanted = [low, 2 * low - step, 2 * low, *([] if extent.max is None else [extent.max]), current, low + step, 3 * low]
    return [size for size in dict.fromkeys(wanted) if size > 0 and extent.contains(size)]


def _is_largest(extent: Extent, size: int) -> bool:
    return size == extent.max


def _meeting_bounds(sizes: Sizes, first: Extent, second: Extent) -> bool:
    """Whether one's bound is the other's current size: it may come of it."""
    a, b = sizes.size(first), sizes.size(second)
    near = (first.max in (b - 1, b, b + 1)) or (second.max in (a - 1, a, a + 1))
    return near or (first.min > 3 and first.min in (b, b + 1)) or (second.min > 3 and second.min in (a, a + 1))


def _grid(sizes: Sizes, first: Extent, second: Extent) -> Grid:
    """Pairs of sizes around what looks like a condition between the two; empty where nothing does."""
    step_a, step_b = first.multiple_of, second.multiple_of
    a, b = sizes.size(first), sizes.size(second)
    pairs: list[tuple[int, int]] = []
    if not sizes.prober.means(sizes.prober.at([sizes.with_size((first, first.min), (second, second.min))])[0]):
        pairs = [(first.min + i * step_a, second.min + j * step_b) for i in range(4) for j in range(4)]
    if _meeting_bounds(sizes, first, second):
        steps = range(-3, 4)
        for x, y in dict.fromkeys(((a, b), (a, a), (b, b))):  # where they are, and where one meets the other
            pairs += [
                (max(first.ceil(1), x + i * step_a), max(second.ceil(1), y + j * step_b)) for i in steps for j in steps
            ]
    unique = list(dict.fromkeys(pairs))
    ran = sizes.ran([sizes.with_size((first, x), (second, y)) for x, y in unique])
    return [(x, y, well) for (x, y), well in zip(unique, ran, strict=True)]


def _release(sizes: Sizes, first: Extent, second: Extent, guards: Sequence[Guard], pool: Sequence[int]) -> None:
    """Scan both again where the other leaves room, so that only bounds of their own stay."""
    for extent, other, toward in ((first, second, 4), (second, first, 4)):
        for factor in (toward, 1 / toward):
            size = other.floor(max(other.ceil(1), int(sizes.size(other) * factor)))
            if sizes.ok(other, [size])[0]:
                fresh = scanned_beside(sizes, extent, [(other, size)], guards, pool)
                if fresh.fixed is None:
                    _take_over(extent, fresh, size)


def _take_over(extent: Extent, fresh: Extent, other: int) -> None:
    """The bounds of a scan with more room, without those that the other dim's size ``other`` sets."""
    near = (other - 1, other, other + 1)
    extent.min = min(extent.min, extent.ceil(1) if fresh.min in near else fresh.min)
    high = None if fresh.max in near else fresh.max
    if high is None or (extent.max is not None and high > extent.max):
        extent.max = high
        kept = [claim for claim in fresh.claims if claim.property == "max" and high is not None]
        extent.claims = [claim for claim in extent.claims if claim.property != "max"] + kept


def counterexamples(sizes: Sizes, relations: Sequence[Relation]) -> list[dict[str, int]]:
    """Allowed combinations of sizes that fail all the same; empty where the claims hold together."""
    free = [extent for extent in sizes.extents if extent.free]
    return [{_name(extent): sample[extent.group[0]] for extent in free} for sample in _failing(sizes, relations)]


def _failing(sizes: Sizes, relations: Sequence[Relation]) -> list[dict[Axis, int]]:
    """Allowed combinations of sizes that fail, of the smallest of all, the largest of one and random ones."""
    rng = random.Random(0)
    free = [extent for extent in sizes.extents if extent.free]
    base = sizes.prober.hypothesis.sizes()
    picks = [tuple((extent, sizes.size(extent) if extent.batch else extent.min) for extent in free)]
    picks += [tuple((extent, _pick(extent, sizes.size(extent), rng)) for extent in free) for _ in range(_SAMPLES * 4)]
    changes = [*largest_beside_others(sizes), *(sizes.with_size(*picked) for picked in picks)]
    changes = [change for change in changes if all(r.holds(base | change) for r in relations)][: _SAMPLES + 1]
    return [
        base | change
        for change, outcome in zip(changes, sizes.prober.at(changes), strict=True)
        if not sizes.prober.means(outcome) and outcome.kind != "timeout" and not sizes.runs_with_other_contents(change)
    ]


def _pick(extent: Extent, current: int, rng: random.Random) -> int:
    step, rest = extent.multiple_of, extent.remainder
    low, here = (extent.ceil(extent.min) - rest) // step, (current - rest) // step
    high = max(low, here + 3 if extent.max is None else min((extent.max - rest) // step, here + 3))
    return rest + step * rng.choice([low, high, rng.randint(low, high), here if low <= here <= high else low])


def _name(extent: Extent) -> str:
    path, axis = extent.group[0]
    return f"{'.'.join(str(part) for part in path)}[{axis}]"
