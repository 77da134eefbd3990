"""From a choice of what is there to conditions on sizes, and the decision whether there are such sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product
from typing import Final, Literal, TypeAlias, Union

from contractgen.contract.compare.elements import domain, inhabited
from contractgen.contract.compare.linear import refuted
from contractgen.contract.compare.pair import Break, Position
from contractgen.contract.compare.presence import Choice
from contractgen.contract.compare.root import Side
from contractgen.contract.expression import holds, names
from contractgen.contract.model import Contract, Dim, Expr, Tensor
from contractgen.contract.solve import GaveUp, sizes_for

_FIRST_STEPS: Final = 300
_MORE_STEPS: Final = 4_000
_MOST_WAYS: Final = 48

Outcome: TypeAlias = Union[dict[str, int], Literal["none", "unknown"]]
"""Sizes, or that there are none, or that it was not found out."""


@dataclass
class Names:
    """What is known of a contract's dims where only some sizes are shown: each as an expression over what is free."""

    contract: Contract
    terms: Mapping[str, Expr]
    """The sizes that are shown."""
    _found: dict[str, Expr | None] = field(default_factory=dict)

    def value(self, expr: Expr) -> Expr | None:
        """An expression with each dim replaced; None where one is not known."""
        found: dict[str, Expr] = {}
        for name in names(expr):
            known = self._dim(name)
            if known is None:
                return None
            found[name] = known
        return _substituted(expr, found)

    def _dim(self, name: str) -> Expr | None:
        if name not in self._found:
            equals = self.contract.dims[name].equals
            computed = None if equals is None else self.value(equals)
            self._found[name] = self.terms.get(name) if computed is None else computed
        return self._found[name]

    def is_computed(self, name: str) -> bool:
        """Whether a derived dim follows from what is known of others."""
        equals = self.contract.dims[name].equals
        return equals is not None and self.value(equals) is not None


def _substituted(expr: Expr, found: Mapping[str, Expr]) -> Expr:
    if isinstance(expr, tuple):
        return (expr[0], _substituted(expr[1], found), _substituted(expr[2], found))
    return found.get(expr, expr) if isinstance(expr, str) else expr


@dataclass
class Scene:
    """The messages of one choice: the dims that are free in it, and what their sizes must meet."""

    choice: Choice
    dims: dict[str, Dim]
    known: Names
    conditions: list[Expr]
    ways: list[list[list[Expr]]]
    """For some tensors, ways to hold elements or be empty; one way of each must be met."""

    def size_of(self, size: Expr) -> Expr | None:
        """A size of the given contract over the free dims."""
        return self.known.value(size)

    def solve(self, extra: Sequence[Expr], bounds: Sequence[Expr] = ()) -> Outcome:
        """Sizes that meet the conditions and some more, over the given contract's dims, and the bounds that are known."""
        asked: list[Expr] = []
        for condition in (*self.conditions, *extra):
            resolved = self.known.value(condition)
            if resolved is None:
                return "none"
            asked.append(resolved)
        outcome: Outcome = "none"
        combinations = product(*self.ways)
        for ways in islice(combinations, _MOST_WAYS):
            # A bound that depends on a size that is not there binds nothing.
            binding = [known for one in chain(bounds, *ways) if (known := self.known.value(one)) is not None]
            found = solved(self.dims, [*asked, *binding])
            if isinstance(found, dict):
                return found
            outcome = found if found == "unknown" else outcome
        return "unknown" if next(combinations, None) is not None else outcome


def solved(dims: Mapping[str, Dim], conditions: Sequence[Expr]) -> Outcome:
    """Sizes of free dims that meet conditions."""
    open_conditions: list[Expr] = []
    for condition in dict.fromkeys(conditions):
        if names(condition):
            open_conditions.append(condition)
        elif not holds(condition, {}):
            return "none"
    if refuted(dims, open_conditions):
        return "none"
    for steps in (_FIRST_STEPS, _MORE_STEPS):
        try:
            return sizes_for(dims, open_conditions, steps=steps) or ({} if not dims else "none")
        except GaveUp:
            continue
    return "unknown"


def scene(given: Contract, choice: Choice, context: Context | None) -> Scene | None:
    """The scene of a choice; None where no such message is wanted."""
    shown = {size for size in choice.sizes if isinstance(size, str)}
    known = Names(given, {name: name for name in shown})
    dims: dict[str, Dim] = {}
    conditions = list(choice.conditions)
    for name in sorted(shown, key=list(given.dims).index):
        dim = given.dims[name]
        if dim.equals is None:
            dims[name] = dim
        elif known.is_computed(name):
            conditions.append(("<=", 0, name))
        else:
            dims[name] = Dim(min=0)
    conditions += [relation for relation in given.relations if known.value(relation) is not None]
    ways = [way for side, path, tensor in choice.leaves if (way := _ways(tensor)) != [[]]]
    if context is not None:
        more = context.conditions(choice)
        if more is None:
            return None
        conditions += more
    return Scene(choice, dims, known, conditions, ways)


def _ways(tensor: Tensor) -> list[list[Expr]]:
    """Ways in which a tensor of the given contract can be: with elements that its values allow, or empty."""
    if tensor.values is None:
        return [[]]
    columns = [None] if tensor.values.along_last is None else range(len(tensor.values.along_last))
    per_column = [ways for column in columns if (ways := inhabited(domain(tensor, column))) != [[]]]
    filled = [list(chain(*combination)) for combination in islice(product(*per_column), _MOST_WAYS)]
    if [] in filled:
        return [[]]
    empty: list[list[Expr]] = [[("==", size, 0)] for size in tensor.shape]
    return [*filled, *empty]


@dataclass(frozen=True)
class Context:
    """The other side of a message, which the judge must allow too: the request to which a response is looked at."""

    judge: Contract
    side: Side
    positions: tuple[Position, ...]
    breaks: tuple[Break, ...]

    def conditions(self, choice: Choice) -> list[Expr] | None:
        """What the judge asks of sizes of this side; None where it refuses the structure."""
        switches = choice.switches
        if any(one.needs <= switches and one.lacks not in switches for one in self.breaks):
            return None
        terms: dict[str, Expr] = {}
        found: list[Expr] = []
        shown = [one for one in self.positions if one.needs <= switches]
        for one in shown:
            if isinstance(one.judge, int):
                found.append(("==", one.given, one.judge))
            elif one.judge in terms:
                found.append(("==", one.given, terms[one.judge]))
            else:
                terms[one.judge] = one.given
        known = Names(self.judge, terms)
        for name, term in terms.items():
            dim = self.judge.dims[name]
            if dim.equals is not None:
                computed = known.value(dim.equals)
                if computed is not None:
                    found.append(("==", term, computed))
                continue
            found.append(("<=", dim.min, term))
            if dim.max is not None:
                found.append(("<=", term, dim.max))
            if dim.multiple_of > 1:
                found.append(("==", ("%", term, dim.multiple_of), 0))
        found += [value for relation in self.judge.relations if (value := known.value(relation)) is not None]
        return found


def scenes(given: Contract, chosen: Iterator[Choice], context: Context | None) -> Iterator[Scene]:
    """The scenes of choices."""
    return (one for choice in chosen if (one := scene(given, choice, context)) is not None)
