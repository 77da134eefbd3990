"""Edits: other contents for one tensor of an input, made from the content that it would have had."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from contractgen.contract.model import EachRow
from contractgen.infer.probe import Edit


def view(tensor: torch.Tensor, column: int | None) -> torch.Tensor:
    """The tensor, or one index of its last axis."""
    return tensor if column is None else tensor[..., column]


@dataclass(frozen=True)
class Put:
    """An edit of one element: the ``place``-th of seven spread over the tensor (-1: the last)."""

    value: float
    place: int
    column: int | None = None

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with that element replaced."""
        part = view(tensor, self.column)
        count = part.numel()
        if count:
            flat = count - 1 if self.place < 0 else min(count - 1, (self.place * (count - 1)) // 6)
            index = [int(i) for i in torch.unravel_index(torch.tensor(flat), part.shape)] if part.dim() else []
            part[tuple(index)] = self.value
        return tensor


@dataclass(frozen=True)
class Constant:
    """An edit of all elements to one value."""

    value: float

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, filled."""
        return tensor.fill_(self.value)


@dataclass(frozen=True)
class Climb:
    """An edit to zeros and then each number up to one, which comes last: groups none of which is empty."""

    value: int

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """Rows of these numbers; a negative one stands after zeros."""
        count = tensor.shape[-1]
        row = (self.value - torch.arange(count).flip(0)).clamp(min=0)
        row[-1:] = self.value
        return row.to(tensor.dtype).expand(tensor.shape).clone()


@dataclass(frozen=True)
class Bits:
    """An edit to zeros and a number instead of one, or two of them by turns."""

    one: int
    other: int | None = None

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """Zeros and these numbers, the first of each row the first of them."""
        bits = torch.randint(0, 2, tensor.shape, generator=torch.Generator().manual_seed(5))
        if tensor.dim():
            bits[..., 0] = 1
        numbers = torch.where(bits.cumsum(-1) % 2 == 1, self.one, self.one if self.other is None else self.other)
        return (bits * numbers).to(tensor.dtype)


@dataclass(frozen=True)
class Sorted:
    """An edit to numbers from ``low`` to ``high`` along the last axis, in some order or in none."""

    low: int
    high: int
    order: str

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """Rows of these numbers."""
        count = tensor.shape[-1]
        row = torch.linspace(self.low, self.high, count).round().to(tensor.dtype)
        row[0], row[-1] = self.low, self.high
        if self.order == "descending":
            row = row.flip(0)
        elif self.order == "none":
            row = torch.where(torch.arange(count) % 2 == 0, self.low, self.high).to(tensor.dtype)
        return row.expand(tensor.shape).clone()


@dataclass(frozen=True)
class Enough:
    """An edit that gives each row what it needs, in its first places, where it has too little."""

    needs: EachRow
    nonzero: int = 1

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with what its rows need."""
        zero = self.needs.kind == "zero"
        if tensor.numel():
            rows = rows_of(tensor).flatten(1)
            lacking = ((rows == 0) == zero).sum(1) < self.needs.least
            rows[lacking, : self.needs.least] = 0 if zero else self.nonzero
        return tensor


@dataclass(frozen=True)
class Within:
    """An edit that fills a tensor of integers with random numbers of a range."""

    low: int
    high: int
    seed: int
    order: str | None = None
    column: int | None = None
    attained: bool = False
    """Whether one of them is the largest of the range."""
    each_row: EachRow | None = None

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with its content, or one column of it, replaced."""
        part = view(tensor, self.column)
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randint(self.low, self.high + 1, tuple(part.shape), generator=generator).to(tensor.dtype)
        if self.attained and drawn.numel():
            drawn.view(-1)[self.seed % drawn.numel()] = self.high
        if self.each_row is not None:
            drawn = Enough(self.each_row, self.high or self.low).apply(drawn)
        if self.order is not None:
            drawn = drawn.sort(dim=-1, descending=self.order == "descending").values
        part.copy_(drawn)
        return tensor


@dataclass(frozen=True)
class Row:
    """An edit that fills one row, which is all that an index of the first axis holds, or a single axis."""

    row: int
    value: float
    but: tuple[slice, float] | None = None
    """A part of it that holds another number."""

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with that row."""
        part = rows_of(tensor)[self.row]
        part.fill_(self.value)
        if self.but is not None:
            part.view(-1)[self.but[0]] = self.but[1]
        return tensor


def rows_of(tensor: torch.Tensor) -> torch.Tensor:
    """The rows of a tensor, as a view: a single axis is one row."""
    return tensor.unsqueeze(0) if tensor.dim() == 1 else tensor


@dataclass(frozen=True)
class Each:
    """Several edits, one after the other."""

    edits: tuple[Edit, ...]

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor after all of them."""
        for edit in self.edits:
            tensor = edit.apply(tensor)
        return tensor
