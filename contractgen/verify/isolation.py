"""Runs of a model in forked children. A batch of jobs shares a child; what crashes, hangs or spoils the model ends it.

Other than the runner of inference, whose one child takes jobs as they are thought of, a batch is known when its child is
forked: jobs are plain closures, and the arrays, graphs and sessions that they use are inherited, not sent.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import torch

from contractgen.infer.runner import Outcome
from contractgen.infer.state import StateGuard

Job = Callable[[], object]
"""Returns something picklable."""

_HEADER = "<Q?"


class Batches:
    """Runs batches of jobs that use one module. Each job meets the module as it was at the start."""

    def __init__(self, module: torch.nn.Module, *, seconds_per_run: float = 30.0, memory_bytes: int = 8 << 30) -> None:
        self._guard = StateGuard(module)
        self._seconds = seconds_per_run
        self._memory = memory_bytes

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcome of each job, in order."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(jobs):
            child = _Child(jobs[len(outcomes) :], self._guard, self._memory)
            outcomes += child.outcomes(len(jobs) - len(outcomes), self._seconds)
        return outcomes


class Background:
    """One job that goes on while the parent does other things. It is started at once, from the caller's thread, so that
    no lock is left held by another."""

    def __init__(self, job: Job) -> None:
        self._child = _Child([job], None, None)
        self._outcome: Outcome | None = None

    def ready(self) -> bool:
        """Whether `wait` would return at once."""
        return self._outcome is not None or self._child.ready()

    def wait(self, seconds: float) -> Outcome:
        """The job's outcome; a job that does not end in time is killed."""
        if self._outcome is None:
            self._outcome = self._child.outcomes(1, seconds)[0]
        return self._outcome

    def cancel(self) -> None:
        """End the job if it still runs."""
        self.wait(0.0)


class _Child:
    """A forked process that works through jobs and reports each."""

    def __init__(self, jobs: Sequence[Job], guard: StateGuard | None, memory: int | None) -> None:
        self._results, send = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._results)
            _work(jobs, send, guard, memory)
        os.close(send)

    def ready(self) -> bool:
        """Whether there is something to read, be it the end."""
        return bool(select.select([self._results], [], [], 0.0)[0])

    def outcomes(self, count: int, seconds: float) -> list[Outcome]:
        """The outcomes of the first jobs, at least one; the child is gone afterwards."""
        outcomes: list[Outcome] = []
        try:
            for _ in range(count):
                outcome, more = self._read(time.monotonic() + seconds)
                outcomes.append(outcome)
                if not more:
                    break
        finally:
            os.close(self._results)
            status = self._end(kill=not outcomes or outcomes[-1].kind == "timeout")
        if outcomes[-1].kind == "crash":
            outcomes[-1] = Outcome("crash", message=_how_it_ended(status))
        return outcomes

    def _end(self, *, kill: bool) -> int:
        if kill:
            for target in (-self._process, self._process):  # its group, if it has come that far; then itself
                try:
                    os.kill(target, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        return os.waitpid(self._process, 0)[1]

    def _read(self, deadline: float) -> tuple[Outcome, bool]:
        header = _read_exactly(self._results, struct.calcsize(_HEADER), deadline)
        if isinstance(header, Outcome):
            return header, False
        length, more = struct.unpack(_HEADER, header)
        body = _read_exactly(self._results, length, deadline)
        if isinstance(body, Outcome):
            return body, False
        outcome = pickle.loads(body)
        assert isinstance(outcome, Outcome)
        return outcome, more


def _work(jobs: Sequence[Job], send: int, guard: StateGuard | None, memory: int | None) -> NoReturn:
    """Run jobs until one leaves the model changed, then end the process without any clean-up."""
    try:
        os.setpgid(0, 0)  # so that children of its own end with it
        _silence()
        torch.set_num_threads(1)
        if memory is not None:
            _limit_memory(memory)
        for job in jobs:
            body = pickle.dumps(_outcome(job))
            clean = guard is not None and guard.unchanged()
            _write(send, struct.pack(_HEADER, len(body), clean) + body)
            if not clean:
                break
    finally:
        os._exit(0)


def _outcome(job: Job) -> Outcome:
    start = time.monotonic()
    try:
        value = job()
        pickle.dumps(value)
        return Outcome("ok", value, seconds=time.monotonic() - start)
    except MemoryError:
        return Outcome("error", error_type="MemoryError", message="out of memory")
    except Exception as error:
        return Outcome("error", error_type=type(error).__name__, message=str(error)[:2000])


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def _silence() -> None:
    """A model's own prints and torch's native warnings have no place in the output of the tool."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _limit_memory(extra: int) -> None:
    """An allocation beyond ``extra`` bytes over what the process has now fails instead of waking the OOM killer."""
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + extra, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # no such limit on this platform: the run's time limit has to do


def _write(descriptor: int, body: bytes) -> None:
    view = memoryview(body)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_exactly(descriptor: int, count: int, deadline: float) -> bytes | Outcome:
    parts: list[bytes] = []
    while count:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return Outcome("timeout")
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            return Outcome("crash")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
