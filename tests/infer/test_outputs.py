from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from contractgen.infer.outputs import OutLeaf, observe_outputs
from tests.infer.conftest import Bench, f32, i64, params

F = torch.float32
X0, X1, X2 = ((("x",), axis) for axis in range(3))


def outputs(bench: Bench, module: nn.Module, *sizes: int) -> Any:
    measured = bench(module).measured(params(x=f32(*sizes)))
    return observe_outputs(measured.prober, measured.sizes.extents, measured.found.trial.outputs)


class Opaque(nn.Module):
    """Its symbolic run ends early, so that only real runs tell its sizes."""

    def forward(self, x: torch.Tensor) -> Any:
        array = x.numpy()
        return torch.from_numpy(array[:, 2::3]), torch.from_numpy(array.repeat(2, 0))


class Kept(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x[x[:, 0] > 0]


class Pair(NamedTuple):
    first: torch.Tensor
    cache: object


class Tree(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return {"a": [x, x.sum()], "pair": Pair(x.flatten(), None), "text": "no tensor"}


def test_a_size_of_the_input_passes_through(bench: Bench) -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> Any:
            return self.layer(x)

    assert outputs(bench, Head(), 5, 4) == OutLeaf(F, (X0, 2))


def test_a_strided_size_is_an_expression(bench: Bench) -> None:
    class Strided(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return x[:, ::2]

    found = outputs(bench, Strided(), 5, 8)
    assert found.sizes[0] == X0
    assert found.sizes[1][0] == "//"


def test_sizes_are_fitted_to_real_runs_where_no_symbol_tells(bench: Bench) -> None:
    first, second = outputs(bench, Opaque(), 5, 8)
    assert first == OutLeaf(F, (X0, ("//", X1, 3)))
    assert second == OutLeaf(F, (("*", 2, X0), X1))


def test_a_size_that_the_data_decide_is_none(bench: Bench) -> None:
    assert outputs(bench, Kept(), 7, 4) == OutLeaf(F, (None, X1))


def test_the_tree_of_an_output_is_kept_without_what_is_no_tensor(bench: Bench) -> None:
    found = outputs(bench, Tree(), 5, 7)
    assert list(found) == ["a", "pair"]
    assert found["a"] == [OutLeaf(F, (X0, X1)), OutLeaf(F, ())]
    assert list(found["pair"]) == ["first"]


def test_an_output_keeps_its_dtype(bench: Bench) -> None:
    class Classes(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return x.argmax(1), x > 0

    classes, flags = outputs(bench, Classes(), 5, 7)
    assert (classes, flags) == (OutLeaf(torch.int64, (X0,)), OutLeaf(torch.bool, (X0, X1)))


def test_sizes_of_two_inputs_may_meet_in_one_output(bench: Bench) -> None:
    class Joined(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
            return torch.cat([x, y])

    measured = bench(Joined()).measured(params(x=i64(5), y=i64(7)))
    found = observe_outputs(measured.prober, measured.sizes.extents, None)
    assert found == OutLeaf(torch.int64, (("+", X0, (("y",), 0)),))


class Levels(nn.Module):
    """Halves and doubles: its sizes are the input's where those are even, and what is halved alone is a half."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv1d(2, 3, 3, stride=2, padding=1), nn.ConvTranspose1d(3, 2, 2, stride=2)

    def forward(self, x: torch.Tensor) -> Any:
        half = self.down(x)
        return x + self.up(half), half


def test_a_size_that_is_the_input_s_at_all_its_multiples_is_said_so(bench: Bench) -> None:
    whole, half = outputs(bench, Levels(), 5, 2, 12)
    assert whole == OutLeaf(F, (X0, 2, X2))
    assert half == OutLeaf(F, (X0, 3, ("//", X2, 2)))
