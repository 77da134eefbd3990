"""Runs the cases, each in a process of its own, and prints the table.

A case that hangs is killed with all its children and becomes a row, as does one that dies.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.inference.case import Case
from benchmarks.inference.result import MODES, CaseResult, Mode, Outcome, Total, total

ROOT = Path(__file__).resolve().parents[2]


def _end(process: subprocess.Popen[str]) -> None:
    """Kills the worker and whatever it started: it leads a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _read_outcomes(report: Path) -> dict[Mode, Outcome]:
    """What the worker wrote before it ended; a mode that it did not reach is absent."""
    if not report.exists():
        return {}
    stored = json.loads(report.read_text(encoding="utf-8"))["outcomes"]
    members = Outcome.__dataclass_fields__
    return {
        mode: Outcome(**{name: value for name, value in stored[mode].items() if name in members})
        for mode in MODES
        if mode in stored
    }


def run_case(case: Case, *, timeout: float, keep: Path | None = None) -> CaseResult:
    """Runs the worker of one case. ``timeout`` is in seconds, for both modes together."""
    if case.needs is not None and find_spec(case.needs) is None:
        missing = Outcome(error=f"{case.needs} is not installed")
        return CaseResult(case.name, case.held_out, {mode: missing for mode in MODES})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "benchmarks.inference.worker", case.name, str(report)]
        if keep is not None:
            command += ["--keep", str(keep)]
        environment = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **os.environ}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        ended = "ended before its outcome"
        try:
            _, log = process.communicate(timeout=timeout)
            if process.returncode:
                ended = f"died with exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            _end(process)
            _, log = process.communicate()
            ended = f"no outcome after {timeout:g} s"
        outcomes = _read_outcomes(report)
        if len(outcomes) < len(MODES):
            last = next((line for line in reversed(log.splitlines()) if line.strip()), "nothing logged")
            for mode in MODES:
                outcomes.setdefault(mode, Outcome(error=f"{ended}; last: {last[:200]}"))
        if keep is not None:
            (keep / f"{case.name}.log").write_text(log, encoding="utf-8")
    return CaseResult(case.name, case.held_out, outcomes)


def run_all(cases: Sequence[Case], *, timeout: float, jobs: int, keep: Path | None) -> Iterator[CaseResult]:
    """The results in the order of ``cases``, as they come."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(lambda case: run_case(case, timeout=timeout, keep=keep), cases)


def _verdict(outcome: Outcome) -> str:
    if outcome.exact:
        return "[green]yes[/]"
    return "[red]no[/]  " + "\n    ".join(_escaped(fault) for fault in outcome.faults())


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def table_of(results: Iterable[CaseResult]) -> Table:
    """One row per case, with everything that was decided wrongly."""
    table = Table(title="Is the inferred contract exact?", show_lines=True)
    table.add_column("model", no_wrap=True)
    table.add_column("without example", overflow="fold", ratio=1)
    table.add_column("with one example", overflow="fold", ratio=1)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("forwards", justify="right", no_wrap=True)
    for result in results:
        bare, example = result.outcomes["bare"], result.outcomes["example"]
        table.add_row(
            f"{result.name}{' *' if result.held_out else ''}",
            _verdict(bare),
            _verdict(example),
            f"{bare.seconds:.1f} / {example.seconds:.1f}",
            f"{bare.forwards} / {example.forwards}",
        )
    table.caption = "* held out while the inference was worked on; two numbers are without / with an example"
    return table


def totals_of(results: Sequence[CaseResult]) -> list[Total]:
    tuning = [result for result in results if not result.held_out]
    held_out = [result for result in results if result.held_out]
    parts = [total("tuning", tuning)] * bool(tuning) + [total("held out", held_out)] * bool(held_out)
    return [*parts, total("all", results)] if len(parts) > 1 else parts


def print_totals(console: Console, totals: Iterable[Total]) -> None:
    for part in totals:
        bare, example = part.exact["bare"], part.exact["example"]
        console.print(
            f"{part.title}: exact without example {bare} of {part.cases}, with one example {example} of {part.cases}, "
            f"{part.seconds:.0f} s",
            highlight=False,
        )
