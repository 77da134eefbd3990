"""From a tree of arguments to its tensors, and back: structure is checked here, and every difference is reported."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contractgen.generate.runtime.dtypes import Array
from contractgen.generate.runtime.number_lists import array_of_lists
from contractgen.generate.runtime.spec import Constant, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.generate.runtime.violations import (
    MAX_REPORTED,
    Refused,
    Violation,
    described,
    listed,
    plural,
    quoted,
    violation,
)


@dataclass(frozen=True)
class Leaf:
    """A tensor that came: where it is, the Python expression for it, what the contract says, and the array itself."""

    path: str
    code: str
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
    path: str
    code: str
    index: tuple[int, ...]


@dataclass
class Found:
    """What a walk over the arguments brings home."""

    leaves: list[Leaf] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)


Reader = Callable[[Tensor, Any], "tuple[Array, str]"]
"""Turns what stands at a leaf into an array and the name of its dtype, or raises `Refused`."""


def as_it_is(value: Any) -> Any:
    """The value."""
    return value


@dataclass(frozen=True)
class Walk:
    """How to read a tree: `read` for its leaves; `strict` where lists and tuples, and absent constants, differ.

    Lists may have `max_items`; `unfold` gives the items of one that is not read yet.
    """

    read: Reader
    strict: bool
    max_items: int = sys.maxsize
    unfold: Callable[[Any], Any] = as_it_is
    found: Found = field(default_factory=Found)

    def refuse(self, kind: str, path: str, **facts: Any) -> Violation:
        """Note a violation and go on."""
        one = violation(kind, path, **facts)
        self.found.violations.append(one)
        return one

    def visit(self, node: Node, value: Any, path: str, code: str, index: tuple[int, ...] = ()) -> None:
        """Read the part of the tree that `node` describes."""
        if isinstance(node, Optional):
            if value is not None:
                self.visit(node.node, value, path, code, index)
        elif isinstance(node, Tensor):
            self.visit_tensor(node, value, path, code, index)
        elif isinstance(node, Constant):
            if type(value) is not type(node.value) or value != node.value:
                one = self.refuse("constant", path, wanted=repr(node.value), got=described(value))
                self.repair(one, f"pass {node.value!r}", node, node.value, path, code, index)
        elif isinstance(node, Dict):
            self.visit_dict(node, value, path, code, index)
        elif isinstance(node, (List, Tuple)):
            self.visit_items(node, value, path, code, index)

    def visit_items(self, node: List | Tuple, value: Any, path: str, code: str, index: tuple[int, ...]) -> None:
        """Read a list or a tuple."""
        try:
            items = self.unfold(value)
        except Refused as refused:
            self.refuse(refused.kind, path, **refused.facts)
            return
        if not self.is_sequence(node, items, path, code, index):
            return
        if isinstance(node, List):
            self.found.lengths.append(Length(path, node.length, len(items)))
            if len(items) > self.max_items:
                self.refuse("length", path, wanted=f"at most {self.max_items} (max_members)", got=len(items))
            for i, item in enumerate(items[: self.max_items]):
                self.visit(node.item, item, f"{path}[{i}]", f"{code}[{i}]", (*index, i))
        else:
            if len(items) != len(node.items):
                self.refuse("length", path, wanted=len(node.items), got=len(items))
            for i, (part, item) in enumerate(zip(node.items, items)):
                self.visit(part, item, f"{path}[{i}]", f"{code}[{i}]", index)

    def visit_tensor(self, node: Tensor, value: Any, path: str, code: str, index: tuple[int, ...]) -> None:
        """Read one leaf."""
        try:
            array, dtype = self.read(node, value)
        except Refused as refused:
            one = self.refuse(refused.kind, path, **refused.facts)
            if self.strict and isinstance(value, (list, tuple)):
                dtype = "uint16" if node.dtype == "bfloat16" else f"{node.dtype}{'_' if node.dtype == 'bool' else ''}"
                with contextlib.suppress(Refused):
                    array = array_of_lists(value, node.dtype, infinite=True)
                    self.repair(one, f"make it an array: np.array({code}, np.{dtype})", node, array, path, code, index)
        else:
            self.found.leaves.append(Leaf(path, code, wire_name(node, index), node, array, dtype))

    def visit_dict(self, node: Dict, value: Any, path: str, code: str, index: tuple[int, ...]) -> None:
        """Read a mapping: its keys, then what they hold."""
        keys = [part.key for part in node.fields]
        if not isinstance(value, Mapping):
            one = self.refuse("structure", path, wanted=f"a dict with the keys {listed(keys)}", got=described(value))
            if isinstance(value, (list, tuple)) and len(value) == len(keys) and code:
                made = ", ".join(f"{key!r}: {code}[{i}]" for i, key in enumerate(keys))
                changed = dict(zip(keys, value))
                self.repair(one, f"make it a dict: {{{made}}}", node, changed, path, code, index)
            return
        for part in node.fields:
            below = f"{path}.{part.key}" if path else part.key
            if part.key in value:
                self.visit(part.node, value[part.key], below, f"{code}[{part.key!r}]" if code else part.key, index)
            elif part.required and (self.strict or not isinstance(part.node, Constant)):
                self.refuse("missing", below, wanted=summary(part.node))
        for key in value:
            if key not in keys:
                one = self.refuse("unexpected", path, wanted=listed(keys), got=quoted(key))
                near = nearest(key, [name for name in keys if name not in value])
                changed = {near if name == key else name: value[name] for name in value if near or name != key}
                hint = f"rename {quoted(key)} to {near!r}" if near else f"leave out {quoted(key)}"
                self.repair(one, hint, node, changed, path, code, index)

    def is_sequence(self, node: List | Tuple, value: Any, path: str, code: str, index: tuple[int, ...]) -> bool:
        """Whether a list or tuple came, as wanted; JSON and the client's callers need not tell them apart."""
        kind = list if isinstance(node, List) else tuple
        if isinstance(value, kind if self.strict else (list, tuple)):
            return True
        one = self.refuse("structure", path, wanted=f"a {kind.__name__}", got=described(value))
        if isinstance(value, (list, tuple)):
            self.repair(
                one, f"make it a {kind.__name__}: {kind.__name__}({code})", node, kind(value), path, code, index
            )
        return False

    def repair(
        self, one: Violation, hint: str, node: Node, value: Any, path: str, code: str, index: tuple[int, ...]
    ) -> None:
        """Note what may undo a violation."""
        if len(self.found.repairs) < MAX_REPORTED:
            self.found.repairs.append(Repair(one, hint, node, value, path, code, index))


def wire_name(tensor: Tensor, index: tuple[int, ...]) -> str:
    """The name of a tensor in a request, its `*` replaced by the list's indices."""
    name = tensor.name
    for i in index:
        name = name.replace("*", str(i), 1)
    return name


def gather(node: Node, arrays: Mapping[str, Any], index: tuple[int, ...] = (), required: bool = True) -> Any:
    """The tree that the tensors of a request make, by their names; `ABSENT` where nothing of it came.

    A list goes on as long as there is something at its next index.
    """
    if isinstance(node, Tensor):
        return arrays.get(wire_name(node, index), ABSENT)
    if isinstance(node, Constant):
        return node.value if required else ABSENT
    if isinstance(node, Optional):
        inner = gather(node.node, arrays, index, required=False)
        return None if inner is ABSENT and required else inner
    if isinstance(node, List):
        items: list[Any] = []
        while (item := gather(node.item, arrays, (*index, len(items)), required=False)) is not ABSENT:
            items.append(item)
        return items if items or required else ABSENT
    if isinstance(node, Tuple):
        parts = [gather(item, arrays, index, required=False) for item in node.items]
        if not required and all(part is ABSENT for part in parts):
            return ABSENT
        return tuple(gather(item, arrays, index) if part is ABSENT else part for item, part in zip(node.items, parts))
    if not isinstance(node, Dict):
        raise TypeError(node)
    present = {part.key: gather(part.node, arrays, index, required=False) for part in node.fields}
    if not required and all(value is ABSENT for value in present.values()):
        return ABSENT
    for part in node.fields:
        if present[part.key] is ABSENT and part.required:
            present[part.key] = gather(part.node, arrays, index)
    return {key: value for key, value in present.items() if value is not ABSENT}


class Absent:
    """The type of `ABSENT`."""


ABSENT = Absent()
"""Stands where a request has nothing."""


def summary(node: Node) -> str:
    """What a node wants, in a few words."""
    if isinstance(node, Tensor):
        return f"a tensor {node.dtype}[{', '.join(map(str, node.shape))}]"
    if isinstance(node, Dict):
        return f"a dict with the keys {listed(part.key for part in node.fields)}"
    if isinstance(node, List):
        return f"a list of {node.length} items"
    if isinstance(node, Tuple):
        return f"a tuple of {plural(len(node.items), 'item')}"
    return summary(node.node) if isinstance(node, Optional) else repr(node.value) if isinstance(node, Constant) else ""


def nearest(name: object, names: list[str]) -> str:
    """The name that was probably meant, or nothing."""
    close = difflib.get_close_matches(name[:64], names, 1, 0.6) if isinstance(name, str) else []
    return close[0] if close else ""
