"""Other sizes to try after a failure: those under which a condition of the failed run turns out the other way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

from contractgen.infer.guards import Guard, evaluate
from contractgen.infer.hypothesis import Axis

Sizes = dict[Axis, int]

_SCAN = 1400
"""Every size up to here is tried; beyond it only sizes that occur in the model's own weights, and powers of two."""


def flips(guard: Guard, guards: Sequence[Guard], sizes: Sizes, pool: Sequence[int], most: int = 4) -> list[Sizes]:
    """Sizes under which ``guard`` is no longer true while the equalities found before still are, the likeliest first.

    What ``int(size / 8)`` came to is such an equality too, and nothing that the model asks for: it holds where it can.
    """
    found = _flips(guard, guards, sizes, pool, most)
    asked = [g for g in guards if not g.truncation]
    return found or (_flips(guard, asked, sizes, pool, most) if len(asked) < len(guards) else [])


def _flips(guard: Guard, guards: Sequence[Guard], sizes: Sizes, pool: Sequence[int], most: int) -> list[Sizes]:
    equalities = [g for g in guards if g is not guard and g.equality]
    tied = _ties(equalities, sizes)
    groups = list({id(tied[axis]): tied[axis] for axis in guard.axes}.values())
    values = (*range(1, _SCAN), *(size for size in pool if size >= _SCAN))

    def accepted(change: Sizes) -> bool:
        new = sizes | change
        return not guard.holds(new) and all(g.holds(new) for g in equalities if any(axis in change for axis in g.axes))

    def change_of(assigned: Iterable[tuple[list[Axis], int]]) -> Sizes:
        return {axis: value for group, value in assigned for axis in group}

    found: list[Sizes] = []
    singles = [
        _best([change_of([(group, v)]) for v in values if v != sizes[group[0]]], accepted, pool, sizes[group[0]])
        for group in groups
    ]
    together = _best(
        [change_of((group, v) for group in groups) for v in values],
        accepted,
        pool,
        max(sizes[group[0]] for group in groups),
    )
    ordered = (*singles, together) if guard.tie or len(groups) < 2 else (together, *singles)
    for changes in ordered:
        found += changes[:2]
    if not found and len(groups) == 2:
        small = [*range(1, 70), *(size for size in pool if size >= 70)]
        grid = (change_of(zip(groups, pair, strict=True)) for pair in itertools.product(small, small))
        found = list(itertools.islice((change for change in grid if accepted(change)), 2))
    elif not found and len(groups) == 1:
        repaired = (_repaired(change_of([(groups[0], v)]), equalities, sizes, tied) for v in range(1, _SCAN))
        found = list(itertools.islice((change for change in repaired if change and accepted(change)), 2))
    elif not found and groups:
        rng = random.Random(0)
        choices = [*range(2, 40), *pool]  # a size of 1 would be no symbol in the next run
        draws = (change_of((group, rng.choice(choices)) for group in groups) for _ in range(4000))
        found = list(itertools.islice((change for change in draws if accepted(change)), 2))
    return [sizes | change for change in found[:most]]


def _repaired(change: Sizes, equalities: Sequence[Guard], sizes: Sizes, tied: dict[Axis, list[Axis]]) -> Sizes:
    """The change, and with it what the equalities that it breaks compute of it; empty where that is no size."""
    new = dict(change)
    for guard in (guard for guard in equalities if not guard.holds(sizes | new)):
        solved = ((axis, evaluate(expr, sizes | new)) for axis, expr in guard.solutions if axis not in new)
        axis, size = next(solved, (None, 0))
        if axis is None or size < 1:
            return {}
        new |= dict.fromkeys(tied[axis], size)
    return new


def _best(changes: list[Sizes], accepted: object, pool: Sequence[int], current: int) -> list[Sizes]:
    """The accepted changes, the likeliest first."""
    assert callable(accepted)
    hits = [change for change in changes if accepted(change)]
    if len(hits) > 80:  # an inequality: sizes that are unlike others tell more in the next run
        above = [change for change in hits if next(iter(change.values())) >= current] or hits
        primes = [change for change in above if next(iter(change.values())) in _PRIMES]
        return primes[:1] or above[:1]
    known = set(pool)
    return sorted(hits, key=lambda change: _likelihood(next(iter(change.values())), known), reverse=True)


def _likelihood(size: int, pool: set[int]) -> tuple[int, int, int]:
    """Sizes that people choose: those that the weights have, then those that are divisible by a large power of two.

    Not by one so large that every later run is of a huge input: of multiples of 32, 256 has room enough.
    """
    return (size in pool, min(size & -size, 256), -size)


def _ties(equalities: Sequence[Guard], sizes: Sizes) -> dict[Axis, list[Axis]]:
    """For each axis, the axes that must change with it."""
    tied = {axis: [axis] for axis in sizes}
    for guard in equalities:
        if guard.tie:
            first, second = guard.axes
            if tied[first] is not tied[second]:
                merged = [*tied[first], *tied[second]]
                for axis in merged:
                    tied[axis] = merged
    return tied


_PRIMES = {p for p in range(5, 1400) if all(p % d for d in range(2, int(p**0.5) + 1))}
FRESH = sorted(_PRIMES)
"""Sizes that give each other away: no two axes of a first try have the same."""


def next_prime(size: int) -> int:
    """The smallest size of `FRESH` that is no smaller, as far as there is one."""
    return next((prime for prime in FRESH if prime >= size), size)
