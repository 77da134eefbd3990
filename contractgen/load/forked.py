"""Trying something in a child process: it may crash, hang or change the model without any effect here."""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
from collections.abc import Callable

import torch

from contractgen.load.loaded import said

_SECONDS = 120.0


def failure_of(job: Callable[[], object], seconds: float = _SECONDS) -> str:
    """Why ``job`` fails in a forked child, in one line; empty where it returns."""
    if not hasattr(os, "fork"):
        try:
            job()
        except Exception as error:
            return said(error)
        return ""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _work(job, send)
    os.close(send)
    text: str | None = None
    try:
        text = _read(receive, time.monotonic() + seconds)
    finally:
        os.close(receive)
        if text is None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if text is None:
        return f"no end after {seconds:.0f} seconds"
    if os.WIFSIGNALED(status):
        return f"the process died of {signal.Signals(os.WTERMSIG(status)).name}"
    return text


def _work(job: Callable[[], object], send: int) -> None:
    """Never returns."""
    faulthandler.disable()  # a crash is an outcome here, its stack is of no use
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    torch.set_num_threads(1)  # the parent's threads did not come along
    try:
        try:
            job()
        except Exception as error:
            os.write(send, said(error).encode()[:4000])
    finally:
        os._exit(0)


def _read(descriptor: int, deadline: float) -> str | None:
    """All that the child writes, or None where it does not end in time."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(descriptor, 4096)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)
