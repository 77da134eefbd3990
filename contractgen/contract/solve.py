"""Sizes for all dims of a contract that satisfy its bounds, multiples, derived dims and relations.

The search splits ranges of sizes and leaves out those in which some relation can hold nowhere (`intervals`), so it finds
a size of a million as readily as a small one. It is deterministic and gives up after a fixed number of steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import evaluate, names
from contractgen.contract.intervals import Interval, can_hold, interval
from contractgen.contract.model import MAX_INTEGER, Contract, Dim, Expr
from contractgen.contract.parsing import ContractError
from contractgen.contract.tree import carried_by, derived_in_order, dims_in_order, leaves

STEPS: Final = 20_000
"""How many ranges a search looks at before it gives up."""


class GaveUp(Exception):
    """The search took too many steps: there may be sizes or not."""


def smallest_sizes(contract: Contract) -> dict[str, int]:
    """The smallest sizes, where a dim that is met earlier counts more. Raises `ContractError` where none are found."""
    sizes = sizes_with(contract, {})
    if sizes is None:
        raise ContractError("$.relations", "no sizes were found that satisfy the dims and relations together")
    return sizes


def sizes_with(contract: Contract, fixed: Mapping[str, int]) -> dict[str, int] | None:
    """The smallest sizes that agree with those that are given, free or derived; None where none are found.

    A size outside of its dim's bounds agrees with none. Raises `KeyError` for a name that is not a dim.
    """
    for name in fixed:
        contract.dims[name]
    return _solved(contract, dims_in_order(contract), {}, fixed)


def sizes_near(
    contract: Contract, wanted: Mapping[str, int], order: Sequence[str] | None = None, *, least_derived: int = 0
) -> dict[str, int] | None:
    """Sizes near the wanted ones, by default the least; None where none are found.

    A dim that stands earlier in ``order`` (by default: that is met earlier) comes nearer. Derived sizes are at least
    ``least_derived``, and at least 1 where there is a choice.
    """
    return _solved(contract, order or dims_in_order(contract), wanted, {}, least_derived)


def example_sizes(contract: Contract, rng_seed: int, count: int, *, spread: int = 12) -> tuple[dict[str, int], ...]:
    """At most ``count`` assignments, all different: random ones whose dims differ from each other where they can.

    Sizes stay within ``spread`` multiples of the least one as far as the relations let them.
    """
    chooser = random.Random(rng_seed)
    free = [name for name in dims_in_order(contract) if contract.dims[name].equals is None]
    found: dict[tuple[int, ...], dict[str, int]] = {}
    for _ in range(4 * count):
        if len(found) == count:
            break
        wanted: dict[str, int] = {}
        for name in free:
            wanted[name] = _wanted(contract.dims[name], spread, set(wanted.values()), chooser)
        order = chooser.sample(free, len(free))
        sizes = _solved(contract, order, wanted, {})
        if sizes is None:
            break
        found.setdefault(tuple(sizes.values()), sizes)
    return tuple(found.values())


def is_satisfiable(contract: Contract, relations: Sequence[Expr] | None = None, *, steps: int = STEPS) -> bool:
    """Whether there are sizes for a contract, or for only some of its relations. Raises `GaveUp` where it is not found out."""
    problem = _Problem(contract, contract.relations if relations is None else relations, {}, least_derived=0)
    return problem.solve(dims_in_order(contract), {}, steps) is not None


def sizes_for(dims: Mapping[str, Dim], conditions: Sequence[Expr], *, steps: int = STEPS) -> dict[str, int] | None:
    """The smallest sizes of dims, none of them derived, that meet some conditions; None where there are none.

    Raises `GaveUp` where it is not found out.
    """
    problem = _Problem(Contract("", (), (), dict(dims)), conditions, {}, least_derived=0)
    return problem.solve(tuple(dims), {}, steps)


def _wanted(dim: Dim, spread: int, taken: set[int], chooser: random.Random) -> int:
    low, high = _multiples(dim)
    low = max(low, min(1, high))
    indices = range(low, min(high, low + spread) + 1)
    sizes = [index * dim.multiple_of for index in indices]
    return chooser.choice([size for size in sizes if size not in taken] or sizes or [dim.min])


def _solved(
    contract: Contract,
    order: Sequence[str],
    wanted: Mapping[str, int],
    fixed: Mapping[str, int],
    least_derived: int = 0,
) -> dict[str, int] | None:
    """Sizes near the wanted ones (by default the least ones), in the order of ``contract.dims``."""
    # A derived size of 0 is an empty tensor; where the dims leave a choice it is not what a caller asked for.
    for least in (1, least_derived):
        problem = _Problem(contract, contract.relations, fixed, least)
        try:
            sizes = problem.solve(order, wanted, STEPS)
        except GaveUp:
            continue
        if sizes is not None:
            return {name: sizes[name] for name in contract.dims}
    return None


def _multiples(dim: Dim) -> Interval:
    """The first and the last multiple that a dim's bounds allow, as factors of ``multiple_of``."""
    high = MAX_INTEGER if dim.max is None else dim.max
    return -(-dim.min // dim.multiple_of), high // dim.multiple_of


@dataclass
class _Problem:
    """The conditions on the sizes of one contract, and the search for sizes that meet them."""

    contract: Contract
    relations: Sequence[Expr]
    fixed: Mapping[str, int]
    least_derived: int
    _derived: tuple[str, ...] = field(init=False)
    _roots: dict[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        dims = self.contract.dims
        self._derived, _ = derived_in_order(dims)
        self._roots = {name: frozenset((name,)) for name, dim in dims.items() if dim.equals is None}
        for name in self._derived:
            self._roots[name] = self._free_names(self._formula(name))

    def solve(self, order: Sequence[str], wanted: Mapping[str, int], steps: int) -> dict[str, int] | None:
        """All sizes, or None where there are none. Raises `GaveUp`."""
        dims = self.contract.dims
        ranges = {name: _multiples(dim) for name, dim in dims.items() if dim.equals is None}
        for name, size in self.fixed.items():
            if name in ranges:
                (low, high), step = ranges[name], dims[name].multiple_of
                if size % step or not low <= size // step <= high:
                    return None
                ranges[name] = (size // step, size // step)
        if any(low > high for low, high in ranges.values()):
            return None
        near = {name: wanted[name] // dims[name].multiple_of if name in wanted else ranges[name][0] for name in ranges}
        rank = {name: index for index, name in enumerate(order)}
        for group, conditions in self._groups(ranges):
            names_left = sorted(group, key=lambda name: rank[name])
            part = {name: ranges[name] for name in names_left}
            solution = _Search(self, conditions, near, steps).first(part)
            if solution is None:
                return None
            ranges |= solution
        return self.sizes({name: low * dims[name].multiple_of for name, (low, _) in ranges.items()})

    def sizes(self, free: Mapping[str, int]) -> dict[str, int]:
        """The free sizes with the derived ones."""
        sizes = dict(free)
        for name in self._derived:
            sizes[name] = int(evaluate(self._formula(name), sizes))
        return sizes

    def with_derived(self, factors: Mapping[str, Interval]) -> dict[str, Interval] | None:
        """The ranges of sizes from ranges of factors, those of derived dims too; None where one has no value."""
        ranges = {
            name: (low * self.contract.dims[name].multiple_of, high * self.contract.dims[name].multiple_of)
            for name, (low, high) in factors.items()
        }
        for name in self._derived:
            if self._roots[name] <= factors.keys():
                found = interval(self._formula(name), ranges)
                if found is None:
                    return None
                ranges[name] = found
        return ranges

    def _groups(self, ranges: Mapping[str, Interval]) -> Iterator[tuple[set[str], list[Expr]]]:
        """Free dims that some condition ties together, directly or over others, each group with its conditions.

        Groups are searched one by one: a failure in one must not make the search go through all sizes of another.
        """
        groups: list[tuple[set[str], list[Expr]]] = [({name}, []) for name in ranges]
        for condition in self._conditions():
            needs = self._free_names(condition)
            touched = [group for group in groups if group[0] & needs] if needs else groups[:1]
            merged: tuple[set[str], list[Expr]] = (set(), [condition])
            for members, conditions in touched:
                merged[0].update(members)
                merged[1].extend(conditions)
            groups = [group for group in groups if not any(group is one for one in touched)] + [merged]
        yield from groups

    def _conditions(self) -> Iterator[Expr]:
        yield from self.relations
        in_tensors = carried_by(self.contract.inputs) | carried_by(self.contract.outputs)
        for name in self._derived:
            if name in in_tensors:
                yield ("<=", self.least_derived, name)
            if name in self.fixed:
                yield ("==", name, self.fixed[name])
        for leaf in (*leaves(self.contract.inputs), *leaves(self.contract.outputs)):
            values = leaf.tensor.values
            for domain in (values, *(values.along_last or ())) if values else ():
                bounds = (domain.min, domain.max)
                # Elements between two bounds of which one is a size: there must be room between them.
                if not any(bound is None or is_decimal(bound) for bound in bounds):
                    yield ("<=", bounds[0] or 0, bounds[1] or 0)

    def _formula(self, name: str) -> Expr:
        equals = self.contract.dims[name].equals
        assert equals is not None
        return equals

    def _free_names(self, expr: Expr) -> frozenset[str]:
        return frozenset().union(*(self._roots[name] for name in names(expr)))


@dataclass
class _Search:
    """Depth first through ever smaller ranges of factors, those near the wanted factors first."""

    problem: _Problem
    conditions: Sequence[Expr]
    near: Mapping[str, int]
    steps: int

    def first(self, factors: dict[str, Interval]) -> dict[str, Interval] | None:
        """Ranges of one factor each that meet all conditions. Raises `GaveUp`."""
        # A stack of its own: many dims with large ranges are deeper than Python's.
        waiting = [iter((factors,))]
        while waiting:
            factors_now = next(waiting[-1], None)
            if factors_now is None:
                waiting.pop()
                continue
            self.steps -= 1
            if self.steps < 0:
                raise GaveUp
            if self._may_hold(factors_now):
                open_names = [name for name, (low, high) in factors_now.items() if low < high]
                if not open_names:
                    return factors_now
                waiting.append(self._split(factors_now, open_names[0]))
        return None

    def _may_hold(self, factors: Mapping[str, Interval]) -> bool:
        ranges = self.problem.with_derived(factors)
        return ranges is not None and all(can_hold(condition, ranges) for condition in self.conditions)

    def _split(self, factors: dict[str, Interval], name: str) -> Iterator[dict[str, Interval]]:
        return ({**factors, name: part} for part in _parts(factors[name], self.near[name]))


def _parts(whole: Interval, near: int) -> Iterator[Interval]:
    """A range in parts that grow with their distance from a number: the number nearest to it alone, then 2, 4, ..."""
    low, high = whole
    middle = min(max(near, low), high)
    yield (middle, middle)
    above, below, length = middle + 1, middle - 1, 2
    while above <= high or below >= low:
        if above <= high:
            yield (above, min(high, above + length - 1))
        if below >= low:
            yield (max(low, below - length + 1), below)
        above, below, length = above + length, below - length, 2 * length
