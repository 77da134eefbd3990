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
    """The group of input axes, and the output axis of each output tensor that has one."""

    group: Group
    outputs: tuple[OutAxis, ...]


def prove_batch(prober: Prober, groups: Sequence[Group], optional: frozenset[str] = frozenset()) -> BatchProof | None:
    """The batch axis of the inputs: a group with one axis in every tensor, proven by changing one row at a time.

    Tensors of the parameters named ``optional`` may lack it.
    """
    required = {path for path in prober.hypothesis.leaves() if path[0] not in optional}
    for group in groups:
        if required and required <= {path for path, _ in group}:
            proof = prove_rows(prober, group)
            if proof is not None and len(proof.outputs) == len(out_tensors(prober.base().tree)):
                return proof
    return None


def tensors_with_rows(prober: Prober, groups: Sequence[Group]) -> set[Path]:
    """The tensors with a first axis of independent rows, be it not one that all share: queries beside supports."""
    first = [group for group in groups if any(axis == 0 for _, axis in group)]
    return {path for group in first if prove_rows(prober, group) is not None for path, _ in group}


def prove_rows(prober: Prober, group: Group) -> BatchProof | None:
    """The proof that a change of row i of this group's tensors changes nothing but row i of the outputs, if it holds."""
    paths = [path for path, _ in group]
    if len(paths) != len(set(paths)):
        return None
    sizes = tuple(changed(group, _ROWS).items())
    larger = tuple(changed(group, _ROWS + 1).items())
    at_rows, at_more = prober.run([Input(sizes), Input(larger)], tensors=True)
    if not (at_rows.ok and at_more.ok):
        return None
    axes = _scaling_axes(at_rows.value, at_more.value)
    if not any(axis is not None for axis in axes):
        return None
    base = at_rows.value.tensors
    together = [_Change(group, attempt) for attempt in (0, 1, 2)]
    one_by_one = [_Change((axis,), attempt) for axis in group for attempt in (1, 2)] if len(group) > 1 else []
    changed_rows = False
    # One tensor may take no other content, and spoil what is changed with it.
    for changes in (together, one_by_one, [_Change(group, 3)]):
        attempts = [(row, change) for row in (0, _ROWS - 1) for change in changes if not changed_rows]
        outcomes = prober.run([Input(sizes, change.edits(row)) for row, change in attempts], tensors=True)
        for (row, _), outcome in zip(attempts, outcomes, strict=True):
            if not outcome.ok:
                continue  # the changed row's content is not one that the model takes
            others = torch.tensor([i for i in range(_ROWS) if i != row])
            for before, after, axis in zip(base, outcome.value.tensors, axes, strict=True):
                if before.shape != after.shape:
                    return None
                if axis is None:
                    if not _same(before, after):
                        return None
                    continue
                rest = before.index_select(axis, others), after.index_select(axis, others)
                if not _same(*rest):
                    return None
                own = _difference(before.select(axis, row), after.select(axis, row))
                changed_rows |= own > 100 * _difference(*rest)  # however little a row matters: noise is in all of them
    outputs = tuple((index, axis) for index, axis in enumerate(axes) if axis is not None)
    return BatchProof(group, outputs) if changed_rows else None


def _scaling_axes(at_rows: Observed, at_more: Observed) -> list[int | None]:
    """The axis of each output tensor that grows with the rows, or None."""
    first, second = out_tensors(at_rows.tree), out_tensors(at_more.tree)
    if len(first) != len(second):
        return []
    axes: list[int | None] = []
    for (_, small), (_, large) in zip(first, second, strict=True):
        pairs = enumerate(zip(small.sizes, large.sizes, strict=False))
        axes.append(next((i for i, (a, b) in pairs if (a, b) == (_ROWS, _ROWS + 1)), None))
    return axes


@dataclass(frozen=True)
class _Change:
    """Another content for one row of some tensors; ``attempt`` says which."""

    axes: Group
    attempt: int

    def edits(self, row: int) -> tuple[tuple[Path, Edit], ...]:
        return tuple((path, _Row(axis, row, self.attempt)) for path, axis in self.axes)


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
        elif self.attempt == 3:  # the mean of all ids that are not 0 is the same whichever of them are 1
            part.copy_(make_tensor(Leaf(tensor.dtype, tuple(part.shape)), "mixed", 98) + 1)
        else:
            part.copy_(1 - part if tensor.dtype != torch.bool else ~part)
        return tensor


def _difference(before: torch.Tensor, after: torch.Tensor) -> float:
    """The largest difference of two tensors of one shape."""
    if not before.numel():
        return 0.0
    if before.is_complex():
        before, after = torch.view_as_real(before), torch.view_as_real(after)
    return float((before.double() - after.double()).abs().nan_to_num().max())


def _same(before: torch.Tensor, after: torch.Tensor) -> bool:
    if before.is_floating_point() or before.is_complex():
        return torch.allclose(before, after, rtol=1e-3, atol=1e-4, equal_nan=True)
    return torch.equal(before, after)
