"""A job in a child process that goes on while the parent does other things."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

from contractgen.infer.forked import Outcome, outcome_of, read_outcome, send_outcome, silence

_LOOK = 0.05
"""Seconds between two looks at a file."""


class Background:
    """One job, started at once. The fork happens in the caller's thread, so that no lock is left held by another."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._results, send = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._results)
            os.setpgid(0, 0)  # so that its own children end with it
            _run(job, send)
        with contextlib.suppress(OSError):
            os.setpgid(self._process, self._process)  # whichever of the two comes first
        os.close(send)
        self._outcome: Outcome | None = None

    def ready(self) -> bool:
        """Whether `wait` would return at once."""
        return self._outcome is not None or bool(select.select([self._results], [], [], 0.0)[0])

    def wait(self, seconds: float) -> Outcome:
        """The job's outcome; a job that does not end in time is killed."""
        if self._outcome is None:
            outcome = Outcome("timeout")
            try:
                outcome, _ = read_outcome(self._results, time.monotonic() + seconds)
            finally:
                os.close(self._results)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process, signal.SIGKILL)
                _, status = os.waitpid(self._process, 0)
            if outcome.kind == "crash" and os.WIFSIGNALED(status):
                outcome = Outcome("crash", message=signal.Signals(os.WTERMSIG(status)).name)
            self._outcome = outcome
        return self._outcome

    def first_sign(self, path: Path, seconds: float) -> bool:
        """Wait until a file that the job writes is there, or the job has ended; whether it is there."""
        deadline = time.monotonic() + seconds
        while not path.exists() and self._outcome is None and time.monotonic() < deadline:
            if select.select([self._results], [], [], _LOOK)[0]:
                break
        return path.exists()

    def cancel(self) -> None:
        """End the job if it still runs."""
        self.wait(0.0)


def _run(job: Callable[[], object], send: int) -> NoReturn:
    """Do the job with one thread, and end the process without any clean-up."""
    try:
        silence()
        torch.set_num_threads(1)
        send_outcome(send, outcome_of(job), more=False)
    finally:
        os._exit(0)
