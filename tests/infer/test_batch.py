from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.batch import prove_batch, prove_rows, tensors_with_rows
from contractgen.infer.ties import Group
from tests.infer.conftest import Bench, f32, i64, params

ROWS: Group = ((("x",), 0),)
COLUMNS: Group = ((("x",), 1),)
BOTH: Group = ((("x",), 0), (("y",), 0))


class Rows(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return torch.relu(x) * 2


class Softmax(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x.softmax(0)


class TimeFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)[0]


class Total(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x.sum()


class Distances(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return torch.cdist(x, y)


class Sum(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x + y


class Shapes(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return torch.zeros(x.shape[0])


class Embed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Embedding(2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


def test_rows_that_depend_on_themselves_alone_are_a_batch(bench: Bench) -> None:
    prober = bench(Rows()).prober(params(x=f32(5, 4)))
    proof = prove_batch(prober, [ROWS, COLUMNS])
    assert proof is not None
    assert (proof.group, proof.outputs) == (ROWS, ((0, 0),))


def test_rows_that_look_at_each_other_are_none(bench: Bench) -> None:
    prober = bench(Softmax()).prober(params(x=f32(5, 4)))
    assert prove_rows(prober, ROWS) is None
    assert prove_rows(prober, COLUMNS) is not None


def test_the_second_axis_of_a_recurrent_layer_is_its_batch(bench: Bench) -> None:
    prober = bench(TimeFirst()).prober(params(x=f32(5, 7, 4)))
    groups: list[Group] = [((("x",), axis),) for axis in range(3)]
    proof = prove_batch(prober, groups)
    assert proof is not None
    assert (proof.group, proof.outputs) == (groups[1], ((0, 1),))


def test_an_output_without_rows_proves_nothing(bench: Bench) -> None:
    assert prove_rows(bench(Total()).prober(params(x=f32(5, 4))), ROWS) is None


def test_an_output_that_never_changes_proves_nothing(bench: Bench) -> None:
    assert prove_rows(bench(Shapes()).prober(params(x=f32(5, 4))), ROWS) is None


def test_a_batch_reaches_every_required_tensor(bench: Bench) -> None:
    prober = bench(Sum()).prober(params(x=f32(5, 4), y=f32(5, 4)))
    assert prove_batch(prober, [ROWS]) is None
    assert prove_batch(prober, [BOTH]) is not None


def test_a_tensor_that_is_optional_may_lack_the_batch(bench: Bench) -> None:
    prober = bench(Sum()).prober(params(x=f32(5, 4), y=f32(4)))
    assert prove_batch(prober, [ROWS]) is None
    assert prove_batch(prober, [ROWS], frozenset({"y"})) is not None


def test_each_side_of_a_comparison_has_rows_of_its_own(bench: Bench) -> None:
    prober = bench(Distances()).prober(params(x=f32(5, 4), y=f32(7, 4)))
    assert tensors_with_rows(prober, [ROWS, ((("y",), 0),)]) == {("x",), ("y",)}


def test_rows_of_ids_are_proven_by_other_ids(bench: Bench) -> None:
    assert prove_rows(bench(Embed()).prober(params(x=i64(5))), ROWS) is not None
