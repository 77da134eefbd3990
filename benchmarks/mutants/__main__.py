"""Plant every fault and see each found: `make mutants`. Exits 1 where one survives, or where a sound model is blamed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.mutants import code, contracts, models
from benchmarks.mutants.mutant import Mutant, Planted, loaded, sound
from contractgen.report.results import Finding
from contractgen.verify import verify
from contractgen.verify.drift import check_drift
from tests.verify.subjects import SUBJECTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"
START, END = "<!-- mutants -->", "<!-- end of mutants -->"


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("words", nargs="*", help="only the mutants whose name has one of these words")
    options.add_argument("--write", action="store_true", help=f"renew the table in {DOCUMENT.name}")
    chosen = options.parse_args()
    mutants = [m for m in (*contracts.MUTANTS, *code.MUTANTS, *models.MUTANTS) if wanted(m, chosen.words)]
    blamed = 0
    for name, subject in SUBJECTS.items():
        for finding in found(sound(subject)):
            blamed += 1
            print(f"BLAMED    {name} has no fault, yet: {finding.message}")
    if blamed:
        return 1  # a fault that is found next to these proves nothing
    rows, survivors = [], 0
    for mutant in mutants:
        start = time.monotonic()
        first = next(iter(found(mutant.plant(), mutant.graphs, infer_again=True)), None)
        survivors += first is None
        verdict = "SURVIVED" if first is None else f"found ({first.kind})"
        print(f"{verdict:<18} {mutant.where:<28} {mutant.what:<48} {time.monotonic() - start:5.1f} s", flush=True)
        rows.append((mutant, first))
    print(f"{len(mutants) - survivors} of {len(mutants)} faults found; no sound model blamed")
    if chosen.write and not survivors and not chosen.words:
        write_table(rows)
    return 1 if survivors else 0


def wanted(mutant: Mutant, words: list[str]) -> bool:
    return not words or any(word in f"{mutant.where} {mutant.what}" for word in words)


def found(planted: Planted, graphs: tuple[str, ...] = (), *, infer_again: bool = False) -> list[Finding]:
    """What a check has against it: a verification (questions do not count), then a fresh inference."""
    result = verify(
        planted.contract,
        loaded(planted),  # type: ignore[arg-type]
        client_source=planted.client,
        validator_source=planted.validator,
        runtimes=graphs,
        artifacts=graphs,
        max_cases=20,
        budget=2.0,
    )
    errors = [finding for finding in result.findings if finding.severity == "error"]
    if errors or not infer_again:
        return errors
    return list(check_drift(planted.contract, loaded(planted)))  # type: ignore[arg-type]


def write_table(rows: list[tuple[Mutant, Finding | None]]) -> None:
    """Renew the table in the documentation."""
    text = DOCUMENT.read_text()
    lines = ["| planted in | fault | found as | by |", "| --- | --- | --- | --- |"]
    for mutant, first in rows:
        assert first is not None
        by = f"`{first.case}`" if first.case else "the files themselves"
        lines.append(f"| {mutant.where} | {mutant.what} | {first.kind} | {by} |")
    before, after = text.partition(START)[0], text.partition(END)[2]
    table = "\n".join(lines)
    DOCUMENT.write_text(f"{before}{START}\n{len(rows)} faults, all found.\n\n{table}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
