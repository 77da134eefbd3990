"""A job in the background ends in every way that a job can."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from contractgen.verify.isolation import Background


def test_a_job_runs_in_another_process_and_its_value_comes_back() -> None:
    job = Background(os.getpid)
    assert job.wait(60).value != os.getpid()
    assert job.ready()
    assert job.wait(60) is job.wait(0)


def test_a_death_an_exception_and_what_cannot_be_sent_are_outcomes() -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fail() -> None:
        raise KeyError("ids")

    outcomes = [Background(job).wait(60) for job in (die, fail, lambda: lambda: 1)]
    assert [outcome.describe() for outcome in outcomes[:2]] == ["the process died (SIGKILL)", "KeyError: 'ids'"]
    assert "the result cannot be sent" in outcomes[2].message


def test_a_hang_is_stopped_with_the_processes_that_it_started(tmp_path: Path) -> None:
    def hang() -> None:
        child = os.fork()
        if child:
            (tmp_path / "part").write_text(str(child))
            (tmp_path / "part").replace(tmp_path / "child")
        while True:
            signal.pause()

    job = Background(hang)
    assert job.first_sign(tmp_path / "child", 60)
    assert not job.ready()
    assert job.wait(0.0).kind == "timeout"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < deadline
        os.sched_yield()


def alive(process: int) -> bool:
    """Whether a process that is no child of ours still runs: one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_file_that_does_not_come_is_not_waited_for_longer_than_the_job(tmp_path: Path) -> None:
    assert not Background(lambda: 1).first_sign(tmp_path / "none", 60)


def test_what_a_job_writes_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    Background(lambda: os.write(2, b"a warning")).wait(60)
    assert capfd.readouterr() == ("", "")
