"""Which parts of a message are there: every message of a contract is one choice of its optional parts.

A choice is a set of switches. Those that are not named are off, so the message is the smallest one that has what is
asked for. Only lists that may be empty are decided both ways, as either choice can make a message possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from contractgen.contract.compare.root import ITEM_STEP, Path, Side, core, index_step, key_step, root
from contractgen.contract.model import Constant, Contract, Dict, Expr, List, Node, Tensor, Tuple

Switch: TypeAlias = tuple[Side, Path, Literal["present", "some", "filled"]]
"""An optional key that is present, an optional value that is not None, a list that has items."""

Needs: TypeAlias = frozenset[Switch]

MOST_LISTS = 4
"""How many lists that may be empty are decided both ways; beyond that the comparison is told to be incomplete."""


@dataclass(frozen=True)
class Seen:
    """A node of a message that is there."""

    side: Side
    path: Path
    node: Node


@dataclass
class Choice:
    """One choice of what is there."""

    needs: Needs
    seen: list[Seen] = field(default_factory=list)
    conditions: list[Expr] = field(default_factory=list)
    """What the lengths of lists must be."""
    filled: set[Switch] = field(default_factory=set)
    """The lists that have items."""
    complete: bool = True
    """False where other choices were left out."""

    @property
    def switches(self) -> Needs:
        """All that is on."""
        return self.needs | self.filled

    @property
    def leaves(self) -> Iterator[tuple[Side, Path, Tensor]]:
        """The tensors that are there."""
        return ((one.side, one.path, one.node) for one in self.seen if isinstance(one.node, Tensor))

    @property
    def sizes(self) -> Iterator[int | str]:
        """The sizes that the message shows: of axes and lists."""
        for one in self.seen:
            if isinstance(one.node, Tensor):
                yield from one.node.shape
            elif isinstance(one.node, List):
                yield one.node.length


def choices(contract: Contract, sides: tuple[Side, ...], needs: Needs) -> Iterator[Choice]:
    """The choices of the smallest messages that have what ``needs`` says."""
    undecided: list[dict[tuple[Side, Path], bool]] = [{}]
    while undecided:
        decided = undecided.pop(0)
        choice = Choice(needs)
        open_list = None
        for side in sides:
            open_list = open_list or _walk(contract, root(contract, side), side, (), choice, decided)
        if open_list is None:
            yield choice
        elif len(decided) < MOST_LISTS:
            undecided += [{**decided, open_list: True}, {**decided, open_list: False}]
        else:
            choice.complete = False
            yield choice


def _walk(
    contract: Contract,
    node: Node,
    side: Side,
    path: Path,
    choice: Choice,
    decided: Mapping[tuple[Side, Path], bool],
) -> tuple[Side, Path] | None:
    """Note what is there below a node; the first list of which it is not decided whether it is empty is returned."""
    inner, may_be_none = core(node)
    if inner is None or (may_be_none and (side, path, "some") not in choice.needs):
        choice.seen.append(Seen(side, path, Constant(None, "none")))
        return None
    choice.seen.append(Seen(side, path, inner))
    below: list[tuple[Node, Path]] = []
    if isinstance(inner, Dict):
        for part in inner.fields:
            here = (*path, key_step(part.key))
            if is_sure(part.node, part.required) or (side, here, "present") in choice.needs:
                below.append((part.node, here))
    elif isinstance(inner, Tuple):
        below = [(item, (*path, index_step(index))) for index, item in enumerate(inner.items)]
    elif isinstance(inner, List):
        filled = True if (side, path, "filled") in choice.needs else decided.get((side, path))
        if filled is None and not may_be_zero(contract, inner.length):
            filled = inner.length != 0
        if filled is None:
            return side, path
        choice.conditions.append(("<=", 1, inner.length) if filled else ("==", inner.length, 0))
        if filled:
            choice.filled.add((side, path, "filled"))
            below = [(inner.item, (*path, ITEM_STEP))]
    for each, here in below:
        open_list = _walk(contract, each, side, here, choice, decided)
        if open_list is not None:
            return open_list
    return None


def is_sure(node: Node, required: bool) -> bool:
    """Whether a key is in every message. A constant need not travel, so it is optional whatever it says."""
    return required and not isinstance(node, Constant)


def may_be_zero(contract: Contract, size: int | str) -> bool:
    """Whether a size may be 0 as well as more."""
    if isinstance(size, int):
        return False
    dim = contract.dims[size]
    return dim.equals is not None or (dim.min == 0 and dim.max != 0)
