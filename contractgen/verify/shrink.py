"""Making a failing input smaller.

Recipes are shrunk, not arrays: sizes towards their least, what is optional away, contents towards zeros. Hypothesis would
do it one run at a time; here each round of candidates is one batch in one child, which is what a model run costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from contractgen.verify.cases.model import Ground
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import least_size

Fails = Callable[[Sequence[Recipe]], list[bool]]
"""Which of some recipes still show the failure."""


def shrunk(ground: Ground, recipe: Recipe, fails: Fails, until: float) -> Recipe:
    """The smallest recipe found that still fails; ``until`` is a `time.monotonic` after which no more is tried."""
    best = recipe
    while time.monotonic() < until:
        candidates = [candidate for candidate in _smaller(ground, best) if _weight(candidate) < _weight(best)]
        if not candidates:
            return best
        verdicts = fails(candidates)
        failing = [candidate for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict]
        if not failing:
            return best
        best = min(failing, key=_weight)
    return best


def _weight(recipe: Recipe) -> tuple[int, int, int]:
    """What is smaller is easier to read: fewer elements, fewer optional inputs, plainer contents."""
    plain = {"zeros": 0, "lowest": 1, "highest": 1, "random": 2}
    contents = plain.get(recipe.fill, 3) + sum(1 + plain.get(how, 3) for how in recipe.fills.values())
    return sum(recipe.sizes.values()), len(recipe.on), contents


def _smaller(ground: Ground, recipe: Recipe) -> Iterator[Recipe]:
    smallest = ground.sizes.solve()
    if smallest is not None:
        yield replace(recipe, sizes=smallest)
        yield replace(recipe, sizes=smallest, on=frozenset())
        yield replace(recipe, sizes=smallest, on=frozenset(), fill="zeros", fills={})
    free = {name: recipe.sizes[name] for name, dim in ground.contract.dims.items() if dim.equals is None}
    for name, size in free.items():
        least, step = least_size(ground.contract.dims[name]), ground.contract.dims[name].multiple_of
        for other in {least, least + (size - least) // 2 // step * step, size - step}:
            if least <= other < size:
                wanted = ground.sizes.solve({**free, name: other})
                if wanted is not None:
                    yield replace(recipe, sizes=wanted)
    for switch in ground.found.switches:
        if switch.id in recipe.on:
            inside = {other.id for other in ground.found.switches if switch.id in other.within}
            yield replace(recipe, on=recipe.on - {switch.id} - inside)
    if recipe.fills:
        yield replace(recipe, fills={})
        for name in recipe.fills:
            yield replace(recipe, fills={n: how for n, how in recipe.fills.items() if n != name})
    if recipe.fill != "zeros":
        yield replace(recipe, fill="zeros")
