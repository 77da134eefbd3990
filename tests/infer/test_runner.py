from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.infer.runner import Runner, share_class


class Counting(nn.Module):
    """A model that remembers, in several ways, that it was called."""

    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.window = 8

    def forward(self, x: torch.Tensor) -> Any:
        return x + self.calls


@dataclass(frozen=True)
class Do:
    """A job by name."""

    what: str
    number: int = 0

    def __call__(self, module: nn.Module) -> object:
        return getattr(self, self.what)(module)

    def add(self, module: Counting) -> float:
        return float(module(torch.tensor([float(self.number)])))

    def process(self, module: Counting) -> int:
        return os.getpid()

    def count(self, module: Counting) -> float:
        module.calls += 1
        return float(module.calls)

    def shrink(self, module: Counting) -> int:
        module.window -= 1
        return module.window

    def fail(self, module: Counting) -> None:
        raise ValueError(f"no {self.number}")

    def kill(self, module: Counting) -> None:
        faulthandler.disable()
        os.kill(os.getpid(), self.number)

    def segfault(self, module: Counting) -> None:
        faulthandler.disable()  # the crash is meant, its report would only fill the screen
        ctypes.string_at(0)

    def leave(self, module: Counting) -> None:
        os._exit(3)

    def hang(self, module: Counting) -> None:
        while True:
            signal.pause()

    def allocate(self, module: Counting) -> int:
        return torch.ones(self.number, dtype=torch.uint8).numel()

    def talk(self, module: Counting) -> str:
        os.write(1, b"a model's own words")
        os.write(2, b"a native warning")
        return "done"


Make = Callable[..., Runner]


@pytest.fixture
def runner() -> Iterator[Make]:
    made: list[Runner] = []

    def make(module: nn.Module | None = None, **options: object) -> Runner:
        made.append(Runner(module or Counting(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_outcomes_come_in_the_order_of_the_jobs(runner: Make) -> None:
    one = runner()
    outcomes = one.run([Do("add", 1), Do("fail", 2), Do("add", 3)])
    assert [(o.kind, o.value) for o in outcomes] == [("ok", 1.0), ("error", None), ("ok", 3.0)]
    assert one.runs == 3


def test_jobs_run_outside_of_this_process_and_share_one_child(runner: Make) -> None:
    first, second = (outcome.value for outcome in runner().run([Do("process"), Do("process")]))
    assert first == second != os.getpid()


def test_an_exception_is_an_outcome_with_its_type_and_text(runner: Make) -> None:
    [outcome] = runner().run([Do("fail", 7)])
    assert (outcome.ok, outcome.error_type, outcome.message) == (False, "ValueError", "no 7")
    assert outcome.describe() == "ValueError: no 7"


@pytest.mark.parametrize(
    ("job", "name"),
    [(Do("kill", signal.SIGKILL), "SIGKILL"), (Do("kill", signal.SIGABRT), "SIGABRT"), (Do("segfault"), "SIGSEGV")],
    ids=["kill", "abort", "segfault"],
)
def test_a_crash_is_an_outcome_and_the_next_job_runs(runner: Make, job: Do, name: str) -> None:
    crashed, after = runner().run([job, Do("add", 4)])
    assert (crashed.kind, crashed.describe()) == ("crash", f"the process died ({name})")
    assert after.value == 4.0


def test_a_model_that_ends_the_process_is_a_crash(runner: Make) -> None:
    left, after = runner().run([Do("leave"), Do("add", 4)])
    assert (left.kind, after.value) == ("crash", 4.0)


def test_a_run_that_never_ends_is_stopped_and_the_next_job_runs(runner: Make) -> None:
    hung, after = runner(seconds_per_run=0.3).run([Do("hang"), Do("add", 4)])
    assert (hung.kind, hung.describe()) == ("timeout", "did not end in time")
    assert after.value == 4.0


def test_a_changed_buffer_does_not_reach_the_next_run(runner: Make) -> None:
    module = Counting()
    outcomes = runner(module).run([Do("count"), Do("count"), Do("add", 5)])
    assert [outcome.value for outcome in outcomes] == [1.0, 1.0, 5.0]
    assert float(module.calls) == 0.0


def test_a_runner_knows_that_a_run_changed_the_model(runner: Make) -> None:
    one = runner()
    one.run([Do("add", 1), Do("fail", 1)])
    assert not one.spoilt
    one.run([Do("count")])
    assert one.spoilt


def test_a_rewritten_attribute_does_not_reach_the_next_run(runner: Make) -> None:
    module = Counting()
    assert [outcome.value for outcome in runner(module).run([Do("shrink"), Do("shrink")])] == [7, 7]
    assert module.window == 8


def test_memory_beyond_the_limit_is_an_error_and_not_the_end(runner: Make) -> None:
    one = runner(memory_bytes=256 << 20)
    big, small = one.run([Do("allocate", 1 << 30), Do("allocate", 1 << 10)])
    assert big.kind == "error"
    assert "memory" in big.message
    assert small.value == 1 << 10


def test_what_a_model_writes_is_not_shown(runner: Make, capfd: pytest.CaptureFixture[str]) -> None:
    assert runner().run([Do("talk")])[0].value == "done"
    assert capfd.readouterr() == ("", "")


def test_a_closed_runner_starts_a_new_child_when_asked_again(runner: Make) -> None:
    one = runner()
    [before] = one.run([Do("process")])
    one.close()
    [after] = one.run([Do("process")])
    assert before.value != after.value


def test_no_child_outlives_a_closed_runner(runner: Make) -> None:
    one = runner()
    [outcome] = one.run([Do("process")])
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(outcome.value, 0)


def test_a_class_of_a_file_that_no_import_finds_can_be_sent(runner: Make) -> None:
    hidden = type("Hidden", (), {"__module__": "no_such_module"})
    share_class(hidden)
    assert runner().run([_NameOf(hidden)])[0].value == "Hidden"


def test_what_is_shared_is_not_sent(runner: Make) -> None:
    lock = threading.Lock()  # nothing that could be sent

    def job(_module: nn.Module) -> bool:
        return lock.locked()

    one = runner(shared=[job])
    assert [outcome.value for outcome in one.run([job, job])] == [False, False]


def test_a_result_that_cannot_be_sent_is_an_error_and_the_next_job_runs(runner: Make) -> None:
    def job(_module: nn.Module) -> object:
        return lambda: 1

    unsent, after = runner(shared=[job]).run([job, Do("add", 4)])
    assert unsent.kind == "error"
    assert "the result cannot be sent" in unsent.message
    assert after.value == 4.0


@dataclass(frozen=True)
class _NameOf:
    cls: type

    def __call__(self, module: nn.Module) -> str:
        return self.cls.__name__
