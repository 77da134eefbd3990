"""A short run of the fuzzer; `make fuzz` runs it for longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_body_does_anything_but_be_read_right_or_refused() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--seed", "7", "--bodies", "4000"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "FUZZ_SECONDS": "60"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4000 bodies" in done.stdout
