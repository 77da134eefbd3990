"""The benchmark's runner turns whatever happens to a case into a row."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.inference.registry import find_case
from benchmarks.inference.result import CaseResult, Outcome
from benchmarks.inference.run import print_totals, run_all, run_case, table_of, totals_of

ROOT = Path(__file__).resolve().parents[2]


def printed(*results: CaseResult) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(table_of(results))
    print_totals(console, totals_of(results))
    return console.export_text()


def result(name: str, bare: Outcome, *, held_out: bool = False) -> CaseResult:
    return CaseResult(name, held_out, {"bare": bare, "example": Outcome(seconds=1.0, forwards=7)})


def test_a_worker_that_dies_is_a_row() -> None:
    unknown = replace(find_case("mlp_regressor"), name="no such model")
    (found,) = run_all([unknown], timeout=60, jobs=1, keep=None)
    assert not found.outcomes["bare"].exact
    assert found.outcomes["bare"].error == "died with exit code 1; last: KeyError: 'no such model'"


def test_a_worker_that_takes_too_long_is_ended_and_is_a_row() -> None:
    found = run_case(find_case("mlp_regressor"), timeout=0.2)
    assert found.outcomes["example"].error.startswith("no outcome after 0.2 s; last: ")


def test_a_missing_package_is_a_row() -> None:
    case = replace(find_case("mlp_regressor"), needs="a_package_that_nobody_has")
    assert run_case(case, timeout=60).outcomes["bare"].error == "a_package_that_nobody_has is not installed"


def test_the_table_names_what_was_decided_wrongly() -> None:
    fault = Outcome(refused_good=["[0] float32[1, 3]: rank 3 was expected"], accepted_bad=["'nan' (raises)"])
    text = printed(result("small", Outcome()), result("wrong", fault, held_out=True))
    assert "refused good [0] float32[1, 3]: rank 3 was expected" in text
    assert "accepted bad 'nan' (raises)" in text
    assert "wrong *" in text


def test_totals_tell_tuning_and_held_out_apart() -> None:
    text = printed(
        result("a", Outcome()), result("b", Outcome(error="died")), result("c", Outcome(error="died"), held_out=True)
    )
    assert "tuning: exact without example 1 of 2, with one example 2 of 2" in text
    assert "held out: exact without example 0 of 1, with one example 1 of 1" in text
    assert "all: exact without example 1 of 3, with one example 3 of 3" in text


@pytest.mark.parametrize(("arguments", "code", "says"), [(["--list"], 0, "mlp_regressor"), (["--only", "x"], 2, "'x'")])
def test_the_command_line_lists_models_and_refuses_unknown_ones(arguments: list[str], code: int, says: str) -> None:
    command = [sys.executable, "-m", "benchmarks.inference", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == code
    assert says in ended.stdout + ended.stderr
