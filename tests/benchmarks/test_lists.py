"""The lists of the inference benchmark are true, and large enough to mean something."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from torch import nn

from benchmarks.inference.case import Bad, Call, Case, Policy, call, floats, raises, unmeant, with_nan
from benchmarks.inference.confirm import MIN_BAD, MIN_GOOD, confirm
from benchmarks.inference.registry import all_cases, find_case, held_out_cases, tuning_cases


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in all_cases()])
def test_each_list_says_what_the_model_does(case: Case) -> None:
    if case.needs is not None and find_spec(case.needs) is None:
        pytest.skip(f"{case.needs} is not installed")
    assert confirm(case) == ()


def test_a_third_of_the_models_is_held_out_and_kept_apart() -> None:
    assert len(tuning_cases()) >= 48
    assert 0.3 <= len(held_out_cases()) / len(all_cases()) <= 0.4
    assert not any(case.held_out for case in tuning_cases())
    assert all(case.held_out for case in held_out_cases())


def test_every_model_has_a_name_of_its_own() -> None:
    names = [case.name for case in all_cases()]
    assert len(set(names)) == len(names)
    assert find_case(names[-1]).name == names[-1]


def test_a_model_and_its_inputs_are_the_same_every_time() -> None:
    case = find_case("mlp_regressor")
    first, second = case.model().state_dict(), case.model().state_dict()
    assert all(first[name].equal(second[name]) for name in first)
    assert [good.args[0].sum() for good in case.good_calls() if good.args] == [
        good.args[0].sum() for good in case.good_calls() if good.args
    ]


def _linear_case(good: list[Call], bad: list[Bad]) -> Case:
    """A linear layer of 3 features with ``good`` and ``bad`` beside enough entries that are true."""
    fill_good = [call(floats(n, 3)) for n in range(1, MIN_GOOD + 1)]
    fill_bad = [raises(f"{n} features", floats(2, n)) for n in range(4, MIN_BAD + 4)]
    return Case(
        "linear",
        build=lambda: nn.Linear(3, 2),
        example=lambda: call(floats(2, 3)),
        good=lambda: fill_good + good,
        bad=lambda: fill_bad + bad,
    )


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ([call(floats(2, 4))], [], "should run, but raises RuntimeError"),
        ([call(with_nan(floats(2, 3)))], [], "should give finite outputs"),
        ([], [raises("fine", floats(2, 3))], "should raise, but runs"),
        ([], [unmeant("wrong size", Policy.RANK, floats(2, 2))], "should run, but raises RuntimeError"),
        ([], [unmeant("harmless", Policy.FINITE, floats(2, 3))], "should spoil the output, but does not"),
        ([], [raises("4 features", floats(2, 4))], "two bad calls have this label"),
    ],
)
def test_a_list_that_is_untrue_is_found_out(good: list[Call], bad: list[Bad], problem: str) -> None:
    (misfit,) = confirm(_linear_case(good, bad))
    assert misfit.problem.startswith(problem)


def test_a_list_that_is_too_short_is_found_out() -> None:
    case = Case("short", lambda: nn.Linear(3, 2), lambda: call(floats(1, 3)), good=list, bad=list)
    (misfit,) = confirm(case)
    assert misfit.problem == "0 good and 0 bad, 6 and 10 are asked for"
