"""What is believed, at one moment of the search, about the inputs of a model: a tree of nodes per parameter.

A hypothesis is immutable; the search replaces nodes and tries again. `build` turns one into the ``(args, kwargs)`` of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, Union

import torch

Path: TypeAlias = "tuple[str | int, ...]"
"""Where a node stands: the parameter's name, then dict keys and list indices."""

Axis: TypeAlias = "tuple[Path, int]"
"""One axis of one tensor."""


@dataclass(frozen=True)
class Leaf:
    """A tensor of a dtype and of concrete sizes."""

    dtype: torch.dtype
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Unknown:
    """A value that nothing is known of yet; a run with a recorder in its place tells."""


@dataclass(frozen=True)
class Fixed:
    """A Python value that is passed as it is: a flag at its default, ``None``."""

    value: object

    def __hash__(self) -> int:
        """The hash of the value, or of its type where that has none: a dict is a common default."""
        try:
            return hash(self.value)
        except TypeError:
            return hash(type(self.value))


class Record(dict):  # type: ignore[type-arg]
    """A dict that is read by attribute as well as by key, as the batches of many libraries are."""

    def __getattr__(self, name: str) -> object:
        """The value of a key."""
        if name in self:
            return self[name]
        raise AttributeError(name)


@dataclass(frozen=True)
class Group:
    """A container. ``cls`` is the dataclass, NamedTuple or `Record` that a dict stands for, if any."""

    kind: Literal["dict", "list", "tuple"]
    children: tuple[tuple[str | int, Node], ...]
    cls: type | None = None


Node: TypeAlias = Union[Leaf, Unknown, Fixed, Group]


@dataclass(frozen=True)
class Param:
    """A parameter of ``forward`` with its node. ``variadic`` is ``*args``, ``keywords`` is ``**kwargs``."""

    name: str
    kind: Literal["positional", "keyword", "variadic", "keywords"]
    node: Node
    has_default: bool = False


@dataclass(frozen=True)
class Hypothesis:
    """The parameters, in forward's order."""

    params: tuple[Param, ...]

    def leaves(self) -> dict[Path, Leaf]:
        """All tensors by path, in order."""
        return {path: node for path, node in self.nodes() if isinstance(node, Leaf)}

    def nodes(self) -> Iterator[tuple[Path, Node]]:
        """All nodes by path, parents before children."""
        for param in self.params:
            yield from _walk((param.name,), param.node)

    def node(self, path: Path) -> Node:
        """The node at ``path``."""
        return next(node for at, node in self.nodes() if at == path)

    def param(self, name: str) -> Param:
        """The parameter called ``name``."""
        return next(param for param in self.params if param.name == name)

    def with_node(self, path: Path, node: Node) -> Hypothesis:
        """The same hypothesis with another node at ``path``; a new key of a dict or item of a list is added."""
        return Hypothesis(
            tuple(
                replace(param, node=_with(param.node, path[1:], node)) if param.name == path[0] else param
                for param in self.params
            )
        )

    def without(self, path: Path) -> Hypothesis:
        """The same hypothesis without the child at ``path`` (of a container)."""
        parent = self.node(path[:-1])
        assert isinstance(parent, Group)
        kept = tuple((key, child) for key, child in parent.children if key != path[-1])
        return self.with_node(path[:-1], replace(parent, children=kept))

    def with_sizes(self, sizes: dict[Axis, int]) -> Hypothesis:
        """The same hypothesis with some axes of other sizes."""
        result = self
        for path, leaf in self.leaves().items():
            new = tuple(sizes.get((path, axis), size) for axis, size in enumerate(leaf.sizes))
            if new != leaf.sizes:
                result = result.with_node(path, replace(leaf, sizes=new))
        return result

    def sizes(self) -> dict[Axis, int]:
        """The size of each axis of each tensor."""
        return {(path, axis): size for path, leaf in self.leaves().items() for axis, size in enumerate(leaf.sizes)}

    def unknown(self) -> Path | None:
        """The first node that nothing is known of."""
        return next((path for path, node in self.nodes() if isinstance(node, Unknown)), None)

    def build(self, make: Callable[[Path, Node], object]) -> tuple[tuple[object, ...], dict[str, object]]:
        """``(args, kwargs)`` for a call; ``make`` gives the value of each `Leaf` and `Unknown`."""
        args: list[object] = []
        kwargs: dict[str, object] = {}
        positional = True
        for param in self.params:
            value = _value((param.name,), param.node, make)
            if param.kind == "variadic":
                assert isinstance(value, (list, tuple))
                if positional:
                    args.extend(value)
            elif param.kind == "keywords":
                assert isinstance(value, dict)
                kwargs.update(value)
            elif param.has_default and isinstance(param.node, Fixed):
                positional = False  # the parameters after an omitted one can only be passed by name
            elif param.kind == "positional" and positional:
                args.append(value)
            else:
                kwargs[param.name] = value
        return tuple(args), kwargs


def _walk(path: Path, node: Node) -> Iterator[tuple[Path, Node]]:
    yield path, node
    if isinstance(node, Group):
        for key, child in node.children:
            yield from _walk((*path, key), child)


def _with(node: Node, path: Path, new: Node) -> Node:
    if not path:
        return new
    assert isinstance(node, Group)
    known = dict(node.children)
    key = path[0]
    if key in known:
        children = tuple((k, _with(child, path[1:], new) if k == key else child) for k, child in node.children)
    else:
        children = (*node.children, (key, new))
    return replace(node, children=children)


def _value(path: Path, node: Node, make: Callable[[Path, Node], object]) -> object:
    if isinstance(node, Fixed):
        return node.value
    if not isinstance(node, Group):
        return make(path, node)
    values = {key: _value((*path, key), child, make) for key, child in node.children}
    if node.kind == "dict":
        if node.cls is None:
            return values
        return node.cls(**{str(key): value for key, value in values.items()})
    return list(values.values()) if node.kind == "list" else tuple(values.values())


def name_in(path: Path) -> str:
    """The parameter or key that a path ends in; a list's items have their list's."""
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def is_mask(path: Path) -> bool:
    """Whether the name says that the tensor marks elements of another one."""
    return "mask" in name_in(path).lower()


def dotted(path: Path) -> str:
    """A path as people read it and as wire names write it: ``batch.ids``."""
    return ".".join(str(part) for part in path)


def describe(hypothesis: Hypothesis) -> str:
    """A hypothesis in one line: ``x=float32[2, 20], mask=None``."""
    parts: list[str] = []
    for path, node in hypothesis.nodes():
        if isinstance(node, Leaf):
            parts.append(f"{dotted(path)}={str(node.dtype).removeprefix('torch.')}{list(node.sizes)}")
        elif isinstance(node, Unknown):
            parts.append(f"{dotted(path)}=?")
    return ", ".join(parts)
