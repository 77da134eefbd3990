"""Where a contract and a fresh inference of its model have drifted apart, with the smallest input that shows it.

The valid inputs of each are shown to the validator of the other. Names of dims, evidence and changed weights are no
drift; a bound that moved is, since the inputs at each bound are among the cases.
"""

from __future__ import annotations

from collections.abc import Iterator

from contractgen.contract.model import Contract, Output, Parameter, Tensor
from contractgen.generate.render import render
from contractgen.report.results import Finding
from contractgen.verify.account import tensor_paths
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import Plan, plan
from contractgen.verify.exchange import Broken, Exchange, Refusal
from contractgen.verify.places import places
from contractgen.verify.recipe import arguments
from contractgen.verify.trees import described


def drift(contract: Contract, fresh: Contract, *, seed: int = 0) -> tuple[Finding, ...]:
    """What differs between a contract and the one that inference gives for the model now."""
    return (
        *_parameters(contract, fresh),
        *_refused(plan(fresh, seed), contract, "the model now takes what the contract refuses"),
        *_refused(plan(contract, seed), fresh, "the model no longer takes what the contract allows"),
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


def _refused(cases: Plan, other: Contract, what: str) -> Iterator[Finding]:
    """The valid cases of one contract that the other's validator refuses, the first of each reason."""
    sources = render(other)
    exchange = Exchange.of(other, sources["client.py"], sources["validator.py"])
    mine = cases.ground.contract
    seen: set[str] = set()
    try:
        for case in sorted(cases.valid, key=lambda case: sum(case.recipe.sizes.values())):
            for reason, claim in _reasons(exchange, mine, case):
                if claim not in seen:
                    seen.add(claim)
                    lines = described(arguments(mine, case.recipe), tensor_paths(mine, "bfloat16"))
                    yield Finding("drift", claim, f"{what}: {reason}", input=lines)
    finally:
        exchange.close()


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
        yield violation.message, f"{violation.path}:{violation.code}"


def _outputs(contract: Contract, fresh: Contract) -> Iterator[Finding]:
    old, new = _output_tensors(contract), _output_tensors(fresh)
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            text = "the model no longer returns it" if after is None else "the contract does not have it"
            yield Finding("drift", f"output:{name}", f"output {name}: {text}")
        elif _form(before) != _form(after):
            yield Finding(
                "drift", f"output:{name}", f"output {name} is {_text(after)} now, the contract says {_text(before)}"
            )


def _output_tensors(contract: Contract) -> dict[str, Tensor]:
    parameters = tuple(Parameter(output.name, output.node) for output in contract.outputs)
    return {leaf.name: leaf.tensor for leaf in places(Contract(contract.name, parameters, _NONE)).leaves}


_NONE: tuple[Output, ...] = ()


def _form(tensor: Tensor) -> tuple[str, tuple[int | None, ...]]:
    """What of a tensor does not depend on the names of dims."""
    return tensor.dtype, tuple(size if isinstance(size, int) else None for size in tensor.shape)


def _text(tensor: Tensor) -> str:
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"
