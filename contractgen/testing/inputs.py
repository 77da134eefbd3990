"""An input of a contract, in all the forms in which inference code may want it."""

# ruff: noqa: TID253 (the cases of verify need numpy alone; what needs torch there is imported when it is asked for)
from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contractgen.contract.codec import load_contract
from contractgen.contract.model import Contract
from contractgen.verify import encode
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import plan
from contractgen.verify.recipe import OtherDType, Recipe, arguments
from contractgen.verify.trees import call_of, described


@dataclass(frozen=True)
class Input:
    """What a contract allows. bfloat16 arrays are uint16 bits."""

    contract: Contract
    recipe: Recipe
    id: str = ""

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The arguments of forward by name: numpy arrays in dicts, lists and tuples."""
        return arguments(self.contract, self.recipe)

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments of forward."""
        return call_of(self.contract, self.arguments)[0]

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments of forward."""
        return call_of(self.contract, self.arguments)[1]

    def request(self, content_type: str = encode.BINARY) -> tuple[bytes, dict[str, str]]:
        """A request's body and headers. Raises `ValueError` where the content type cannot carry this input."""
        edit = self.recipe.edit
        other = (edit.tensor, edit.dtype) if isinstance(edit, OtherDType) else None
        if content_type == encode.PLAIN_JSON and other is not None:
            raise ValueError(f"{content_type} has no dtypes")
        if content_type == encode.PLAIN_JSON:
            message = encode.encode_plain(self.contract, self.arguments)
        else:
            named = encode.tensors_of(self.contract, self.arguments, other)
            message = encode.encode(named, content_type, self.contract.fingerprint)
        if message is None:
            raise ValueError(f"{content_type} cannot carry this input")
        return message

    def __repr__(self) -> str:
        """The id and one line per tensor, as a failing test shows it."""
        return f"{type(self).__name__}({'; '.join([self.id, *described(self.arguments)] if self.id else described(self.arguments))})"


@dataclass(frozen=True, repr=False)
class Violation(Input):
    """What a contract refuses: one claim is broken, nothing else."""

    claim: str = ""
    """What is broken, in words."""
    codes: frozenset[str] = frozenset()
    """A refusal names at least one of these."""


def valid_cases(
    contract: Contract | str | Path, *, seed: int = 0, random: int = 20, max_elements: int = 1 << 20
) -> list[Input]:
    """The inputs at every bound, corner and combination of what is optional, then random ones."""
    contract = read(contract)
    cases = plan(contract, seed, max_elements)
    return [Input(contract, case.recipe, case.id) for case in itertools.chain(cases.valid, cases.random(random))]


def broken_cases(contract: Contract | str | Path, *, seed: int = 0, max_elements: int = 1 << 20) -> list[Violation]:
    """For each claim, the inputs that break it; those that have no form on the wire are left out."""
    contract = read(contract)
    return [violation_of(contract, case) for case in wire_cases(plan(contract, seed, max_elements).broken)]


def wire_cases(cases: tuple[Case, ...]) -> Iterator[Case]:
    """The cases that can be sent."""
    return (case for case in cases if not case.client_only)


def violation_of(contract: Contract, case: Case) -> Violation:
    """A broken case as a user gets it."""
    assert case.claim is not None
    return Violation(contract, case.recipe, case.id, case.claim.text, case.codes)


def read(contract: Contract | str | Path) -> Contract:
    """The contract, read from its file where a path is given."""
    return contract if isinstance(contract, Contract) else load_contract(Path(contract))
