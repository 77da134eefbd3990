"""What `contractgen diff` found, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from contractgen.contract.compare.api import Finding
from contractgen.report.findings import REPIN, Compared, counts, example, headline, step
from contractgen.report.layout import Columns
from contractgen.report.phrases import count

_STYLES = {"error": "bold red", "warning": "bold yellow", "info": "cyan"}
_WHO = {
    "backward": "old clients with the new server",
    "forward": "new clients with the old server",
}


def report(results: Sequence[Compared]) -> RenderableType:
    """All comparisons, then the summary."""
    return Group(*(part for one in results for part in _one(one)), *_summary(results))


def _one(compared: Compared) -> Iterator[RenderableType]:
    yield Text.assemble((f"{compared.old} -> {compared.new}", "bold"))
    for finding in compared.comparison.findings:
        yield Text()
        yield from _finding(finding)
    for allowed in compared.allowed:
        yield Text()
        yield Text.assemble(("allowed", "dim"), "  ", allowed.finding.rule.id, "  ", headline(allowed.finding))
        yield Columns([["reason", allowed.reason]], indent=9)
    if not compared.comparison.findings and not compared.allowed:
        yield Text("  both allow the same requests and promise the same responses")
    yield Text()


def _finding(finding: Finding) -> Iterator[RenderableType]:
    style = _STYLES[finding.severity]
    yield Text.assemble((f"{finding.severity:<7}", style), "  ", (finding.rule.id, "bold"), "  ", headline(finding))
    rows = [["breaks", f"{_WHO[finding.breaks]}: {finding.rule.why}"]]
    if finding.severity == "info":
        rows = [["changes", f"only {_WHO[finding.breaks]} would break"]]
    shown = example(finding)
    if shown:
        rows.append(["example", shown])
    if finding.note:
        rows.append(["note", finding.note])
    if finding.severity != "info":
        rows.append(["instead", finding.rule.fix])
    yield Columns(rows, indent=9)


def _summary(results: Sequence[Compared]) -> Iterator[RenderableType]:
    errors, warnings, others, allowed = counts(results)
    parts = [count(errors, "breaking change")]
    parts += [count(warnings, "undecided change")] * (warnings > 0)
    parts += [count(others, "other change")] * (others > 0)
    parts += [f"{allowed} allowed"] * (allowed > 0)
    yield Text.assemble((", ".join(parts), "bold red" if errors or warnings else "bold green"))
    yield Text(f"suggested version step: {step(results)}")
    if results[-1].repins:
        yield Text(f"note: {REPIN}", style="dim")
