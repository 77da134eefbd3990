"""What a build step pays for `contractgen generate --all --check` on ten contracts, beside other commands' start.

`python -m benchmarks.build_step [--rounds N]`. Each command is a process of its own; they take turns, so that whatever else
the machine does meets all of them. Wall time is what a person waits; processor time is what stays the same on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CONTRACTS = 10
TARGET_SECONDS = 0.3

COMMANDS = {
    "contractgen generate --all --check": [str(BIN / "contractgen"), "generate", "--all", "--check"],
    "contractgen --version": [str(BIN / "contractgen"), "--version"],
    "python -c 'import typer, rich.console'": [sys.executable, "-c", "import typer, rich.console"],
    "a typer command that does nothing": [
        sys.executable, "-c",
        "import typer\napp = typer.Typer()\n@app.command()\ndef f(x: int = 3) -> None:\n    pass\napp()",
    ],
    "mypy --version": [str(BIN / "mypy"), "--version"],
    "pre-commit --version": [str(BIN / "pre-commit"), "--version"],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}  # fmt: skip


def project(folder: Path) -> None:
    """Ten contracts with their files: the samples', the first of them twice."""
    samples = sorted(ROOT.glob("sample_models/*/contract/contract.json"))
    for number in range(CONTRACTS):
        target = folder / f"contracts/model_{number}"
        target.mkdir(parents=True)
        shutil.copy(samples[number % len(samples)], target)
    subprocess.run([str(BIN / "contractgen"), "generate", "--all"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall time and processor time of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: exit {process.returncode}")
    return took, used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as scratch:
        project(Path(scratch))
        for each in range(rounds + 1):
            for name, command in COMMANDS.items():
                measured = seconds(command, Path(scratch))
                if each:  # the first round fills caches
                    times[name].append(measured)
    print(f"{'milliseconds, of ' + str(rounds) + ' runs':42} {'best':>6} {'median':>7} {'cpu':>6}")
    for name, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        print(f"{name:42} {min(wall) * 1e3:6.0f} {statistics.median(wall) * 1e3:7.0f} {min(cpu) * 1e3:6.0f}")
    best = min(wall for wall, _ in times["contractgen generate --all --check"])
    print(
        f"target for {CONTRACTS} contracts: under {TARGET_SECONDS * 1e3:.0f} ms; {'met' if best < TARGET_SECONDS else 'missed'}"
    )


if __name__ == "__main__":
    main()
