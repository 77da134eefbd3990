"""Assignments of sizes to the dims of a contract: that keep every claim, or that break exactly one.

The search is the contract's own (`contract.solve`). A size outside of its dim's bounds is asked for by giving the dim that
size alone, a broken relation by its opposite.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import evaluate
from contractgen.contract.model import Contract, Dim, Expr
from contractgen.contract.solve import sizes_near
from contractgen.contract.tree import derived_in_order, dims_in_order, used_in
from contractgen.verify.places import Places, places

Order = Literal["smallest", "distinct", "random"]

_NEAR, _FAR = 12, 40
"""Random sizes are among so many multiples above the least: mostly the near ones, since larger inputs cost more time."""
_ARRANGEMENTS = 6
"""How many orders of the dims are tried for sizes that differ from each other."""


def sizes_of_inputs(contract: Contract, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes without those of free dims that outputs alone have: there the data decide, and no input asks for one."""
    named = set(used_in(contract.inputs))
    return {name: size for name, size in sizes.items() if name in named or contract.dims[name].equals is not None}


@dataclass
class Sizes:
    """Finds assignments for one contract. Every answer has all dims, the derived ones too."""

    contract: Contract
    max_elements: int = 1 << 22
    _found: Places = field(init=False)
    _free: list[str] = field(init=False)
    _derived: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._found = places(self.contract)
        self._free = [name for name in dims_in_order(self.contract) if self.contract.dims[name].equals is None]
        self._derived, _ = derived_in_order(self.contract.dims)

    def solve(
        self,
        want: Mapping[str, int] | None = None,
        *,
        order: Order = "smallest",
        least: int = 1,
        factor: int = 0,
        broken: int | None = None,
        seed: int = 0,
        empty: bool = False,
        also: Expr | None = None,
    ) -> dict[str, int] | None:
        """An assignment with the sizes of ``want`` (which may lie outside of their bounds), or None.

        ``least`` is a lower limit for the dims that leave room for it, and ``factor`` one for how many times their
        multiple they are; ``broken`` is the index of a relation that must not hold. ``distinct`` gives dims sizes that
        differ from each other wherever that is possible. ``empty`` lets derived dims fall below zero, as they may when a
        dim is 0. ``also`` is one more relation that must hold (where one is broken, it says how).
        """
        want = want or {}
        low = -(1 << 53) if empty else 0
        for relations in self._relations(broken, also):
            contract = self._with(want, relations)
            found: list[dict[str, int]] = []
            for arrangement, wanted in self._wishes(order, want, max(1, least), factor, seed):
                sizes = sizes_near(contract, wanted, arrangement, least_derived=low)
                if sizes is None:
                    break
                found.append(sizes)
                if len(set(sizes.values())) == len(sizes):
                    break
            fitting = [sizes for sizes in found if self.elements(sizes) <= self.max_elements]
            if fitting:
                return max(fitting, key=lambda sizes: len(set(sizes.values())))
            if found and order != "smallest":
                smaller = sizes_near(contract, {}, least_derived=low)
                if smaller is not None and self.elements(smaller) <= self.max_elements:
                    return smaller
        return None

    def resolve(self, free: Mapping[str, int]) -> dict[str, int] | None:
        """The assignment with its derived dims; None where one of them has no value."""
        sizes = {name: free[name] for name in self._free if name in free}
        for name in self._derived:
            try:
                sizes[name] = int(evaluate(_formula(self.contract.dims[name]), sizes))
            except (KeyError, ZeroDivisionError):
                return None
        return sizes

    def elements(self, sizes: Mapping[str, int]) -> int:
        """How many elements an input of these sizes has."""
        lengths = {item.path: item.node.length for item in self._found.sequences}
        total = 0
        for leaf in self._found.leaves:
            count = 1
            for size in leaf.tensor.shape:
                count *= max(0, size if isinstance(size, int) else sizes[size])
            for path, length in lengths.items():
                if leaf.path.startswith(f"{path}[*]"):
                    count *= length if isinstance(length, int) else sizes[length]
            total += count
        return total

    def _with(self, want: Mapping[str, int], relations: tuple[Expr, ...]) -> Contract:
        dims = {
            name: Dim(want[name], want[name]) if name in want and dim.equals is None else dim
            for name, dim in self.contract.dims.items()
        }
        return replace(self.contract, dims=dims, relations=relations)

    def _relations(self, broken: int | None, also: Expr | None) -> Iterator[tuple[Expr, ...]]:
        """The relations that must hold; one that must not stands for its opposites, one after the other."""
        kept = self.contract.relations
        if broken is None:
            yield kept if also is None else (*kept, also)
            return
        others = (*kept[:broken], *kept[broken + 1 :])
        for opposite in _opposites(kept[broken]) if also is None else (also,):
            yield (*others, opposite)

    def _wishes(
        self, order: Order, want: Mapping[str, int], least: int, factor: int, seed: int
    ) -> Iterator[tuple[Sequence[str], dict[str, int]]]:
        """Sizes to be near to, each with the order in which dims get theirs."""
        chooser = random.Random(f"{seed}")
        dims = {name: self.contract.dims[name] for name in self._free}
        lowest = {name: _from(dim, least, factor) for name, dim in dims.items()}
        if order == "random":
            yield self._free, {name: _chosen(dim, lowest[name], chooser) for name, dim in dims.items()} | dict(want)
            return
        if order == "smallest":
            yield self._free, lowest | dict(want)
            return
        for arrangement in itertools.islice(_arrangements(self._free, chooser), _ARRANGEMENTS):
            wanted = dict(want)
            for name in arrangement:
                if name not in want:
                    wanted[name] = _untaken(dims[name], lowest[name], set(wanted.values()))
            yield arrangement, wanted


def _arrangements(names: Sequence[str], chooser: random.Random) -> Iterator[Sequence[str]]:
    yield names
    if len(names) > 1:
        yield names[::-1]
        while True:
            yield chooser.sample(names, len(names))


def _opposites(relation: Expr) -> Iterator[Expr]:
    """What holds where a relation does not."""
    assert isinstance(relation, tuple)
    operator, left, right = relation
    if operator == "==":
        yield ("<", right, left)
        yield ("<", left, right)
    else:
        yield ("<" if operator == "<=" else "<=", right, left)


def _from(dim: Dim, least: int, factor: int) -> int:
    """The least size that is not below some others, where the dim leaves room for it."""
    high, start = greatest_size(dim), least_size(dim, max(least, factor * dim.multiple_of))
    return least_size(dim) if high is not None and start > high else start


def _steps(dim: Dim, low: int, count: int) -> list[int]:
    high = greatest_size(dim)
    sizes = range(low, low + count * dim.multiple_of, dim.multiple_of)
    return [size for size in sizes if high is None or size <= high] or [low]


def _chosen(dim: Dim, low: int, chooser: random.Random) -> int:
    return chooser.choice(_steps(dim, low, _FAR if chooser.random() < 0.125 else _NEAR))


def _untaken(dim: Dim, low: int, taken: set[int]) -> int:
    """The least size that no other dim has, from ``low`` on and then below it."""
    below = range(least_size(dim), low, dim.multiple_of)
    return next((size for size in (*_steps(dim, low, _FAR), *below) if size not in taken), low)


def _formula(dim: Dim) -> Expr:
    assert dim.equals is not None
    return dim.equals


def least_size(dim: Dim, at_least: int = 0) -> int:
    """The smallest size that a dim's bounds and multiple allow."""
    low = max(dim.min, at_least)
    return -(-low // dim.multiple_of) * dim.multiple_of


def greatest_size(dim: Dim) -> int | None:
    """The largest size that a dim's bounds and multiple allow; None where there is no bound."""
    return None if dim.max is None else dim.max // dim.multiple_of * dim.multiple_of


def bound_value(bound: Expr | None, sizes: Mapping[str, int]) -> int | float | None:
    """The number that a bound stands for at some sizes; None where there is none, or a size is not known."""
    if bound is None or isinstance(bound, int):
        return bound
    if isinstance(bound, str) and is_decimal(bound):
        return float(bound)
    try:
        return int(evaluate(bound, sizes))
    except KeyError:
        return None
