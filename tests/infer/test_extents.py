from __future__ import annotations

import faulthandler
import os
import signal
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Tensor
from contractgen.infer.bounds import smallest_true
from contractgen.infer.extents import Claim, Extent
from contractgen.infer.hypothesis import Leaf
from contractgen.infer.relations import counterexamples, relate
from tests.infer.conftest import Bench, f32, i64, inferred, params

ANY = (1, None, 1)


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.places = nn.Embedding(23, 4)

    def forward(self, ids: torch.Tensor) -> Any:
        return self.words(ids) + self.places(torch.arange(ids.shape[1]))


class Counted(nn.Module):
    """Counts the words that are no padding, which is id 0: any length of padding alone fits its table of places."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.places = nn.Embedding(24, 4)

    def forward(self, ids: torch.Tensor) -> Any:
        return self.words(ids) + self.places(ids.ne(0).long().cumsum(1) * ids.ne(0))


class Windowed(nn.Module):
    """Refuses more than 30 columns for no reason that a guard shows."""

    def forward(self, x: torch.Tensor) -> Any:
        if x.numpy().shape[1] > 30:
            raise ValueError("too long")
        return x


class Halves(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        rows, columns = x.shape
        return x.view(rows, columns // 6, 6)


class Rejoined(nn.Module):
    """A grid that is halved by rounding up and doubled has to be the one that it is joined with: 3, 4, 7, 8, 11, ..."""

    def forward(self, x: torch.Tensor) -> Any:
        half = x[:, ::2]
        return half + half[:, ::2].repeat_interleave(2, 1)


class OddGrid(nn.Module):
    """Takes 8 k + 1 columns, at least 17, as networks do that align the corners of their grids."""

    def forward(self, x: torch.Tensor) -> Any:
        if x.shape[1] % 8 != 1 or x.shape[1] < 17:
            raise ValueError("not 8 k + 1")
        return x


class Quarters(nn.Module):
    """Half of all sizes run, in runs of 8; none beyond 40."""

    def forward(self, x: torch.Tensor) -> Any:
        if x.shape[1] > 40 or ((x.shape[1] + 7) // 8) % 2:
            raise ValueError("an odd number of windows")
        return x


class Shifted(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x[1:] * y


class Doubled(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x.repeat(2) + y


class Untraceable(nn.Module):
    """Its symbolic run ends at once."""

    def forward(self, x: torch.Tensor) -> Any:
        if x.numpy().shape[1] != 6:
            raise ValueError("six columns")
        return x


def test_sizes_without_conditions_are_free(bench: Bench) -> None:
    measured = bench(nn.ReLU()).measured(params(input=f32(5, 7)))
    assert [measured.span("input", axis) for axis in (0, 1)] == [ANY, ANY]


def test_a_size_of_the_weights_is_fixed_and_traced(bench: Bench) -> None:
    measured = bench(nn.Linear(20, 3)).measured(params(input=f32(5, 20)))
    assert measured.span("input", 0) == ANY
    extent = measured.extent("input", 1)
    assert extent.fixed == 20
    assert extent.claims == [Claim("fixed", "traced", "20 ran; 19, 21, 22, 28, 40 failed")]


def test_a_size_that_only_real_runs_fix_is_probed(bench: Bench) -> None:
    extent = bench(Untraceable()).measured(params(x=f32(5, 6))).extent("x", 1)
    assert (extent.fixed, extent.claims[0].source) == (6, "probed")


def test_a_position_table_bounds_the_length(bench: Bench) -> None:
    measured = bench(Positions()).measured(params(ids=i64(5, 7)))
    assert measured.span("ids", 1) == (1, 23, 1)
    claims = {claim.property: claim for claim in measured.extent("ids", 1).claims}
    assert claims["max"].source == "weights"
    assert "23 ran, 24 failed" in claims["max"].detail


def test_a_length_is_bounded_for_words_where_padding_has_no_place(bench: Bench) -> None:
    measured = bench(Counted()).measured(params(ids=i64(5, 7)))
    assert measured.span("ids", 1) == (1, 23, 1)
    claims = {claim.property: claim for claim in measured.extent("ids", 1).claims}
    assert "23 ran, 24 failed with all ids being 1" in claims["max"].detail


def test_a_bound_that_no_weight_explains_is_probed(bench: Bench) -> None:
    measured = bench(Windowed()).measured(params(x=f32(3, 7)))
    assert measured.span("x", 1) == (1, 30, 1)
    assert [c.source for c in measured.extent("x", 1).claims if c.property == "max"] == ["probed"]


def test_a_window_is_the_smallest_size(bench: Bench) -> None:
    measured = bench(nn.Conv1d(2, 1, 5)).measured(params(input=f32(3, 2, 11)))
    assert measured.span("input", 2) == (5, None, 1)
    assert "5 ran; 4 failed" in [claim.detail for claim in measured.extent("input", 2).claims]


def test_sizes_that_come_back_at_a_step_are_its_multiples_and_a_question(bench: Bench) -> None:
    measured = bench(Rejoined()).measured(params(x=f32(5, 7)))
    assert measured.span("x", 1) == (4, None, 4)
    [claim] = [c for c in measured.extent("x", 1).claims if c.property == "multiple_of"]
    assert claim.source == "assumed"
    assert "7 too" in claim.detail


def test_a_step_that_leaves_a_remainder_is_a_relation(bench: Bench) -> None:
    measured = bench(OddGrid()).measured(params(x=f32(5, 41)))
    extent = measured.extent("x", 1)
    assert (extent.fixed, extent.min, extent.max, extent.multiple_of, extent.remainder) == (None, 17, None, 8, 1)
    assert [size for size in range(40) if extent.contains(size)] == [17, 25, 33]
    assert (extent.floor(32), extent.ceil(32), extent.ceil(33)) == (25, 33, 33)
    [relation] = relate(measured.sizes, measured.found.trial.guards, ())
    assert (relation.operator, relation.left, relation.right) == ("==", ("%", extent.group[0], 8), 1)
    assert relation.claim.detail == "41, 49, 57, 65, ... ran; the 7 sizes between each two failed"
    assert counterexamples(measured.sizes, [relation]) == []


def test_a_step_that_leaves_a_remainder_stands_in_the_contract() -> None:
    contract = inferred(OddGrid(), example=((torch.zeros(5, 41),), {}))
    [tensor] = [p.node for p in contract.inputs]
    assert isinstance(tensor, Tensor)
    name = str(tensor.shape[1])
    assert (contract.dims[name].min, contract.dims[name].max, contract.dims[name].multiple_of) == (17, None, 1)
    assert contract.relations == (("==", ("%", name, 8), 1),)


def test_long_runs_of_sizes_with_gaps_between_are_seen_from_the_first_of_one(bench: Bench) -> None:
    measured = bench(Quarters()).measured(params(x=f32(5, 9)))
    assert measured.span("x", 1) == (16, 32, 16)


def test_a_view_makes_a_multiple(bench: Bench) -> None:
    measured = bench(Halves()).measured(params(x=f32(5, 12)))
    assert measured.span("x", 1) == (6, None, 6)
    assert [c.property for c in measured.extent("x", 1).claims] == ["multiple_of", "min", "max"]


@pytest.mark.parametrize(("module", "size", "expected"), [(Shifted(), 6, 10), (Doubled(), 14, 20)])
def test_a_size_that_follows_another_is_derived(bench: Bench, module: nn.Module, size: int, expected: int) -> None:
    measured = bench(module).measured(params(x=f32(7), y=f32(size)))
    derived = [extent for extent in measured.sizes.extents if extent.derived is not None]
    assert [extent.group for extent in derived] == [((("y",), 0),)]
    change = measured.sizes.with_size((measured.extent("x", 0), 11 if isinstance(module, Shifted) else 10))
    assert change[(("y",), 0)] == expected


def test_a_derived_size_below_1_is_not_run(bench: Bench) -> None:
    measured = bench(Shifted()).measured(params(x=f32(7), y=f32(6)))
    assert measured.span("x", 0)[0] == 2


def test_two_spatial_axes_are_found_apart(bench: Bench) -> None:
    measured = bench(nn.MaxPool2d((2, 3))).measured(params(input=f32(2, 3, 11, 13)))
    assert measured.span("input", 2)[0] == 2
    assert measured.span("input", 3)[0] == 3


class Crashing(nn.Module):
    """Dies of more than nine columns, as native code does; a symbolic run never sees it."""

    def forward(self, x: torch.Tensor) -> Any:
        if type(x) is torch.Tensor and x.shape[1] > 9:
            faulthandler.disable()  # the crash is meant, its report would only fill the screen
            os.kill(os.getpid(), signal.SIGSEGV)
        return x * 2


def test_a_size_that_kills_the_process_is_a_bound(bench: Bench) -> None:
    assert bench(Crashing()).measured(params(x=f32(3, 5))).span("x", 1) == (1, 9, 1)


class Tables(nn.Module):
    """Batch normalisation in eval mode, a pool to a grid and a head: fixed channels, free sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.pool = nn.AdaptiveAvgPool2d(2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.pool(self.norm(x)).flatten(1)


def test_channels_are_fixed_where_sizes_are_free(bench: Bench) -> None:
    measured = bench(Tables()).measured(params(x=f32(2, 3, 11, 13)))
    assert measured.extent("x", 1).fixed == 3
    assert [measured.span("x", axis) for axis in (2, 3)] == [ANY, ANY]


@pytest.mark.parametrize("answer", [1, 2, 3, 7, 20])
def test_bisection_finds_the_first_that_holds(answer: int) -> None:
    assert smallest_true(range(1, 21), lambda size: size >= answer) == answer
    assert smallest_true(range(1, 21), lambda size: size >= answer, first=(1, 2, 3)) == answer


def test_an_extent_contains_what_its_claims_allow() -> None:
    extent = Extent(((("x",), 0),), min=4, max=12, multiple_of=4)
    assert [size for size in range(20) if extent.contains(size)] == [4, 8, 12]
    assert [size for size in range(20) if Extent(((("x",), 0),), fixed=7).contains(size)] == [7]


def test_tighter_bounds_are_taken_over_with_their_claims() -> None:
    extent = Extent(((("x",), 0),), min=2, max=None, claims=[Claim("min", "probed", "old")])
    extent.narrow(Extent(((("x",), 0),), min=1, max=9, claims=[Claim("max", "probed", "new")]))
    assert (extent.min, extent.max) == (2, 9)
    extent.narrow(Extent(((("x",), 0),), multiple_of=4, remainder=1))
    assert (extent.multiple_of, extent.remainder) == (4, 1)
    extent.narrow(Extent(((("x",), 0),), multiple_of=8))  # which has none in common with 4 k + 1
    assert (extent.multiple_of, extent.remainder) == (4, 1)
    assert [claim.detail for claim in extent.claims] == ["old", "new"]
    extent.narrow(Extent(((("x",), 0),), fixed=5, claims=[Claim("fixed", "probed", "five")]))
    assert (extent.fixed, [claim.detail for claim in extent.claims]) == (5, ["five"])


class _Unchecked(nn.Module):
    """Sequences that are packed: with all of one length, the recurrent layer does not look at their width."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(6, 4, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        for length in lengths:
            if length.item() < 1:
                raise ValueError("empty")
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return self.rnn(packed)[1][0]


def test_a_width_that_a_packed_layer_leaves_unchecked_is_fixed(bench: Bench) -> None:
    found = bench(_Unchecked()).measured(params(x=f32(3, 5, 6), lengths=i64(3)), {("lengths",): "ones"}, answer=1)
    assert found.extent("x", 2).fixed == 6


class Grid(nn.Module):
    """Four windows of four by four, of whatever image."""

    def __init__(self) -> None:
        super().__init__()
        self.windows, self.head = nn.Conv2d(1, 1, 4, stride=4), nn.Linear(4, 1)

    def forward(self, image: torch.Tensor) -> Any:
        return self.head(self.windows(image).flatten(1))


def test_less_is_not_allowed_where_more_of_another_axis_makes_up_for_it(bench: Bench) -> None:
    measured = bench(Grid()).measured(params(image=f32(3, 1, 8, 8)))
    assert [measured.span("image", axis) for axis in (2, 3)] == [(8, 11, 1), (8, 11, 1)]


class _Padded(nn.Module):
    """True is padding: of a single column that is True nothing is left, which is no matter of its size."""

    def forward(self, x: Any, mask: Any) -> Any:
        return torch.where(mask, -torch.inf, x).softmax(1) * x


def test_a_mask_that_leaves_nothing_of_a_single_column_sets_no_minimum(bench: Bench) -> None:
    measured = bench(_Padded()).measured(params(x=f32(5, 7), mask=Leaf(torch.bool, (5, 7))))
    assert measured.span("x", 1) == (1, None, 1)


class _Rows(nn.Module):
    """Fills a table of eight rows from at least as many, or from a single one that is repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(torch.zeros(x.shape[0], 8, 4) + x[:, :8])


def test_a_single_row_that_is_repeated_is_no_smallest_size(bench: Bench) -> None:
    measured = bench(_Rows()).measured(params(x=f32(3, 11, 4)))
    assert measured.span("x", 1) == (8, None, 1)
