"""Trees of arrays: comparing them, taking a result apart by wire names, and telling a reader what an input was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from contractgen.contract.model import Constant, Contract, Dict, Node, Optional, Tensor, Tuple
from contractgen.verify.fill import Array, from_bits


def call_of(contract: Contract, arguments: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """``(args, kwargs)`` of forward for arguments by name; what follows an absent positional one goes by name."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    gap = False
    for parameter in contract.inputs:
        if parameter.name not in arguments:
            gap = gap or parameter.kind != "keyword"
            continue
        value = arguments[parameter.name]
        if parameter.kind == "variadic":
            args += list(value)
        elif parameter.kind == "positional" and not gap:
            args.append(value)
        else:
            kwargs[parameter.name] = value
    known = {parameter.name for parameter in contract.inputs}
    kwargs |= {name: value for name, value in arguments.items() if name not in known}
    return tuple(args), kwargs


def named(contract: Contract, call: tuple[tuple[Any, ...], dict[str, Any]]) -> dict[str, Any]:
    """The arguments of a call by parameter name: `call_of` the other way."""
    args, kwargs = call
    positional = [parameter.name for parameter in contract.inputs if parameter.kind == "positional"]
    given = dict(zip(positional, args, strict=False))
    rest = next((parameter.name for parameter in contract.inputs if parameter.kind == "variadic"), None)
    if rest is not None:
        given[rest] = list(args[len(positional) :])
    return given | kwargs


def frozen(tree: Any) -> Any:
    """A tree of arrays that nothing may write to, as those that a validator reads from a body."""
    if isinstance(tree, np.ndarray):
        tree.flags.writeable = False
    elif isinstance(tree, Mapping):
        for value in tree.values():
            frozen(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            frozen(value)
    return tree


class OutputMismatch(Exception):
    """The model's result is no tree of the kind that the contract says."""


def output_tensors(contract: Contract, result: Any) -> dict[str, tuple[Tensor, Any]]:
    """The tensors of a result by wire name. Raises `OutputMismatch` where its structure is not the contract's."""
    nodes = [output.node for output in contract.outputs]
    parts = [result] if len(nodes) == 1 else result
    if not isinstance(parts, (list, tuple)) or len(parts) != len(nodes):
        raise OutputMismatch(f"the model returns {_kind(result)}, the contract says {len(nodes)} results")
    found: dict[str, tuple[Tensor, Any]] = {}
    for output, part in zip(contract.outputs, parts, strict=True):
        for name, tensor, value in _outputs(output.node, part, output.name, ()):
            found[name] = (tensor, value)
    return found


def _outputs(node: Node, value: Any, path: str, index: tuple[int, ...]) -> Iterator[tuple[str, Tensor, Any]]:
    if isinstance(node, Optional):
        if value is not None:
            yield from _outputs(node.node, value, path, index)
    elif isinstance(node, Tensor):
        if not hasattr(value, "shape"):
            raise OutputMismatch(f"{path}: expected a tensor, the model returns {_kind(value)}")
        yield indexed(node.wire_name, index), node, value
    elif isinstance(node, Dict):
        yield from _dict_outputs(node, value, path, index)
    elif isinstance(node, Constant):
        if value != node.value:
            raise OutputMismatch(f"{path}: expected {node.value!r}, the model returns {_kind(value)}")
    else:
        if not isinstance(value, (list, tuple)) or (isinstance(node, Tuple) and len(value) != len(node.items)):
            kind = node.sequence if isinstance(node, Tuple) else "list"
            raise OutputMismatch(f"{path}: expected a {kind}, the model returns {_kind(value)}")
        for i, item in enumerate(value):
            inner, below = (node.items[i], index) if isinstance(node, Tuple) else (node.item, (*index, i))
            yield from _outputs(inner, item, f"{path}[{i}]", below)


def _dict_outputs(node: Dict, value: Any, path: str, index: tuple[int, ...]) -> Iterator[tuple[str, Tensor, Any]]:
    if not isinstance(value, Mapping):
        raise OutputMismatch(f"{path}: expected a dict, the model returns {_kind(value)}")
    for field in node.fields:
        if field.key in value:
            yield from _outputs(field.node, value[field.key], f"{path}.{field.key}", index)
        elif field.required:
            raise OutputMismatch(f"{path}.{field.key}: the model does not return it")


def indexed(name: str, index: tuple[int, ...]) -> str:
    """A wire name with each ``*`` replaced by the index of a list around it."""
    for i in index:
        name = name.replace("*", str(i), 1)
    return name


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dict with the keys {', '.join(map(str, value))}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def same(left: Any, right: Any) -> bool:
    """Whether two trees hold the same arrays, bit for bit; lists and tuples count as the same."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        a, b = np.asarray(left), np.asarray(right)
        return a.dtype == b.dtype and a.shape == b.shape and (
            bool((a == b).all()) or np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
            or (a.dtype.kind in "fc" and bool(np.array_equal(a, b, equal_nan=True)))
        )  # fmt: skip
    if isinstance(left, Mapping) and isinstance(right, Mapping):  # a key that holds None cannot be told from none
        left, right = ({key: item for key, item in tree.items() if item is not None} for tree in (left, right))
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def described(arguments: Mapping[str, Any], bfloat16: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """One line per tensor: ``batch.ids: int64[2, 5], 0 to 17``. ``bfloat16`` has the paths of tensors of bits."""
    return tuple(line for name, value in arguments.items() for line in _lines(name, value, bfloat16))


def _lines(path: str, value: Any, bfloat16: frozenset[str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        if not value:
            yield f"{path}: {{}}"
        for key, item in value.items():
            yield from _lines(f"{path}.{key}", item, bfloat16)
    elif isinstance(value, (list, tuple)):
        yield f"{path}: a {type(value).__name__} of {len(value)}"
        for i, item in enumerate(value[:4]):
            yield from _lines(f"{path}[{i}]", item, bfloat16)
    elif isinstance(value, np.ndarray):
        is_bits = path in bfloat16
        name = "bfloat16" if is_bits else value.dtype.name
        yield f"{path}: {name}[{', '.join(map(str, value.shape))}]{_range(from_bits(value) if is_bits else value)}"
    else:
        yield f"{path}: {value!r}"


def _range(array: Array) -> str:
    if array.size == 0:
        return ""
    if array.dtype.kind == "c":
        return ""
    numbers = array.ravel()
    if array.dtype.kind == "f":
        nans, infinite = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
        finite = numbers[np.isfinite(numbers)]
        odd = "".join(f", {count} {name}" for count, name in ((nans, "NaN"), (infinite, "infinite")) if count)
        if not finite.size:
            return odd
        return f", {finite.min():.4g} to {finite.max():.4g}{odd}"
    if array.size <= 8:
        return f" = {array.tolist()}"
    return f", {numbers.min()} to {numbers.max()}"
