"""What the benchmark found for a case: one outcome without an example, one with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Mode = Literal["bare", "example"]
MODES: tuple[Mode, ...] = ("bare", "example")


@dataclass
class Outcome:
    """How one inferred contract did on the lists of its case."""

    refused_good: list[str] = field(default_factory=list)
    accepted_bad: list[str] = field(default_factory=list)
    error: str = ""
    """Why there is no contract to ask, or no answer from it: an exception, a crash, a timeout."""
    seconds: float = 0.0
    forwards: int = 0

    @property
    def exact(self) -> bool:
        return not (self.refused_good or self.accepted_bad or self.error)

    def faults(self) -> list[str]:
        return [
            *([self.error] if self.error else []),
            *(f"refused good {label}" for label in self.refused_good),
            *(f"accepted bad {label}" for label in self.accepted_bad),
        ]


@dataclass
class CaseResult:
    name: str
    held_out: bool
    outcomes: dict[Mode, Outcome]

    def to_json(self) -> dict[str, Any]:
        outcomes = {mode: {"exact": outcome.exact, **asdict(outcome)} for mode, outcome in self.outcomes.items()}
        return {"name": self.name, "held_out": self.held_out, "outcomes": outcomes}


@dataclass(frozen=True)
class Total:
    """How many cases of a set are exact."""

    title: str
    cases: int
    exact: dict[Mode, int]
    seconds: float


def total(title: str, results: Iterable[CaseResult]) -> Total:
    found = list(results)
    exact = {mode: sum(result.outcomes[mode].exact for result in found) for mode in MODES}
    seconds = sum(outcome.seconds for result in found for outcome in result.outcomes.values())
    return Total(title, len(found), exact, seconds)
