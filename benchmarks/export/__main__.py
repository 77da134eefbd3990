"""``python -m benchmarks.export``: time and memory of an export, as multiples of what torch's own two exports take.

Both write a ``.pt2`` and a ``.onnx`` of the same weights, in turns, each in a process of its own. Memory is the largest
sum over the process and its children of what each has to itself (its share of shared pages), looked at all the while.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.export import models

WAYS = ("torch", "contractgen")
GLANCE = 0.1
"""Seconds between two looks at the memory."""


def memory_of(root: int) -> int:
    """The proportional set size of a process and of all that it started, in KiB."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
    counted = {root}
    while more := {process for process, parent in parents.items() if parent in counted} - counted:
        counted |= more
    total = 0
    for process in counted:
        try:
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        total += int(found.group(1)) if found else 0
    return total


def measured(way: str, name: str, folder: Path) -> tuple[float, int]:
    """Seconds and the peak of memory of one export."""
    command = [sys.executable, "-m", "benchmarks.export.work", way, name, str(folder)]
    start = time.perf_counter()
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(GLANCE)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{way} failed on {name}")
    return seconds, peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--only", choices=sorted(models.EXAMPLES), action="append", help="only this model")
    options = parser.parse_args()
    table = Table(title=f"one export, median of {options.times}; bars: time 3.0, memory 1.3")
    for heading in ("model", "parameters", "time / torch", "memory / torch", "torch s", "contractgen s"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    with tempfile.TemporaryDirectory(prefix="contractgen-bench-") as scratch:
        for name in options.only or sorted(models.EXAMPLES):
            folder = Path(scratch)
            model = getattr(models, name)()
            parameters = sum(parameter.numel() for parameter in model.parameters())
            torch.save(model.state_dict(), folder / f"{name}.pth")
            del model
            runs: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
            for _ in range(options.times):
                for way in WAYS:
                    runs[way].append(measured(way, name, folder))
            seconds = {way: statistics.median(run[0] for run in runs[way]) for way in WAYS}
            memory = {way: statistics.median(run[1] for run in runs[way]) for way in WAYS}
            table.add_row(
                name,
                f"{parameters / 1e6:.0f} M",
                f"{seconds['contractgen'] / seconds['torch']:.2f}",
                f"{memory['contractgen'] / memory['torch']:.2f}",
                f"{seconds['torch']:.1f}",
                f"{seconds['contractgen']:.1f}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
