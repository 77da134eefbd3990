"""What the outcome of an accepted input says against the contract, the model or a graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from contractgen.infer.forked import Outcome
from contractgen.report.results import Kind, Severity
from contractgen.verify.accepted import Accepted, is_gap


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong. Verdicts with the same kind, runtime and ``same`` are one finding."""

    kind: Kind
    same: str
    message: str
    runtime: str = ""
    severity: Severity = "error"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """As `Tally.cases_found` has it."""
        return self.kind, "", self.runtime, self.same


_TOO_LARGE = re.compile("can't allocate memory|^MemoryError|out of memory")


def verdicts(ran: Accepted, artifacts: Collection[str]) -> Iterator[Verdict]:
    """What is wrong with a run.

    That a graph made by the way is too narrow, or computes something else, is an error only if it is one of
    ``artifacts``: who serves the model as it is can do nothing about an exporter, and is only told.
    """
    if ran.error and _TOO_LARGE.search(ran.error):
        yield _too_large(ran.error)
        return
    if ran.error:
        yield Verdict("sound", ran.error.partition(":")[0], f"the model fails on an accepted input: {ran.error}")
        return
    if ran.output is not None:
        yield Verdict("sound", ran.output[0], ran.output[1])
    if ran.spoilt:
        text = f"a NaN is let in, and it spoils output {ran.spoilt}: the tensor should be claimed not to hold any"
        yield Verdict("sound", "nan", text)
    if ran.varies and ran.changed:
        text = "the same input gives another result the second time: a run changes the model's state"
        yield Verdict("sound", "state", text)
    for name, reason in ran.failures.items():
        text = f"{name} fails on an accepted input that eager runs: {reason}"
        yield Verdict("parity", "fails", text, name, _severity(name, artifacts))
    for name, gap in ran.gaps.items():
        if is_gap(gap):
            how = gap.message or f"by {gap.absolute:.3g} in {gap.output}, {gap.ratio:.3g} times what is allowed"
            yield Verdict("parity", "differs", f"{name} differs from eager: {how}", name, _severity(name, artifacts))


def _severity(runtime: str, artifacts: Collection[str]) -> Severity:
    return "error" if runtime in artifacts else "question"


def _too_large(error: str, runtime: str = "") -> Verdict:
    text = f"this machine has too little memory for an accepted input: should a dim have a max? {error}"
    return Verdict("sound", "memory", text, runtime, "question")


def death(outcome: Outcome, runtime: str = "") -> Verdict:
    """The verdict on a run that ended its process; ``runtime`` is empty for the model itself."""
    if _TOO_LARGE.search(outcome.describe()):
        return _too_large(outcome.describe(), runtime)
    who = runtime or "the model"
    return Verdict("sound", "died", f"{who} does not survive an accepted input: {outcome.describe()}", runtime)
