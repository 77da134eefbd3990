"""Where the parts of a contract stand: its tensors, its switches (what may be absent), and the axes that a dim sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contractgen.contract.model import Constant, Contract, Dict, List, Node, Optional, Parameter, Tensor, Tuple


@dataclass(frozen=True)
class Switch:
    """A place where something may be left out: a parameter or key that is not required, or a ``None``."""

    path: str
    none: bool
    """Off means ``None`` rather than absent."""
    within: frozenset[str]
    """The switches that must be on for this one to matter, by their ids."""

    @property
    def id(self) -> str:
        """Unique among switches: a key that is not required can hold a node that is optional, too."""
        return f"{self.path}?" if self.none else self.path


@dataclass(frozen=True)
class Leaf:
    """A tensor with its path (``batch.ids``, ``frames[*]``) and the switches that must be on for it to be there."""

    path: str
    tensor: Tensor
    within: frozenset[str]

    @property
    def name(self) -> str:
        """Its wire name."""
        return self.tensor.wire_name


@dataclass(frozen=True)
class Sequence:
    """A list with its path, and its tensors' wire names."""

    path: str
    node: List
    within: frozenset[str]


@dataclass(frozen=True)
class Mapping:
    """A dict with its path."""

    path: str
    node: Dict
    within: frozenset[str]


@dataclass(frozen=True)
class Places:
    """All of them, in the order of the contract."""

    leaves: tuple[Leaf, ...]
    switches: tuple[Switch, ...]
    sequences: tuple[Sequence, ...]
    mappings: tuple[Mapping, ...]
    nodes: tuple[tuple[str, Node, bool, frozenset[str]], ...]
    """Each parameter and key: path, node, whether it is required, and the switches around it."""

    def leaf(self, name: str) -> Leaf:
        """The leaf with a wire name."""
        return next(leaf for leaf in self.leaves if leaf.name == name)


def places(contract: Contract) -> Places:
    """The places of a contract's inputs."""
    found = list(_parameters(contract.inputs))
    return Places(
        leaves=tuple(item for item in found if isinstance(item, Leaf)),
        switches=tuple(item for item in found if isinstance(item, Switch)),
        sequences=tuple(item for item in found if isinstance(item, Sequence)),
        mappings=tuple(item for item in found if isinstance(item, Mapping)),
        nodes=tuple(item for item in found if isinstance(item, tuple)),
    )


Found = Leaf | Switch | Sequence | Mapping | tuple[str, Node, bool, frozenset[str]]


def _parameters(parameters: tuple[Parameter, ...]) -> Iterator[Found]:
    for parameter in parameters:
        yield from _member(parameter.node, parameter.name, parameter.required, frozenset())


def _member(node: Node, path: str, required: bool, within: frozenset[str]) -> Iterator[Found]:
    yield (path, node, required, within)
    if not required and has_tensor(node):
        switch = Switch(path, none=False, within=within)
        yield switch
        within |= {switch.id}
    yield from _node(node, path, within)


def _node(node: Node, path: str, within: frozenset[str]) -> Iterator[Found]:
    if isinstance(node, Tensor):
        yield Leaf(path, node, within)
    elif isinstance(node, Optional):
        if has_tensor(node.node):
            switch = Switch(path, none=True, within=within)
            yield switch
            yield from _node(node.node, path, within | {switch.id})
    elif isinstance(node, Dict):
        yield Mapping(path, node, within)
        for field in node.fields:
            yield from _member(field.node, f"{path}.{field.key}", field.required, within)
    elif isinstance(node, List):
        yield Sequence(path, node, within)
        yield from _node(node.item, f"{path}[*]", within)
    elif isinstance(node, Tuple):
        for index, item in enumerate(node.items):
            yield from _node(item, f"{path}[{index}]", within)


def has_tensor(node: Node) -> bool:
    """Whether anything below a node travels."""
    if isinstance(node, Tensor):
        return True
    if isinstance(node, Constant):
        return False
    if isinstance(node, Optional):
        return has_tensor(node.node)
    if isinstance(node, List):
        return has_tensor(node.item)
    return any(has_tensor(part) for part in (node.items if isinstance(node, Tuple) else [f.node for f in node.fields]))


@dataclass(frozen=True)
class Extent:
    """One place that a size stands at: an axis of a tensor, or the length of a list (``axis`` None)."""

    owner: str
    """A wire name, or a list's path."""
    path: str
    axis: int | None
    size: int | str
    within: frozenset[str]

    @property
    def id(self) -> str:
        """``batch.ids[1]`` or ``len(frames)``."""
        return f"len({self.path})" if self.axis is None else f"{self.owner}[{self.axis}]"


def extents(found: Places) -> list[Extent]:
    """All sizes: lists first, as a reader meets them, then the axes of tensors."""
    lists = [Extent(s.path, s.path, None, s.node.length, s.within) for s in found.sequences]
    axes = [
        Extent(leaf.name, leaf.path, axis, size, leaf.within)
        for leaf in found.leaves
        for axis, size in enumerate(leaf.tensor.shape)
    ]
    return lists + axes
