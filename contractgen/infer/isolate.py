"""Running a long job in a child process that reports its progress and may be killed."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable

import torch

from contractgen.errors import ContractgenError, InferenceError
from contractgen.infer.forked import Outcome, read_exactly, write_all

_HEADER = "<QB"
_PROGRESS, _RESULT = 0, 1


def run_isolated(
    job: Callable[[Callable[[str, str], None]], object], seconds: float, progress: Callable[[str, str], None]
) -> object:
    """What ``job(report)`` returns or the `ContractgenError` that it raises, from a forked child.

    A child that dies or outlives ``seconds`` is an `InferenceError` that says so.
    """
    if not hasattr(os, "fork"):
        return job(progress)
    sys.stdout.flush()
    sys.stderr.flush()
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _work(job, send)
    os.close(send)
    stage = "start"

    def note(name: str, detail: str) -> None:
        nonlocal stage
        stage = name
        progress(name, detail)

    try:
        return _listen(receive, time.monotonic() + seconds, note, lambda: stage)
    finally:
        os.close(receive)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _listen(receive: int, deadline: float, note: Callable[[str, str], None], stage: Callable[[], str]) -> object:
    while True:
        header = read_exactly(receive, struct.calcsize(_HEADER), deadline)
        if not isinstance(header, bytes):
            return _lost(header, stage())
        length, kind = struct.unpack(_HEADER, header)
        body = read_exactly(receive, length, deadline)
        if not isinstance(body, bytes):
            return _lost(body, stage())
        value = pickle.loads(body)  # noqa: S301 -- written by this process's own fork
        if kind == _RESULT:
            return value
        note(*value)


def _lost(reason: Outcome, stage: str) -> InferenceError:
    if reason.kind == "timeout":
        return InferenceError(
            f"the time budget ended while the model was in the stage {stage!r}",
            hint="give more with --budget SECONDS, or a first input with --example",
        )
    return InferenceError(
        f"the process that ran the model died in the stage {stage!r}", hint="give a first input with --example"
    )


def _work(job: Callable[[Callable[[str, str], None]], object], send: int) -> None:
    """Never returns."""
    os.setpgid(0, 0)
    torch.set_num_threads(1)

    def write(kind: int, value: object) -> None:
        body = pickle.dumps(value)
        write_all(send, struct.pack(_HEADER, len(body), kind) + body)

    try:
        try:
            write(_RESULT, job(lambda stage, detail: write(_PROGRESS, (stage, detail))))
        except ContractgenError as error:
            write(_RESULT, error)
        except Exception as error:
            place = "".join(traceback.format_exception(error)[-3:])
            write(_RESULT, ContractgenError(f"inference failed: {type(error).__name__}: {error}\n{place}"))
    finally:
        os._exit(0)
