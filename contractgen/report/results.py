"""What a verification came to, as data: `contractgen.verify` fills it in, printers read it.

Counts are of cases. A *case* is one input; it is *accepted* if client and validator let it through and *refused* if
both stop it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

FORMAT = "contractgen-verification/1"

Kind = Literal["sound", "complete", "parity", "wire", "clear", "drift"]
"""What a finding is about.

``sound``: an accepted input that the model does not run on, or an input outside the contract that was accepted;
``complete``: a refused input that the model runs on and that no policy accounts for; ``parity``: runtimes disagree;
``wire``: what arrives is not what was sent; ``clear``: a refusal that does not say what is wrong; ``drift``: a fresh
inference says something else than the contract.
"""

Severity = Literal["error", "question"]
"""A question does not fail a check: it asks whether a claim that was assumed is meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with the smallest input that shows it."""

    kind: Kind
    claim: str
    """The id of the claim (``dim:seq.max``), or empty where it is about none."""
    message: str
    case: str = ""
    """The id of the case, for ``--case``."""
    input: tuple[str, ...] = ()
    """The input, one line per tensor."""
    runtime: str = ""
    severity: Severity = "error"
    count: int = 1
    """How many cases show it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference between a runtime and eager, in units of what is allowed there."""

    ratio: float
    """The difference divided by the allowed one: above 1 is a finding."""
    absolute: float
    output: str
    case: str
    input: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuntimeResult:
    """How one runtime did."""

    name: str
    available: bool
    reason: str = ""
    """Why it could not be made, or what it leaves out."""
    run: int = 0
    failed: int = 0
    disagreed: int = 0
    not_applicable: int = 0
    """Cases that the runtime cannot be given: a graph is made for one set of optional inputs."""
    compared: Literal["values", "shapes"] = "values"
    worst: Difference | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """``good`` out of ``cases``."""

    good: int
    cases: int

    @property
    def text(self) -> str:
        """`120/120`."""
        return f"{self.good}/{self.cases}"


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """How often a claim was exercised: by inputs that just meet it, and by inputs that break it and nothing else."""

    id: str
    text: str
    inside: int
    outside: int
    sides: Literal["both", "inside", "outside"] = "both"
    """Which sides exist at all: no int64 lies above the largest one."""

    @property
    def exercised(self) -> bool:
        """Whether each side that exists was seen."""
        return not self.unseen

    @property
    def unseen(self) -> str:
        """The side that exists and was not seen, in words; empty where there is none."""
        met, broken = self.inside > 0 or self.sides == "outside", self.outside > 0 or self.sides == "inside"
        if met and broken:
            return ""
        return "never broken" if met else "never met" if broken else "neither met nor broken"


@dataclass(frozen=True, slots=True)
class Verification:
    """All of a verification's figures and findings."""

    model: str
    fingerprint: str
    seed: int
    seconds: float
    soundness: Rate
    """Accepted inputs that every runtime ran with agreeing results, out of all inputs within the contract."""
    completeness: Rate
    """Refused inputs that the model fails on or a policy accounts for, out of all inputs that the model was tried on."""
    refused_by_client: Rate
    refused_by_validator: Rate
    refused_by_code: Mapping[str, int]
    policies: Mapping[str, int]
    """Refused inputs that the model runs on, by the policy that accounts for them."""
    round_trips: Mapping[str, int]
    """Requests that arrived unchanged, by wire format."""
    runtimes: tuple[RuntimeResult, ...]
    claims: tuple[ClaimResult, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    not_run: int = 0
    """Cases that the time budget left out."""

    @property
    def ok(self) -> bool:
        """Whether nothing but questions was found."""
        return all(finding.severity == "question" for finding in self.findings)

    @property
    def not_exercised(self) -> tuple[ClaimResult, ...]:
        """The claims of which one side that exists was never seen."""
        return tuple(claim for claim in self.claims if not claim.exercised)

    def to_json(self) -> dict[str, object]:
        """The verification as JSON values, in the form that `verification_schema` describes."""
        body: dict[str, object] = {"format": FORMAT, "ok": self.ok, **asdict(self)}
        return {name: _json(value) for name, value in body.items()}


def _json(value: object) -> object:
    """A value as JSON has it: lists for tuples, and null for what is no number there (an infinite difference)."""
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
