from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.infer.composed import compose, derive
from contractgen.infer.hypothesis import Hypothesis
from contractgen.infer.probe import Prober
from tests.infer.conftest import Bench, f32, params


def counted(size: int) -> torch.Tensor:
    """As many numbers as there are, from Python's own: the symbolic run has none of it."""
    return torch.tensor([float(number) for number in range(int(size))])


class Pixels(nn.Module):
    """A mask of one column for each pixel, of a picture of which the positions are counted."""

    def forward(self, data: torch.Tensor, mask: torch.Tensor) -> Any:
        x = data + counted(data.shape[1])[:, None, None] + counted(data.shape[2])[:, None]
        return (x.flatten(1, 2) * mask[..., None]).sum(1)


class Joined(nn.Module):
    """A mask over two sequences, one after the other."""

    def forward(self, a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> Any:
        x = torch.cat((a + counted(a.shape[1]), b + counted(b.shape[1])), 1)
        return x * mask


class Chance(nn.Module):
    """Sizes that are each other's product by chance."""

    def forward(self, data: torch.Tensor, kept: torch.Tensor) -> Any:
        return data.sum() + kept.sum()


class Whole(nn.Module):
    """Sizes that the weights fix."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 1), nn.Linear(7, 1), nn.Linear(21, 1)

    def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> Any:
        return self.a(a) + self.b(b) + self.c(c)


def composed(bench: Bench, module: nn.Module, hypothesis: Hypothesis) -> dict[tuple[str, int], object]:
    workbench = bench(module)
    found = workbench.found(hypothesis)
    extents = derive([(axis,) for axis in hypothesis.sizes() if axis[1]], ())
    batch = derive([tuple(axis for axis in hypothesis.sizes() if not axis[1])], ())
    batch[0].batch = True
    compose(Prober(workbench.search().runner, found.hypothesis, found.plan), [*batch, *extents])
    return {(str(e.group[0][0][0]), e.group[0][1]): e.derived for e in extents if e.derived is not None}


def test_a_mask_has_a_column_for_each_pixel(bench: Bench) -> None:
    found = composed(bench, Pixels(), params(data=f32(2, 5, 7, 3), mask=f32(2, 35)))
    assert found == {("mask", 1): ("*", (("data",), 1), (("data",), 2))}


def test_a_mask_is_as_long_as_two_sequences(bench: Bench) -> None:
    found = composed(bench, Joined(), params(a=f32(2, 5), b=f32(2, 7), mask=f32(2, 12)))
    assert found == {("mask", 1): ("+", (("a",), 1), (("b",), 1))}


@pytest.mark.parametrize(
    ("module", "hypothesis"),
    [
        (Chance(), params(data=f32(2, 5, 7), kept=f32(2, 35))),
        (Whole(), params(a=f32(2, 3), b=f32(2, 7), c=f32(2, 21))),
    ],
    ids=["by chance", "fixed"],
)
def test_sizes_that_need_not_follow_are_left(bench: Bench, module: nn.Module, hypothesis: Hypothesis) -> None:
    assert composed(bench, module, hypothesis) == {}
