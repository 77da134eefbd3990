"""One verification: which cases run when, in which runtimes, and what their outcomes mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from contractgen.contract.model import Contract
from contractgen.infer.forked import Outcome
from contractgen.infer.runner import Runner
from contractgen.report.results import ClaimResult
from contractgen.verify import encode
from contractgen.verify.accepted import Accepted, Accepting, Args, is_gap
from contractgen.verify.account import Attempt, Attempting
from contractgen.verify.admitted import admit, answer
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.naming import recipe_id
from contractgen.verify.cases.plan import Plan
from contractgen.verify.exchange import Broken, Exchange
from contractgen.verify.judging import Verdict, death, verdicts
from contractgen.verify.recipe import Recipe, arguments
from contractgen.verify.refused import refuse
from contractgen.verify.runtimes.base import Runtime
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.shrink import shrunk
from contractgen.verify.tally import Tally
from contractgen.verify.trees import call_of
from contractgen.verify.wire import check_responses, check_wire

Progress = Callable[[str, str], None]

_SHOWN = 16
"""After how many runs progress is shown."""
_RUNS = 6
"""How many runs an accepted input may mean: in every graph, and in eager again, also in float64."""

_HANGS = 3
_REPEATED = 4
"""How many cases are run twice to see whether results vary."""


@dataclass
class Session:
    """What a verification works with."""

    contract: Contract
    exchange: Exchange
    plan: Plan
    eager: Eager
    tally: Tally
    deadline: float
    """When the budget ends (`time.monotonic`): what is directed still runs, up to ``limit``."""
    limit: float
    progress: Progress
    seconds_per_run: float
    others: Sequence[Runtime] = ()
    artifacts: frozenset[str] = frozenset()
    """The graphs that a user gets: that one of them is too narrow is an error, not a question."""
    wire_claims: list[ClaimResult] = field(default_factory=list)
    runner: Runner = field(init=False)
    _repeats: int = 0
    _hangs: int = 0

    def __post_init__(self) -> None:
        self.runner = self._forking(())

    def meet(self, others: Sequence[Runtime]) -> None:
        """Run accepted inputs in these runtimes, too, from now on."""
        self.close()
        self.others = others
        self.runner = self._forking(others)

    def close(self) -> None:
        """End the child."""
        self.runner.close()

    def _forking(self, others: Sequence[Runtime]) -> Runner:
        shared = (self.contract, self.eager, *self.plan.broken, *others)
        seconds = self.seconds_per_run * (_RUNS if others else 1)
        return Runner(self.eager.module, shared=shared, seconds_per_run=seconds)

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
        for turn, case in enumerate(waiting):
            if stop() or self._gave_up():
                return waiting[turn:]
            if turn % _SHOWN == 0:
                self.progress("verify", f"{turn} of {len(waiting)} refused inputs tried on the model")
            job = Attempting(self.contract, self.eager, case, _is_declared(self.contract, case))
            self._judge(case, self.runner.run([job])[0])
        return []

    def _judge(self, case: Case, outcome: Outcome) -> None:
        assert case.claim is not None
        self.tally.tried += 1
        self._hangs += outcome.kind == "timeout"
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
        for turn, case in enumerate(cases):
            if time.monotonic() > until or self._gave_up():
                self.tally.not_run += 1
                continue
            args = admit(self.exchange, self.tally, case, turn)
            self.tally.accepted += 1
            if args is None:
                continue
            if turn % _SHOWN == 0:
                self.progress("verify", f"{turn} accepted inputs run")
            twice = self._repeats < _REPEATED
            self._repeats += 1
            outcome = self.runner.run([self._job(case, args, self.others, twice=twice)])[0]
            if outcome.ok:
                self._weigh(case, outcome.value, turn)
            else:
                self._alone(case, args, outcome)

    def _job(self, case: Case, args: Args, others: Sequence[Runtime], *, twice: bool) -> Accepting:
        return Accepting(
            self.contract, self.eager, tuple(others), args,
            twice=twice, values=not self.tally.by_shape, recipe=case.recipe,
        )  # fmt: skip

    def _alone(self, case: Case, args: Args, outcome: Outcome) -> None:
        """A run that ended its process: find out which runtime did."""
        self._hangs += outcome.kind == "timeout"
        culprit = ""
        for others in ((), *((runtime,) for runtime in self.others)) if self.others else ():
            if not self.runner.run([self._job(case, args, others, twice=False)])[0].ok:
                culprit = others[0].name if others else ""
                break
        tally = self.tally.runtime(culprit or self.eager.name)
        tally.run += 1
        tally.failed += 1
        self._find(death(outcome, culprit), case)

    def _find(self, verdict: Verdict, case: Case) -> None:
        self.tally.find(
            verdict.kind, verdict.message, case, runtime=verdict.runtime, severity=verdict.severity, same=verdict.same
        )

    def _weigh(self, case: Case, ran: Accepted, turn: int) -> None:
        eager = self.tally.runtime(self.eager.name)
        eager.run += 1
        eager.failed += bool(ran.error)
        wrong = list(verdicts(ran, self.artifacts))
        for verdict in wrong:
            self._find(verdict, case)
        if ran.error:
            return
        if ran.varies and not self.tally.by_shape:
            self.tally.by_shape = True
            self.tally.notes.append("results vary from run to run: runtimes are compared by shape and dtype only")
        if ran.tree is not None:
            answer(self.exchange, self.tally, case, ran.tree, turn)
            self._responses(ran)
        self._count(case, ran)
        self.tally.sound += all(verdict.severity == "question" for verdict in wrong)
        self.tally.met(case, self.plan.claims)

    def shrink(self, until: float) -> None:
        """Make the inputs of findings about accepted cases smaller."""
        for key, (finding, case) in list(self.tally.cases_found.items()):
            if case is None or not case.valid or key[0] not in ("sound", "parity") or key[3] in ("nan", "state"):
                continue
            self.progress("verify", f"shrinking the input of {case.id}")
            small = shrunk(self.plan.ground, case.recipe, lambda recipes, key=key: self._failing(recipes, key), until)  # type: ignore[misc]
            if small != case.recipe:
                free = [name for name, dim in self.contract.dims.items() if dim.equals is None]
                found = Case(recipe_id(small, free), small)
                shown = replace(finding, case=found.id, input=self.tally.described(found))
                self.tally.cases_found[key] = (shown, found)

    def _failing(self, recipes: Sequence[Recipe], key: tuple[str, str, str, str]) -> list[bool]:
        """Which recipes lead to a verdict with this key."""
        others = [runtime for runtime in self.others if runtime.name == key[2]]
        jobs = [self._job(Case("", recipe), self._args(recipe), others, twice=False) for recipe in recipes]
        results: list[bool] = []
        for outcome in self.runner.run(jobs):
            found = verdicts(outcome.value, self.artifacts) if outcome.ok else [death(outcome, key[2])]
            results.append(key in {verdict.key for verdict in found})
        return results

    def _args(self, recipe: Recipe) -> Args:
        return call_of(self.contract, arguments(self.contract, recipe))

    def _gave_up(self) -> bool:
        """Whether the model hung so often that waiting for more of it is no use."""
        note = f"the model did not end in time {_HANGS} times: the other cases were left out"
        if self._hangs >= _HANGS and note not in self.tally.notes:
            self.tally.notes.append(note)
        return self._hangs >= _HANGS

    def _responses(self, ran: Accepted) -> None:
        if any(claim.id.startswith("wire:response") for claim in self.wire_claims):
            return
        try:
            message = self.exchange.respond(ran.tree, encode.BINARY)
        except Broken:
            return  # found where results are sent
        self.wire_claims += check_responses(self.exchange, self.tally, message)

    def _count(self, case: Case, ran: Accepted) -> None:
        """Count what the other runtimes made of a case."""
        for runtime in self.others:
            tally = self.tally.runtime(runtime.name)
            gap = ran.gaps.get(runtime.name)
            tally.run += runtime.name in ran.failures or gap is not None
            tally.failed += runtime.name in ran.failures
            tally.not_applicable += runtime.name not in ran.failures and gap is None
            if gap is not None:
                tally.disagreed += is_gap(gap)
                if tally.worst is None or gap.ratio > tally.worst[0].ratio:
                    tally.worst = (gap, case)


def _is_declared(contract: Contract, case: Case) -> bool:
    evidence = case.claim.evidence(contract) if case.claim is not None else None
    return evidence is not None and evidence.source == "declared"
