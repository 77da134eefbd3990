"""What a contract says and another format cannot: in words, for that format's description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import render
from contractgen.contract.model import Bound, Contract, List, Values
from contractgen.contract.tree import Parts, leaves, places


def sizes(contract: Contract, parts: Parts) -> Iterator[str]:
    """Conditions on sizes that no schema of nested lists holds: ties, multiples, formulas, relations."""
    used: Counter[str] = Counter()
    for place in places(parts):
        if isinstance(place.node, List) and isinstance(place.node.length, str):
            used[place.node.length] += 1
    for leaf in leaves(parts):
        used.update(size for size in leaf.tensor.shape if isinstance(size, str))
    for name, dim in contract.dims.items():
        if name not in used:
            continue
        if dim.equals is not None:
            yield f"{name} = {render(dim.equals)}"
        elif used[name] > 1:
            yield f"{name} is one size in all its places"
        if dim.multiple_of > 1:
            yield f"{name} is a multiple of {dim.multiple_of}"
    yield from (render(relation) for relation in contract.relations)


def bounds(parts: Parts) -> Iterator[str]:
    """Conditions on numbers that depend on sizes or on each other."""
    for leaf in leaves(parts):
        values = leaf.tensor.values
        for domain in (values, *(values.along_last or ())) if values else ():
            for sign, bound in ((">=", domain.min), ("<=", domain.max)):
                if bound is not None and not is_literal(bound):
                    yield f"{leaf.tensor.wire_name} {sign} {render(bound)}"
        if values is not None and values.order is not None:
            yield f"{leaf.tensor.wire_name} is {values.order} along its last axis"
        if values is not None and values.attained and values.max is not None:
            yield f"the largest number of {leaf.tensor.wire_name} is {render(values.max)}"
        if values is not None and values.each_row is not None:
            yield f"each row of {leaf.tensor.wire_name} has {values.each_row.text}"


def domains(parts: Parts) -> Iterator[str]:
    """All value domains, for a format that has none."""
    for leaf in leaves(parts):
        if leaf.tensor.values not in (None, Values()):
            yield f"what {leaf.tensor.wire_name} may contain"


def is_literal(bound: Bound) -> bool:
    """Whether a bound is a number."""
    return isinstance(bound, int) or (isinstance(bound, str) and is_decimal(bound))


def described(intro: str, lost: Iterator[str] | list[str]) -> str:
    """The description: what it is, then what it cannot say."""
    items = list(dict.fromkeys(lost))
    if not items:
        return f"{intro} It says all that the contract says."
    return f"{intro} It cannot say, and the server checks all the same: " + "; ".join(items) + "."
