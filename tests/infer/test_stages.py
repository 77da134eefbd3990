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
