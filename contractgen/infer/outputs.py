"""What the model returns: each size of each output as an expression over the input dims, as all runs so far confirm it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from contractgen.infer.extents import Extent, axes_of
from contractgen.infer.guards import AxisExpr, evaluate
from contractgen.infer.hypothesis import Axis
from contractgen.infer.probe import OutTensor, Prober
from contractgen.infer.trial import SymbolicTensor


@dataclass(frozen=True)
class OutLeaf:
    """A tensor of the output: a size is an integer, an expression, or None where the data decide."""

    dtype: torch.dtype
    sizes: tuple[AxisExpr | None, ...]


Observation = tuple[dict[Axis, int], object]
"""The sizes of all input axes of a run, and the tree that it returned."""


def observe_outputs(prober: Prober, extents: Sequence[Extent], symbolic: object) -> object:
    """The output tree with an `OutLeaf` for each tensor."""
    observations = prober.observations()
    base = prober.base().tree
    trees = [tree for _, tree in observations]
    free = [extent for extent in extents if extent.free]
    return _leaf_by_leaf(base, symbolic, trees, [sizes for sizes, _ in observations], free)


def _leaf_by_leaf(
    base: object, symbolic: object, trees: list[object], sizes: list[dict[Axis, int]], free: list[Extent]
) -> object:
    if isinstance(base, OutTensor):
        pairs = [(at, tree) for at, tree in zip(sizes, trees, strict=True) if isinstance(tree, OutTensor)]
        known = symbolic if isinstance(symbolic, SymbolicTensor) and len(symbolic.sizes) == len(base.sizes) else None
        return OutLeaf(
            base.dtype,
            tuple(
                _size_at(
                    [(at, t.sizes[index]) for at, t in pairs if index < len(t.sizes)],
                    known.sizes[index] if known else None,
                    free,
                )
                for index in range(len(base.sizes))
            ),
        )
    if isinstance(base, dict):
        kept = {k: v for k, v in base.items() if v is not None}
        return {k: _leaf_by_leaf(v, _child(symbolic, k), *_children(trees, sizes, k), free) for k, v in kept.items()}
    if isinstance(base, (list, tuple)):
        kept_items = [(i, v) for i, v in enumerate(base) if v is not None]
        return type(base)(
            _leaf_by_leaf(v, _child(symbolic, i), *_children(trees, sizes, i), free) for i, v in kept_items
        )
    return None


def _child(tree: object, key: str | int) -> object:
    if isinstance(tree, dict):
        return tree.get(key)
    return tree[key] if isinstance(tree, (list, tuple)) and isinstance(key, int) and key < len(tree) else None


def _children(
    trees: list[object], sizes: list[dict[Axis, int]], key: str | int
) -> tuple[list[object], list[dict[Axis, int]]]:
    pairs = [(_child(tree, key), at) for tree, at in zip(trees, sizes, strict=True)]
    kept = [(tree, at) for tree, at in pairs if tree is not None]
    return [tree for tree, _ in kept], [at for _, at in kept]


def _size_at(seen: list[tuple[dict[Axis, int], int]], symbolic: AxisExpr | None, free: list[Extent]) -> AxisExpr | None:
    """The size of one output axis: an expression that every run agrees with."""
    axes = [extent.group[0] for extent in free]
    values = {value for _, value in seen}
    if len(values) == 1 and not (symbolic is not None and not isinstance(symbolic, int) and _fits(symbolic, seen)):
        return values.pop()
    if symbolic is not None and _fits(symbolic, seen):
        return _plain(symbolic, free)
    for axis in axes:
        if _fits(axis, seen):
            return axis
    for axis in axes:
        fitted = _fit_line(axis, seen)
        if fitted is not None:
            return fitted
    for first, second in itertools.combinations(axes, 2):
        for candidate in (("+", first, second), ("*", first, second)):
            if _fits(candidate, seen):
                return candidate
    return None


def _plain(expr: AxisExpr, free: list[Extent]) -> AxisExpr:
    """An expression of one dim that is that dim, a multiple or a part of it at all sizes that it may have, said so."""
    read = set(axes_of(expr))
    extent = next((one for one in free if read and read <= set(one.group)), None)
    if extent is None or isinstance(expr, int) or len(expr) == 2:
        return expr
    steps = (*range(_STEPS), *(2**power + power for power in range(4, 12)))
    sizes = [size for size in (extent.min + step * extent.multiple_of for step in steps) if extent.contains(size)]
    values = [(size, evaluate(expr, dict.fromkeys(extent.group, size))) for size in sizes]
    factors = {value // size if value % size == 0 else 0 for size, value in values}
    parts = {size // value if value > 0 and size % value == 0 else 0 for size, value in values}
    axis = extent.group[0]
    if len(factors) == 1 and (factor := factors.pop()):
        return axis if factor == 1 else ("*", factor, axis)
    if len(parts) == 1 and (part := parts.pop()) and extent.multiple_of % part == extent.remainder % part == 0:
        return ("//", axis, part)
    return expr


_STEPS = 64


def _fits(expr: AxisExpr, seen: Sequence[tuple[Mapping[Axis, int], int]]) -> bool:
    try:
        return all(evaluate(expr, at) == value for at, value in seen)
    except (KeyError, ZeroDivisionError):
        return False


def _fit_line(axis: Axis, seen: list[tuple[dict[Axis, int], int]]) -> AxisExpr | None:
    """``(a * size + b) // c`` for small a and c."""
    if len({at[axis] for at, _ in seen}) < 3:
        return None
    at, value = seen[0]
    for divisor in range(1, 65):
        for factor in range(1, 9):
            if divisor > 1 and factor > 1:
                continue
            center = value * divisor - factor * at[axis]
            for offset in range(center, center + divisor):
                scaled: AxisExpr = axis if factor == 1 else ("*", factor, axis)
                moved: AxisExpr = scaled if offset == 0 else ("+", scaled, offset)
                expr: AxisExpr = moved if divisor == 1 else ("//", moved, divisor)
                if _fits(expr, seen):
                    return expr
    return None
