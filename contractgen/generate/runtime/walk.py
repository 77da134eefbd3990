"""From a tree of arguments to its tensors, and back: structure is checked here, and every difference is reported."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contractgen.generate.runtime.dtypes import Array, numpy_code
from contractgen.generate.runtime.number_lists import array_of_lists
from contractgen.generate.runtime.spec import Constant, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.generate.runtime.violations import (
    MAX_HINTED,
    Refused,
    Violation,
    described,
    listed,
    plural,
    quoted,
    violation,
)


@dataclass(frozen=True)
class Place:
    """A place in a tree of arguments: its path, the Python expression for it, and the indices of the lists around it."""

    path: str
    code: str = ""
    index: tuple[int, ...] = ()

    def key(self, key: str) -> Place:
        """The place of a key of the dict that is here."""
        return replace(self, path=f"{self.path}.{key}", code=f"{self.code}[{key!r}]" if self.code else key)

    def item(self, i: int, *index: int) -> Place:  # only: lists, tuples
        """The place of an item of the list or tuple that is here."""
        return Place(f"{self.path}[{i}]", f"{self.code}[{i}]", (*self.index, *index))


@dataclass(frozen=True)
class Leaf:
    """A tensor that came: where it is, its name in a request, what the contract says, and the array itself."""

    place: Place
    name: str
    tensor: Tensor
    array: Array
    dtype: str


@dataclass(frozen=True)
class Length:
    """A list that came, with the number of its items."""

    path: str
    wanted: int | str
    size: int


@dataclass(frozen=True)
class Repair:
    """Another value for a place in the tree that may undo a violation, and the hint that says so."""

    violation: Violation
    hint: str
    node: Node
    value: Any
    place: Place


@dataclass
class Found:
    """What a walk over the arguments brings home."""

    leaves: list[Leaf] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)  # only: lists
    violations: list[Violation] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)


Reader = Callable[[Tensor, Any], "tuple[Array, str]"]
"""Turns what stands at a leaf into an array and the name of its dtype, or raises `Refused`."""


@dataclass(frozen=True)
class Walk:
    """How to read a tree: `read` for its leaves; with `strict` a list is no tuple and a constant is never absent."""

    read: Reader
    strict: bool = False
    code_of: Callable[[str, Any, Tensor], str] = lambda code, *_: code  # only: client
    max_items: int = sys.maxsize  # only: lists
    unfold: Callable[[Any], Any] = lambda value: value  # only: lists, tuples
    found: Found = field(default_factory=Found)

    def refuse(self, kind: str, place: Place, **facts: Any) -> None:
        """Note a violation and go on."""
        self.found.violations.append(violation(kind, place.path, **facts))

    def repair(self, hint: str, node: Node, value: Any, place: Place) -> None:
        """Note what may undo the last violation, as long as there is hope that someone reads it."""
        if len(self.found.repairs) < MAX_HINTED:
            self.found.repairs.append(Repair(self.found.violations[-1], hint, node, value, place))

    def visit(self, node: Node, value: Any, place: Place) -> None:
        """Read the part of the tree that `node` describes."""
        if isinstance(node, Tensor):
            self.visit_tensor(node, value, place)
        elif isinstance(node, Dict):
            self.visit_dict(node, value, place)
        elif isinstance(node, (List, Tuple)):  # only: lists, tuples
            self.visit_items(node, value, place)
        elif isinstance(node, Constant):  # only: constants
            self.visit_constant(node, value, place)
        elif isinstance(node, Optional) and value is not None:  # only: optionals
            self.visit(node.node, value, place)

    def visit_constant(self, node: Constant, value: Any, place: Place) -> None:  # only: constants
        """Look at a value that can only be one."""
        if type(value) is not type(node.value) or value != node.value:
            self.refuse("constant", place, wanted=repr(node.value), got=described(value))
            self.repair(f"pass {node.value!r}", node, node.value, place)

    def visit_tensor(self, node: Tensor, value: Any, place: Place) -> None:
        """Read one leaf."""
        try:
            array, dtype = self.read(node, value)
        except Refused as refused:
            self.refuse(refused.kind, place, **refused.facts)
            if self.strict and isinstance(value, (list, tuple)):  # only: validator
                hint = f"make it an array: np.array({place.code}, {numpy_code(node.dtype)})"
                with contextlib.suppress(Refused):
                    array = array_of_lists(value, node.dtype, ours=True)
                    self.repair(hint, node, array, place)
        else:
            place = replace(place, code=self.code_of(place.code, value, node))  # only: client
            self.found.leaves.append(Leaf(place, wire_name(node, place.index), node, array, dtype))

    def visit_dict(self, node: Dict, value: Any, place: Place) -> None:
        """Read a mapping: its keys, then what they hold."""
        keys = [part.key for part in node.fields]
        if not isinstance(value, Mapping):
            self.refuse("structure", place, wanted=summary(node), got=described(value))
            if isinstance(value, (list, tuple)) and len(value) == len(keys) and place.code:  # only: dicts
                made = ", ".join(f"{key!r}: {place.code}[{i}]" for i, key in enumerate(keys))
                self.repair(f"make it a dict: {{{made}}}", node, dict(zip(keys, value)), place)
            return
        for part in node.fields:
            if part.key in value:
                self.visit(part.node, value[part.key], place.key(part.key))
            elif not self.strict and isinstance(part.node, Constant):  # only: constants
                continue
            elif part.required:
                self.refuse("missing", place.key(part.key), wanted=summary(part.node))
        for key in value:
            if key not in keys:
                self.refuse("unexpected", place, wanted=listed(keys), got=quoted(key))
                if len(self.found.repairs) == MAX_HINTED:
                    continue
                near = nearest(key, [name for name in keys if name not in value])
                changed = {near if name == key else name: value[name] for name in value if near or name != key}
                hint = f"rename {quoted(key)} to {near!r}" if near else f"leave out {quoted(key)}"
                self.repair(hint, node, changed, place)

    def visit_items(self, node: List | Tuple, value: Any, place: Place) -> None:  # only: lists, tuples
        """Read a list or a tuple; JSON and the client's callers need not tell them apart."""
        try:
            items = self.unfold(value)
        except Refused as refused:
            self.refuse(refused.kind, place, **refused.facts)
            return
        kind = list if isinstance(node, List) else tuple
        if isinstance(node, Tuple) and node.sequence == "list":  # only: mixed_lists
            kind = list
        if not isinstance(items, kind if self.strict else (list, tuple)):
            self.refuse("structure", place, wanted=f"a {kind.__name__}", got=described(items))
            if isinstance(items, (list, tuple)):
                hint = f"make it a {kind.__name__}: {kind.__name__}({place.code})"
                self.repair(hint, node, kind(items), place)
        elif isinstance(node, Tuple):  # only: tuples
            if len(items) != len(node.items):
                self.refuse("length", place, wanted=len(node.items), got=len(items))
            for i, (part, item) in enumerate(zip(node.items, items)):
                self.visit(part, item, place.item(i))
        elif isinstance(node, List):  # only: lists
            self.found.lengths.append(Length(place.path, node.length, len(items)))
            if len(items) > self.max_items:
                self.refuse("length", place, wanted=f"at most {self.max_items} (max_members)", got=len(items))
            for i, item in enumerate(items[: self.max_items]):
                self.visit(node.item, item, place.item(i, i))


def wire_name(tensor: Tensor, index: tuple[int, ...]) -> str:
    """The name of a tensor in a request, its `*` replaced by the list's indices."""
    name = tensor.name
    for i in index:
        name = name.replace("*", str(i), 1)
    return name


class Absent:
    """The type of `ABSENT`."""


ABSENT = Absent()
"""Stands where a request has nothing."""


def gather(node: Node, arrays: Mapping[str, Any], index: tuple[int, ...] = (), required: bool = True) -> Any:
    """The tree that the tensors of a request make, by their names; `ABSENT` where nothing of it came."""
    if isinstance(node, Tensor):
        return arrays.get(wire_name(node, index), ABSENT)
    if isinstance(node, Constant):  # only: constants
        return node.value if required else ABSENT
    if isinstance(node, Optional):  # only: optionals
        inner = gather(node.node, arrays, index, required=False)
        return None if inner is ABSENT and required else inner
    if isinstance(node, List):  # only: lists
        # A list goes on as long as there is something at its next index.
        items: list[Any] = []
        while (item := gather(node.item, arrays, (*index, len(items)), required=False)) is not ABSENT:
            items.append(item)
        return items if items or required else ABSENT
    if isinstance(node, Tuple):  # only: tuples
        parts = [gather(item, arrays, index, required=False) for item in node.items]
        if not required and all(part is ABSENT for part in parts):
            return ABSENT
        if node.sequence == "list":  # only: mixed_lists
            return [gather(item, arrays, index) if part is ABSENT else part for item, part in zip(node.items, parts)]
        return tuple(gather(item, arrays, index) if part is ABSENT else part for item, part in zip(node.items, parts))
    fields = node.fields if isinstance(node, Dict) else ()
    present = {part.key: gather(part.node, arrays, index, required=False) for part in fields}
    if not required and all(value is ABSENT for value in present.values()):
        return ABSENT
    for part in fields:
        if present[part.key] is ABSENT and part.required:
            present[part.key] = gather(part.node, arrays, index)
    return {key: value for key, value in present.items() if value is not ABSENT}


def summary(node: Node) -> str:
    """What a node wants, in a few words."""
    if isinstance(node, Tensor):
        return f"a tensor {node.dtype}[{', '.join(map(str, node.shape))}]"
    if isinstance(node, List):  # only: lists
        return f"a list of {node.length} items"
    if isinstance(node, Tuple) and node.sequence == "list":  # only: mixed_lists
        return f"a list of {plural(len(node.items), 'item')}"
    if isinstance(node, Tuple):  # only: tuples
        return f"a tuple of {plural(len(node.items), 'item')}"
    if isinstance(node, Optional):  # only: optionals
        return summary(node.node)
    if isinstance(node, Constant):  # only: constants
        return repr(node.value)
    return f"a dict with the keys {listed(part.key for part in node.fields)}" if isinstance(node, Dict) else ""


def nearest(name: object, names: list[str]) -> str:
    """The name that was probably meant, or nothing."""
    close = difflib.get_close_matches(name[:64], names, 1, 0.6) if isinstance(name, str) else []
    return close[0] if close else ""
