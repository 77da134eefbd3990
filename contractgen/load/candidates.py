"""Values that an argument of a constructor may have had, read off the shapes of the weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from contractgen.load.constructor import Slot
from contractgen.load.layout import Layout, counts_of

MOST = 240
"""How many values are tried for one argument."""

_SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64)
_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.4, 1.5, 2.0, 4.0)


def candidates(slot: Slot, layout: Layout) -> list[Any]:
    """The values to try for ``slot``, the likeliest first, its default before all."""
    first: list[Any] = [] if slot.required else [slot.default]
    if slot.choices:
        return _distinct([*first, *slot.choices])
    if slot.kind == "int":
        return _distinct([*first, *integers(layout)])[:MOST]
    if slot.kind == "float":
        return _distinct([*first, *((0.0,) if silent(slot.name) else _RATIOS)])
    if slot.kind == "sequence":
        as_tuple = isinstance(slot.default, tuple)
        return _distinct([*first, *(tuple(each) if as_tuple else each for each in sequences(layout))])[:MOST]
    if slot.kind == "unknown":
        if silent(slot.name):
            return _distinct([*first, 0.0])
        if slot.name.rpartition(".")[2] in {"device", "dtype"}:
            return _distinct([*first, None])
        found: list[Any] = [*integers(layout)[: MOST // 2], *sequences(layout)[: MOST // 4]]
        # A default of None or of an unusual type was most often left as it is.
        return _distinct([*first, *found, False, True])
    return first


def silent(name: str) -> bool:
    """Whether an argument of this name has no effect in eval mode."""
    return "drop" in name.lower()


def integers(layout: Layout) -> list[int]:
    """Counts and sizes of the weights, small numbers, then what products, quotients and roots of sizes give."""
    shapes = [shape for shape in layout.shapes.values() if shape]
    sizes = _distinct(size for shape in shapes for size in shape if size > 0)[:48]
    counts = _distinct(count for both in counts_of(layout).values() for count in both)[:16]
    derived: list[int] = []
    for size in sizes:
        derived += [size // divisor for divisor in (2, 3, 4) if size % divisor == 0]
        derived += [size - 1, size + 1]
        for squared in (size, size - 1, size - 2):  # a square of patches, perhaps with a class token or two
            root = math.isqrt(max(squared, 0))
            if root > 1 and root * root == squared:
                derived += [root, *(root * small for small in (2, 4, 8, 16, 14, 32) if root * small <= 1024)]
    for a in sizes[:16]:
        for b in sizes[:16]:
            if 1 < b < a and a % b == 0:
                quotient = a // b
                root = math.isqrt(quotient)
                derived.append(quotient)
                if root > 1 and root * root == quotient:  # channels times a square feature map
                    derived += [root, *(root * step for step in (2, 4, 8, 16, 32))]
    derived += [a * b for a in sizes[:8] for b in sizes[:8] if a * b <= 1 << 20]
    return _distinct([*counts, *sizes, *_SMALL, *derived])


def sequences(layout: Layout) -> list[list[int]]:
    """The widths of consecutive layers, with and without the first and the last, and the depths of numbered stages."""
    weights = [shape for shape in layout.shapes.values() if shape and len(shape) >= 2]
    if not weights:
        return []
    chain = [weights[0][1], *(shape[0] for shape in weights)]
    merged = [size for size, _ in groupby(chain)]
    distinct = _distinct(chain)
    counts = [both[0] for both in counts_of(layout).values()]
    found: list[list[int]] = []
    for whole in (chain, merged, distinct):
        found += [whole[1:-1], whole[1:], whole, whole[:-1]]
    stages: dict[str, list[int]] = {}
    for prefix, both in counts_of(layout).items():  # layer1.0, layer1.1, layer2.0 are depths of 2 and 1
        stages.setdefault(re.sub(r"\d+", "", prefix), []).append(both[0])
    found += [depths for depths in stages.values() if len(depths) > 1]
    found += [counts, *([size] * count for size in distinct for count in _distinct(counts))]
    return _distinct([each for each in found if each])


def _distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetitions, in order. 1, 1.0 and True differ."""
    return list({(type(value), repr(value)): value for value in values}.values())
