from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Tensor
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.held import held_sizes
from contractgen.infer.hypothesis import Axis
from contractgen.infer.influence import find_dropped, settle_band
from contractgen.infer.measure import at_allowed_sizes
from contractgen.infer.reads import reads_first, reads_last
from tests.infer.conftest import Bench, Measured, f32, i64, inferred, params

X1 = (("x",), 1)


def settled(measured: Measured, name: str, axis: int, given: int | None = None) -> Extent:
    """The extent of an axis, which has the size ``given`` in the user's example."""
    extent = measured.extent(name, axis)
    own: dict[Axis, int] = {} if given is None else {((name,), axis): given}
    settle_band(measured.sizes, extent, held_sizes(measured.bench.module), own)
    find_dropped(measured.sizes, extent, own)
    return extent


class First(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: torch.Tensor) -> Any:
        return sum(x[:, i] * (i + 1) for i in range(self.count))


class Recent(nn.Module):
    """Looks at the last steps of a history, and at each by its age."""

    def forward(self, x: torch.Tensor) -> Any:
        return sum(x[:, -age] * age for age in (1, 2, 5))


class Counted(nn.Module):
    """Ids of two tables, one per column."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(5, 2), nn.Embedding(7, 2)])

    def forward(self, x: torch.Tensor) -> Any:
        return sum(table(x[:, i]) for i, table in enumerate(self.tables))


class Grid(nn.Module):
    """Pools to a grid by a stride of 4, and knows the size of its grid."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv1d(1, 2, 4, stride=4)
        self.head = nn.Linear(2 * 8, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.patches(x).flatten(1))


def test_a_stride_that_drops_a_remainder_makes_a_multiple(bench: Bench) -> None:
    extent = settled(bench(nn.Conv1d(1, 2, 4, stride=4)).measured(params(input=f32(2, 1, 17))), "input", 2)
    assert (extent.min, extent.max, extent.multiple_of) == (4, None, 4)
    assert extent.claims[-1].detail == "at 21 the last elements change no output: the remainder by 4 is dropped"


def test_a_window_that_overlaps_reads_every_size(bench: Bench) -> None:
    extent = settled(bench(nn.Conv1d(1, 2, 3, padding=1)).measured(params(input=f32(2, 1, 17))), "input", 2)
    assert (extent.min, extent.multiple_of) == (1, 1)


def test_columns_that_are_never_read_fix_the_size(bench: Bench) -> None:
    extent = settled(bench(First(3)).measured(params(x=f32(5, 7))), "x", 1)
    assert extent.fixed == 3
    assert "3 ran and was read to its end, 2 failed; what is beyond 3 changes no output" in extent.claims[0].detail


class Individual(nn.Module):
    """A layer for each of three channels; the result has a row for each one that there is, of zeros beyond them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 4) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> Any:
        out = x.new_zeros(x.shape[0], x.shape[1], 4)
        for index, layer in enumerate(self.layers):
            out[:, index] = layer(x[:, index])
        return out


def test_channels_that_are_never_read_fix_the_size_though_the_output_grows(bench: Bench) -> None:
    assert settled(bench(Individual()).measured(params(x=f32(5, 7, 6))), "x", 1).fixed == 3


def test_a_single_column_that_is_read_fixes_the_size(bench: Bench) -> None:
    extent = settled(bench(First(1)).measured(params(x=i64(3, 7))), "x", 1)
    assert (extent.fixed, extent.claims[0].source) == (1, "probed")
    assert "1 ran and was read to its end; what is beyond 1 changes no output" in extent.claims[0].detail


class SummedTo(nn.Module):
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        return (x * (torch.arange(x.shape[1]) < lengths[:, None])).sum(1)


class SummedAt(nn.Module):
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        return x.cumsum(1).gather(1, lengths[:, None] - 1)


@pytest.mark.parametrize("module", [SummedTo(), SummedAt()])
def test_lengths_of_one_leave_a_sequence_its_sizes(bench: Bench, module: nn.Module) -> None:
    measured = bench(module).measured(params(x=f32(3, 7), lengths=i64(3)))
    measured.sizes.prober.plan[("lengths",)] = "ones"
    assert settled(measured, "x", 1).free


def test_columns_of_ids_that_are_never_read_fix_the_size(bench: Bench) -> None:
    assert settled(bench(Counted()).measured(params(x=i64(5, 7))), "x", 1).fixed == 2


def test_sizes_that_end_in_the_same_grid_are_the_one_that_fits_it(bench: Bench) -> None:
    measured = bench(Grid()).measured(params(x=f32(2, 1, 33)))
    assert measured.span("x", 2) == (32, 35, 1)
    assert settled(measured, "x", 2).fixed == 32


class Windows(nn.Module):
    """Two strided layers whose windows overlap: 36 elements fill them without a rest, and up to 43 give the same grid."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(1, 2, 8, stride=4), nn.Conv1d(2, 2, 4, stride=2)
        self.head = nn.Linear(2 * 3, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.second(self.first(x)).flatten(1))


def test_the_size_that_fills_overlapping_windows_is_the_likeliest_guess(bench: Bench) -> None:
    extent = settled(bench(Windows()).measured(params(x=f32(2, 1, 40))), "x", 2)
    assert extent.fixed == 36
    assert extent.claims[0].source == "assumed"
    assert "36 to 43 ran and end in the same grid; 36 fits it without a rest" in extent.claims[0].detail


def test_the_example_tells_which_size_of_a_band_is_meant(bench: Bench) -> None:
    extent = settled(bench(Grid()).measured(params(x=f32(2, 1, 33))), "x", 2, given=34)
    assert extent.fixed == 34
    assert (extent.claims[0].source, "the example has 34" in extent.claims[0].detail) == ("declared", True)


def test_an_example_with_a_remainder_or_with_more_columns_than_are_read_is_not_refused(bench: Bench) -> None:
    strided = bench(nn.Conv1d(1, 2, 4, stride=4)).measured(params(input=f32(2, 1, 32)))
    assert settled(strided, "input", 2, given=18).multiple_of == 1
    assert settled(bench(First(3)).measured(params(x=f32(5, 7))), "x", 1, given=5).contains(5)


def test_a_wide_range_is_no_band(bench: Bench) -> None:
    measured = bench(nn.ReLU()).measured(params(input=f32(2, 7)))
    extent = measured.extent("input", 1)
    extent.min, extent.max = 4, 40
    settle_band(measured.sizes, extent, held_sizes(measured.bench.module), {})
    assert (extent.fixed, extent.min, extent.max) == (None, 4, 40)


def test_reading_is_told_by_other_contents_of_the_last_slice(bench: Bench) -> None:
    prober = bench(First(3)).prober(params(x=f32(5, 3)))
    assert reads_last(prober, (X1,), {}) is True
    assert reads_last(prober, (X1,), {X1: 4}) is False
    assert reads_last(prober, (X1,), {X1: 2}) is None


class _Pooled(nn.Module):
    """Windows of windows, taken together at the end: sizes between two windows give the same grid."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(1, 2, 5, stride=4), nn.Conv1d(2, 2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.second(torch.relu(nn.functional.max_pool1d(self.first(x), 4))).mean(-1)


def test_what_a_later_window_reads_leaves_the_size_free(bench: Bench) -> None:
    found = settled(bench(_Pooled()).measured(params(x=f32(3, 1, 64))), "x", 2)
    assert (found.fixed, found.min, found.max) == (None, 49, None)


def test_reading_from_a_place_on_is_told_by_all_that_follows_it(bench: Bench) -> None:
    prober = bench(First(4)).prober(params(x=f32(3, 9)))
    assert [reads_last(prober, (X1,), {}, start=start) for start in (3, 4)] == [True, False]


def test_a_longer_history_than_is_read_fixes_the_size(bench: Bench) -> None:
    extent = settled(bench(Recent()).measured(params(x=f32(5, 7))), "x", 1)
    assert extent.fixed == 5
    assert "5 ran and was read to its beginning, 4 failed" in extent.claims[0].detail


def test_the_first_slices_are_read_or_not(bench: Bench) -> None:
    prober = bench(Recent()).prober(params(x=f32(5, 7)))
    assert reads_first(prober, (X1,), {}) is False
    assert reads_first(prober, (X1,), {}, 2) is False
    assert reads_first(prober, (X1,), {}, 3) is True


class Ceiled(nn.Module):
    """A stem that rounds up, before a head for a grid of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*[nn.Conv2d(1, 1, 3, stride=2, padding=1) for _ in range(4)])
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.stem(x).flatten(1))


class Places(nn.Module):
    """Patches of 4, of which a table knows 5."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv1d(1, 2, 4, stride=4)
        self.places = nn.Parameter(torch.randn(1, 2, 5))

    def forward(self, x: torch.Tensor) -> Any:
        patches = self.patches(x)
        if patches.shape[-1] > 5:
            raise ValueError("too long")
        return (patches + self.places[..., : patches.shape[-1]]).mean(-1)


def test_all_sides_that_give_one_grid_are_one_size(bench: Bench) -> None:
    extent = settled(bench(Ceiled()).measured(params(x=f32(2, 1, 50, 53))), "x", 2)
    assert extent.fixed == 64
    assert extent.claims[-1].detail.startswith("49 to 64 ran and end in the same grid")


def test_a_remainder_is_found_below_a_maximum_too(bench: Bench) -> None:
    extent = settled(bench(Places()).measured(params(x=f32(2, 1, 23))), "x", 2)
    assert (extent.min, extent.max, extent.multiple_of) == (4, 20, 4)


class OneMore(nn.Module):
    """Sides that are one more than a multiple of 8, from 65 to 73."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> Any:
        side = x.shape[-1]
        assert (side - 1) % 8 == 0
        assert 65 <= side <= 73
        return self.conv(x).mean((-2, -1))


def test_no_size_is_taken_from_a_band_that_did_not_run(bench: Bench) -> None:
    measured = bench(OneMore()).measured(params(x=f32(2, 1, 4, 73)))
    extent = Extent(measured.extent("x", 3).group, min=65, max=73)
    sizes = Sizes(measured.sizes.prober, [extent])
    settle_band(sizes, extent, [], {})
    assert extent.fixed == 73
    assert extent.claims == [
        Claim("fixed", "assumed", "65, 73 ran, others from 65 to 73 failed; is another size than 73 meant?")
    ]


def test_an_input_stays_at_its_size_where_none_that_is_claimed_runs(bench: Bench) -> None:
    measured = bench(OneMore()).measured(params(x=f32(2, 1, 4, 73)))
    extent = Extent(measured.extent("x", 3).group, fixed=72)
    sizes = Sizes(measured.sizes.prober, [extent])
    assert at_allowed_sizes(sizes).size(extent) == 73
    extent.fixed = 65
    assert at_allowed_sizes(sizes).size(extent) == 65


class Messages(nn.Module):
    """Atoms that send what they are along the edges, of which the pool sees no more than the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 8)
        self.layer = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, atoms: torch.Tensor, edge_index: torch.Tensor) -> Any:
        x = self.table(atoms)
        sent = torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]])
        return self.layer(x + sent).sum(0)


def test_edges_between_atoms_of_one_kind_do_not_hide_which_rows_are_read() -> None:
    edges = inferred(Messages().eval()).inputs[1].node
    assert isinstance(edges, Tensor)
    assert edges.shape == (2, "edges")


class Hourglass(nn.Module):
    """Its innermost picture is a single pixel at the smallest sizes, and not at others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image: torch.Tensor) -> Any:
        x = self.stem(image)
        small = self.inner(nn.functional.max_pool2d(x, 2))
        smaller = self.inner(nn.functional.max_pool2d(small, 2))
        return x + nn.functional.interpolate(small + nn.functional.interpolate(smaller, scale_factor=2), scale_factor=2)


def test_what_a_run_knows_of_a_single_pixel_is_refuted_by_larger_pictures() -> None:
    contract = inferred(Hourglass().eval())
    assert {name: (dim.min, dim.max, dim.multiple_of) for name, dim in contract.dims.items() if name in ("height", "width")} == {
        "height": (8, None, 8), "width": (8, None, 8),
    }  # fmt: skip


class Separator(nn.Module):
    """Strided layers with a way around the inner one, which a rest of samples does not reach: it is padded again."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv1d(2, 4, 8, 4), nn.Conv1d(4, 8, 8, 4)])
        self.up = nn.ModuleList([nn.ConvTranspose1d(8, 4, 8, 4), nn.ConvTranspose1d(4, 2, 8, 4)])

    def forward(self, mix: torch.Tensor) -> Any:
        outer = self.down[0](mix)
        inner = self.up[0](self.down[1](outer))
        made = self.up[1](inner + outer)
        return nn.functional.pad(made, (0, mix.shape[-1] - made.shape[-1]))


def test_the_first_size_of_each_band_is_meant() -> None:
    contract = inferred(Separator().eval())
    mix = contract.inputs[0].node
    assert isinstance(mix, Tensor)
    (name,) = (size for size in mix.shape if isinstance(size, str) and size != "batch")
    assert (contract.dims[name].min, contract.dims[name].max) == (36, None)
    assert contract.relations == (("==", ("%", name, 16), 4),)
