"""From a recipe to an input: a recipe is small and can be shrunk, the arrays are made when they are needed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from contractgen.contract.model import Constant, Contract, Dict, DType, List, Node, Optional, Tensor, Values
from contractgen.contract.tree import in_sequence
from contractgen.verify.fill import Array, Fill, cast, filled, is_floating, numpy_dtype, rows_of
from contractgen.verify.places import has_tensor


@dataclass(frozen=True)
class Axis:
    """One axis of one tensor has another size than its dim."""

    tensor: str
    axis: int
    size: int


@dataclass(frozen=True)
class Length:
    """A list has another number of items than its dim."""

    path: str
    size: int


@dataclass(frozen=True)
class OtherDType:
    """A tensor of another dtype, with the same numbers as far as it can hold them."""

    tensor: str
    dtype: DType


@dataclass(frozen=True)
class Rank:
    """A tensor without its first axis, with one more, or with none at all."""

    tensor: str
    change: Literal["first-dropped", "one-added", "scalar"]


@dataclass(frozen=True)
class Element:
    """One element (the first, the last), or every one, has this value; of one column where the domain is per column."""

    tensor: str
    value: float
    where: Literal["first", "last", "all"] = "last"
    column: int | None = None


@dataclass(frozen=True)
class Ceiling:
    """No element is more than this."""

    tensor: str
    value: int


@dataclass(frozen=True)
class Row:
    """All elements of the first row, or of the last one, have this value, but for so many at its start."""

    tensor: str
    value: float
    where: Literal["first", "last"]
    others: int = 0
    other: float = 0.0


@dataclass(frozen=True)
class Missing:
    """What stands at a path is not there."""

    path: str


@dataclass(frozen=True)
class Extra:
    """One more key (or parameter, where the path is empty), or one more item of a tuple (or of a list with a node for each item)."""

    path: str
    name: str = "unexpected"


@dataclass(frozen=True)
class Replaced:
    """Something of another kind stands at a path."""

    path: str
    by: Literal["dict", "list", "none", "text"]


Edit = Axis | Length | OtherDType | Rank | Element | Ceiling | Row | Missing | Extra | Replaced


@dataclass(frozen=True)
class Recipe:
    """Sizes for all dims, the switches that are on, how tensors are filled, and at most one thing that is wrong."""

    sizes: Mapping[str, int]
    on: frozenset[str] = frozenset()
    fill: Fill = "random"
    fills: Mapping[str, Fill] = field(default_factory=dict)
    seed: int = 0
    edit: Edit | None = None


class Absent:
    """The type of `ABSENT`."""


ABSENT = Absent()
"""Stands for a parameter or key that is left out."""


def arguments(contract: Contract, recipe: Recipe) -> dict[str, Any]:
    """The arguments by parameter name: numpy arrays (bfloat16 as uint16 bits) in dicts, lists and tuples."""
    builder = _Builder(contract, recipe)
    made = {
        parameter.name: builder.member(parameter.node, parameter.name, parameter.required)
        for parameter in contract.inputs
    }
    made = {name: value for name, value in made.items() if value is not ABSENT}
    if isinstance(recipe.edit, Extra) and not recipe.edit.path:
        made[recipe.edit.name] = np.zeros(1, np.float32)
    return made


@dataclass
class _Builder:
    contract: Contract
    recipe: Recipe

    def member(self, node: Node, path: str, required: bool, index: tuple[int, ...] = (), last: bool = True) -> Any:
        """The value of a parameter or key, `ABSENT` where it is left out."""
        edit = self.recipe.edit
        if isinstance(edit, Missing) and edit.path == path:
            return ABSENT
        if not required and (not has_tensor(node) or path not in self.recipe.on):
            return ABSENT
        return self.node(node, path, index, last)

    def node(self, node: Node, path: str, index: tuple[int, ...], last: bool) -> Any:
        """The value of a node. ``last`` says that it is the last item of every list around it."""
        edit = self.recipe.edit
        if isinstance(edit, Replaced) and edit.path == path:
            return self.replaced(node, path, edit.by, index, last)
        return self.plain(node, path, index, last)

    def plain(self, node: Node, path: str, index: tuple[int, ...], last: bool) -> Any:
        """The value of a node, without the edit at its own path."""
        edit = self.recipe.edit
        if isinstance(node, Tensor):
            return self.tensor(node, index, last)
        if isinstance(node, Constant):
            return float(node.value) if node.type == "float" and node.value is not None else node.value
        if isinstance(node, Optional):
            on = f"{path}?" in self.recipe.on and has_tensor(node.node)
            return self.node(node.node, path, index, last) if on else None
        if isinstance(node, Dict):
            made = {
                part.key: self.member(part.node, f"{path}.{part.key}", part.required, index, last)
                for part in node.fields
            }
            made = {key: value for key, value in made.items() if value is not ABSENT}
            if isinstance(edit, Extra) and edit.path == path:
                made[edit.name] = np.zeros(1, np.float32)
            return made
        if isinstance(node, List):
            length = node.length if isinstance(node.length, int) else self.recipe.sizes[node.length]
            if isinstance(edit, Length) and edit.path == path:
                length = edit.size
            return [
                self.node(node.item, f"{path}[*]", (*index, i), last and i == length - 1) for i in range(max(0, length))
            ]
        items = [self.node(item, f"{path}[{i}]", index, last) for i, item in enumerate(node.items)]
        if isinstance(edit, Extra) and edit.path == path:
            items.append(np.zeros(1, np.float32))
        return in_sequence(node, items[:-1] if isinstance(edit, Length) and edit.path == path else items)

    def replaced(self, node: Node, path: str, by: str, index: tuple[int, ...], last: bool) -> Any:
        """Something of another kind, made of the right content where there is a natural way."""
        if by == "none":
            return None
        if by == "text":
            return "text"
        value = self.plain(node, path, index, last)
        if by == "list":
            return list(value.values()) if isinstance(value, dict) else [value]
        return {str(i): item for i, item in enumerate(value)} if isinstance(value, (list, tuple)) else {"value": value}

    def tensor(self, tensor: Tensor, index: tuple[int, ...], last: bool) -> Array:
        """A leaf's array, with the edit that is about it. Of a list's items, only the last one differs."""
        edit = self.recipe.edit if last and getattr(self.recipe.edit, "tensor", None) == tensor.wire_name else None
        shape = tuple(size if isinstance(size, int) else self.recipe.sizes[size] for size in tensor.shape)
        if isinstance(edit, Axis):
            shape = (*shape[: edit.axis], edit.size, *shape[edit.axis + 1 :])
        how = self.recipe.fills.get(tensor.wire_name, self.recipe.fill)
        seed = [self.recipe.seed, zlib.crc32(f"{tensor.wire_name}{index}".encode())]
        array = filled(how, tensor.dtype, tuple(max(0, s) for s in shape), tensor.values, self.recipe.sizes, seed)
        if isinstance(edit, OtherDType):
            return _as_dtype(array, tensor.dtype, edit.dtype)
        if isinstance(edit, Rank):
            if edit.change == "one-added":
                return array[None]
            return array[0] if edit.change == "first-dropped" else np.asarray(array.reshape(-1)[:1].reshape(()))
        if isinstance(edit, Ceiling):
            capped: Array = np.minimum(array, array.dtype.type(edit.value))
            return capped
        if isinstance(edit, Row) and array.size:
            value, other = cast(np.array([edit.value, edit.other], np.float64), tensor.dtype)
            row = rows_of(array)[0 if edit.where == "first" else -1]
            row[...] = value
            row.flat[: edit.others] = other
        if isinstance(edit, Element) and array.size:
            _put(array, tensor, edit)
        return array


def _as_dtype(array: Array, old: str, new: str) -> Array:
    """The same numbers in another dtype as far as it can hold them."""
    if new == "bfloat16" and not is_floating(old):
        return cast(array.astype(np.float64), new)
    numbers = (array.astype(np.uint32) << np.uint32(16)).view(np.float32) if old == "bfloat16" else array
    if "complex" in old and "complex" not in new:
        numbers = numbers.real
    if is_floating(old) and not is_floating(new):
        numbers = np.nan_to_num(numbers, nan=0.0, posinf=1.0, neginf=0.0)
        numbers = np.abs(numbers) if new.startswith("uint") or new == "bool" else numbers
    return cast(numbers, new)


def _put(array: Array, tensor: Tensor, edit: Element) -> None:
    place = array if edit.column is None else array[..., edit.column]
    value: Any = edit.value
    if tensor.dtype == "bfloat16":
        value = cast(np.array([edit.value], np.float64), "bfloat16")[0]
    if edit.where == "all":
        place[...] = value
    elif place.ndim == 0:
        array[() if edit.column is None else edit.column] = value
    else:
        place[np.unravel_index(0 if edit.where == "first" else place.size - 1, place.shape)] = value


def holds(value: float, dtype: str) -> bool:
    """Whether a dtype can express a value at all."""
    if dtype == "bool":
        return value in (0, 1)
    if is_floating(dtype):
        return True
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        return False
    info = np.iinfo(numpy_dtype(dtype))
    return bool(info.min <= value <= info.max)


def domain(tensor: Tensor, column: int | None) -> Values:
    """The value domain of a tensor, or of one of its columns."""
    values = tensor.values or Values()
    return values if column is None or values.along_last is None else values.along_last[column]
