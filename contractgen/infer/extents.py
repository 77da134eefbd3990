"""What sizes each group of tied axes may have: fixed, or free within bounds and multiples, or derived from others.

The guards of the symbolic run propose; real runs on both sides of each bound decide. Where there are no guards, or where
a run refutes them, the sizes are found by running alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from contractgen.contract.model import Source
from contractgen.infer.bounds import smallest_true
from contractgen.infer.guards import AxisExpr, Guard, evaluate
from contractgen.infer.hypothesis import Axis, is_mask
from contractgen.infer.oracle import Oracle
from contractgen.infer.probe import Input, Prober, Refill
from contractgen.infer.ties import Group
from contractgen.infer.values import Fill

WINDOW = 64
"""Multiples are looked for up to this number."""
_LARGE = 1024
_INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)
_TABLES = 16_384


@dataclass(frozen=True)
class Claim:
    """One property of a group's sizes, and why it is believed."""

    property: str
    source: Source
    detail: str


@dataclass
class Extent:
    """The sizes of one group of axes."""

    group: Group
    fixed: int | None = None
    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    remainder: int = 0
    """What the sizes leave over a multiple: 8 and 1 for 9, 17, 25, ..."""
    batch: bool = False
    scanned: bool = False
    derived: AxisExpr | None = None
    claims: list[Claim] = field(default_factory=list)

    @property
    def free(self) -> bool:
        """Whether the group has a dim of its own."""
        return self.fixed is None and self.derived is None

    def contains(self, size: int) -> bool:
        """Whether the claims allow this size."""
        if self.fixed is not None:
            return size == self.fixed
        return size >= self.min and (self.max is None or size <= self.max) and size == self.floor(size)

    def floor(self, size: int) -> int:
        """The largest size at its step that is not above this one."""
        return size - (size - self.remainder) % self.multiple_of

    def ceil(self, size: int) -> int:
        """The smallest size at its step that is not below this one."""
        return size + (self.remainder - size) % self.multiple_of

    def narrow(self, other: Extent) -> None:
        """Take over the bounds of another extent where they are tighter."""
        if other.fixed is not None:
            self.fixed, self.claims = other.fixed, other.claims
            return
        for name, tighter in (
            ("min", other.min > self.min),
            ("max", other.max is not None and (self.max is None or other.max < self.max)),
            ("multiple_of", other.multiple_of > self.multiple_of and self._is_step_of(other)),
        ):
            if tighter:
                setattr(self, name, getattr(other, name))
                self.remainder = other.remainder if name == "multiple_of" else self.remainder
                self.claims = [claim for claim in self.claims if claim.property != name]
                self.claims += [claim for claim in other.claims if claim.property == name]

    def _is_step_of(self, other: Extent) -> bool:
        return other.multiple_of % self.multiple_of == 0 and other.remainder % self.multiple_of == self.remainder


class Sizes:
    """The current sizes of a prober's input, with the derived ones following those that they are derived from."""

    def __init__(self, prober: Prober, extents: Sequence[Extent], oracle: Oracle | None = None) -> None:
        self.prober = prober
        self.oracle = oracle
        self.extents = list(extents)
        self._own = prober.hypothesis.sizes()
        self.base = dict(self._own)

    def with_size(self, *changes: tuple[Extent, int]) -> dict[Axis, int]:
        """All axes that change when these groups get these sizes."""
        sizes = dict(self.base)
        for extent, size in changes:
            sizes |= dict.fromkeys(extent.group, size)
        for extent in self.extents:
            if extent.derived is not None:
                sizes |= dict.fromkeys(extent.group, evaluate(extent.derived, sizes))
        return {axis: size for axis, size in sizes.items() if size != self._own[axis]}

    def smallest(self, extent: Extent, size: int) -> list[tuple[Extent, int]]:
        """The other free dims whose sizes are known, at their smallest, as far as the model runs so."""
        every = [(other, other.min) for other in self.extents if other.free and other.scanned and other is not extent]
        kept = every * self.prober.ok(self.with_size((extent, size), *every))
        for other in every[len(kept) :]:
            kept += [other] * self.prober.ok(self.with_size((extent, size), *kept, other))
        return kept

    def ok(self, extent: Extent, sizes: Iterable[int], others: Sequence[tuple[Extent, int]] = ()) -> list[bool]:
        """Whether the model runs with the group at each of these sizes, some others as given, and the rest as it is."""
        wanted = list(sizes)
        changes = [self.with_size((extent, size), *others) for size in wanted]
        valid = [change for change in changes if min(change.values(), default=1) >= 1]
        ran = iter(self.ran(valid))
        return [
            min(change.values(), default=1) >= 1
            and next(ran)
            and not (self.oracle is not None and self.oracle.refuses(self._own | change))
            for change in changes
        ]

    def ran(self, changes: Sequence[dict[Axis, int]]) -> list[bool]:
        """Whether the model runs at these sizes, with its own content or with one that other sizes do not spoil."""
        outcomes = self.prober.at(changes)
        return [
            self.prober.means(outcome) or self.runs_with_other_contents(change)
            for change, outcome in zip(changes, outcomes, strict=True)
        ]

    def runs_with_other_contents(self, change: dict[Axis, int]) -> bool:
        """Whether the model runs at sizes at which its own content fails: lengths beyond them, a mask that leaves too little."""
        prober, sizes = self.prober, self._own | change
        spoilt = [
            path
            for path, leaf in prober.hypothesis.leaves().items()
            if (isinstance(prober.plan[path], torch.Tensor) and leaf.dtype in _INTEGERS)
            or (leaf.dtype == torch.bool and leaf.sizes and sizes[(path, len(leaf.sizes) - 1)] == 1)
            or (is_mask(path) and prober.plan[path] == "mixed")
        ]
        others: list[Fill] = ["ones", "zeros"] if spoilt else []
        inputs = [Input(tuple(change.items()), tuple((path, Refill(fill, 0)) for path in spoilt)) for fill in others]
        return any(prober.means(outcome) for outcome in prober.run(inputs))

    def ok_filled(self, extent: Extent, size: int, others: Sequence[tuple[Extent, int]]) -> bool:
        """Whether the group has ids or marks, and the model runs at this size with all of them being one."""
        leaves = self.prober.hypothesis.leaves()
        ids = [path for path, _ in extent.group if leaves[path].dtype in (*_INTEGERS, torch.bool)]
        change = self.with_size((extent, size), *others)
        filled = Input(tuple(change.items()), tuple((path, Refill("ones", 0)) for path in dict.fromkeys(ids)))
        return bool(ids) and self.prober.means(self.prober.run([filled])[0])

    def size(self, extent: Extent) -> int:
        """The group's size in the input at hand."""
        return self.base[extent.group[0]]


def axes_of(expr: AxisExpr) -> list[Axis]:
    """The axes that an expression reads."""
    if isinstance(expr, int):
        return []
    if len(expr) == 2:
        return [expr]
    return axes_of(expr[1]) + axes_of(expr[2])


def scan(sizes: Sizes, extent: Extent, guards: Sequence[Guard], pool: Sequence[int]) -> None:
    """Find the sizes of one group and write them, with their evidence, into its extent."""
    current = sizes.size(extent)
    around = [current + 1, current + 2, 2 * current, current + 8, *((current - 1,) if current > 2 else ())]
    runs = dict(zip(around, sizes.ok(extent, around), strict=True))
    if not any(runs.values()) and not _has_other_sizes(sizes, extent, current):
        extent.fixed = current
        traced = not _predicted(sizes, extent, guards, current + 1)
        refused = ", ".join(str(size) for size, ran in sorted(runs.items()) if not ran)
        extent.claims.append(Claim("fixed", "traced" if traced else "probed", f"{current} ran; {refused} failed"))
        return
    extent.scanned = True
    runs |= _beyond_what_is_predicted(sizes, extent, guards, current)
    ran = [sizes.base | sizes.with_size((extent, size)) for size, well in runs.items() if well]
    guards = [
        guard for guard in guards if guard.artefact or all(guard.holds(at) for at in ran)
    ]  # the others are refuted
    current = _find_multiple(sizes, extent, current, guards)
    _find_min(sizes, extent, current)
    if extent.batch:
        extent.claims.append(Claim("max", "probed", f"ran at {2 * current}; a batch axis is not bounded"))
    else:
        _find_max(sizes, extent, current, _proposed_max(sizes, extent, current, guards), pool)
        _tell_repeated(sizes, extent)


def _beyond_what_is_predicted(sizes: Sizes, extent: Extent, guards: Sequence[Guard], current: int) -> dict[int, bool]:
    """Runs at sizes that are further away, where none of them is said to run: what one size of 1 made is no bound."""
    far = [] if extent.batch else [current + step for step in (16, 32, 24, 48, 64)]
    if any(_predicted(sizes, extent, guards, size) for size in far):
        return {}
    return dict(zip(far, sizes.ok(extent, far), strict=True))


def _tell_repeated(sizes: Sizes, extent: Extent) -> None:
    """Fix a size that has no neighbours but 1: what runs at 1 is repeated until it fits, and means nothing of its own."""
    largest = extent.max
    if largest is None or extent.min != 1 or not 2 < largest <= WINDOW or extent.multiple_of != 1:
        return
    between = range(2, largest)
    if not any(sizes.ok(extent, between)):
        tried = f"{between[0]} to {between[-1]}" if len(between) > 1 else "2"
        detail = f"{largest} ran; {tried} and {largest + 1} failed, and a single one is repeated"
        extent.fixed, extent.max, extent.claims = largest, None, [Claim("fixed", "probed", detail)]


def _has_other_sizes(sizes: Sizes, extent: Extent, current: int) -> bool:
    """Whether any size in the window above, or a divisor of the current one below, runs."""
    below = [current - step for step in (2, 4, 8, 16, 32, 64) if current - step > 1]
    return any(sizes.ok(extent, [*range(current + 3, current + WINDOW + 1), *below]))


def _predicted(sizes: Sizes, extent: Extent, guards: Sequence[Guard], size: int) -> bool:
    new = sizes.base | sizes.with_size((extent, size))
    return all(guard.holds(new) for guard in guards if not guard.artefact and all(axis in new for axis in guard.axes))


def _find_multiple(sizes: Sizes, extent: Extent, current: int, guards: Sequence[Guard]) -> int:
    """Claim a step where the sizes that run come back at one; the size, a multiple if any runs, to go on from."""
    nearest = [current + 1, current + 2, current + 3]
    near = sizes.ok(extent, nearest)
    if all(near):
        further = [] if extent.batch else [current + 5, current + 9, current + 17, current + 33]
        ran = sizes.ok(extent, further)
        beyond = WINDOW * ((current + 33) // WINDOW + 1)
        if all(ran) or (ran == sorted(ran, reverse=True) and not sizes.ok(extent, [beyond])[0]):
            return current  # all sizes, or all up to one
    window = list(range(current, current + WINDOW + 1))
    proposed = [size for size in window if _predicted(sizes, extent, guards, size)]
    trusted = len(proposed) > 1 and all(size in proposed for size, well in zip(nearest, near, strict=True) if well)
    tried = proposed if trusted else window  # what the guards exclude was run for its nearest sizes alone
    accepted = {current} | {size for size, ran in zip(tried, sizes.ok(extent, tried), strict=True) if ran}
    window = list(range(current, max(accepted) + 1))  # what is beyond may be too large
    runs = [size in accepted for size in window]
    if all(runs):
        return current
    again = (step for step in range(2, len(window) - 2) if runs[step:] == runs[:-step])
    step = next((step for step in again if len(window) - step >= step // 2), None)
    if step is None:
        step = math.gcd(*(size - current for size in accepted if size != current)) if len(accepted) > 1 else 1
        if step < 2 or accepted != set(window[::step]):
            return current
    whole = [size for size in window if size % step == 0]
    if current % step and len(accepted) > 2 and accepted == set(window[::step]):
        extent.multiple_of, extent.remainder = step, current % step  # such as 8 k + 1
        detail = f"{_listed(window[::step])} ran; the {step - 1} sizes between each two failed"
        extent.claims.append(Claim("multiple_of", "probed", detail))
        return current
    if not whole or not accepted.issuperset(whole):
        return _first_of_bands(extent, window, accepted, step) or current
    extent.multiple_of = step
    start = whole[0]
    others = [size for size in window[:step] if size in accepted and size % step]
    if others:
        detail = (
            f"{start} and {start + step} ran, and of each {step} sizes {_listed(others)} too; are only multiples meant?"
        )
        extent.claims.append(Claim("multiple_of", "assumed", detail))
    else:
        detail = f"{start} and {start + step} ran; the {step - 1} sizes between them failed"
        extent.claims.append(Claim("multiple_of", "probed", detail))
    return start


def _first_of_bands(extent: Extent, window: Sequence[int], accepted: set[int], step: int) -> int | None:
    """Claim the first size of each of the bands in which sizes run, where those come at a step (16 k + 4)."""
    starts = [size for size in window[1:] if size in accepted and size - 1 not in accepted]
    if len(starts) < 2 or any(after - before != step for before, after in itertools.pairwise(starts)):
        return None
    extent.multiple_of, extent.remainder = step, starts[0] % step
    others = [size for size in range(starts[0] + 1, starts[1]) if size in accepted]
    detail = f"{_listed(starts)} ran, and of each {step} sizes {_listed(others)} too; are only the first meant?"
    extent.claims.append(Claim("multiple_of", "assumed", detail))
    return starts[0]


def _listed(sizes: Sequence[int]) -> str:
    shown = ", ".join(str(size) for size in sizes[:4])
    return shown if len(sizes) <= 4 else f"{shown}, ..."


def _find_min(sizes: Sizes, extent: Extent, current: int) -> None:
    step, least = extent.multiple_of, extent.ceil(1)

    def alone(size: int) -> bool:
        return sizes.ok(extent, [size])[0]

    smallest = smallest_true(range(least, current + 1, step), alone, first=(least, least + step, least + 2 * step))
    if smallest == 1 == step and current > 2 and not alone(2):  # one is repeated until it fits, and two are not
        smallest = smallest_true(range(3, current + 1), alone, first=(3, 4))
    others = [other for other in sizes.extents if other.free and other is not extent and not other.batch]
    roomier = [(other, 2 * sizes.size(other)) for other in others]
    if smallest > least and roomier:  # perhaps what failed was too small beside others that are small too

        def runs(size: int) -> bool:
            return sizes.ok(extent, [size], roomier)[0]

        if runs(smallest) and runs(smallest - step):  # else it is no room that helps, but one grid instead of another
            smallest = smallest_true(range(least, smallest, step), runs)
    extent.min = smallest
    extent.claims.append(Claim("min", "probed", f"{smallest} ran" + f"; {smallest - step} failed" * (smallest > least)))


def _proposed_max(sizes: Sizes, extent: Extent, current: int, guards: Sequence[Guard]) -> int | None:
    """The largest size that the guards allow with the rest as it is, if they bound it."""
    own = [guard for guard in guards if not guard.artefact and any(axis in extent.group for axis in guard.axes)]
    if not own or _predicted(sizes, extent, own, extent.remainder + extent.multiple_of * (1 << 20)):
        return None
    step = extent.multiple_of
    over = current + step
    while _predicted(sizes, extent, own, over):
        over = extent.floor(2 * over)
        if over > 1 << 20:
            return None
    candidates = range(current, over + 1, step)
    return smallest_true(candidates, lambda size: not _predicted(sizes, extent, own, size)) - step


def _find_max(sizes: Sizes, extent: Extent, current: int, proposed: int | None, pool: Sequence[int]) -> None:
    """The largest size, tried with the other dims as small as they go, so that it costs little."""
    step = extent.multiple_of
    if proposed is not None and proposed >= current:
        inside, outside = sizes.ok(extent, [proposed, proposed + step])
        if inside and not outside:
            extent.max = proposed
            extent.claims.append(Claim("max", "traced", f"{proposed} ran, {proposed + step} failed"))
            return
    tables = sorted({size for size in pool if current < size <= _TABLES})
    spatial = any(len(sizes.prober.hypothesis.leaves()[path].sizes) >= 4 for path, _ in extent.group)
    large = max(4 * current, _LARGE // 4) if spatial else _LARGE
    tries = sorted({*(extent.ceil(size + 1) for size in tables[-1:] if not spatial), extent.ceil(large + 1)})
    known, failed = current, None
    others = sizes.smallest(extent, current)
    for size in tries:
        outcome = sizes.prober.at([sizes.with_size((extent, size), *others)])[0]
        if not sizes.prober.means(outcome):
            if outcome.kind in ("error", "ok", "crash") and outcome.error_type != "MemoryError":
                failed = size
            break
        known = size
    filled = failed is None and sizes.ok_filled(extent, current, others)
    if filled and known > current and not sizes.ok_filled(extent, known, others):
        known, failed = current, known  # what has ids of padding alone fits at any size: words do not
    if failed is None:
        extent.claims.append(Claim("max", "probed", f"ran up to {known}; nothing bounds it"))
        return

    def fails(size: int) -> bool:
        return not (sizes.ok_filled(extent, size, others) if filled else sizes.ok(extent, [size], others)[0])

    # A table's end is the likeliest bound. One size more fails at once; what runs costs a whole run.
    nearest = [extent.floor(size) for size in tables if known < extent.floor(size) < failed]
    bound = next((size for size in nearest if fails(size + step)), None)
    if bound is not None and not fails(bound):
        first_failed = bound + step
    else:
        candidates = range(known, (failed if bound is None else bound) + 1, step)
        first_failed = smallest_true(candidates, fails)
    extent.max = first_failed - step
    table = extent.max in tables
    detail = f"{extent.max} ran, {first_failed} failed" + " with all ids being 1" * filled
    detail += f"; the weights have an axis of {extent.max}" * table
    extent.claims.append(Claim("max", "weights" if table else "probed", detail))
