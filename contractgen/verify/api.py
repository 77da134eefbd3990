"""`verify`: a contract, its generated code and a model against each other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.report.results import Verification
from contractgen.verify.admitted import check_example
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import Plan, plan
from contractgen.verify.exchange import Broken, Exchange
from contractgen.verify.runtimes.build import ALL, Builder
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.session import Session
from contractgen.verify.signature import check_signature
from contractgen.verify.tally import RuntimeTally, Tally

if TYPE_CHECKING:
    from contractgen.load import LoadedModel

_LIMIT = 12.0
"""How many times the budget the directed cases may take before they are cut off, too; in seconds, with a budget of 5."""

_UNASKED, _WANTED = 60.0, 600.0
"""Seconds for the graphs: those that nobody asked for may be left out, those that the user gets take the time they take."""

_LEAST = 1.0
"""Seconds that random cases get in any case, however long the graphs took to make."""
_SHRINK = 3.0
"""Seconds for making failing inputs smaller."""


def verify(
    contract: Contract,
    loaded: LoadedModel,
    *,
    client_source: str,
    validator_source: str,
    example: tuple[tuple[object, ...], dict[str, object]] | None = None,
    seed: int = 0,
    budget: float = 5.0,
    max_cases: int = 200,
    case: str | None = None,
    artifacts: Collection[str] = (),
    folder: Path | None = None,
    runtimes: Collection[str] = ALL,
    progress: Callable[[str, str], None] = lambda _stage, _detail: None,
) -> Verification:
    """Drive client, bytes, validator, model and back, with inputs that are allowed and inputs that break one claim each.

    ``example`` is an input that the model is known to run on, as torch tensors: the contract must allow it.
    ``budget`` is in seconds: directed cases run in any case, then up to ``max_cases`` random ones until it ends. The same
    ``seed`` gives the same cases; ``case`` runs the one with that id. ``artifacts`` are the graphs that the user gets
    (of ``runtimes``, the ones to compare with eager); ``folder`` is where the graphs are left, of which only those that verification
    says are available are whole. Raises `UsageError` for an unknown case.
    """
    start = time.monotonic()
    tally = Tally(contract, seed)
    progress("verify", "deriving cases")
    cases = plan(contract, seed)
    if not cases.valid:
        tally.find("sound", "the contract allows no input of a bounded size: its claims contradict each other")
    if case is not None:
        cases = _only(cases, case)
    try:
        exchange = Exchange.of(contract, client_source, validator_source)
    except Broken as error:
        tally.find("wire", str(error))
        return tally.result(cases.claims, time.monotonic() - start)
    module = loaded.module
    try:
        needed = runtimes if cases.valid else ()
        with Builder(module, contract, loaded.kind, needed, folder) as builder:
            session = Session(
                contract, exchange, cases, Eager(contract, module, loaded.kind), tally, start + budget,
                start + _LIMIT * max(5.0, budget), progress, max(10.0, budget * 3), artifacts=frozenset(artifacts),
            )  # fmt: skip
            tally.runtime(session.eager.name)
            if example is not None and case is None:
                check_example(exchange, tally, example)
            with contextlib.closing(session):
                _run(session, builder, max_cases if case is None else 0)
    finally:
        exchange.close()
    if case is None:
        _state(loaded.module, tally)
        check_signature(contract, loaded.module, tally)
    result = tally.result(cases.claims, time.monotonic() - start)
    return replace(result, claims=(*result.claims, *session.wire_claims))


def _run(session: Session, builder: Builder, random_count: int) -> None:
    """The order: what needs no graph first, while the graphs are being made."""
    plan = session.plan
    session.wire()
    session.refuse_all()
    tally, now = session.tally, time.monotonic
    tally.not_run += len(session.try_refused((c for c in plan.broken if not c.policy), lambda: now() > session.limit))
    left = session.try_refused((c for c in plan.broken if c.policy), builder.ready)
    session.progress("verify", "making graphs")
    session.close()  # its child would only hold memory meanwhile
    built = builder.finish(max(_WANTED if session.artifacts else _UNASKED, session.limit - now()))
    session.meet(built.runtimes)
    for name, reason in built.missing.items():
        tally.runtimes[name] = RuntimeTally(available=False, reason=reason)
    session.accept(plan.valid, session.limit)
    deadline = max(session.deadline, now() + _LEAST)
    tally.not_run += len(session.try_refused(left, lambda: now() > deadline))
    session.accept(plan.random(random_count), deadline)
    if random_count:
        session.shrink(now() + _SHRINK)


def _only(cases: Plan, case_id: str) -> Plan:
    found: Case | None = cases.find(case_id)
    if found is None:
        raise UsageError(
            f"no case is called {case_id!r}", hint="take the id from a finding, with the same contract and seed"
        )
    valid, broken = ((found,), ()) if found.valid else ((), (found,))
    claims = () if found.claim is None else (found.claim,)
    return replace(cases, claims=claims, valid=valid, broken=broken)


def _state(module: torch.nn.Module, tally: Tally) -> None:
    """A model in training mode is a finding: dropout and batch statistics belong to training.

    Where the model as a whole is in eval mode and a part is not, its author may mean it: that is asked.
    """
    training = sorted({type(m).__name__ for m in module.modules() if m.training and _behaves_otherwise(m)})
    if training:
        message = f"the model is in training mode ({', '.join(training[:4])}): call eval() before it is served"
        tally.find("sound", message, severity="error" if module.training else "question", same="training")


def _behaves_otherwise(module: torch.nn.Module) -> bool:
    """Whether a layer computes something else when it trains."""
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm)
    return isinstance(module, kinds)
