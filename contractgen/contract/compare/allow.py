"""Findings that a project has decided to live with, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from contractgen.contract.compare.api import Comparison, Finding


@dataclass(frozen=True)
class Allowance:
    """One decision. ``about`` narrows it to a dim, a place or a relation, ``contract`` to files by a pattern."""

    rule: str
    reason: str
    about: str | None = None
    contract: str | None = None

    def is_for(self, file: str) -> bool:
        """Whether it speaks about a contract."""
        return self.contract is None or fnmatchcase(file, self.contract)

    def allows(self, finding: Finding) -> bool:
        """Whether it forgives a finding."""
        return finding.rule.id == self.rule and self.about in (None, finding.about, finding.subject)


@dataclass(frozen=True)
class Allowed:
    """A finding that was forgiven."""

    finding: Finding
    reason: str


def forgiven(
    comparison: Comparison, file: str, allowances: Sequence[Allowance]
) -> tuple[Comparison, tuple[Allowed, ...], frozenset[Allowance]]:
    """The comparison without the findings that are allowed, those findings, and the allowances that were of use."""
    kept: list[Finding] = []
    allowed: list[Allowed] = []
    used: set[Allowance] = set()
    ours = [one for one in allowances if one.is_for(file)]
    for finding in comparison.findings:
        matching = [one for one in ours if one.allows(finding)]
        used.update(matching)
        # What the mode does not ask for needs no forgiveness.
        if matching and finding.severity != "info":
            allowed.append(Allowed(finding, matching[0].reason))
        else:
            kept.append(finding)
    return replace(comparison, findings=tuple(kept)), tuple(allowed), frozenset(used)
