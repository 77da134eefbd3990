from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.infer.composed import compose, derive, follow_reads
from contractgen.infer.extents import Extent
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


class TwoMatrices(nn.Module):
    """What comes in and what goes out of each node, side by side; more columns are never looked at."""

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> Any:
        count = edges.shape[1]
        return edges[:, :, :count] @ nodes + edges[:, :, count : 2 * count] @ nodes


class Cut(nn.Module):
    """More columns than twice as many, of which the rest is read too."""

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> Any:
        count = nodes.shape[1]
        return edges[:, :, :count] @ nodes + edges[:, :, count : 2 * count] @ nodes + edges.sum()


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


def test_two_matrices_side_by_side_are_read_so_far_and_no_further(bench: Bench) -> None:
    for width in (10, 14):  # also where the first that ran had more
        followed = follow(bench, TwoMatrices(), params(nodes=f32(2, 5, 3), edges=f32(2, 5, width)))
        assert followed == {("edges", 2): ("*", 2, (("nodes",), 1))}
    assert follow(bench, Cut(), params(nodes=f32(2, 5, 3), edges=f32(2, 5, 14))) == {}


def follow(bench: Bench, module: nn.Module, hypothesis: Hypothesis) -> dict[tuple[str, int], object]:
    """What follows from what is read; the axes of nodes are one size, and the input is left at sizes that fit."""
    workbench = bench(module)
    found = workbench.found(hypothesis)
    batch = Extent(((("nodes",), 0), (("edges",), 0)), batch=True)
    extents = [batch, Extent(((("nodes",), 1), (("edges",), 1)))]
    extents += [Extent(((("nodes",), 2),)), Extent(((("edges",), 2),))]
    prober = follow_reads(Prober(workbench.search().runner, found.hypothesis, found.plan), extents)
    derived = {(str(e.group[0][0][0]), e.group[0][1]): e.derived for e in extents if e.derived is not None}
    assert not derived or prober.hypothesis.leaves()[("edges",)].sizes[2] == 10
    return derived


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
