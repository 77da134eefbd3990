"""One verification: which cases run when, in which runtimes, and what their outcomes mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from contractgen.contract.model import Contract
from contractgen.infer.forked import ForkRunner, Outcome
from contractgen.report.results import ClaimResult
from contractgen.verify import encode
from contractgen.verify.accepted import Accepted, Args, is_gap, run_accepted
from contractgen.verify.account import Attempt, attempt
from contractgen.verify.admitted import admit, answer
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import Plan
from contractgen.verify.exchange import Broken, Exchange
from contractgen.verify.refused import refuse
from contractgen.verify.runtimes.base import Runtime
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.tally import Tally
from contractgen.verify.trees import named
from contractgen.verify.wire import check_responses, check_wire

Progress = Callable[[str, str], None]

_BATCH = 16
"""How many runs share a child, where the budget is looked at between them."""

_ACCEPTED = 64
"""How many accepted inputs share a child."""
_REPEATED = 4
"""How many cases are run twice to see whether results vary."""


@dataclass
class Session:
    """What a verification works with."""

    contract: Contract
    exchange: Exchange
    plan: Plan
    runner: ForkRunner
    eager: Eager
    tally: Tally
    deadline: float
    """When the budget ends (`time.monotonic`): what is directed still runs, up to ``limit``."""
    limit: float
    progress: Progress
    others: Sequence[Runtime] = ()
    artifacts: frozenset[str] = frozenset()
    """The graphs that a user gets: that one of them is too narrow is an error, not a question."""
    wire_claims: list[ClaimResult] = field(default_factory=list)
    _repeats: int = 0

    def refuse_all(self) -> None:
        """Show every broken input to client and validator."""
        for turn, case in enumerate(self.plan.broken):
            if turn % 50 == 0:
                self.progress("verify", f"{turn} of {len(self.plan.broken)} broken inputs refused")
            refuse(self.exchange, self.tally, case, turn)

    def wire(self) -> None:
        """Damage requests of a small valid input."""
        case = next((case for case in self.plan.valid if case.id == "valid/smallest"), None) or next(
            iter(self.plan.valid), None
        )
        if case is not None:
            self.wire_claims += check_wire(self.exchange, self.tally, case)

    def try_refused(self, cases: Iterable[Case], stop: Callable[[], bool]) -> list[Case]:
        """Run the model on broken inputs: it should fail, or a policy should say why they are refused all the same.

        What is left when ``stop`` says so is returned.
        """
        waiting = [case for case in cases if not case.client_only]
        for start in range(0, len(waiting), _BATCH):
            if stop():
                return waiting[start:]
            batch = waiting[start : start + _BATCH]
            self.progress("verify", f"{start} of {len(waiting)} refused inputs tried on the model")
            outcomes = self.runner.run([self._attempt(case) for case in batch])
            for case, outcome in zip(batch, outcomes, strict=True):
                self._judge(case, outcome)
        return []

    def _attempt(self, case: Case) -> Callable[[], Attempt]:
        return lambda: attempt(self.contract, self.eager, case, declared=_is_declared(self.contract, case))

    def _judge(self, case: Case, outcome: Outcome) -> None:
        assert case.claim is not None
        self.tally.tried += 1
        tried: Attempt = outcome.value if outcome.ok else Attempt(False, outcome.describe())
        if not tried.ran:
            self.tally.complete += 1
            return
        if tried.policy:
            self.tally.complete += 1
            self.tally.policies[tried.policy] += 1
            return
        evidence = case.claim.evidence(self.contract)
        assumed = evidence is not None and evidence.source == "assumed"
        ask = " (the claim is assumed: is it meant?)" if assumed else ""
        self.tally.complete += assumed
        self.tally.find(
            "complete",
            f"the model runs on what the contract refuses: “{case.claim.text}” is broken, and it returns {tried.result}{ask}",
            case, severity="question" if assumed else "error", same="",
        )  # fmt: skip

    def accept(self, cases: Iterable[Case], until: float) -> None:
        """Run valid inputs through everything."""
        batch: list[tuple[Case, Args, int]] = []
        size = 0
        total = 0
        for turn, case in enumerate(cases):
            if time.monotonic() > until:
                self.tally.not_run += 1
                continue
            args = admit(self.exchange, self.tally, case, turn)
            self.tally.accepted += 1
            if args is None:
                continue
            batch.append((case, args, turn))
            size += sum(array.nbytes for _, array, _ in encode.tensors_of(self.contract, named(self.contract, args)))
            if len(batch) >= _ACCEPTED or size > (64 << 20):
                total += len(batch)
                self.progress("verify", f"{total} accepted inputs run")
                self._run(batch)
                batch, size = [], 0
        self._run(batch)

    def _run(self, batch: list[tuple[Case, Args, int]]) -> None:
        jobs = []
        for case, args, _ in batch:
            twice = self._repeats < _REPEATED
            self._repeats += 1
            jobs.append(self._job(case, args, self.others, twice=twice))
        for (case, args, turn), outcome in zip(batch, self.runner.run(jobs), strict=True):
            if outcome.ok:
                self._weigh(case, outcome.value, turn)
            else:
                self._alone(case, args, outcome)

    def _job(self, case: Case, args: Args, others: Sequence[Runtime], *, twice: bool) -> Callable[[], Accepted]:
        return lambda: run_accepted(
            self.contract, self.eager, others, args,
            twice=twice, values=not self.tally.by_shape, recipe=case.recipe,
        )  # fmt: skip

    def _alone(self, case: Case, args: Args, outcome: Outcome) -> None:
        """A run that ended its process: find out which runtime did."""
        culprit = ""
        for others in ((), *((runtime,) for runtime in self.others)):
            again = self.runner.run([self._job(case, args, others, twice=False)])[0]
            if not again.ok:
                culprit = others[0].name if others else self.eager.name
                break
        if culprit in ("", self.eager.name):
            tally = self.tally.runtime(self.eager.name)
            tally.run += 1
            tally.failed += 1
            self.tally.find(
                "sound", f"the model does not survive an accepted input: {outcome.describe()}", case, same="died"
            )
            return
        tally = self.tally.runtime(culprit)
        tally.run += 1
        tally.failed += 1
        self.tally.find(
            "sound",
            f"{culprit} does not survive an accepted input: {outcome.describe()}",
            case,
            runtime=culprit,
            same="died",
        )

    def _weigh(self, case: Case, ran: Accepted, turn: int) -> None:
        eager = self.tally.runtime(self.eager.name)
        eager.run += 1
        if ran.error:
            eager.failed += 1
            self.tally.find(
                "sound", f"the model fails on an accepted input: {ran.error}", case, same=ran.error.partition(":")[0]
            )
            return
        if ran.output is not None:
            self.tally.find("sound", ran.output[1], case, same=ran.output[0])
        if ran.spoilt:
            message = f"a NaN is let in, and it spoils output {ran.spoilt}: the tensor should be claimed not to hold any"
            self.tally.find("sound", message, case, same="nan")
        if ran.varies:
            self._varies(case, ran)
        if ran.tree is not None:
            answer(self.exchange, self.tally, case, ran.tree, turn)
            self._responses(ran)
        agreed = self._compare(case, ran)
        self.tally.sound += agreed and ran.output is None and not ran.spoilt
        self.tally.met(case, self.plan.claims)

    def _varies(self, case: Case, ran: Accepted) -> None:
        if ran.changed:
            self.tally.find(
                "sound",
                "the same input gives another result the second time: a run changes the model's state",
                case,
                same="state",
            )
        if not self.tally.by_shape:
            self.tally.by_shape = True
            self.tally.notes.append("results vary from run to run: runtimes are compared by shape and dtype only")

    def _responses(self, ran: Accepted) -> None:
        if any(claim.id.startswith("wire:response") for claim in self.wire_claims):
            return
        try:
            message = self.exchange.respond(ran.tree, encode.BINARY)
        except Broken:
            return  # found where results are sent
        self.wire_claims += check_responses(self.exchange, self.tally, message)

    def _compare(self, case: Case, ran: Accepted) -> bool:
        """Count what the other runtimes made of a case; whether all agreed."""
        good = True
        for runtime in self.others:
            tally = self.tally.runtime(runtime.name)
            if runtime.name in ran.failures:
                tally.run += 1
                tally.failed += 1
                good = good and runtime.name not in self.artifacts
                self.tally.find(
                    "parity", f"{runtime.name} fails on an accepted input that eager runs: {ran.failures[runtime.name]}",
                    case, runtime=runtime.name, severity="error" if runtime.name in self.artifacts else "question", same="fails",
                )  # fmt: skip
            elif runtime.name in ran.gaps:
                gap = ran.gaps[runtime.name]
                tally.run += 1
                if tally.worst is None or gap.ratio > tally.worst[0].ratio:
                    tally.worst = (gap, case)
                if is_gap(gap):
                    good = False
                    tally.disagreed += 1
                    how = gap.message or f"by {gap.absolute:.3g} in {gap.output}, {gap.ratio:.3g} times what is allowed"
                    self.tally.find(
                        "parity",
                        f"{runtime.name} differs from eager: {how}",
                        case,
                        runtime=runtime.name,
                        same="differs",
                    )
            else:
                tally.not_applicable += 1
        return good


def _is_declared(contract: Contract, case: Case) -> bool:
    evidence = case.claim.evidence(contract) if case.claim is not None else None
    return evidence is not None and evidence.source == "declared"
