"""What a planted fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import nn

from contractgen.contract.canonical import seal
from contractgen.contract.model import Contract, Dim, Parameter, Tensor
from contractgen.generate.render import render
from tests.verify.subjects import Loaded, Subject


@dataclass(frozen=True)
class Planted:
    """Everything that a verification sees, with one fault in it."""

    contract: Contract
    client: str
    validator: str
    model: nn.Module


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is planted, and what is planted."""

    where: str
    what: str
    plant: Callable[[], Planted]
    graphs: tuple[str, ...] = field(default=())
    """The runtimes that are needed to see it."""


def sound(subject: Subject) -> Planted:
    """A subject without a fault."""
    sources = render(subject.contract)
    return Planted(subject.contract, sources["client.py"], sources["validator.py"], subject.loaded().module)


def in_contract(subject: Subject, what: str, change: Callable[[Contract], Contract]) -> Mutant:
    """A contract that says something else than the model; the generated code follows the contract."""

    def plant() -> Planted:
        changed = seal(replace(change(subject.contract), fingerprint=""))
        if changed.fingerprint == subject.contract.fingerprint:
            raise ValueError(f"{what}: nothing was changed")
        return sound(Subject(subject.build, changed))

    return Mutant(f"contract of {subject.contract.name}", what, plant)


def in_code(subject: Subject, file: str, what: str, old: str, new: str) -> Mutant:
    """A generated file with ``old`` replaced by ``new``, everywhere."""

    def plant() -> Planted:
        good = sound(subject)
        text = good.client if file == "client" else good.validator
        if old not in text:
            raise ValueError(f"{what}: {file}.py has no {old!r}")
        return replace(good, **{file: text.replace(old, new)})

    return Mutant(f"{file}.py of {subject.contract.name}", what, plant)


def in_model(
    subject: Subject, what: str, build: Callable[[], nn.Module], *, graphs: tuple[str, ...] = (), train: bool = False
) -> Mutant:
    """Another model than the contract was made for."""

    def plant() -> Planted:
        return replace(sound(subject), model=build().train(train))

    return Mutant(f"model of {subject.contract.name}", what, plant, graphs)


def dims(contract: Contract, **changed: Dim) -> Contract:
    """The contract with other dims."""
    return replace(contract, dims={**contract.dims, **changed})


def tensor(contract: Contract, name: str, **changed: object) -> Contract:
    """The contract with one input tensor changed; ``name`` is a parameter that is a tensor."""
    inputs: list[Parameter] = []
    for parameter in contract.inputs:
        if parameter.name == name:
            assert isinstance(parameter.node, Tensor)
            parameter = replace(parameter, node=replace(parameter.node, **changed))
        inputs.append(parameter)
    return replace(contract, inputs=tuple(inputs))


def loaded(planted: Planted) -> Loaded:
    return Loaded(planted.model)
