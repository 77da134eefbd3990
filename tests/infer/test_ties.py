from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.hypothesis import Axis
from contractgen.infer.ties import absorb, bind, bind_indexed, tied_axes, untie
from tests.infer.conftest import Bench, f32, i64, params

X0, X1, Y0, Y1 = (("x",), 0), (("x",), 1), (("y",), 0), (("y",), 1)


class Sum(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x + y


class Apart(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x * 2, y * 3


class Checked(nn.Module):
    """A condition that the symbolic run cannot see: it looks at arrays."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        if x.numpy().shape != y.numpy().shape:
            raise ValueError("as many of one as of the other")
        return x.sum() + y.sum()


class Cut(nn.Module):
    """A mask that may be longer than the ids: what it has more is never read."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x * y[:, : x.shape[1]]


class Grid(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return torch.outer(x, y)


def test_equalities_of_the_symbolic_run_group_axes(bench: Bench) -> None:
    found = bench(Sum()).found(params(x=f32(5, 7), y=f32(5, 7)))
    assert tied_axes(found.hypothesis, found.trial.guards) == [(X0, Y0), (X1, Y1)]


def test_axes_without_a_condition_stand_alone_whatever_their_sizes(bench: Bench) -> None:
    found = bench(Apart()).found(params(x=f32(5, 7), y=f32(5, 7)))
    assert tied_axes(found.hypothesis, found.trial.guards) == [(X0,), (X1,), (Y0,), (Y1,)]


def test_a_tie_that_real_runs_refute_is_taken_apart(bench: Bench) -> None:
    prober = bench(Apart()).prober(params(x=f32(5, 7), y=f32(5, 7)))
    assert untie(prober, (X0, Y0)) == [(X0,), (Y0,)]


def test_a_size_of_1_that_broadcasts_does_not_untie(bench: Bench) -> None:
    prober = bench(Sum()).prober(params(x=f32(5, 7), y=f32(5, 7)))
    assert untie(prober, (X0, Y0)) == [(X0, Y0)]


def test_a_tie_that_no_condition_named_is_found_by_running(bench: Bench) -> None:
    prober = bench(Checked()).prober(params(x=f32(5), y=f32(5)))
    assert bind(prober, [(X0,), (Y0,)]) == [(X0, Y0)]


def test_axes_that_move_alone_are_not_bound(bench: Bench) -> None:
    prober = bench(Grid()).prober(params(x=f32(5), y=f32(5)))
    assert bind(prober, [(X0,), (Y0,)]) == [(X0,), (Y0,)]


def test_a_surplus_that_nothing_reads_makes_two_sizes_one(bench: Bench) -> None:
    prober = bench(Cut()).prober(params(x=f32(5, 7), y=f32(5, 11)))
    groups: list[tuple[Axis, ...]] = [(X0, Y0), (X1,), (Y1,)]
    merged, resized = absorb(prober, groups)
    assert merged == [(X0, Y0), (X1, Y1)]
    assert resized.hypothesis == params(x=f32(5, 7), y=f32(5, 7))


def test_sizes_that_are_read_to_their_ends_stay_two(bench: Bench) -> None:
    prober = bench(Grid()).prober(params(x=f32(5), y=f32(7)))
    merged, same = absorb(prober, [(X0,), (Y0,)])
    assert merged == [(X0,), (Y0,)]
    assert same is prober


class Bodies(nn.Module):
    """Features and places of the same atoms, which nothing but the bonds' ids joins."""

    def forward(self, x: torch.Tensor, y: torch.Tensor, bonds: torch.Tensor) -> Any:
        return x.index_select(0, bonds).sum(1) + y.index_select(0, bonds).sum(1)


class Kinds(nn.Module):
    """Bonds from users to items: each end has rows of its own."""

    def forward(self, x: torch.Tensor, y: torch.Tensor, bonds: torch.Tensor) -> Any:
        return x.index_select(0, bonds[0]).sum(1) + y.index_select(0, bonds[1]).sum(1)


def test_two_sizes_that_one_id_may_not_pass_are_one(bench: Bench) -> None:
    prober = bench(Bodies()).prober(params(x=f32(7, 2), y=f32(11, 3), bonds=i64(5)))
    groups = [(X0,), (X1,), (Y0,), (Y1,), ((("bonds",), 0),)]
    bound, resized, merged = bind_indexed(prober, [*groups])
    assert merged == [(X0, Y0)]
    assert set(bound) == {(X0, Y0), (X1,), (Y1,), ((("bonds",), 0),)}
    assert resized.hypothesis.sizes()[X0] == resized.hypothesis.sizes()[Y0] == 11


def test_sizes_that_different_ids_index_stay_two(bench: Bench) -> None:
    prober = bench(Kinds()).prober(params(x=f32(7, 2), y=f32(11, 3), bonds=i64(2, 5)))
    bonds = [((("bonds",), axis),) for axis in (0, 1)]
    groups, _, merged = bind_indexed(prober, [(X0,), (X1,), (Y0,), (Y1,), *bonds])
    assert merged == []
    assert len(groups) == 6
