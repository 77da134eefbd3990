"""A job in a child process that goes on while the parent does other things."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

from contractgen.infer.forked import Outcome, end_child, read_outcome, run_jobs

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
            run_jobs([job], send, None, None)
        os.close(send)
        self._outcome: Outcome | None = None

    def ready(self) -> bool:
        """Whether `wait` would return at once."""
        return self._outcome is not None or bool(select.select([self._results], [], [], 0.0)[0])

    def wait(self, seconds: float) -> Outcome:
        """The job's outcome; a job that does not end in time is killed."""
        if self._outcome is None:
            outcomes: list[Outcome] = []
            try:
                outcomes.append(read_outcome(self._results, time.monotonic() + seconds)[0])
            finally:
                os.close(self._results)
                end_child(self._process, outcomes, group=True)
            self._outcome = outcomes[0]
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
