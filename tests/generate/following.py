"""Does what a hint says, as a user would."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np


def steps(path: str) -> list[str | int]:
    """The keys and indices of a path below `inputs`."""
    found: list[str | int] = []
    for part in path.split(".")[1:]:
        name, *indices = re.split(r"\[(\d+)\]", part)
        found.append(name)
        found += [int(index) for index in indices if index]
    return found


def put(tree: Any, where: list[str | int], value: Any) -> Any:
    """The tree with another value at a place."""
    if not where:
        return value
    first, *rest = where
    if isinstance(tree, tuple):
        return tuple(put(item, rest, value) if i == first else item for i, item in enumerate(tree))
    changed = copy.copy(tree)
    changed[first] = put(tree[first], rest, value)
    return changed


def at(tree: Any, where: list[str | int]) -> Any:
    """The value at a place."""
    for step in where:
        tree = tree[step]
    return tree


def followed(module: Any, arguments: dict[str, Any], violation: Any) -> list[dict[str, Any]]:
    """The arguments after doing what the hint of a violation says; several where it gives a choice."""
    where = steps(violation.path)
    hint = violation.hint
    if match := re.fullmatch(r"rename '(.*)' to '(.*)'", hint):
        old, new = match.groups()
        return [put(arguments, where, {(new if key == old else key): one for key, one in at(arguments, where).items()})]
    if match := re.fullmatch(r"leave out '(.*)'", hint):
        return [put(arguments, where, {key: one for key, one in at(arguments, where).items() if key != match[1]})]
    if match := re.fullmatch(r"pass (.*)", hint):
        return [put(arguments, where, eval(match[1]))]
    if match := re.fullmatch(r"make (\w+) (\d+)(?: or (\d+))?", hint):
        return [resized(module, arguments, match[1], int(size)) for size in match.groups()[1:] if size]
    code = hint.partition(": ")[2]
    conversions = {name: getattr(module, name, None) for name in ("to_bfloat16", "from_bfloat16")}
    scope = {**arguments, "np": np, **conversions}
    return [put(arguments, where, eval(code, scope))]


def resized(module: Any, arguments: dict[str, Any], dim: str, size: int) -> dict[str, Any]:
    """The arguments with each axis and list of a dim resized, by repeating or cutting."""

    def visit(node: Any, value: Any) -> Any:
        kind = type(node).__name__
        if kind == "Optional":
            return None if value is None else visit(node.node, value)
        if kind == "Dict":
            return {part.key: visit(part.node, value[part.key]) for part in node.fields if part.key in value}
        if kind == "Tuple":
            return type(value)(visit(part, item) for part, item in zip(node.items, value, strict=True))
        if kind == "List":
            items = [visit(node.item, item) for item in value]
            return (items * size)[:size] if node.length == dim else items
        if kind == "Tensor" and isinstance(value, np.ndarray) and value.ndim == len(node.shape):
            for axis, wanted in enumerate(node.shape):
                if wanted == dim:
                    value = np.take(value, np.arange(size) % value.shape[axis], axis)
        return value

    return visit(module.SPEC.inputs, arguments)
