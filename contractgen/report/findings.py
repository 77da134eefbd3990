"""What `contractgen diff` found, as data for every format, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contractgen.contract.compare.allow import Allowance, Allowed
from contractgen.contract.compare.api import Comparison, Finding, Step
from contractgen.contract.compare.message import message_text
from contractgen.contract.tree import leaves


@dataclass(frozen=True)
class Compared:
    """One comparison with where its contracts came from. ``file`` and ``text`` are those of the new contract."""

    old: str
    new: str
    file: str
    text: str
    comparison: Comparison
    allowed: tuple[Allowed, ...] = ()

    @property
    def repins(self) -> bool:
        """Whether generated clients have to be made anew: they name the fingerprint of their contract."""
        return self.comparison.old.fingerprint != self.comparison.new.fingerprint


STEPS: tuple[Step, ...] = ("none", "patch", "minor", "major")

REPIN = (
    "generated clients name the fingerprint of their contract in requests of the Open Inference Protocol: "
    "those made from the old contract are refused until they are generated again"
)


def step(results: Sequence[Compared]) -> Step:
    """The semver step from the last of the old contracts, which is the one that was released last."""
    return results[-1].comparison.step


def example(finding: Finding) -> str:
    """A finding's witness in one line; empty where there is none."""
    witness = finding.witness
    if witness is None:
        return ""
    if witness.call is not None:
        return witness.call
    if not witness.has_response:
        return f"request {message_text(witness.request)}"
    response = f"response {message_text(witness.response)}"
    return response if witness.request is None else f"request {message_text(witness.request)}, {response}"


def headline(finding: Finding) -> str:
    """A finding in one line: ``dim seq at inputs.ids axis 1: was 1 to 1024, now at most 512``."""
    return f"{finding.about}: was {finding.old}, now {finding.new}"


def counts(results: Sequence[Compared]) -> tuple[int, int, int, int]:
    """Errors, warnings, other changes, and allowed findings."""
    severities = [finding.severity for one in results for finding in one.comparison.findings]
    allowed = sum(len(one.allowed) for one in results)
    return severities.count("error"), severities.count("warning"), severities.count("info"), allowed


def to_json(results: Sequence[Compared], stale: Sequence[Allowance]) -> dict[str, object]:
    """Everything as plain data."""
    errors, warnings, others, allowed = counts(results)
    return {
        "comparisons": [
            {
                "old": one.old,
                "new": one.new,
                "mode": one.comparison.mode,
                "fingerprints": {"old": one.comparison.old.fingerprint, "new": one.comparison.new.fingerprint},
                "step": one.comparison.step,
                "findings": [finding.to_json() for finding in one.comparison.findings],
                "allowed": [{**each.finding.to_json(), "reason": each.reason} for each in one.allowed],
            }
            for one in results
        ],
        "summary": {
            "errors": errors,
            "warnings": warnings,
            "other_changes": others,
            "allowed": allowed,
            "step": step(results),
        },
        "stale_allowances": [
            {"rule": one.rule, "about": one.about, "contract": one.contract, "reason": one.reason} for one in stale
        ],
    }


def line(compared: Compared, finding: Finding) -> int:
    """The line of the new contract's file that a finding is about; 1 where it has none."""
    wanted: list[str] = []
    dim = re.match(r"dim (\S+)", finding.about)
    if dim:
        wanted.append(rf'^\s*"{re.escape(dim[1])}":')
    elif finding.about.startswith("relation "):
        wanted.append(r'^\s*"relations":')
    else:
        place = re.match(r"(?:the length of )?((?:inputs|outputs)\S*)", finding.about)
        path = place[1] if place else ""
        wanted += _names(compared, path)
        parameter = re.match(r"(?:inputs|outputs)\.(\w+)", path)
        if parameter:
            wanted.append(rf'"name": "{parameter[1]}"')
        wanted.append(r'^\s*"inputs":' if path.startswith("inputs") else r'^\s*"outputs":')
    lines = compared.text.splitlines()
    for pattern in wanted:
        for number, text in enumerate(lines, 1):
            if re.search(pattern, text):
                return number
    return 1


def _names(compared: Compared, path: str) -> list[str]:
    """The wire name of the tensor at a path, as its line has it."""
    contract = compared.comparison.new
    return [
        rf'"wire_name": "{re.escape(leaf.tensor.wire_name)}"'
        for leaf in (*leaves(contract.inputs), *leaves(contract.outputs))
        if path.startswith(leaf.path)
    ]
