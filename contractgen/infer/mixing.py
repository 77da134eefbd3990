"""Sizes at which a reshape to a fixed number of columns keeps the rows of a batch apart.

``x.view(-1, 400)`` takes every multiple of 400: a larger image gives more rows, each with parts of several images. What
the search finds first is often such a size. The sizes that its author means are those that give a row for each input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from contractgen.infer.batch import prove_batch
from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import Prober, out_tensors
from contractgen.infer.search import Found, Search
from contractgen.infer.ties import Group

_ROWS = 5
_USUAL = (28, 32, 64, 96, 128, 160, 192, 224, 256, 299)
_LONGEST = 4096
_MOST = 96


def unmixed(search: Search, found: Found, groups: list[Group]) -> Found | None:
    """The input at sizes that give the outputs a row for each of its own, with a proven batch; None where none is found.

    Only for images, volumes and sequences of channels whose number of rows comes out otherwise, and for rows of numbers
    of which all together have to be as many as one row is meant to have.
    """
    prober = Prober(search.runner, found.hypothesis, found.plan)
    owner = {axis: group for group in groups for axis in group}
    for path, leaf in found.hypothesis.leaves().items():
        rank = len(leaf.sizes)
        rows = _rows(prober, {})
        if rank == 2 and (other := _in_one_row(search, found, prober, owner[(path, 0)], owner[(path, 1)])) is not None:
            return other
        if not 3 <= rank <= 5 or rows is None or rows == leaf.sizes[0]:
            continue
        spatial = [(path, axis) for axis in range(2, rank)]
        for size in _candidates(leaf.sizes, rows):
            change: dict[Axis, int] = dict.fromkeys(owner[(path, 0)], _ROWS)
            for axis in spatial:
                change |= dict.fromkeys(owner[axis], size)
            if _rows(prober, change) != _ROWS:
                continue
            hypothesis = found.hypothesis.with_sizes(change)
            other = Found(hypothesis, found.plan, search.tracer.run(hypothesis))
            if prove_batch(Prober(search.runner, hypothesis, found.plan), [owner[(path, 0)]]) is not None:
                return other
    return None


def _in_one_row(search: Search, found: Found, prober: Prober, rows: Group, columns: Group) -> Found | None:
    """The input with rows that have each as many numbers as all have together, which a reshape by a fixed size means."""
    sizes = found.hypothesis.sizes()
    change = dict.fromkeys(rows, _ROWS) | dict.fromkeys(columns, sizes[rows[0]] * sizes[columns[0]])
    if rows == columns or sizes[rows[0]] == 1 or prober.ok(dict.fromkeys(rows, _ROWS)) or not prober.ok(change):
        return None
    hypothesis = found.hypothesis.with_sizes(change)
    if prove_batch(Prober(search.runner, hypothesis, found.plan), [rows]) is None:
        return None
    return Found(hypothesis, found.plan, search.tracer.run(hypothesis))


def _rows(prober: Prober, change: dict[Axis, int]) -> int | None:
    """The first size that all outputs share at these sizes, if the model runs and they share one."""
    outcome = prober.at([change])[0]
    firsts = {tensor.sizes[:1] for _, tensor in out_tensors(outcome.value.tree)} if outcome.ok else set()
    first = next(iter(firsts)) if len(firsts) == 1 else ()
    return first[0] if first else None


def _candidates(sizes: tuple[int, ...], rows: int) -> Iterator[int]:
    """Sizes of equal sides, those first that have as many elements as one row takes at the sizes that ran."""
    rank = len(sizes) - 2
    share = math.prod(sizes[2:]) * sizes[0] / rows
    likely = max(2, round(share ** (1 / rank)))
    around = _sides(likely) if rank > 1 else _lengths(likely)
    nearest = sorted(around, key=lambda size: abs(size - likely))
    yield from dict.fromkeys((*nearest[:_MOST], *(_USUAL if rank == 2 else ())))


def _sides(likely: int) -> list[int]:
    """Sides from half of it to twice as much; of large ones the multiples of 4, as people choose."""
    step = 1 if likely < 48 else 4
    return list(range(step * max(1, likely // (2 * step)), min(_LONGEST, 2 * likely) + 1, step))


def _lengths(likely: int) -> list[int]:
    """Lengths up to a quarter more or less, in at most 128 steps."""
    step = max(1, likely // 256)
    return list(range(max(2, likely - 64 * step), min(_LONGEST, likely + 64 * step) + 1, step))
