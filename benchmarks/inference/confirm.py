"""Holds the lists against the eager models, so that no list says what its author only believed.

A good call must run and give finite outputs; a bad one must raise, or run where it is bad by a policy only. A call
that is bad for `Policy.FINITE` must spoil the output.

Run ``python -m benchmarks.inference.confirm [NAME ...]``.
"""

from __future__ import annotations

import copy
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.inference.case import Bad, Call, Case, Policy
from benchmarks.inference.registry import all_cases

MIN_GOOD = 6
MIN_BAD = 10


@dataclass(frozen=True)
class Misfit:
    """One entry of a case's lists that the model does not bear out."""

    case: str
    label: str
    problem: str

    def __str__(self) -> str:
        return f"{self.case}: {self.label}: {self.problem}"


def tensors_in(tree: object) -> Iterator[Tensor]:
    """The tensor leaves of what a model takes or returns; other leaves are skipped."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from tensors_in(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from tensors_in(value)
    elif is_dataclass(tree) and not isinstance(tree, type):
        for member in fields(tree):
            yield from tensors_in(getattr(tree, member.name))


def is_finite(outputs: object) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors_in(outputs) if tensor.numel())


def run_once(model: nn.Module, call: Call) -> Any:
    """Runs a copy, because a call may change the model (running statistics, counters, a rewritten window size)."""
    arguments, named = copy.deepcopy((call.args, call.kwargs))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return copy.deepcopy(model)(*arguments, **named)


def _good_problem(model: nn.Module, call: Call) -> str | None:
    try:
        outputs = run_once(model, call)
    except Exception as error:  # any exception of a stranger's model is an answer here
        return f"should run, but raises {type(error).__name__}: {error}"
    return None if is_finite(outputs) else "should give finite outputs"


def _bad_problem(model: nn.Module, bad: Bad) -> str | None:
    try:
        outputs = run_once(model, bad.call)
    except Exception as error:
        return None if bad.policy is None else f"should run, but raises {type(error).__name__}: {error}"
    if bad.policy is None:
        return "should raise, but runs"
    if bad.policy is Policy.FINITE and is_finite(outputs):
        return "should spoil the output, but does not"
    return None


def _list_problems(case: Case) -> Iterator[Misfit]:
    good, bad = case.good_calls(), case.bad_calls()
    if len(good) < MIN_GOOD or len(bad) < MIN_BAD:
        yield Misfit(case.name, "lists", f"{len(good)} good and {len(bad)} bad, {MIN_GOOD} and {MIN_BAD} are asked for")
    labels = [entry.label for entry in bad]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        yield Misfit(case.name, label, "two bad calls have this label")


def confirm(case: Case) -> tuple[Misfit, ...]:
    """What the lists of ``case`` say wrongly. Empty when they are true."""
    misfits = list(_list_problems(case))
    model = case.model()
    if problem := _good_problem(model, case.example_call()):
        misfits.append(Misfit(case.name, "example", problem))
    for index, call in enumerate(case.good_calls()):
        if problem := _good_problem(model, call):
            misfits.append(Misfit(case.name, f"good[{index}]", problem))
    for bad in case.bad_calls():
        if problem := _bad_problem(model, bad):
            misfits.append(Misfit(case.name, bad.label, problem))
    return tuple(misfits)


def main(names: list[str]) -> int:
    misfits = 0
    for case in all_cases():
        if names and case.name not in names:
            continue
        start = time.perf_counter()
        found = confirm(case)
        counts = f"{len(case.good_calls())} good, {len(case.bad_calls())} bad"
        print(f"{case.name}: {counts}, {len(found)} untrue, {time.perf_counter() - start:.1f} s")
        for misfit in found:
            print(f"  {misfit.label}: {misfit.problem}")
        misfits += len(found)
    return 1 if misfits else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
