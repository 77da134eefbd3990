"""What `contractgen diff` found, as Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from contractgen.report.findings import REPIN, Compared, counts, example, step

_MARKS = {"error": "breaking", "warning": "undecided", "info": "compatible"}


def report(results: Sequence[Compared]) -> str:
    """A heading, a table for each comparison, and the details."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Sequence[Compared]) -> Iterator[str]:
    errors, warnings, others, allowed = counts(results)
    yield f"### Contract: {errors} breaking, {warnings} undecided, {others} other changes, {allowed} allowed"
    yield ""
    yield f"Suggested version step: **{step(results)}**"
    for one in results:
        yield ""
        yield f"{code(one.old)} → {code(one.new)} ({one.comparison.mode})"
        yield ""
        if one.comparison.findings or one.allowed:
            yield "| | rule | what | was | now | example |"
            yield "|---|---|---|---|---|---|"
        else:
            yield "Both allow the same requests and promise the same responses."
        for finding in one.comparison.findings:
            shown = example(finding)
            cells = [
                _MARKS[finding.severity],
                code(finding.rule.id),
                *map(cell, (finding.about, finding.old, finding.new)),
                code(shown) if shown else cell(finding.note),
            ]
            yield f"| {' | '.join(cells)} |"
        for each in one.allowed:
            finding = each.finding
            cells = [code(finding.rule.id), *map(cell, (finding.about, finding.old, finding.new, each.reason))]
            yield f"| allowed | {' | '.join(cells)} |"
    if results[-1].repins:
        yield ""
        yield f"{REPIN[0].upper()}{REPIN[1:]}."


def code(text: str) -> str:
    """Text as code that stays within its cell, whatever backticks it holds (CommonMark 0.31, 6.1)."""
    plain = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", plain)), default=0))
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}".replace("|", "\\|")


def cell(text: str) -> str:
    """Text that means nothing to Markdown."""
    plain = " ".join(text.split())
    for special in "\\`*_[]<>|":
        plain = plain.replace(special, f"\\{special}")
    return plain
