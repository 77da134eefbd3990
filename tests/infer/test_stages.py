from __future__ import annotations

import torch
from torch import nn

from contractgen.infer.stages import explore
from tests.infer.conftest import Bench, f32, i64, params


class Placed(nn.Module):
    """Steps with places of their own, unless they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.head = nn.Embedding(64, 12), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor, pos: torch.Tensor | None = None) -> torch.Tensor:
        return self.head(x + self.places(torch.arange(x.shape[1]) if pos is None else pos))


def test_what_only_a_run_at_other_ranks_needed_is_optional(bench: Bench) -> None:
    workbench = bench(Placed())
    found = workbench.found(params(x=f32(5, 7, 12), pos=i64(5, 7)))
    optionals, measured = explore(workbench.search(), [found], None, lambda stage, detail: None)
    assert optionals.paths == [("pos",)]
    bounds = {extent.group: extent.max for extent in measured.sizes.extents if extent.free and not extent.batch}
    assert bounds == {((("x",), 1), (("pos",), 1)): 64}


class TwoTables(nn.Module):
    """A long text and the start of its summary, each with places of its own; without a start, the text stands in for it."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30, 12)
        self.long, self.short = nn.Embedding(48, 12), nn.Embedding(20, 12)

    def forward(self, text: torch.Tensor, start: torch.Tensor | None = None) -> torch.Tensor:
        start = text.flip(1) if start is None else start
        read = (self.words(text) + self.long(torch.arange(text.shape[1]))).cumsum(1).mean(1, keepdim=True)
        return self.words(start) + self.short(torch.arange(start.shape[1])) + read


def test_what_has_a_size_of_its_own_is_needed_where_a_size_may_be_larger_beside_it(bench: Bench) -> None:
    workbench = bench(TwoTables())
    search = workbench.search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    optionals, measured = explore(workbench.search(), [found], None, lambda stage, detail: None)
    assert optionals.paths == []
    told = "without it the model runs at 20 at most, where it takes 48 with it; is that meant?"
    assert optionals.needed == {("start",): told}
    bounds = {extent.group: extent.max for extent in measured.sizes.extents if extent.free and not extent.batch}
    assert bounds == {((("text",), 1),): 48, ((("start",), 1),): 20}
