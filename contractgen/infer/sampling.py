"""Random contents within the claimed domains: they must run, and they show which output sizes the data decide."""

from __future__ import annotations

from collections.abc import Mapping

from contractgen.infer.domain import BoundBy, Domain, Limit
from contractgen.infer.edits import Each, Within
from contractgen.infer.extents import Sizes
from contractgen.infer.hypothesis import Axis, Leaf, Path
from contractgen.infer.probe import Edit, Input

_SEEDS = (11, 12, 13)
_SPAN = 1 << 16


def random_inputs(sizes: Sizes, domains: Mapping[Path, Domain], change: Mapping[Axis, int]) -> list[Input]:
    """Inputs at some sizes whose bounded tensors hold random numbers of their domains."""
    at = sizes.prober.hypothesis.sizes() | dict(change)
    inputs: list[Input] = []
    for seed in _SEEDS:
        edits: list[tuple[Path, Edit]] = []
        for index, (path, leaf) in enumerate(sizes.prober.hypothesis.leaves().items()):
            edit = _random_edit(domains.get(path), leaf, at, seed * 31 + index)
            if edit is not None:
                edits.append((path, edit))
        inputs.append(Input(tuple(change.items()), tuple(edits), seed))
    return inputs


def _random_edit(domain: Domain | None, leaf: Leaf, at: Mapping[Axis, int], seed: int) -> Edit | None:
    if domain is None or leaf.dtype.is_complex:
        return None
    if domain.columns is not None:
        whole = (Within(*_range(domain, at), seed, domain.order),) if domain.bounded else ()
        columns = enumerate(domain.columns)
        return Each((*whole, *(Within(*_range(c, at), seed + i, column=i) for i, c in columns if c.bounded)))
    if domain.one_of is not None:
        return Within(min(domain.one_of), max(domain.one_of), seed, each_row=domain.each_row)
    if not domain.bounded:
        return None
    return Within(*_range(domain, at), seed, domain.order, attained=domain.attained, each_row=domain.each_row)


def _range(domain: Domain, at: Mapping[Axis, int]) -> tuple[int, int]:
    low, high = _number(domain.min, at), _number(domain.max, at)
    if low is None:
        low = -8 if high is None else high - 8
    return low, min(high if high is not None else low + 8, low + _SPAN)


def _number(limit: Limit | None, at: Mapping[Axis, int]) -> int | None:
    if isinstance(limit, BoundBy):
        return limit.factor * at[limit.extent.group[0]] + limit.offset
    return limit
