"""Servers as child processes: up within a bound, gone at the end with everything that they started."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

START_SECONDS = 180.0
STOP_SECONDS = 10.0


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes
    headers: dict[str, str]


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, seconds: float = 60
) -> Answer:
    """One request over loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
    finally:
        connection.close()


@contextlib.contextmanager
def running(
    command: list[str], port: int, ready: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, from when `ready` is answered with 200."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, port, ready, log)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], port: int, ready: str, log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}\n{tail(log)}")
        try:
            if ask(port, "GET", ready, seconds=5).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        # Only the server knows when it is up; asking again has to leave it the core.
        time.sleep(0.2)
    raise AssertionError(f"the server is not up after {START_SECONDS} s\n{tail(log)}")


def tail(log: Path, lines: int = 80) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
