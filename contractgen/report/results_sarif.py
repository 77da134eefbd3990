"""A verification as SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from contractgen.report.results import Finding, Kind, Verification
from contractgen.report.results_lines import line_of

_KINDS: dict[Kind, tuple[str, str]] = {
    "sound": ("What the contract allows, the model runs", "Narrow the contract to what the model takes, or mend the model."),
    "complete": ("What the model can meaningfully run, the contract allows", "Widen the contract, or declare the limit."),
    "parity": ("Every runtime gives the same numbers", "Serve the model in a runtime that agrees."),
    "wire": ("What arrives is what was sent", "Generate client and validator again from the contract."),
    "clear": ("What is refused is told why", "Generate client and validator again from the contract."),
    "drift": ("The contract says what the model takes now", "Export again and review the difference."),
}  # fmt: skip


def report(result: Verification, version: str, file: str, text: str) -> dict[str, object]:
    """The log as plain data. ``file`` is the contract's, ``text`` what it says."""
    rules = list(get_args(Kind))
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "contractgen", "version": version, "rules": [_rule(kind) for kind in rules]}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules.index(finding.kind), file, text) for finding in result.findings],
            }
        ],
    }


def _rule(kind: Kind) -> dict[str, object]:
    what, instead = _KINDS[kind]
    return {"id": kind, "shortDescription": {"text": what}, "help": {"text": instead}}


def _result(finding: Finding, rule: int, file: str, text: str) -> dict[str, object]:
    message = [finding.message, *finding.input, *([f"case {finding.case}"] if finding.case else [])]
    return {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": "error" if finding.severity == "error" else "warning",
        "message": {"text": "\n".join(message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file)},
                    "region": {"startLine": line_of(finding.claim, text)},
                }
            }
        ],
        "partialFingerprints": {"finding/v1": f"{finding.kind}:{finding.claim}:{finding.runtime}"},
        "properties": {
            "claim": finding.claim,
            "case": finding.case,
            "runtime": finding.runtime,
            "cases": finding.count,
        },
    }
