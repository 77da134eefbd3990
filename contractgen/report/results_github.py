"""A verification as workflow commands of GitHub Actions: an annotation for each finding, at its line of the contract.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator

from contractgen.report.findings_github import data, prop
from contractgen.report.phrases import count
from contractgen.report.results import Finding, Verification
from contractgen.report.results_lines import line_of


def report(result: Verification, file: str, text: str) -> str:
    """One command per finding, then a line for the log. ``file`` is the contract's, ``text`` what it says."""
    return "\n".join([*_commands(result, file, text), _summary(result)]) + "\n"


def _commands(result: Verification, file: str, text: str) -> Iterator[str]:
    for finding in result.findings:
        command = "error" if finding.severity == "error" else "warning"
        where = f"file={prop(file)},line={line_of(finding.claim, text)},title={prop(_title(finding))}"
        case = [f"replay it with --case {finding.case}"] if finding.case else []
        yield f"::{command} {where}::{data(chr(10).join([finding.message, *finding.input, *case]))}"


def _title(finding: Finding) -> str:
    return f"{finding.kind}: {finding.claim}" if finding.claim else finding.kind


def _summary(result: Verification) -> str:
    errors = sum(finding.severity == "error" for finding in result.findings)
    return (
        f"{result.model}: {count(errors, 'finding')}, {count(len(result.findings) - errors, 'question')}; "
        f"sound {result.soundness.text}, complete {result.completeness.text}, "
        f"refused by client {result.refused_by_client.text}, by validator {result.refused_by_validator.text}"
    )
