"""Where a contract and a fresh inference of its model have drifted apart, with the smallest input that shows it.

The valid inputs of each are shown to the validator of the other. Names of dims, evidence and changed weights are no
drift; a bound that moved is, since the inputs at each bound are among the cases. Where the two differ in what is a
choice (a rank, a dtype, one of two inputs that the model takes alike), the contract's choice stands as long as the
model runs on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from contractgen.contract.model import Contract, Output, Parameter, Tensor
from contractgen.generate.render import render
from contractgen.infer.api import InferOptions, infer
from contractgen.infer.runner import Runner
from contractgen.load.arguments import to_torch
from contractgen.report.results import Finding
from contractgen.verify.account import tensor_paths
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import Plan, plan
from contractgen.verify.compare import output_problem
from contractgen.verify.exchange import Broken, Exchange, Refusal
from contractgen.verify.places import places
from contractgen.verify.recipe import Recipe, arguments
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.sizes import sizes_of_inputs
from contractgen.verify.trees import call_of, described, output_tensors

if TYPE_CHECKING:
    from contractgen.load import LoadedModel


CHOICES = frozenset({"rank", "dtype", "structure"})
"""Codes of refusals that come from a choice, not from a limit of the model."""

Runs = Callable[[Contract, Case], bool]
"""Whether the model runs on a case of a contract, with results as that contract states them."""


def check_drift(
    contract: Contract,
    loaded: LoadedModel,
    *,
    dims: Mapping[str, Any] | None = None,
    tensors: Mapping[str, Any] | None = None,
    budget: float = 60.0,
    progress: Callable[[str, str], None] = lambda _stage, _detail: None,
) -> tuple[Finding, ...]:
    """Infer the model's contract again and say where the given one has drifted from it.

    ``dims`` and ``tensors`` are the user's declarations, ``budget`` is in seconds. Raises `InferenceError` where no
    contract can be inferred any more.
    """
    runner = Runner(loaded.module)

    def runs(of: Contract, case: Case) -> bool:
        outcome = runner.run([_Running(of, loaded.kind, case.recipe)])[0]
        return outcome.ok and bool(outcome.value)

    try:
        return _found(contract, loaded, runs, dims=dims or {}, tensors=tensors or {}, budget=budget, progress=progress)
    finally:
        runner.close()


def _found(
    contract: Contract,
    loaded: LoadedModel,
    runs: Runs,
    *,
    dims: Mapping[str, Any],
    tensors: Mapping[str, Any],
    budget: float,
    progress: Callable[[str, str], None],
) -> tuple[Finding, ...]:
    base = next(iter(plan(contract).valid), None)
    example = None
    if base is not None and runs(contract, base):
        example = to_torch(contract.inputs, *call_of(contract, arguments(contract, base.recipe)))
    options = InferOptions(name=contract.name, example=example, dims=dims, tensors=tensors, budget=budget)
    fresh = infer(loaded, options, progress).contract
    return drift(contract, fresh, runs)


@dataclass(frozen=True)
class _Running:
    """A job for a runner: whether the model runs on an input, with results as the contract states them."""

    contract: Contract
    kind: str
    recipe: Recipe

    def __call__(self, module: torch.nn.Module) -> bool:
        eager = Eager(self.contract, module, self.kind)
        tree, _ = eager.run(*call_of(self.contract, arguments(self.contract, self.recipe)))
        known = sizes_of_inputs(self.contract, self.recipe.sizes)
        return output_problem(output_tensors(self.contract, tree), known) is None


def drift(
    contract: Contract, fresh: Contract, runs: Runs = lambda _contract, _case: False, *, seed: int = 0
) -> tuple[Finding, ...]:
    """What differs between a contract and the one that inference gives for the model now.

    ``runs`` is asked about inputs that the contract allows and the fresh one does not.
    """
    return (
        *_parameters(contract, fresh),
        *_refused(plan(fresh, seed), contract, "the model now takes what the contract refuses", None),
        *_refused(plan(contract, seed), fresh, "the model no longer takes what the contract allows", runs),
        *_outputs(contract, fresh),
    )


def _parameters(contract: Contract, fresh: Contract) -> Iterator[Finding]:
    """Parameters that came or went: no call can show these."""
    old, new = ({p.name: p for p in c.inputs} for c in (contract, fresh))
    for name in new.keys() - old.keys():
        needed = "a new required input" if new[name].required else "a new optional input"
        yield Finding("drift", f"input:{name}", f"{name} is {needed} of the model, the contract does not have it")
    for name in old.keys() - new.keys():
        yield Finding("drift", f"input:{name}", f"{name} is in the contract, the model does not take it any more")


def _refused(cases: Plan, other: Contract, what: str, runs: Runs | None) -> Iterator[Finding]:
    """The valid cases of one contract that the other's validator refuses, the first of each reason.

    With ``runs``, those that the model runs on all the same are left out; without, those that a choice accounts for.
    """
    sources = render(other)
    exchange = Exchange.of(other, sources["client.py"], sources["validator.py"])
    mine = cases.ground.contract
    seen: set[str] = set()
    try:
        for case in sorted(cases.valid, key=lambda case: sum(case.recipe.sizes.values())):
            reasons = list(_reasons(exchange, mine, case))
            if runs is None:
                reasons = _without_choices(reasons)
            if runs is not None and any(claim not in seen for _, claim in reasons) and runs(mine, case):
                continue
            for reason, claim in reasons:
                if claim not in seen:
                    seen.add(claim)
                    lines = described(arguments(mine, case.recipe), tensor_paths(mine, "bfloat16"))
                    yield Finding("drift", claim, f"{what}: {reason}", input=lines)
    finally:
        exchange.close()


def _without_choices(reasons: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is said of tensors whose rank, dtype or kind was chosen differently."""
    chosen = {claim.rpartition(":")[0] for _, claim in reasons if claim.rpartition(":")[2] in CHOICES}
    return [(text, claim) for text, claim in reasons if claim.rpartition(":")[0] not in chosen]


def _reasons(exchange: Exchange, mine: Contract, case: Case) -> Iterator[tuple[str, str]]:
    """Why the other contract refuses a case, each with the claim (path and code) that it is about."""
    given = arguments(mine, case.recipe)
    known = {parameter.name for parameter in exchange.contract.inputs}
    if not given.keys() <= known:
        return  # a parameter that came or went is told once, by its name
    try:
        refusal = exchange.validate(given)
    except Broken as error:
        yield str(error), "validator"
        return
    if not isinstance(refusal, Refusal):
        return
    violations = getattr(refusal.error, "violations", None)
    if violations is None:
        yield refusal.texts[0], "inputs"
    for violation in violations or ():
        if not _is_declared(exchange, violation.path, violation.code):
            yield violation.message, f"{violation.path}:{violation.code}"


def _is_declared(exchange: Exchange, path: str, code: str) -> bool:
    """Whether the user declared what a violation is about: the contract is meant to be narrower than the model."""
    declared = {evidence.about for evidence in exchange.contract.evidence if evidence.source == "declared"}
    plain = re.sub(r"\[\d+\]", "[*]", path.removeprefix("inputs."))
    leaves = [leaf for leaf in exchange.found.leaves if leaf.path in (plain, re.sub(r"\[\*\]", "[0]", plain))]
    if code == "value":
        return any(f"tensor:{leaf.name}" in declared for leaf in leaves)
    sizes = {size for leaf in leaves for size in leaf.tensor.shape}
    sizes |= {item.node.length for item in exchange.found.sequences if item.path == plain}
    return code == "shape" and any(f"dim:{size}" in declared for size in sizes)


def _outputs(contract: Contract, fresh: Contract) -> Iterator[Finding]:
    old, new = _output_tensors(contract), _output_tensors(fresh)
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            text = "the model no longer returns it" if after is None else "the contract does not have it"
            yield Finding("drift", f"output:{name}", f"output {name}: {text}")
        elif _differ(before, after):
            yield Finding(
                "drift", f"output:{name}", f"output {name} is {_text(after)} now, the contract says {_text(before)}"
            )


def _output_tensors(contract: Contract) -> dict[str, Tensor]:
    parameters = tuple(Parameter(output.name, output.node) for output in contract.outputs)
    return {leaf.name: leaf.tensor for leaf in places(Contract(contract.name, parameters, _NONE)).leaves}


_NONE: tuple[Output, ...] = ()


def _differ(before: Tensor, after: Tensor) -> bool:
    """Whether two outputs differ in more than the names of dims, or in sizes that inference could not follow."""
    if before.dtype != after.dtype or len(before.shape) != len(after.shape):
        return True
    pairs = zip(before.shape, after.shape, strict=True)
    return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)


def _text(tensor: Tensor) -> str:
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"
