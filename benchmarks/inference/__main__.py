"""``python -m benchmarks.inference``: how many inferred contracts are exact, without an example and with one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.inference.case import Case
from benchmarks.inference.registry import all_cases, held_out_cases, tuning_cases
from benchmarks.inference.result import CaseResult
from benchmarks.inference.run import print_totals, run_all, table_of, totals_of


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tuning", action="store_true", help="only the models that may be looked at")
    which.add_argument("--held-out", action="store_true", help="only the models that are only counted")
    which.add_argument("--only", action="append", metavar="NAME", help="only this model; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--totals", action="store_true", help="print no table: the held-out models stay unread")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep each contract and log there")
    parser.add_argument("--timeout", type=float, default=240.0, metavar="SECONDS", help="for one model (default 240)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="models at a time (default 1)")
    return parser


def _chosen(options: argparse.Namespace, parser: argparse.ArgumentParser) -> tuple[Case, ...]:
    if options.only:
        known = {case.name: case for case in all_cases()}
        for name in options.only:
            if name not in known:
                parser.error(f"no model is called {name!r}; --list prints the names")
        return tuple(known[name] for name in options.only)
    if options.tuning:
        return tuning_cases()
    return held_out_cases() if options.held_out else all_cases()


def _say_progress(result: CaseResult, count: str) -> None:
    verdicts = ", ".join(f"{mode} {'yes' if outcome.exact else 'no'}" for mode, outcome in result.outcomes.items())
    seconds = sum(outcome.seconds for outcome in result.outcomes.values())
    print(f"{count}: {result.name}: {verdicts}, {seconds:.1f} s", file=sys.stderr, flush=True)


def _write_json(path: Path, results: Sequence[CaseResult]) -> None:
    report = {
        "totals": [vars(part) for part in totals_of(results)],
        "cases": [result.to_json() for result in results],
    }
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    cases = _chosen(options, parser)
    if options.list:
        for case in cases:
            print(f"{case.name}{' *' if case.held_out else ''}")
        return 0
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    results: list[CaseResult] = []
    for result in run_all(cases, timeout=options.timeout, jobs=options.jobs, keep=options.keep):
        results.append(result)
        _say_progress(result, f"{len(results)} of {len(cases)}")
        if options.json is not None:  # after each model, so that a run that is ended early is not lost
            _write_json(options.json, results)
    console = Console() if sys.stdout.isatty() else Console(width=160)
    if not options.totals:
        console.print(table_of(results))
    print_totals(console, totals_of(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
