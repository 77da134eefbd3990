"""Hypothesis strategies over a contract. They shrink to small sizes, little that is optional, and zeros."""

# ruff: noqa: TID253 (the cases of verify need numpy alone; what needs torch there is imported when it is asked for)
from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from contractgen.contract.model import Contract
from contractgen.testing.inputs import Input, Violation, read, violation_of, wire_cases
from contractgen.verify.cases.model import Ground
from contractgen.verify.cases.plan import plan
from contractgen.verify.fill import Fill
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import greatest_size, least_size

_STEPS = 8
"""How many sizes above its least a dim is drawn from, besides its greatest."""
_FILLS: tuple[Fill, ...] = ("zeros", "lowest", "highest", "random", "edges", "options", "special")


def valid_inputs(contract: Contract | str | Path, *, max_elements: int = 1 << 16) -> st.SearchStrategy[Input]:
    """Inputs that the contract allows, of at most ``max_elements`` elements."""
    return _valid(Ground(read(contract), max_elements=max_elements))


def violations(contract: Contract | str | Path, *, max_elements: int = 1 << 16) -> st.SearchStrategy[Violation]:
    """Inputs that break exactly one claim of the contract."""
    contract = read(contract)
    cases = list(wire_cases(plan(contract, max_elements=max_elements).broken))
    return st.sampled_from([violation_of(contract, case) for case in cases])


@st.composite
def _valid(draw: st.DrawFn, ground: Ground) -> Input:
    sizes = ground.sizes.solve(_drawn_sizes(draw, ground))
    if sizes is None:  # a relation does not hold for these: let the solver choose
        sizes = ground.sizes.solve(order="random", seed=draw(st.integers(0, 1000)))
    if sizes is None:
        raise ValueError("the contract allows no input of this size")
    on: frozenset[str] = frozenset()
    for switch in ground.found.switches:  # outer ones come first
        if switch.within <= on and draw(st.booleans()):
            on |= {switch.id}
    fills = {leaf.name: draw(st.sampled_from(_FILLS)) for leaf in ground.found.leaves}
    return Input(ground.contract, Recipe(sizes, on, fills=fills, seed=draw(st.integers(0, 1 << 16))))


def _drawn_sizes(draw: st.DrawFn, ground: Ground) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, dim in ground.contract.dims.items():
        if dim.equals is None:
            least, most = least_size(dim), greatest_size(dim)
            choices = [least + i * dim.multiple_of for i in range(_STEPS)]
            if most is not None:
                choices = sorted({size for size in (*choices, most) if size <= most})
            sizes[name] = draw(st.sampled_from(choices))
    return sizes
