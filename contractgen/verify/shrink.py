"""Making a failing input smaller.

Recipes are shrunk, not arrays: sizes towards their least, what is optional away, contents towards zeros. What comes out is a
recipe with an id, so it can be replayed by itself. `benchmarks.verify` holds the result against Hypothesis's.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from contractgen.verify.cases.model import Ground
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import greatest_size, least_size

Fails = Callable[[Sequence[Recipe]], list[bool]]
"""Which of some recipes still show the failure."""

_PLAIN = {"zeros": 0, "lowest": 1, "highest": 1, "random": 5}
"""How much there is to say of a tensor that is filled in one of these ways; of any other, 2."""


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
    contents = _PLAIN.get(recipe.fill, 2) + sum(1 + _PLAIN.get(how, 2) for how in recipe.fills.values())
    return sum(recipe.sizes.values()), len(recipe.on), contents


def _smaller(ground: Ground, recipe: Recipe) -> Iterator[Recipe]:
    smallest = ground.sizes.solve()
    if smallest is not None:
        yield replace(recipe, sizes=smallest)
        yield replace(recipe, sizes=smallest, on=frozenset())
        yield replace(recipe, sizes=smallest, on=frozenset(), fill="zeros", fills={})
    for free in _smaller_sizes(ground, recipe.sizes):
        sizes = ground.sizes.solve(free)
        if sizes is not None:
            yield replace(recipe, sizes=sizes)
    for switch in ground.found.switches:
        if switch.id in recipe.on:
            inside = {other.id for other in ground.found.switches if switch.id in other.within}
            yield replace(recipe, on=recipe.on - {switch.id} - inside)
    yield from _plainer(ground, recipe)


def _smaller_sizes(ground: Ground, sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Free dims with one of them smaller; two by as much, since the failure may be in how they compare; one at another's cost."""
    free = {name: sizes[name] for name, dim in ground.contract.dims.items() if dim.equals is None}
    for count in (1, 2):
        for names in itertools.combinations(free, count):
            dims = [ground.contract.dims[name] for name in names]
            step = math.lcm(*(dim.multiple_of for dim in dims))
            room = min(free[name] - least_size(dim) for name, dim in zip(names, dims, strict=True)) // step * step
            for less in sorted({room, room - room // 2 // step * step, step}):
                if 0 < less <= room:
                    yield free | {name: free[name] - less for name in names}
    for name, other in itertools.permutations(free, 2):
        dim, rest = ground.contract.dims[name], greatest_size(ground.contract.dims[other])
        half = least_size(dim, -(-free[name] // 2))
        if half < free[name] and (rest is None or 2 * free[other] <= rest):
            yield free | {name: half, other: 2 * free[other]}


def _plainer(ground: Ground, recipe: Recipe) -> Iterator[Recipe]:
    """The same sizes with contents that are easier to say."""
    if recipe.fills:
        yield replace(recipe, fills={})
        for name in recipe.fills:
            yield replace(recipe, fills={n: how for n, how in recipe.fills.items() if n != name})
    if recipe.fill != "zeros":
        yield replace(recipe, fill="zeros")
        for leaf in ground.found.leaves:  # what random numbers came to by chance, said on purpose
            yield replace(recipe, fill="zeros", fills={leaf.name: "lowest"})
            yield replace(recipe, fill="zeros", fills={leaf.name: "highest"})
