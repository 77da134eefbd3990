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
"""Of so many random inputs one is taken."""


@dataclass(frozen=True)
class Plan:
    """The claims of a contract and the inputs that exercise them."""

    ground: Ground
    claims: tuple[Claim, ...]
    valid: tuple[Case, ...]
    """Made on purpose: they come first."""
    broken: tuple[Case, ...]

    def random(self, count: int) -> Iterator[Case]:
        """``count`` random valid inputs: of a few, the one that is new, and exercises the claims that were met least."""
        seen = Counter(claim for case in self.valid for claim in self._met(case))
        kinds = {_kind(case) for case in self.valid}
        candidates = random_cases(self.ground)
        for _ in range(count):
            few = [(case, self._met(case)) for case in itertools.islice(candidates, _CHOICES)]
            if not few:
                return
            case, met = max(few, key=lambda one: (_kind(one[0]) not in kinds, sum(1 / (1 + seen[c]) for c in one[1])))
            kinds.add(_kind(case))
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


def _kind(case: Case) -> tuple[tuple[int, ...], frozenset[str]]:
    """What a random input can have in common with another: its sizes, and which optional inputs it has."""
    return tuple(case.recipe.sizes.values()), case.recipe.on


def plan(contract: Contract, seed: int = 0, max_elements: int = 1 << 22) -> Plan:
    """The plan for a contract; ``max_elements`` bounds the size of each input."""
    ground = Ground(contract, seed, max_elements)
    claims = (*size_claims(ground), *element_claims(ground), *structure_claims(ground))
    return Plan(ground, claims, tuple(directed_cases(ground)), tuple(_broken(claims)))


def _broken(claims: tuple[Claim, ...]) -> Iterator[Case]:
    for claim in claims:
        for one in claim.breaks:
            yield Case(f"{claim.id}/{one.label}", one.recipe, claim, one.codes, one.policy, one.client_only)
