"""What comes back from a forked child: outcomes over a pipe, and limits of time and memory."""

from __future__ import annotations

import contextvars
import importlib
import math
import os
import pickle
import select
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from contractgen.infer.blame import said


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


def outcome_of(job: Callable[[], object]) -> Outcome:
    """What a job came to in this process."""
    start = time.monotonic()
    try:
        # In a context of its own: what a failed call leaves in a context variable must not reach the next one.
        return Outcome("ok", contextvars.copy_context().run(job), seconds=time.monotonic() - start)
    except MemoryError:
        return Outcome("error", error_type="MemoryError", message="out of memory")
    except Exception as error:
        if os.environ.get("CONTRACTGEN_DEBUG"):
            traceback.print_exc()
        return Outcome("error", error_type=type(error).__name__, message=said(error)[-2000:])


def send_outcome(descriptor: int, outcome: Outcome, *, more: bool) -> None:
    """Write an outcome to a pipe, and whether the process goes on after it."""
    try:
        body = pickle.dumps(outcome)
    except Exception as error:
        unsent = Outcome("error", error_type=type(error).__name__, message=f"the result cannot be sent: {error}")
        body = pickle.dumps(unsent)
    write_all(descriptor, struct.pack("<Q?", len(body), more) + body)


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
