"""Claims of a contract, and the cases that exercise them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from contractgen.contract.model import Contract, Evidence
from contractgen.verify.places import Extent, Places, extents, places
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import Sizes

Policy = Literal["", "rank", "dtype", "broadcast", "empty", "unexpected", "structure", "constant"]
"""Why an input is refused though kernels may run on it: the design's one meaning per tensor."""


@dataclass(frozen=True)
class Break:
    """An input that differs from the contract in one way."""

    label: str
    recipe: Recipe
    codes: frozenset[str]
    """A refusal names at least one of these."""
    policy: Policy = ""
    client_only: bool = False
    """It has no form on the wire."""


Met = Callable[[Recipe], bool]
"""Whether a valid input exercises a claim from inside: it lies at the bound, it has both tensors of a tie."""


def there(within: frozenset[str]) -> Met:
    """Met by every input that has what stands behind these switches."""
    return lambda recipe: within <= recipe.on


@dataclass(frozen=True)
class Claim:
    """One thing that a contract says of its inputs, with the inputs that break it."""

    id: str
    about: str
    """The subject, as evidence names it."""
    property: str
    text: str
    breaks: tuple[Break, ...] = ()
    met: Met = lambda _recipe: True
    sides: Literal["both", "inside", "outside"] = "both"

    def evidence(self, contract: Contract) -> Evidence | None:
        """Why the claim is believed, if the contract says."""
        names = {self.property, f"values.{self.property}", self.id[len(self.about) + 1 :]}
        column = re.match(r"\[\.\.\., (\d+)\]", self.id[len(self.about) :])
        if column:
            names = {f"values.along_last[{column[1]}].{self.property}"}
        return next((e for e in contract.evidence if e.about == self.about and e.property in names), None)


@dataclass(frozen=True)
class Case:
    """One input. ``claim`` is the one that it breaks; a valid case breaks none."""

    id: str
    recipe: Recipe
    claim: Claim | None = None
    codes: frozenset[str] = frozenset()
    policy: Policy = ""
    client_only: bool = False

    @property
    def valid(self) -> bool:
        """Whether the contract allows it."""
        return self.claim is None


@dataclass
class Ground:
    """What all generators of cases start from: the contract, its places, and sizes that most cases share."""

    contract: Contract
    seed: int = 0
    max_elements: int = 1 << 22
    found: Places = field(init=False)
    extents: list[Extent] = field(init=False)
    sizes: Sizes = field(init=False)
    everything: frozenset[str] = field(init=False)
    """All switches on."""

    def __post_init__(self) -> None:
        self.found = places(self.contract)
        self.extents = extents(self.found)
        self.sizes = Sizes(self.contract, self.max_elements)
        self.everything = frozenset(switch.id for switch in self.found.switches)

    def base(self, **want: int) -> Recipe | None:
        """A small valid input with everything on and sizes that differ from each other, none of them 1 if possible."""
        sizes = self.sizes.solve(want, order="distinct", least=2)
        return None if sizes is None else Recipe(sizes, self.everything, seed=self.seed)
