from __future__ import annotations

import pytest
import torch
from torch import nn

from contractgen.infer.first import smaller
from tests.infer.conftest import Bench, f32, params


class Tiled(nn.Module):
    """Pictures in tiles of 32, of which there may be few."""

    def __init__(self, least: int = 1) -> None:
        super().__init__()
        self.tiles = nn.Conv2d(3, 4, 32, stride=32)
        self.least = least

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if any(size % 32 or size < 32 * self.least for size in x.shape[2:]):
            raise ValueError(f"a picture of {tuple(x.shape[2:])} is no grid of tiles")
        return self.tiles(x).mean((2, 3))


@pytest.mark.parametrize(
    ("least", "given", "expected"),
    [
        (1, (11, 3, 384, 384), (4, 3, 64, 64)),
        (3, (11, 3, 384, 384), (4, 3, 96, 96)),
        (12, (11, 3, 384, 384), (4, 3, 384, 384)),
        (1, (5, 3, 384, 192), (5, 3, 128, 64)),
        (1, (2, 3, 32, 32), (2, 3, 32, 32)),
    ],
    ids=["sides alone", "with a least", "rows alone", "sides that differ", "small already"],
)
def test_large_pictures_are_few_and_of_a_fraction(
    bench: Bench, least: int, given: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    workbench = bench(Tiled(least))
    found = smaller(workbench.search(), workbench.found(params(x=f32(*given))))
    assert found.hypothesis.leaves()[("x",)].sizes == expected
    assert found.trial.guards
