"""`contractgen serve` as a user runs it: a process that is waited for, asked, and told to end."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serve.live import TIMEOUT, Site

ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0


@dataclass(frozen=True)
class Served(Site):
    """A server that runs."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has logged so far; a line that is being written is left out."""
        return [json.loads(line) for line in self.log.read_text().split("\n")[:-1]]

    def metrics(self) -> dict[str, float]:
        """Each sample of the metrics by its name and labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        return {key: float(value) for key, _, value in (one.rpartition(" ") for one in lines if one[0] != "#")}

    def stop(self, seconds: float = TIMEOUT) -> int:
        """Send SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def serving(contract: Path, model: Path, *options: str, folder: Path) -> Iterator[Served]:
    """The server on a free port, from when it says that it serves."""
    log = folder / "log"
    command = [sys.executable, "-m", "contractgen.cli", "serve", str(contract), str(model), "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Served(_port(process, log), process, log)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT) == 0, log.read_text()[-3000:]
    finally:
        process.kill()
        process.communicate()


def _port(process: subprocess.Popen[str], log: Path) -> int:
    """Where it says that it listens."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    readable, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
    line = process.stdout.readline() if readable else ""
    found = re.fullmatch(r"serving \S+ on http://127\.0\.0\.1:(\d+)\n", line)
    assert found, f"{line!r}\n{log.read_text()[-3000:]}"
    return int(found[1])
