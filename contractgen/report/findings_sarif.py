"""What `contractgen diff` found, as SARIF 2.1.0 (OASIS Standard, 27 March 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from contractgen.contract.compare.allow import Allowed
from contractgen.contract.compare.api import Finding
from contractgen.contract.compare.rules import RULES
from contractgen.report.findings import Compared, example, headline, line

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def report(results: Sequence[Compared], version: str) -> dict[str, object]:
    """The log as plain data."""
    found = [(one, finding, None) for one in results for finding in one.comparison.findings]
    allowed = [(one, each.finding, each) for one in results for each in one.allowed]
    everything: list[tuple[Compared, Finding, Allowed | None]] = [*found, *allowed]
    used = sorted({finding.rule.id for _, finding, _ in everything})
    rules: list[dict[str, object]] = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.what},
            "fullDescription": {"text": f"{rule.why[0].upper()}{rule.why[1:]}. Affects {rule.whom}."},
            "help": {"text": f"Instead: {rule.fix}."},
        }
        for rule in (RULES[name] for name in used)
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "contractgen", "version": version, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, finding, reason, used) for one, finding, reason in everything],
            }
        ],
    }


def _result(compared: Compared, finding: Finding, allowed: Allowed | None, rules: Sequence[str]) -> dict[str, object]:
    shown = example(finding)
    message = f"{headline(finding)}. {finding.rule.why[0].upper()}{finding.rule.why[1:]}."
    result: dict[str, object] = {
        "ruleId": finding.rule.id,
        "ruleIndex": rules.index(finding.rule.id),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{message} Example: {shown}" if shown else f"{message} {finding.note}".strip()},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(compared.file)},
                    "region": {"startLine": line(compared, finding)},
                }
            }
        ],
        "partialFingerprints": {"finding/v1": f"{finding.rule.id}:{finding.breaks}:{finding.subject}"},
        "properties": {"comparedWith": compared.old, **finding.to_json()},
    }
    if allowed is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": allowed.reason}]
    return result
