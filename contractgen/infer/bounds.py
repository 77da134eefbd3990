"""Where a model begins to accept numbers, and where it ends: found by halving what lies between."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contractgen.infer.forked import Outcome


def last_accepted(
    accepts: Callable[[int], Outcome], means: Callable[[Outcome], bool], base: int, extremes: list[int]
) -> int | None:
    """The last accepted value from ``base`` towards the extremes, or None where none of them is refused for sure.

    Small numbers first: a model may make as many rows as a number says.
    """
    inside = base
    for extreme in sorted(extremes, key=lambda value: abs(value - base)):
        outcome = accepts(extreme)
        if means(outcome):
            inside = extreme
            continue
        return _between(accepts, means, inside, extreme) if _refused(outcome) else None
    return None


def _between(
    accepts: Callable[[int], Outcome], means: Callable[[Outcome], bool], inside: int, outside: int
) -> int | None:
    """The last accepted value between one that runs and one that does not; None where the machine is what refuses."""
    first = inside
    for step in (1, 2, 4):  # most bounds of flags and lengths are near
        near = first + step if outside > first else first - step
        if abs(near - first) < abs(outside - first) and not means(accepts(near)):
            outside = near
            break
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        outcome = accepts(middle)
        if means(outcome):
            inside = middle
        elif _refused(outcome):
            outside = middle
        else:
            return None
    return inside


def _refused(outcome: Outcome) -> bool:
    """Whether the model said no, rather than the machine being too small."""
    memory = outcome.error_type == "MemoryError" or "allocate" in outcome.message or "Storage size" in outcome.message
    return outcome.kind in ("ok", "error", "crash") and not memory


def smallest_true(candidates: range, holds: Callable[[int], bool], first: Sequence[int] = ()) -> int:
    """The smallest candidate that holds, the last one being known to; the ones in ``first`` are tried before bisecting."""
    low, high = 0, len(candidates) - 1  # candidates[high] holds
    for candidate in first:
        if candidate in candidates and candidates.index(candidate) <= high and holds(candidate):
            high = candidates.index(candidate)
            break
        if candidate in candidates:
            low = candidates.index(candidate) + 1
    while low < high:
        middle = (low + high) // 2
        if holds(candidates[middle]):
            high = middle
        else:
            low = middle + 1
    return candidates[high]
