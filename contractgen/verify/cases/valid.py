"""Valid inputs: every bound, corner and combination of what is optional, then random ones without end."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from contractgen.verify.cases.model import Case, Ground
from contractgen.verify.fill import Fill
from contractgen.verify.places import Switch
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import greatest_size, least_size

FILLS: tuple[Fill, ...] = ("lowest", "highest", "edges", "zeros", "special", "options")
_COMBINATIONS = 16
_LARGE = 128
_MANY = 70_000
"""Elements: scans go in pieces of 65,536."""


def directed_cases(ground: Ground) -> Iterator[Case]:
    """The valid inputs that are made on purpose, the most telling ones first; each is given once."""
    seen: set[str] = set()
    for name, recipe in _directed(ground):
        key = repr((sorted(recipe.sizes.items()), sorted(recipe.on), recipe.fill, sorted(recipe.fills.items())))
        if key not in seen:
            seen.add(key)
            yield Case(f"valid/{name}", recipe)


def random_cases(ground: Ground) -> Iterator[Case]:
    """Random valid inputs: sizes, what is optional, and the fill of each tensor vary independently."""
    combinations = list(_combinations(ground))
    for index in itertools.count():
        chooser = random.Random(f"{ground.seed}/{index}")
        order = "distinct" if index % 4 == 0 else "random"
        sizes = ground.sizes.solve(order=order, least=1 + index % 3, seed=ground.seed * 1_000_003 + index)  # type: ignore[arg-type]
        if sizes is None:
            return
        fills = {leaf.name: chooser.choice(FILLS) for leaf in ground.found.leaves if chooser.random() < 0.25}
        _, on = (
            combinations[0] if chooser.random() < 0.5 else chooser.choice(combinations)
        )  # the first has everything on
        yield Case(f"valid/random-{index:05d}", Recipe(sizes, on, fills=fills, seed=ground.seed * 1_000_003 + index))


def _directed(ground: Ground) -> Iterator[tuple[str, Recipe]]:
    base = ground.base()
    smallest = ground.sizes.solve()
    if smallest is None or base is None:
        return
    everything = ground.everything
    yield "distinct", base
    yield "smallest", Recipe(smallest, everything, seed=ground.seed)
    for name, on in _combinations(ground):
        yield f"on:{name}", replace(base, on=on)
    yield from _bounds(ground, everything)
    larger = ground.sizes.solve(order="distinct", least=5)
    if larger is not None:
        yield "larger", Recipe(larger, everything, seed=ground.seed)
    many = many_elements(ground)
    if many is not None:
        yield "many", many
    for fill in FILLS:
        yield f"fill:{fill}", replace(base, fill=fill)
    if len(ground.found.leaves) > 1:
        for leaf in ground.found.leaves:
            for fill in ("lowest", "highest", "special", "options"):
                yield f"fill:{leaf.name}:{fill}", replace(base, fills={leaf.name: fill})
    yield from _corners(ground, everything)


def many_elements(ground: Ground) -> Recipe | None:
    """An input with more elements than readers and writers handle in one piece, where a dim has room for it."""
    lengths = {item.node.length for item in ground.found.sequences}
    for name, dim in ground.contract.dims.items():
        if dim.equals is None and dim.max is None and name not in lengths:
            size = least_size(dim, 2)
            while size < _MANY:
                sizes = ground.sizes.solve({name: size})
                if sizes is None:
                    break
                if ground.sizes.elements(sizes) > _MANY:
                    return Recipe(sizes, ground.everything, seed=ground.seed)
                size *= 2
    return None


def _bounds(ground: Ground, everything: frozenset[str]) -> Iterator[tuple[str, Recipe]]:
    """Each free dim at its least size, one step above it, and at its greatest, the others small and distinct.

    Beside a large size the others are at their least: such a run takes longer than all the small ones together.
    """
    for name, dim in ground.contract.dims.items():
        if dim.equals is not None:
            continue
        least, most = least_size(dim), greatest_size(dim)
        wanted = {"min": least, "min+1": least + dim.multiple_of, "max": most}
        if most is not None:
            wanted["max-1"] = most - dim.multiple_of
        for label, size in wanted.items():
            if size is None or size < least or (most is not None and size > most):
                continue
            sizes = ground.sizes.solve({name: size}, order="distinct", least=1 if size >= _LARGE else 2)
            if sizes is not None:
                yield f"dim:{name}.{label}", Recipe(sizes, everything, seed=ground.seed)


def _corners(ground: Ground, everything: frozenset[str]) -> Iterator[tuple[str, Recipe]]:
    """Combinations of bounds of several dims, as far as they are affordable."""
    free = [(name, dim) for name, dim in ground.contract.dims.items() if dim.equals is None]
    choices = [
        [
            (name, size, label)
            for size, label in ((least_size(dim), "min"), (greatest_size(dim), "max"))
            if size is not None
        ]
        for name, dim in free
    ]
    for combination in itertools.islice(itertools.product(*choices), _COMBINATIONS):
        sizes = ground.sizes.resolve({name: size for name, size, _ in combination})
        wanted = ground.sizes.solve({name: size for name, size, _ in combination})
        if sizes is not None and wanted == sizes:
            label = ",".join(f"{name}={label}" for name, _, label in combination)
            yield f"corner:{label}", Recipe(sizes, everything, seed=ground.seed)


def _combinations(ground: Ground) -> Iterator[tuple[str, frozenset[str]]]:
    """Sets of switches to turn on: all of them where they are few, else all, none, each alone and each left out."""
    switches = ground.found.switches
    ids = [switch.id for switch in switches]
    if 2 ** len(ids) <= _COMBINATIONS:
        chosen = [frozenset(c) for n in range(len(ids), -1, -1) for c in itertools.combinations(ids, n)]
    else:
        everything = frozenset(ids)
        chosen = [everything, frozenset(), *(frozenset({i}) for i in ids), *(everything - {i} for i in ids)]
    seen: set[frozenset[str]] = set()
    for on in chosen:
        kept = _effective(on, switches)
        if kept not in seen:
            seen.add(kept)
            yield "+".join(sorted(kept)) or "nothing", kept


def _effective(on: frozenset[str], switches: tuple[Switch, ...]) -> frozenset[str]:
    """Without the switches that are inside of something that is off."""
    kept = on
    while True:
        smaller = frozenset(switch.id for switch in switches if switch.id in kept and switch.within <= kept)
        if smaller == kept:
            return kept
        kept = smaller
