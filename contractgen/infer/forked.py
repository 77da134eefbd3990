"""Forked children and what comes back from them: outcomes over a pipe, with limits of time and memory.

A fork copies the model for free, so a run that spoils it (a buffer that grows, a window size that is rewritten),
that crashes the process or that never ends is an outcome like any other, and the next run meets the model as it was.
Where a run leaves the model as it found it, which a fingerprint of its state tells, the same child serves the next one.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import pickle
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from contractgen.infer.state import StateGuard

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What one run came to. ``value`` is what the job returned where ``kind`` is ``ok``."""

    kind: Literal["ok", "error", "crash", "timeout"]
    value: Any = None
    error_type: str = ""
    message: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the job returned."""
        return self.kind == "ok"

    def describe(self) -> str:
        """One line for a reader."""
        if self.kind == "error":
            return f"{self.error_type}: {self.message}"
        return {"ok": "ran", "crash": f"the process died ({self.message})", "timeout": "did not end in time"}[self.kind]


class ForkRunner:
    """Runs jobs that cannot be sent, closures over anything, in forked children, in order."""

    def __init__(self, module: torch.nn.Module, *, seconds_per_run: float = 30.0, memory_bytes: int = 8 << 30) -> None:
        self.module = module
        self.runs = 0
        self._seconds = seconds_per_run
        self._memory = memory_bytes
        self._guard = StateGuard(module)

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[Outcome]:
        """The outcome of each job, a function without arguments that uses the module and returns something picklable."""
        outcomes: list[Outcome] = []
        self.runs += len(jobs)
        while len(outcomes) < len(jobs):
            outcomes += self._serve(jobs[len(outcomes) :])
        return outcomes

    def _serve(self, jobs: Sequence[Callable[[], T]]) -> list[Outcome]:
        """The outcomes of the first jobs, at least one, from one child."""
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            run_jobs(jobs, send, self._guard, self._memory)
        os.close(send)
        outcomes: list[Outcome] = []
        try:
            for _ in jobs:
                outcome, more = read_outcome(receive, time.monotonic() + self._seconds)
                outcomes.append(outcome)
                if not more:
                    break
        finally:
            os.close(receive)
            end_child(child, outcomes)
        return outcomes


def end_child(child: int, outcomes: list[Outcome], *, group: bool = False) -> None:
    """Reap the child; one that is still at work is killed, one that died says of what."""
    if not outcomes or outcomes[-1].kind == "timeout" or group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL) if group else os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if outcomes and outcomes[-1].kind == "crash" and os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        outcomes[-1] = Outcome("crash", message=name)


def run_jobs(jobs: Iterable[Callable[[], T]], send: int, guard: StateGuard | None, memory: int | None) -> None:
    """Never returns: runs jobs until one leaves the model changed, then ends the process without any clean-up."""
    try:
        silence()
        torch.set_num_threads(1)
        if memory is not None:
            limit_memory(memory)
        for job in jobs:
            start = time.monotonic()
            try:
                outcome = Outcome("ok", job(), seconds=time.monotonic() - start)
                body = pickle.dumps(outcome)
            except MemoryError:
                outcome = Outcome("error", error_type="MemoryError", message="out of memory")
                body = pickle.dumps(outcome)
            except Exception as error:
                if os.environ.get("CONTRACTGEN_DEBUG"):
                    traceback.print_exc()
                outcome = Outcome("error", error_type=type(error).__name__, message=str(error)[-2000:])
                body = pickle.dumps(outcome)
            clean = guard is not None and guard.unchanged()
            write_all(send, struct.pack("<Q?", len(body), clean) + body)
            if not clean:
                break
    finally:
        os._exit(0)


def silence() -> None:
    """A model's own prints and torch's native warnings have no place in the output of the tool."""
    if os.environ.get("CONTRACTGEN_DEBUG"):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def limit_memory(extra: int) -> None:
    """An allocation beyond ``extra`` bytes over what the process has now fails instead of waking the OOM killer."""
    try:
        resource = importlib.import_module("resource")
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + extra, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # no such limit on this platform: the run's time limit has to do


def write_all(descriptor: int, body: bytes) -> None:
    """Write all of ``body`` to a pipe."""
    view = memoryview(body)
    while view:
        view = view[os.write(descriptor, view) :]


def read_outcome(descriptor: int, deadline: float) -> tuple[Outcome, bool]:
    """The next outcome, and whether the child goes on after it."""
    header = read_exactly(descriptor, struct.calcsize("<Q?"), deadline)
    if isinstance(header, Outcome):
        return header, False
    length, more = struct.unpack("<Q?", header)
    body = read_exactly(descriptor, length, deadline)
    if isinstance(body, Outcome):
        return body, False
    outcome = pickle.loads(body)  # noqa: S301 -- written by this process's own fork
    assert isinstance(outcome, Outcome)
    return outcome, more


def read_exactly(descriptor: int, count: int, deadline: float) -> bytes | Outcome:
    """The next ``count`` bytes of a pipe; an outcome that says ``timeout`` or ``crash`` where they do not come."""
    parts: list[bytes] = []
    while count:
        ready, _, _ = select.select(
            [descriptor], [], [], None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        )
        if not ready:
            return Outcome("timeout")
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            return Outcome("crash")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
