"""What `contractgen diff` found, as workflow commands of GitHub Actions: annotations at the contract's lines.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contractgen.report.findings import Compared, counts, example, headline, line, step

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def report(results: Sequence[Compared]) -> str:
    """One command per finding, then a line for the log."""
    return "\n".join([*_commands(results), _summary(results)]) + "\n"


def _commands(results: Sequence[Compared]) -> Iterator[str]:
    for one in results:
        for finding in one.comparison.findings:
            shown = example(finding)
            parts = [headline(finding), finding.rule.why, f"example: {shown}" if shown else finding.note]
            if finding.severity != "info":
                parts.append(f"instead: {finding.rule.fix}")
            where = f"file={prop(one.file)},line={line(one, finding)},title={prop(finding.rule.id)}"
            message = data("\n".join(part for part in parts if part))
            yield f"::{_COMMANDS[finding.severity]} {where}::{message}"


def _summary(results: Sequence[Compared]) -> str:
    errors, warnings, others, allowed = counts(results)
    return (
        f"{errors} breaking, {warnings} undecided, {others} other changes, {allowed} allowed; "
        f"suggested version step: {step(results)}"
    )


def data(text: str) -> str:
    """A message, escaped as the runner's own toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def prop(text: str) -> str:
    """A property's value, escaped as the runner's own toolkit does."""
    return data(text).replace(":", "%3A").replace(",", "%2C")
