"""What is counted while cases run, and the findings, of which the smallest input of each kind is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from contractgen.contract.model import Contract
from contractgen.report.results import (
    ClaimResult,
    Difference,
    Finding,
    Kind,
    Rate,
    RuntimeResult,
    Severity,
    Verification,
)
from contractgen.verify.account import tensor_paths
from contractgen.verify.cases.model import Case, Claim
from contractgen.verify.compare import Gap
from contractgen.verify.recipe import arguments
from contractgen.verify.trees import described


def _weight(case: Case) -> tuple[int, int]:
    """How large an input is: the smallest one is shown."""
    return sum(case.recipe.sizes.values()), len(case.recipe.on) + len(case.recipe.fills)


@dataclass
class RuntimeTally:
    """The counts of one runtime."""

    available: bool = True
    reason: str = ""
    run: int = 0
    failed: int = 0
    disagreed: int = 0
    not_applicable: int = 0
    worst: tuple[Gap, Case] | None = None


@dataclass
class Tally:
    """All counts of a verification."""

    contract: Contract
    seed: int
    accepted: int = 0
    sound: int = 0
    tried: int = 0
    complete: int = 0
    client: list[int] = field(default_factory=lambda: [0, 0])
    validator: list[int] = field(default_factory=lambda: [0, 0])
    codes: Counter[str] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    round_trips: Counter[str] = field(default_factory=Counter)
    runtimes: dict[str, RuntimeTally] = field(default_factory=dict)
    inside: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    not_run: int = 0
    by_shape: bool = False
    """Values vary from run to run, so only shapes and dtypes are compared."""
    cases_found: dict[tuple[str, str, str, str], tuple[Finding, Case | None]] = field(default_factory=dict)

    def runtime(self, name: str) -> RuntimeTally:
        """The counts of a runtime."""
        return self.runtimes.setdefault(name, RuntimeTally())

    def find(
        self,
        kind: Kind,
        message: str,
        case: Case | None = None,
        *,
        runtime: str = "",
        severity: Severity = "error",
        same: str | None = None,
    ) -> None:
        """Note a finding. Findings of one kind about one claim that share ``same`` (the message, unless given) are one."""
        claim = case.claim.id if case is not None and case.claim is not None else ""
        key = (kind, claim, runtime, message if same is None else same)
        first, at = self.cases_found.get(key, (None, None))
        count = 1 if first is None else first.count + 1
        if first is not None and (case is None or at is None or _weight(at) <= _weight(case)):
            self.cases_found[key] = (replace(first, count=count), at)
            return
        lines = () if case is None else self.described(case)
        finding = Finding(kind, claim, message, "" if case is None else case.id, lines, runtime, severity, count)
        self.cases_found[key] = (finding, case)

    def described(self, case: Case) -> tuple[str, ...]:
        """The input of a case, one line per tensor."""
        try:
            return described(arguments(self.contract, case.recipe), tensor_paths(self.contract, "bfloat16"))
        except Exception as error:  # a description must not end a verification
            return (f"sizes {dict(case.recipe.sizes)} ({error})",)

    def met(self, case: Case, claims: tuple[Claim, ...]) -> None:
        """Note the claims that an accepted input exercised from inside."""
        for claim in claims:
            if claim.met(case.recipe):
                self.inside[claim.id] += 1

    def result(self, claims: tuple[Claim, ...], seconds: float) -> Verification:
        """All of it as data."""
        return Verification(
            model=self.contract.name,
            fingerprint=self.contract.fingerprint,
            seed=self.seed,
            seconds=round(seconds, 3),
            soundness=Rate(self.sound, self.accepted),
            completeness=Rate(self.complete, self.tried),
            refused_by_client=Rate(*self.client),
            refused_by_validator=Rate(*self.validator),
            refused_by_code=dict(sorted(self.codes.items())),
            policies=dict(sorted(self.policies.items())),
            round_trips=dict(self.round_trips),
            runtimes=tuple(self._runtime(name, tally) for name, tally in self.runtimes.items()),
            claims=tuple(self._claim(claim) for claim in claims),
            findings=tuple(finding for finding, _ in self.cases_found.values()),
            notes=tuple(self.notes),
            not_run=self.not_run,
        )

    def _runtime(self, name: str, tally: RuntimeTally) -> RuntimeResult:
        worst = None
        if tally.worst is not None:
            gap, case = tally.worst
            worst = Difference(gap.ratio, gap.absolute, gap.output, case.id, self.described(case))
        return RuntimeResult(
            name, tally.available, tally.reason, tally.run, tally.failed, tally.disagreed, tally.not_applicable,
            "shapes" if self.by_shape else "values", worst,
        )  # fmt: skip

    def _claim(self, claim: Claim) -> ClaimResult:
        return ClaimResult(claim.id, claim.text, self.inside[claim.id], self.outside[claim.id], claim.sides)
