"""The command line as a user runs it: a process, its two streams and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def both(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def contractgen(*arguments: str | Path, cwd: Path, stdin: str | None = None, **environment: str) -> Ran:
    """Run the command line in ``cwd``, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "contractgen.cli", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100", **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
