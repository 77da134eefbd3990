"""Two trees side by side: where their structure differs, and which of their sizes and tensors stand at the same place.

``given`` is the contract whose messages are looked at, ``judge`` the one that allows or refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from contractgen.contract.compare.presence import Needs, Switch, is_sure
from contractgen.contract.compare.root import ITEM_STEP, Path, Side, core, index_step, key_step, root
from contractgen.contract.model import Constant, Contract, Dict, List, Node, Optional, Tensor, Tuple


@dataclass(frozen=True)
class Break:
    """A difference in structure: each message that has what ``needs`` says, and lacks ``lacks``, is refused."""

    rule: str
    side: Side
    path: Path
    needs: Needs
    lacks: Switch | None
    given: str
    judge: str
    decided: bool = True
    """Whether such messages are refused for certain."""


@dataclass(frozen=True)
class Position:
    """A size that both trees have at one place: of an axis, or of a list where ``axis`` is None."""

    side: Side
    path: Path
    axis: int | None
    given: int | str
    judge: int | str
    needs: Needs


@dataclass(frozen=True)
class PairedLeaf:
    """A tensor that both trees have at one place, of one dtype and rank."""

    side: Side
    path: Path
    given: Tensor
    judge: Tensor
    needs: Needs


@dataclass
class Pairing:
    """What comes of walking two trees."""

    breaks: list[Break] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    leaves: list[PairedLeaf] = field(default_factory=list)


def paired(given: Contract, judge: Contract, side: Side) -> Pairing:
    """Walk one side of two contracts."""
    pairing = Pairing()
    _Walk(side, pairing).visit(root(given, side), root(judge, side), (), frozenset())
    return pairing


@dataclass(frozen=True)
class _Walk:
    side: Side
    pairing: Pairing

    def note(self, rule: str, path: Path, needs: Needs, given: str, judge: str, lacks: Switch | None = None) -> None:
        self.pairing.breaks.append(Break(rule, self.side, path, needs, lacks, given, judge))

    def visit(self, given: Node, judge: Node, path: Path, needs: Needs) -> None:
        (ours, ours_none), (theirs, theirs_none) = core(given), core(judge)
        some: Switch = (self.side, path, "some")
        if ours_none and not theirs_none:
            self.note("none", path, needs, "may be None", f"{described(judge)}, never None", lacks=some)
        if ours is None:
            return
        if ours_none:
            needs |= {some}
        if theirs is None or not _is_alike(ours, theirs):
            self.note_kind(ours, theirs or judge, path, needs)
        elif isinstance(ours, Tensor) and isinstance(theirs, Tensor):
            self.visit_tensors(ours, theirs, path, needs)
        elif isinstance(ours, Constant) and isinstance(theirs, Constant):
            if (ours.value, ours.type) != (theirs.value, theirs.type):
                self.note("constant", path, needs, described(ours), described(theirs))
        elif isinstance(ours, Dict) and isinstance(theirs, Dict):
            self.visit_dicts(ours, theirs, path, needs)
        elif isinstance(ours, List) and isinstance(theirs, List):
            self.pairing.positions.append(Position(self.side, path, None, ours.length, theirs.length, needs))
            filled: Switch = (self.side, path, "filled")
            self.visit(ours.item, theirs.item, (*path, ITEM_STEP), needs | {filled})
        elif isinstance(ours, Tuple) and isinstance(theirs, Tuple):
            if len(ours.items) != len(theirs.items):
                self.note("items", path, needs, f"{len(ours.items)} items", f"{len(theirs.items)} items")
                return
            for index, (one, other) in enumerate(zip(ours.items, theirs.items, strict=True)):
                self.visit(one, other, (*path, index_step(index)), needs)

    def note_kind(self, given: Node, judge: Node, path: Path, needs: Needs) -> None:
        """Two nodes of different kinds. Two lists, one of them of items alike, can still have messages in common."""
        said = (described(given), described(judge))
        lengths = [_length(node) for node in (given, judge)]
        if None in lengths:
            self.note("kind", path, needs, *said)
        elif all(isinstance(length, int) for length in lengths):  # those of one length were made alike
            self.note("size" if isinstance(judge, List) else "items", path, needs, *said)
        else:
            self.pairing.breaks.append(Break("kind", self.side, path, needs, None, *said, decided=False))

    def visit_dicts(self, given: Dict, judge: Dict, path: Path, needs: Needs) -> None:
        ours, theirs = ({part.key: part for part in node.fields} for node in (given, judge))
        for key in dict.fromkeys((*ours, *theirs)):
            below = (*path, key_step(key))
            present: Switch = (self.side, below, "present")
            one, other = ours.get(key), theirs.get(key)
            sure = one is not None and is_sure(one.node, one.required)
            if other is not None and not sure and is_sure(other.node, other.required):
                said = "not there" if one is None else "optional"
                lacks = None if one is None else present
                self.note("missing", below, needs, said, f"required, {described(other.node)}", lacks=lacks)
            if one is None:
                continue
            here = needs if sure else needs | {present}
            if other is None:
                self.note("unexpected", below, here, described(one.node), "not there")
            else:
                self.visit(one.node, other.node, below, here)

    def visit_tensors(self, given: Tensor, judge: Tensor, path: Path, needs: Needs) -> None:
        if given.wire_name != judge.wire_name:
            self.note("wire-name", path, needs, repr(given.wire_name), repr(judge.wire_name))
        if given.dtype != judge.dtype:
            self.note("dtype", path, needs, given.dtype, judge.dtype)
        if len(given.shape) != len(judge.shape):
            self.note("rank", path, needs, described(given), described(judge))
            return
        for axis, (one, other) in enumerate(zip(given.shape, judge.shape, strict=True)):
            self.pairing.positions.append(Position(self.side, path, axis, one, other, needs))
        if given.dtype == judge.dtype:
            self.pairing.leaves.append(PairedLeaf(self.side, path, given, judge, needs))


def _is_alike(given: Node, judge: Node) -> bool:
    """Whether two nodes are of one kind."""
    if isinstance(given, Tuple) and isinstance(judge, Tuple):
        return given.sequence == judge.sequence
    return type(given) is type(judge)


def _length(node: Node) -> int | str | None:
    """The number of items of a list."""
    if isinstance(node, List):
        return node.length
    return len(node.items) if isinstance(node, Tuple) and node.sequence == "list" else None


def described(node: Node) -> str:
    """A node in a few words: ``int64[batch, seq]``, ``a dict of ids, mask``."""
    if isinstance(node, Tensor):
        return f"{node.dtype}[{', '.join(map(str, node.shape))}]"
    if isinstance(node, Constant):
        return f"the constant {node.value!r}"
    if isinstance(node, Optional):
        return f"{described(node.node)} or None"
    if isinstance(node, List):
        return f"a list of {node.length}"
    if isinstance(node, Tuple) and node.sequence == "list":
        return f"a list of {len(node.items)}, each with a node of its own"
    if isinstance(node, Tuple):
        return f"a tuple of {len(node.items)}"
    return "a dict of " + ", ".join(part.key for part in node.fields)
