from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.infer.dtypes import usual_dtypes
from contractgen.infer.hypothesis import Leaf
from tests.infer.conftest import Bench, f32, i64, params


class Counted(nn.Module):
    """Symbols end where it makes as many rows as the largest index says; any integer indexes."""

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> Any:
        return x.new_zeros(int(index.max()) + 1, x.shape[1]).index_add(0, index, x)


def test_the_usual_integer_is_taken_where_symbols_end_before_the_model_does(bench: Bench) -> None:
    workbench = bench(Counted())
    found = workbench.found(params(x=f32(5, 7), index=Leaf(torch.int32, (5,))))
    assert not found.trial.ok
    usual = usual_dtypes(workbench.search(), found, [("index",)])
    assert usual.hypothesis.leaves()[("index",)].dtype == torch.int64


class Conditioned(nn.Module):
    """A one-hot row that is joined with measurements, beside categories that are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.table = nn.Linear(7, 4), nn.Embedding(9, 4)

    def forward(self, x: torch.Tensor, category: torch.Tensor, categories: torch.Tensor) -> Any:
        return self.layer(torch.cat([x, category], dim=1)) + self.table(categories).sum(1)


def test_columns_that_are_joined_with_measurements_are_floats_whatever_their_name(bench: Bench) -> None:
    workbench = bench(Conditioned())
    found = workbench.found(params(x=f32(5, 3), category=i64(5, 4), categories=i64(5, 2)))
    leaves = usual_dtypes(workbench.search(), found).hypothesis.leaves()
    assert leaves[("category",)].dtype == torch.float32
    assert leaves[("categories",)].dtype == torch.int64


class Compared(nn.Module):
    """Segments that are only compared with each other, beside tokens of the same length."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, ids: torch.Tensor, segment_ids: torch.Tensor) -> Any:
        same = segment_ids[:, None] == segment_ids[:, :, None]
        return same.float() @ self.table(ids)


def test_ids_that_share_a_length_are_no_columns_of_measurements(bench: Bench) -> None:
    workbench = bench(Compared())
    found = workbench.found(params(ids=i64(5, 7), segment_ids=i64(5, 7)))
    leaves = usual_dtypes(workbench.search(), found, [("segment_ids",)]).hypothesis.leaves()
    assert leaves[("segment_ids",)].dtype == torch.int64


class Weighted(nn.Module):
    """A mask that measurements are multiplied with as it is."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        return (x * (1 - mask).unsqueeze(-1)).sum(1)


class WeightedTokens(Weighted):
    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return super().forward(x, attention_mask)


class Converted(nn.Module):
    """A mask that it makes floats of by itself."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        return (x * mask.unsqueeze(-1).to(x.dtype)).sum(1)


@pytest.mark.parametrize(
    ("model", "name", "dtype"),
    [
        (Weighted(), "mask", torch.float32),
        (WeightedTokens(), "attention_mask", torch.int64),
        (Converted(), "mask", torch.int64),
    ],
)
def test_a_mask_that_floats_are_multiplied_with_is_of_floats(
    bench: Bench, model: nn.Module, name: str, dtype: torch.dtype
) -> None:
    workbench = bench(model)
    found = workbench.found(params(**{"x": f32(5, 7, 3), name: i64(5, 7)}))
    assert usual_dtypes(workbench.search(), found).hypothesis.leaves()[(name,)].dtype == dtype


class Casting(nn.Module):
    """Looks words up after it made integers of them, or of half of what it is given."""

    def __init__(self, share: float = 1) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.share = share

    def forward(self, x: torch.Tensor) -> Any:
        return self.words((x if self.share == 1 else self.share * x).long().clamp(0, 49))


@pytest.mark.parametrize(("share", "dtype"), [(1, torch.int64), (0.5, torch.float32)])
def test_what_is_made_integers_as_it_is_are_integers(bench: Bench, share: float, dtype: torch.dtype) -> None:
    workbench = bench(Casting(share))
    usual = usual_dtypes(workbench.search(), workbench.found(params(x=f32(5, 7))))
    assert usual.hypothesis.leaves()[("x",)].dtype == dtype
