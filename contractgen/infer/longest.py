"""Lengths of which the largest has to be the size of an axis.

A mask that is made from the largest length, and what is unpacked to it, meets tensors of all steps only where some length
is the whole size. Lengths of one run all the same, since a mask of one column broadcasts, and then say nothing of others.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from contractgen.infer.hypothesis import Axis, Hypothesis, Leaf, Path
from contractgen.infer.probe import ProbeJob
from contractgen.infer.runner import Runner
from contractgen.infer.values import Plan, SizeOf

_SHORT = (2, 3, 5)
"""A model that runs on all of these asks for no whole size; a layer with strides may make one of some of them."""
_MOST_AXES = 6


def with_longest(runner: Runner, hypothesis: Hypothesis, plan: Plan) -> Plan:
    """The plan, with whole sizes for lengths where the model runs on these and not on shorter ones."""
    for path, leaf in hypothesis.leaves().items():
        if len(leaf.sizes) != 1 or leaf.dtype not in _INTEGERS or isinstance(plan.get(path), SizeOf):
            continue
        if all(_runs(runner, hypothesis, plan, path, _SHORT)):
            continue
        found: list[Axis] = []
        for axes in _same_sizes(hypothesis, path, leaf):
            size = hypothesis.sizes()[axes[0]]
            whole, less, half = _runs(runner, hypothesis, plan, path, [size, size - 1, (size + 1) // 2])
            if not whole or (less and half):
                continue
            larger = hypothesis.with_sizes(dict.fromkeys(axes, 2 * size))
            at = 0 if _runs(runner, larger, plan, path, [2 * size]) == [True] else len(found)
            found.insert(at, axes[0])
        if found:
            plan = {**plan, path: SizeOf(found[0])}
    return plan


_INTEGERS = (torch.int64, torch.int32)


def _same_sizes(hypothesis: Hypothesis, path: Path, leaf: Leaf) -> list[list[Axis]]:
    """The axes of other tensors that lengths could be of, those of one size together; rows that they share are none."""
    groups: dict[int, list[Axis]] = {}
    for axis, size in hypothesis.sizes().items():
        if axis[0] != path and size > min(_SHORT) and (axis[1] or size != leaf.sizes[0]):
            groups.setdefault(size, []).append(axis)
    return list(groups.values())[:_MOST_AXES]


def _runs(runner: Runner, hypothesis: Hypothesis, plan: Plan, path: Path, numbers: Sequence[int]) -> list[bool]:
    """Whether the model runs with all numbers at ``path`` being each of these."""
    leaf = hypothesis.leaves()[path]
    jobs = [
        ProbeJob(hypothesis, {**plan, path: torch.full(leaf.sizes, number, dtype=leaf.dtype)}) for number in numbers
    ]
    return [outcome.ok for outcome in runner.run(jobs)]
