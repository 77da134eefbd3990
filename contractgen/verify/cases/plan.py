"""All cases of a contract in the order in which they are run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from contractgen.contract.model import Contract
from contractgen.verify.cases.dims import size_claims
from contractgen.verify.cases.elements import element_claims
from contractgen.verify.cases.model import Case, Claim, Ground
from contractgen.verify.cases.naming import recipe_of
from contractgen.verify.cases.structure import structure_claims
from contractgen.verify.cases.valid import directed_cases, random_cases

_CHOICES = 4
"""Of so many random inputs the one is taken that exercises what was exercised least."""


@dataclass(frozen=True)
class Plan:
    """The claims of a contract and the inputs that exercise them."""

    ground: Ground
    claims: tuple[Claim, ...]
    valid: tuple[Case, ...]
    """Made on purpose: they come first."""
    broken: tuple[Case, ...]

    def random(self, count: int) -> Iterator[Case]:
        """``count`` random valid inputs, guided by which claims the inputs before them exercised from inside."""
        seen = Counter(claim for case in self.valid for claim in self._met(case))
        candidates = random_cases(self.ground)
        for _ in range(count):
            few = [(case, self._met(case)) for case in itertools.islice(candidates, _CHOICES)]
            if not few:
                return
            case, met = max(few, key=lambda one: sum(1 / (1 + seen[claim]) for claim in one[1]))
            seen.update(met)
            yield case

    def _met(self, case: Case) -> list[str]:
        return [claim.id for claim in self.claims if claim.met(case.recipe)]

    def find(self, case_id: str) -> Case | None:
        """The case with an id; the same contract and seed give the same cases."""
        for case in (*self.valid, *self.broken):
            if case.id == case_id:
                return case
        recipe = recipe_of(case_id, self.ground.sizes)
        if recipe is not None:
            return Case(case_id, recipe)
        if case_id.startswith("valid/random-") and case_id[13:].isdigit():
            return next(itertools.islice(random_cases(self.ground), int(case_id[13:]), None), None)
        return None


def plan(contract: Contract, seed: int = 0, max_elements: int = 1 << 22) -> Plan:
    """The plan for a contract; ``max_elements`` bounds the size of each input."""
    ground = Ground(contract, seed, max_elements)
    claims = (*size_claims(ground), *element_claims(ground), *structure_claims(ground))
    return Plan(ground, claims, tuple(directed_cases(ground)), tuple(_broken(claims)))


def _broken(claims: tuple[Claim, ...]) -> Iterator[Case]:
    for claim in claims:
        for one in claim.breaks:
            yield Case(f"{claim.id}/{one.label}", one.recipe, claim, one.codes, one.policy, one.client_only)
