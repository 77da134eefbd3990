from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from contractgen.errors import ContractgenError, InferenceError, UsageError
from contractgen.infer.isolate import run_isolated

Report = Callable[[str, str], None]


def silent(stage: str, detail: str) -> None:
    """Progress that nobody looks at."""


def test_the_result_comes_from_another_process() -> None:
    assert run_isolated(lambda report: os.getpid(), 20, silent) != os.getpid()


def test_progress_is_told_while_the_job_is_at_work() -> None:
    told: list[tuple[str, str]] = []

    def job(report: Report) -> int:
        report("discover", "a first input")
        report("probe", "sizes")
        return 3

    assert run_isolated(job, 20, lambda stage, detail: told.append((stage, detail))) == 3
    assert told == [("discover", "a first input"), ("probe", "sizes")]


def test_an_error_that_a_user_can_meet_comes_back_whole() -> None:
    def job(report: Report) -> None:
        raise UsageError("no such dim", hint="there are: batch")

    error = run_isolated(job, 20, silent)
    assert isinstance(error, UsageError)
    assert (error.message, error.hint, error.exit_code) == ("no such dim", "there are: batch", 2)


def test_a_defect_of_ours_is_an_internal_error_that_says_where() -> None:
    def job(report: Report) -> None:
        raise KeyError("surprise")

    error = run_isolated(job, 20, silent)
    assert isinstance(error, ContractgenError)
    assert error.exit_code == 70
    assert "inference failed: KeyError: 'surprise'" in error.message
    assert "test_isolate.py" in error.message


def test_a_time_budget_that_ends_names_the_stage_and_the_way_out() -> None:
    def job(report: Report) -> None:
        report("discover", "")
        while True:
            signal.pause()

    error = run_isolated(job, 0.3, silent)
    assert isinstance(error, InferenceError)
    assert "time budget ended while the model was in the stage 'discover'" in error.message
    assert "--budget" in error.hint


def test_a_process_that_dies_names_the_stage() -> None:
    def job(report: Report) -> None:
        report("probe", "")
        os.kill(os.getpid(), signal.SIGKILL)

    error = run_isolated(job, 20, silent)
    assert isinstance(error, InferenceError)
    assert "died in the stage 'probe'" in error.message


def test_the_children_of_a_job_that_ran_out_of_time_end_with_it() -> None:
    receive, send = os.pipe()

    def job(report: Report) -> None:
        child = os.fork()
        if child == 0:
            os.write(send, str(os.getpid()).encode())
        while True:
            signal.pause()

    assert isinstance(run_isolated(job, 0.5, silent), InferenceError)
    os.close(send)
    assert os.read(receive, 20)
    assert os.read(receive, 1) == b""  # no process is left that holds the other end
    os.close(receive)


def test_a_progress_callback_that_raises_ends_the_job() -> None:
    def job(report: Report) -> None:
        report("discover", "")
        while True:
            signal.pause()

    def interrupted(stage: str, detail: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_isolated(job, 20, interrupted)
