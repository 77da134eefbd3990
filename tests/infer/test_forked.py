from __future__ import annotations

import os
import signal

import pytest
import torch
from torch import nn

from contractgen.infer.forked import ForkRunner


class Buffered(nn.Module):
    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))


def test_closures_run_in_one_child_and_their_values_come_back() -> None:
    here = os.getpid()
    outcomes = ForkRunner(Buffered()).run([lambda: (os.getpid(), 1), lambda: (os.getpid(), 2)])
    (first, one), (second, two) = (outcome.value for outcome in outcomes)
    assert (one, two) == (1, 2)
    assert first == second != here


def test_a_job_that_spoils_the_model_has_a_child_of_its_own() -> None:
    module = Buffered()

    def count() -> float:
        module.calls += 1
        return float(module.calls)

    assert [outcome.value for outcome in ForkRunner(module).run([count, count])] == [1.0, 1.0]
    assert float(module.calls) == 0.0


def test_a_death_and_an_exception_are_outcomes_and_the_rest_runs() -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fail() -> None:
        raise KeyError("ids")

    outcomes = ForkRunner(Buffered()).run([die, fail, lambda: 3])
    assert [outcome.describe() for outcome in outcomes] == ["the process died (SIGKILL)", "KeyError: 'ids'", "ran"]


def test_a_hang_is_stopped() -> None:
    def hang() -> None:
        while True:
            signal.pause()

    hung, after = ForkRunner(Buffered(), seconds_per_run=0.3).run([hang, lambda: 3])
    assert (hung.kind, after.value) == ("timeout", 3)


def test_memory_is_limited() -> None:
    [outcome] = ForkRunner(Buffered(), memory_bytes=256 << 20).run(
        [lambda: torch.ones(1 << 30, dtype=torch.uint8).numel()]
    )
    assert outcome.kind == "error"
    assert "memory" in outcome.message


def test_a_value_that_cannot_be_sent_is_an_error() -> None:
    [outcome] = ForkRunner(Buffered()).run([lambda: lambda: 1])
    assert outcome.kind == "error"


def test_what_a_job_writes_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    ForkRunner(Buffered()).run([lambda: os.write(1, b"a model's own words"), lambda: os.write(2, b"a warning")])
    assert capfd.readouterr() == ("", "")
