"""Assignments of sizes to the dims of a contract: that keep every claim, or that break exactly one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from contractgen.contract.expression import evaluate, names
from contractgen.contract.model import Contract, Dim, Expr, Values
from contractgen.verify.places import Leaf, Places, places

Order = Literal["smallest", "distinct", "random"]

_NODES = 20_000
_STEPS = 40
"""How many sizes above the least are tried for a dim."""


@dataclass(frozen=True)
class _Condition:
    """Something that must hold once the free dims that it depends on are known."""

    needs: frozenset[str]
    test: Callable[[Mapping[str, int]], bool]


@dataclass
class Sizes:
    """Finds assignments for one contract. Every answer has all dims, the derived ones too."""

    contract: Contract
    max_elements: int = 1 << 22
    _found: Places = field(init=False)
    _free: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._found = places(self.contract)
        self._free = [name for name, dim in self.contract.dims.items() if dim.equals is None]

    def solve(
        self,
        want: Mapping[str, int] | None = None,
        *,
        order: Order = "smallest",
        least: int = 1,
        broken: int | None = None,
        seed: int = 0,
        empty: bool = False,
        also: Expr | None = None,
    ) -> dict[str, int] | None:
        """An assignment with the sizes of ``want`` (which may lie outside of their bounds), or None.

        ``least`` is a lower limit for the dims that leave room for it; ``broken`` is the index of a relation that must
        not hold. ``distinct`` gives dims sizes that differ from each other wherever that is possible. ``empty`` lets
        derived dims fall below zero, as they may when a dim is 0. ``also`` is one more relation that must hold.
        """
        want = dict(want or {})
        conditions = self._conditions(broken, -(1 << 53) if empty else 0)
        if also is not None:
            conditions.append(self._relation(also, wanted=True))
        involved = {name for condition in conditions for name in condition.needs}
        ordered = sorted(self._free, key=lambda name: (name not in want, name not in involved))
        chooser = random.Random(f"{seed}")
        candidates = {
            name: [want[name]] if name in want else _candidates(self.contract.dims[name], order, least, chooser)
            for name in ordered
        }
        search = _Search(ordered, candidates, conditions, order == "distinct", involved)
        for free in search.run():
            sizes = self.resolve(free)
            if sizes is not None and self.elements(sizes) <= self.max_elements:
                return sizes
            if sizes is not None and order != "smallest":
                return self.solve(want, least=least, broken=broken, seed=seed, empty=empty, also=also)
            break
        return None

    def resolve(self, free: Mapping[str, int]) -> dict[str, int] | None:
        """The assignment with its derived dims; None where one of them has no value."""
        sizes = {name: free[name] for name in self._free if name in free}
        pending = [name for name, dim in self.contract.dims.items() if dim.equals is not None]
        while pending:
            ready = [name for name in pending if names(_formula(self.contract.dims[name])) <= sizes.keys()]
            if not ready:
                return None
            for name in ready:
                try:
                    sizes[name] = int(evaluate(_formula(self.contract.dims[name]), sizes))
                except ZeroDivisionError:
                    return None
                pending.remove(name)
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

    def _conditions(self, broken: int | None, floor: int) -> list[_Condition]:
        conditions: list[_Condition] = []
        for index, relation in enumerate(self.contract.relations):
            conditions.append(self._relation(relation, wanted=index != broken))
        for name, dim in self.contract.dims.items():
            if dim.equals is not None:
                needs = self._roots(dim.equals)
                conditions.append(_Condition(needs, lambda sizes, name=name: self._derived(name, sizes) >= floor))  # type: ignore[misc]
        for leaf in self._found.leaves:
            for domain in domains(leaf):
                bounds = [bound for bound in (domain.min, domain.max) if isinstance(bound, (str, tuple))]
                dims = frozenset(n for bound in bounds for n in self._bound_roots(bound))
                if dims:
                    conditions.append(_Condition(dims, lambda sizes, domain=domain: self._filled(domain, sizes)))  # type: ignore[misc]
        return conditions

    def _relation(self, relation: Expr, *, wanted: bool) -> _Condition:
        def test(sizes: Mapping[str, int]) -> bool:
            known = self._partly(sizes)
            try:
                return bool(evaluate(relation, known)) is wanted
            except (ZeroDivisionError, KeyError):
                return False

        return _Condition(self._roots(relation), test)

    def _derived(self, name: str, sizes: Mapping[str, int]) -> int:
        return self._partly(sizes).get(name, -(1 << 54))

    def _filled(self, domain: Values, sizes: Mapping[str, int]) -> bool:
        low, high = bound_value(domain.min, self._partly(sizes)), bound_value(domain.max, self._partly(sizes))
        return low is None or high is None or low <= high

    def _partly(self, sizes: Mapping[str, int]) -> dict[str, int]:
        known = dict(sizes)
        for _ in self.contract.dims:
            for name, dim in self.contract.dims.items():
                if dim.equals is not None and name not in known and names(dim.equals) <= known.keys():
                    try:
                        known[name] = int(evaluate(dim.equals, known))
                    except ZeroDivisionError:
                        return known
        return known

    def _roots(self, expression: Expr) -> frozenset[str]:
        """The free dims that an expression depends on."""
        roots: set[str] = set()
        for name in names(expression):
            derived = self.contract.dims[name].equals
            roots |= {name} if derived is None else self._roots(derived)
        return frozenset(roots)

    def _bound_roots(self, bound: Expr) -> frozenset[str]:
        return frozenset() if is_decimal(bound) else self._roots(bound)


@dataclass
class _Search:
    """Depth first over the free dims; each condition is tested as soon as its dims are known."""

    ordered: Sequence[str]
    candidates: Mapping[str, Sequence[int]]
    conditions: Sequence[_Condition]
    distinct: bool
    involved: set[str]
    nodes: int = 0

    def run(self) -> Iterator[dict[str, int]]:
        """Assignments that meet the conditions."""
        return self._extend({})

    def _extend(self, sizes: dict[str, int]) -> Iterator[dict[str, int]]:
        if len(sizes) == len(self.ordered):
            if all(condition.test(sizes) for condition in self.conditions if not condition.needs):
                yield dict(sizes)
            return
        name = self.ordered[len(sizes)]
        due = [c for c in self.conditions if name in c.needs and c.needs <= {*sizes, name}]
        candidates = self.candidates[name]
        if self.distinct and len(candidates) > 1:
            taken = set(sizes.values())
            candidates = sorted(candidates, key=lambda size: size in taken)
        for candidate in candidates:
            self.nodes += 1
            if self.nodes > _NODES:
                return
            sizes[name] = candidate
            if all(condition.test(sizes) for condition in due):
                yield from self._extend(sizes)
            del sizes[name]
            if name not in self.involved:
                return


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


def _candidates(dim: Dim, order: Order, least: int, chooser: random.Random) -> list[int]:
    low, high, step = least_size(dim), greatest_size(dim), dim.multiple_of
    start = least_size(dim, least)
    if high is not None and start > high:
        start = low
    sizes = [start + i * step for i in range(_STEPS) if high is None or start + i * step <= high]
    if high is not None and high not in sizes:
        sizes.append(high)
    if order == "random":
        near, far = sizes[:12], sizes[12:]
        chooser.shuffle(near)
        return near + far
    below = list(range(low, start, step))[:_STEPS]
    return sizes + below


def domains(leaf: Leaf) -> Iterator[Values]:
    """The value domains of a tensor: its own and those of its columns."""
    values = leaf.tensor.values
    if values is not None:
        yield values
        yield from values.along_last or ()


def is_decimal(bound: object) -> bool:
    """Whether a bound is a decimal string (a dim's name is an identifier)."""
    return isinstance(bound, str) and (bound[0].isdigit() or bound[0] == "-")


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
