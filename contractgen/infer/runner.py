"""Running a stranger's model without trusting it: every real run happens in a forked child.

A fork copies the model for free, so a run that spoils it (a buffer that grows, a window size that is rewritten),
that crashes the process or that never ends is an outcome like any other, and the next run meets the model as it was.
Where a run leaves the model as it found it, which a fingerprint of its state tells, the same child serves the next one.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import signal
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from contractgen.infer.forked import (
    Outcome,
    limit_memory,
    outcome_of,
    read_exactly,
    read_outcome,
    send_outcome,
    silence,
    write_all,
)
from contractgen.infer.state import StateGuard

Job = Callable[[torch.nn.Module], object]
"""A function of the module that returns something picklable."""


class Runner:
    """Runs jobs on one module in a forked child, in order; a child that was spoilt is replaced by a fresh fork.

    ``shared`` are objects that jobs may hold without being sent along: the child has them from the fork.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        shared: Sequence[object] = (),
        seconds_per_run: float = 30.0,
        memory_bytes: int = 8 << 30,
    ) -> None:
        self.module = module
        self._shared = tuple(shared)
        self.runs = 0
        self.spoilt = 0
        """How many runs left the model changed."""
        self.known: dict[object, dict[Any, Outcome]] = {}
        """What runs of an input at other sizes came to, by the input: each stage asks for many of them again."""
        self._seconds = seconds_per_run
        self._memory = memory_bytes
        self._guard = StateGuard(module)
        self._child: _Child | None = None

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcome of each job, in order."""
        self.runs += len(jobs)
        return [self._run_one(job) for job in jobs]

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _run_one(self, job: Job) -> Outcome:
        if self._child is None:
            self._child = self._fork()
        outcome, clean = self._child.ask(job, self._seconds)
        if not clean:
            status = self._child.end()
            self._child = None
            self.spoilt += outcome.kind in ("ok", "error")
            if outcome.kind == "crash" and os.WIFSIGNALED(status):
                outcome = Outcome("crash", message=signal.Signals(os.WTERMSIG(status)).name)
        return outcome

    def _fork(self) -> _Child:
        job_read, job_write = os.pipe()
        result_read, result_write = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(job_write)
            os.close(result_read)
            _serve(self.module, self._shared, self._guard, job_read, result_write, self._memory)
        os.close(job_read)
        os.close(result_write)
        return _Child(process, job_write, result_read, self._shared)


@dataclass(frozen=True)
class _Child:
    """A forked process that takes jobs."""

    process: int
    jobs: int
    results: int
    shared: Sequence[object]

    def ask(self, job: Job, seconds: float) -> tuple[Outcome, bool]:
        """The outcome of a job, and whether the child can take another."""
        try:
            body = _dumps(job, self.shared)
            write_all(self.jobs, struct.pack("<Q", len(body)) + body)
        except OSError:
            return Outcome("crash"), False
        return read_outcome(self.results, time.monotonic() + seconds)

    def end(self) -> int:
        """Kill the process; its exit status if it had died by itself."""
        os.close(self.jobs)
        os.close(self.results)
        done, status = os.waitpid(self.process, os.WNOHANG)
        if not done:
            time.sleep(0.005)
            done, status = os.waitpid(self.process, os.WNOHANG)
        if not done:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        return status


def _serve(
    module: torch.nn.Module, shared: Sequence[object], guard: StateGuard, jobs: int, results: int, memory: int
) -> None:
    """Never returns: runs jobs until one leaves the model changed, then ends the process without any clean-up."""
    try:
        silence()
        torch.set_num_threads(1)
        limit_memory(memory)
        clean = True
        while clean:
            header = read_exactly(jobs, struct.calcsize("<Q"), math.inf)
            if isinstance(header, Outcome):
                break
            body = read_exactly(jobs, struct.unpack("<Q", header)[0], math.inf)
            if isinstance(body, Outcome):
                break
            job = _loads(body, shared)
            outcome = outcome_of(lambda: job(module))  # noqa: B023 (called at once)
            clean = guard.unchanged()
            send_outcome(results, outcome, more=clean)
    finally:
        os._exit(0)


_CLASSES: list[type] = []
"""Classes that jobs may name: those of forward's annotations, which may live in a file that no import finds."""


def share_class(cls: type) -> None:
    """Let jobs name a class; to be called before the first run."""
    if cls not in _CLASSES:
        _CLASSES.append(cls)


class _Pickler(pickle.Pickler):
    """Writes the place of what the child has already, instead of what it is."""

    def __init__(self, buffer: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(buffer)
        self._places = {id(each): place for place, each in enumerate((*shared, *_CLASSES))}

    def persistent_id(self, value: object) -> int | None:
        return self._places.get(id(value))


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(buffer)
        self._held = (*shared, *_CLASSES)

    def persistent_load(self, place: int) -> object:
        return self._held[place]


def _dumps(job: Job, shared: Sequence[object]) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, shared).dump(job)
    return buffer.getvalue()


def _loads(body: bytes, shared: Sequence[object]) -> Job:
    job: Job = _Unpickler(io.BytesIO(body), shared).load()
    return job
