"""Proving that an axis is a batch axis: row i of every output depends on row i of the inputs and on no other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from contractgen.infer.hypothesis import Leaf, Path
from contractgen.infer.probe import Edit, Input, Observed, Prober, out_tensors
from contractgen.infer.ties import Group, changed
from contractgen.infer.values import make_tensor

OutAxis = tuple[int, int]
"""(index of an output tensor, axis)."""

_ROWS = 3


@dataclass(frozen=True)
class BatchProof:
    """The group of input axes and the output axis of each output tensor that it is the batch of."""

    group: Group
    outputs: tuple[OutAxis, ...]


def prove_batch(prober: Prober, groups: Sequence[Group], optional: frozenset[str] = frozenset()) -> BatchProof | None:
    """The batch axis of the inputs, proven by changing one row at a time.

    It is a group with one axis in every tensor; tensors of the parameters named ``optional`` may lack it.
    """
    required = {path for path in prober.hypothesis.leaves() if path[0] not in optional}
    for group in groups:
        paths = [path for path, _ in group]
        if not required or not required <= set(paths) or len(paths) != len(set(paths)):
            continue
        proof = _prove(prober, group)
        if proof is not None:
            return proof
    return None


def _prove(prober: Prober, group: Group) -> BatchProof | None:
    sizes = tuple(changed(group, _ROWS).items())
    larger = tuple(changed(group, _ROWS + 1).items())
    at_rows, at_more = prober.run([Input(sizes), Input(larger)], tensors=True)
    if not (at_rows.ok and at_more.ok):
        return None
    outputs = _scaling_axes(at_rows.value, at_more.value)
    if outputs is None:
        return None
    base = at_rows.value.tensors
    changed_rows = False
    attempts = (0, 1, 2)
    trials = [Input(sizes, _row_edits(group, row, attempt)) for row in (0, _ROWS - 1) for attempt in attempts]
    for (row, _), outcome in zip(
        [(r, a) for r in (0, _ROWS - 1) for a in attempts], prober.run(trials, tensors=True), strict=True
    ):
        if not outcome.ok:
            continue  # the changed row's content is not one that the model takes
        for index, axis in outputs:
            before, after = base[index], outcome.value.tensors[index]
            if before.shape != after.shape:
                return None
            others = [i for i in range(_ROWS) if i != row]
            if not _same(
                before.index_select(axis, torch.tensor(others)), after.index_select(axis, torch.tensor(others))
            ):
                return None
            changed_rows |= not _same(before.select(axis, row), after.select(axis, row))
    return BatchProof(group, outputs) if changed_rows else None


def _scaling_axes(at_rows: Observed, at_more: Observed) -> tuple[OutAxis, ...] | None:
    """The axis of each output tensor that grows with the rows; None where one has none."""
    axes: list[OutAxis] = []
    first, second = out_tensors(at_rows.tree), out_tensors(at_more.tree)
    if len(first) != len(second) or not first:
        return None
    for index, ((_, small), (_, large)) in enumerate(zip(first, second, strict=True)):
        grown = [
            i for i, (a, b) in enumerate(zip(small.sizes, large.sizes, strict=False)) if (a, b) == (_ROWS, _ROWS + 1)
        ]
        if not grown:
            return None
        axes.append((index, grown[0]))
    return tuple(axes)


def _row_edits(group: Group, row: int, attempt: int) -> tuple[tuple[Path, Edit], ...]:
    """Edits that give one row of every tensor of the group another content."""
    return tuple((path, _Row(axis, row, attempt)) for path, axis in group)


@dataclass(frozen=True)
class _Row:
    """An edit of one row."""

    axis: int
    row: int
    attempt: int

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        part = tensor.select(self.axis, self.row)
        if tensor.is_floating_point() or tensor.is_complex():
            part.copy_(make_tensor(Leaf(tensor.dtype, tuple(part.shape)), "normal", 97 + self.attempt))
        elif self.attempt == 0:
            return tensor  # numbers alone: another id or length may not be one that the model takes
        elif self.attempt == 1:
            part.copy_(make_tensor(Leaf(tensor.dtype, tuple(part.shape)), "mixed", 97))
        else:
            part.copy_(1 - part if tensor.dtype != torch.bool else ~part)
        return tensor


def _same(before: torch.Tensor, after: torch.Tensor) -> bool:
    if before.is_floating_point() or before.is_complex():
        return torch.allclose(before, after, rtol=1e-3, atol=1e-4, equal_nan=True)
    return torch.equal(before, after)
