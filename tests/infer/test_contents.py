from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Tensor, Values
from contractgen.infer.contents import Contents
from contractgen.infer.domain import BoundBy, Domain
from contractgen.infer.edits import Put
from contractgen.infer.hypothesis import Hypothesis, Leaf
from contractgen.infer.probe import OutTensor
from contractgen.infer.values import Plan
from tests.infer.conftest import Bench, f32, i64, inferred, params


def domain(bench: Bench, module: nn.Module, hypothesis: Hypothesis, plan: Plan | None = None, of: str = "x") -> Domain:
    measured = bench(module).measured(hypothesis, plan)
    return Contents(measured.sizes, measured.bench.pool).of((of,), hypothesis.leaves()[(of,)])


def sources(found: Domain) -> dict[str, str]:
    return {claim.property: claim.source for claim in found.claims}


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(13, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.table(x)


class Indexed(Words):
    def forward(self, x: torch.Tensor) -> Any:
        return self.table.weight[x]


class Columns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.towns, self.days = nn.Embedding(5, 2), nn.Embedding(7, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.towns(x[:, 0].long()) + self.days(x[:, 1].long())


class Lengths(nn.Module):
    """Asks of lengths what packing asks of them, without its cost."""

    def __init__(self, *, ordered: bool) -> None:
        super().__init__()
        self.ordered = ordered

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        counts = lengths.numpy()
        if counts.min() < 1 or counts.max() > x.shape[1] or (self.ordered and (counts[:-1] < counts[1:]).any()):
            raise ValueError("lengths between 1 and the sequence's, the longest first")
        return x * 2


class Descending(nn.Module):
    """Sorted levels between 0 and 9."""

    def forward(self, x: torch.Tensor) -> Any:
        levels = x.numpy()
        if (levels[:, :-1] < levels[:, 1:]).any() or levels.max() > 9 or levels.min() < 0:
            raise ValueError("levels fall")
        return x * 2


class Masked(nn.Module):
    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> Any:
        return x.masked_fill(keep == 0, 0.0)


class Multiplied(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        return x * mask


class Softmax(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> Any:
        return (x + bias).softmax(-1)


class Repaired(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x.nan_to_num(0.0, 1.0, -1.0)


class Gather(nn.Module):
    """Edges between nodes."""

    def forward(self, nodes: torch.Tensor, x: torch.Tensor) -> Any:
        return nodes.index_select(0, x)


def test_a_table_bounds_ids_on_both_sides(bench: Bench) -> None:
    found = domain(bench, Words(), params(x=i64(3, 5)))
    assert (found.min, found.max) == (0, 12)
    assert sources(found) == {"max": "weights", "min": "probed"}
    assert [c.detail for c in found.claims] == ["12 ran, 13 failed; the weights have 13 rows", "0 ran, -1 failed"]


def test_ids_that_an_index_counts_from_the_end_start_at_0(bench: Bench) -> None:
    found = domain(bench, Indexed(), params(x=i64(3, 5)))
    assert (found.min, found.max) == (0, 12)
    [claim] = [claim for claim in found.claims if claim.property == "min"]
    assert claim.source == "assumed"
    assert claim.detail.startswith("-13 to -1 ran as 0 to 12 do")


def test_negative_ids_that_mean_something_else_are_kept(bench: Bench) -> None:
    found = domain(bench, _Absent(), params(x=i64(3, 5)))
    assert (found.min, found.max) == (-13, 12)


class _Absent(Words):
    """Reads nothing where an id is negative."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.table.weight[x] * (x >= 0).unsqueeze(-1)


@pytest.mark.parametrize(("name", "offset", "lowest"), [("position_ids", 2, 0), ("position_ids", 6, -6), ("x", 2, -2)])
def test_positions_that_an_offset_moves_start_at_0(bench: Bench, name: str, offset: int, lowest: int) -> None:
    module = _Shifted(offset) if name == "x" else _Places(offset)
    found = domain(bench, module, params(**{name: i64(3, 5)}), of=name)
    assert (found.min, found.max) == (lowest, 12 - offset)


class _Shifted(nn.Module):
    """A table whose first rows are no positions, or one of distances to either side."""

    offset: int

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.table, self.offset = nn.Embedding(13, 3), offset

    def forward(self, x: torch.Tensor) -> Any:
        return self.table(x.add(self.offset))


class _Places(_Shifted):
    def forward(self, position_ids: torch.Tensor) -> Any:
        return super().forward(position_ids)


def test_a_small_dtype_is_bounded_by_the_table_where_that_is_smaller(bench: Bench) -> None:
    found = domain(bench, Words(), params(x=Leaf(torch.int32, (3, 5))))
    assert (found.min, found.max) == (0, 12)


def test_columns_have_vocabularies_of_their_own(bench: Bench) -> None:
    found = domain(bench, _FixedColumns(), params(x=i64(3, 2)))
    assert found.columns is not None
    assert [(column.min, column.max) for column in found.columns] == [(0, 4), (0, 6)]
    assert {claim.property for claim in found.claims} == {
        "along_last[0].max", "along_last[0].min", "along_last[1].max", "along_last[1].min",
    }  # fmt: skip


class _FixedColumns(Columns):
    def forward(self, x: torch.Tensor) -> Any:
        town, day = x.unbind(1)
        return self.towns(town.long()) + self.days(day.long())


class Boxes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.places, self.sizes = nn.Embedding(9, 2), nn.Embedding(9, 2)

    def forward(self, x: torch.Tensor) -> Any:
        left, top, right, bottom = x.unbind(-1)
        return self.places(x).sum(1) + self.sizes(right - left) + self.sizes(bottom - top)


def test_a_column_is_bounded_beside_what_leaves_it_room(bench: Bench) -> None:
    found = domain(bench, Boxes(), params(x=i64(3, 4)))
    assert found.columns is None
    assert (found.min, found.max) == (0, 8)


class Spans(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.starts, self.widths = nn.Embedding(7, 2), nn.Embedding(9, 2)

    def forward(self, x: torch.Tensor) -> Any:
        start, end = x.unbind(-1)
        return self.starts(start) + self.widths(end - start)


def test_a_column_that_is_bounded_by_another_one_says_beside_what(bench: Bench) -> None:
    found = domain(bench, Spans(), params(x=i64(3, 2)))
    assert found.columns is not None
    assert [(column.min, column.max) for column in found.columns] == [(0, 6), (0, 8)]
    details = {claim.property: claim.detail for claim in found.claims}
    assert details["along_last[0].max"].endswith("beside the largest of the other columns")


@pytest.mark.parametrize("fill", ["zeros", "uniform"])
def test_ids_in_columns_of_floats_are_bounded(bench: Bench, fill: Any) -> None:
    found = domain(bench, _FixedColumns(), params(x=f32(3, 2)), {("x",): fill})
    assert found.columns is not None
    assert [column.max for column in found.columns] == [4, 6]
    assert all(column.min in (0, -0) for column in found.columns)


def test_lengths_are_bounded_by_the_sequence(bench: Bench) -> None:
    found = domain(bench, Lengths(ordered=False), params(x=f32(3, 7, 2), lengths=i64(3)), of="lengths")
    assert found.min == 1
    assert isinstance(found.max, BoundBy)
    assert (found.max.extent.group[0], found.max.offset, found.max.factor) == ((("x",), 1), 0, 1)
    assert found.order is None


def test_lengths_that_must_be_sorted_are_bounded_by_the_sequence(bench: Bench) -> None:
    found = domain(bench, Lengths(ordered=True), params(x=f32(3, 7, 2), lengths=i64(3)), of="lengths")
    assert isinstance(found.max, BoundBy)
    assert found.order == "descending"


def test_contents_that_must_be_sorted_have_an_order(bench: Bench) -> None:
    found = domain(bench, Descending(), params(x=i64(3, 5)), {("x",): torch.full((3, 5), 9)})
    assert (found.min, found.max, found.order) == (0, 9, "descending")
    assert "a descending row ran, an ascending one failed" in [claim.detail for claim in found.claims]


class Bags(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(13, 3)

    def forward(self, words: torch.Tensor, x: torch.Tensor) -> Any:
        return self.bag(words, x)


class Marked(Words):
    """Wants its mark at the start, whatever follows it."""

    def forward(self, x: torch.Tensor) -> Any:
        if x[0] != 0:
            raise ValueError("no mark")
        return super().forward(x)


def test_offsets_start_at_0_and_are_put_as_a_question_whether_they_ever_fall(bench: Bench) -> None:
    found = domain(bench, Bags(), params(words=i64(7), x=i64(4)))
    assert isinstance(found.max, BoundBy)
    assert found.columns == (Domain(min=0, max=0),)
    assert found.order == "ascending"
    assert sources(found)["along_last[0].max"] == "probed"
    assert sources(found)["order"] == "assumed"


def test_what_starts_with_a_mark_has_no_order(bench: Bench) -> None:
    found = domain(bench, Marked(), params(x=i64(5)), {("x",): "zeros"})
    assert (found.min, found.max, found.order) == (0, 12, None)
    assert found.columns == (Domain(min=0, max=0),)


def test_node_indices_stay_below_the_number_of_nodes(bench: Bench) -> None:
    found = domain(bench, Gather(), params(nodes=f32(5, 2), x=i64(7)))
    assert found.min == 0
    assert isinstance(found.max, BoundBy)
    assert (found.max.extent.group[0], found.max.offset) == ((("nodes",), 0), -1)


def test_a_mask_of_which_only_zero_counts_is_of_zeros_and_ones(bench: Bench) -> None:
    found = domain(bench, Masked(), params(x=f32(3, 5), keep=i64(3, 5)), of="keep")
    assert found.one_of == (0, 1)
    assert sources(found) == {"one_of": "probed"}


def test_numbers_that_are_only_compared_with_each_other_are_no_flags(bench: Bench) -> None:
    class Segments(nn.Module):
        def forward(self, x: torch.Tensor, kinds: torch.Tensor) -> Any:
            return x.unsqueeze(1) * (kinds.unsqueeze(1) == kinds.unsqueeze(2))

    assert domain(bench, Segments(), params(x=f32(3, 5), kinds=i64(3, 5)), of="kinds").one_of is None


def test_a_mask_by_name_alone_is_assumed_to_be_of_zeros_and_ones(bench: Bench) -> None:
    found = domain(bench, Multiplied(), params(x=f32(3, 5), mask=i64(3, 5)), of="mask")
    assert found.one_of == (0, 1)
    assert sources(found) == {"one_of": "assumed"}


def test_integers_that_are_used_as_numbers_are_unbounded(bench: Bench) -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return x * 2

    found = domain(bench, Scaled(), params(x=i64(3, 5)))
    assert found == Domain()


def test_booleans_need_no_bounds(bench: Bench) -> None:
    assert domain(bench, nn.Identity(), params(input=Leaf(torch.bool, (3,))), of="input") == Domain()


def test_floats_that_spoil_the_output_are_finite(bench: Bench) -> None:
    found = domain(bench, nn.Linear(4, 2), params(input=f32(3, 4)), of="input")
    assert (found.finite, found.not_nan) == (True, False)
    assert sources(found) == {"finite": "probed"}


class Best(nn.Module):
    """The best of what may be chosen: what may not be says nothing, and where nothing may be, it all does not."""

    def forward(self, x: torch.Tensor, allowed: torch.Tensor) -> Any:
        return x.masked_fill(allowed == 0, -1e9).max(-1).values


@pytest.mark.parametrize("fill", ["zeros", "ones"])
def test_floats_that_spoil_the_output_where_no_mask_hides_them_may_not_be_nan(bench: Bench, fill: Any) -> None:
    start = params(x=f32(3, 4), allowed=i64(3, 4))
    found = domain(bench, Best(), start, {("x",): "normal", ("allowed",): fill})
    assert (found.finite, found.not_nan) == (False, True)


def test_infinities_that_mean_something_leave_not_nan(bench: Bench) -> None:
    found = domain(bench, Softmax(), params(x=f32(3, 4), bias=f32(3, 4)), of="bias")
    assert (found.finite, found.not_nan) == (False, True)


def test_a_model_that_repairs_its_floats_keeps_them_free(bench: Bench) -> None:
    assert domain(bench, Repaired(), params(x=f32(3, 4))) == Domain()


@pytest.mark.parametrize(("place", "index"), [(0, (0, 0)), (-1, (2, 1))])
def test_one_element_is_put_first_or_last(place: int, index: tuple[int, int]) -> None:
    edited = Put(9, place).apply(torch.zeros(3, 2))
    assert edited[index] == 9
    assert edited.sum() == 9


def test_an_element_can_be_put_in_one_column_or_a_scalar() -> None:
    assert Put(9, 0, 1).apply(torch.zeros(2, 3)).tolist() == [[0, 9, 0], [0, 0, 0]]
    assert Put(9, 0).apply(torch.zeros(())).item() == 9
    assert Put(9, 0).apply(torch.zeros(0)).numel() == 0


class _Subsampled(nn.Module):
    """Lengths are halved with the sequence, which rounds an odd one up."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 3, 3, stride=2, padding=1)

    def forward(self, frames: torch.Tensor, x: torch.Tensor) -> Any:
        hidden = self.conv(frames.transpose(1, 2)).transpose(1, 2)
        ends = (x - 1) // 2
        return hidden.gather(1, ends[:, None, None].expand(-1, 1, 3)).squeeze(1)


def test_lengths_that_a_stride_rounds_are_bounded_by_the_sequence(bench: Bench) -> None:
    found = domain(bench, _Subsampled(), params(frames=f32(3, 11, 4), x=i64(3)), {("x",): "ones"})
    assert found.min == 1
    assert isinstance(found.max, BoundBy)
    assert (found.max.extent.group, found.max.offset, found.max.factor) == (((("frames",), 1),), 0, 1)


def test_a_table_near_the_size_of_the_sequence_is_a_bound_of_its_own(bench: Bench) -> None:
    assert [domain(bench, Words(), params(x=i64(3, size))).max for size in (11, 12, 13)] == [12, 12, 12]


def test_ids_in_columns_of_an_example_of_floats_are_bounded(bench: Bench) -> None:
    given = torch.tensor([[3.0, 0.4], [1.0, -2.5]])
    found = domain(bench, _FloatColumn(), params(x=f32(2, 2)), {("x",): given})
    assert found.columns is not None
    assert [(column.min, column.max) for column in found.columns] == [(0, 4), (None, None)]


def test_columns_of_an_example_of_plain_floats_are_not_bounded(bench: Bench) -> None:
    found = domain(bench, nn.Linear(2, 3), params(input=f32(2, 2)), {("input",): torch.ones(2, 2)}, of="input")
    assert found.columns is None


class _FloatColumn(nn.Module):
    """A town's number, then a measurement, in one table of floats."""

    def __init__(self) -> None:
        super().__init__()
        self.towns, self.scale = nn.Embedding(5, 2), nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.towns(x[:, 0].long()) * self.scale(x[:, 1:])


class _Roots(nn.Module):
    """Weights of any number of edges, none of which may be below 0."""

    def forward(self, x: torch.Tensor) -> Any:
        if bool((x < 0).any()):
            raise ValueError("a weight is negative")
        return x.sqrt().sum()


def test_the_places_of_an_axis_of_any_size_are_no_columns(bench: Bench) -> None:
    found = domain(bench, _Roots(), params(x=f32(5)), {("x",): torch.ones(5)})
    assert found.columns is None


class _OneTable(nn.Module):
    """Two columns of ids whose rows stand one after the other in one table."""

    def __init__(self, *starts: int) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 2)
        self.register_buffer("starts", torch.tensor(starts))

    def forward(self, x: torch.Tensor) -> Any:
        return self.table(x + self.starts)


@pytest.mark.parametrize(("starts", "bounds"), [((0, 4), [(0, 3), (0, 4)]), ((2, 4), [(0, 1), (0, 4)])])
def test_columns_that_share_a_table_keep_to_their_own_rows(
    bench: Bench, starts: tuple[int, int], bounds: list[tuple[int, int]]
) -> None:
    found = domain(bench, _OneTable(*starts), params(x=i64(3, 2)))
    assert found.columns is not None
    assert [(column.min, column.max) for column in found.columns] == bounds
    assert sources(found)["along_last[1].min"] == "assumed"


def test_columns_that_are_only_shifted_are_not_narrowed(bench: Bench) -> None:
    found = domain(bench, _OneTable(4, 2), params(x=i64(3, 2)))
    assert found.columns is not None
    assert [(column.min, column.max) for column in found.columns] == [(-4, 4), (-2, 6)]


class _Scaled(nn.Module):
    """Numbers whose squares no float holds at some size or other."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        return (x * mask.float().pow(3)).pow(3).sum(-1)


def test_where_the_arithmetic_overflows_no_number_is_bounded(bench: Bench) -> None:
    found = domain(bench, _Scaled(), params(x=f32(5, 3), mask=i64(5, 3)), of="mask")
    assert (found.min, found.max, found.columns, found.one_of) == (None, None, None, (0, 1))


class _Pooled(nn.Module):
    """Sums the rows of each graph; there are as many graphs as the largest number says."""

    def forward(self, nodes: torch.Tensor, x: torch.Tensor) -> Any:
        return nodes.new_zeros(int(x.max()) + 1, nodes.shape[1]).index_add_(0, x, nodes)


def test_numbers_that_make_rows_are_fewer_than_what_they_number(bench: Bench) -> None:
    found = domain(bench, _Pooled(), params(nodes=f32(5, 3), x=i64(5)))
    assert isinstance(found.max, BoundBy)
    assert ((("x",), 0) in found.max.extent.group, found.max.offset) == (True, -1)
    assert sources(found)["max"] == "assumed"


class GroupMeans(nn.Module):
    """The mean of each group of nodes: an empty group has none."""

    def forward(self, x: torch.Tensor, group: torch.Tensor) -> Any:
        count = int(group.max()) + 1
        sums = x.new_zeros(count, x.shape[1]).index_add(0, group, x)
        return sums / x.new_zeros(count).index_add(0, group, x.new_ones(len(group)))[:, None]


def test_numbers_of_groups_that_may_not_be_empty_go_up_to_the_number_of_rows(bench: Bench) -> None:
    found = domain(bench, GroupMeans(), params(x=f32(5, 3), group=i64(5)), of="group")
    assert isinstance(found.max, BoundBy)
    assert (found.max.offset, found.max.extent.group[0]) == (-1, (("x",), 0))
    assert found.min == 0


def test_a_run_with_two_groups_is_among_those_that_tell_the_output(bench: Bench) -> None:
    measured = bench(GroupMeans()).measured(params(x=f32(5, 3), group=i64(5)), {("x",): "normal", ("group",): "zeros"})
    prober = measured.sizes.prober
    assert {tree.sizes[0] for _, tree in prober.observations() if isinstance(tree, OutTensor)} == {1}
    Contents(measured.sizes, measured.bench.pool).of(("group",), i64(5))
    assert {tree.sizes[0] for _, tree in prober.observations() if isinstance(tree, OutTensor)} == {1, 2}


class Rooted(nn.Module):
    """Degrees under a root: a negative weight leaves no number."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 4)

    def forward(self, edge_index: torch.Tensor, edge_weight: torch.Tensor) -> Any:
        degree = torch.zeros(20).index_add(0, edge_index[1], edge_weight).pow(-0.5)
        degree = degree.masked_fill(degree == float("inf"), 0.0)
        sent = self.table(edge_index[0]) * (degree[edge_index[0]] * edge_weight)[:, None]
        return torch.zeros(20, 4).index_add(0, edge_index[1], sent)


def test_what_stands_under_a_root_is_not_negative() -> None:
    weight = inferred(Rooted().eval()).inputs[1].node
    assert isinstance(weight, Tensor)
    assert weight.values == Values(min=0, finite=True)


class Spectrum(nn.Module):
    """Refuses a negative real part of complex numbers, which have no order that a bound could follow."""

    def forward(self, spectrum: torch.Tensor) -> Any:
        if bool((spectrum.real < 0).any()):
            raise ValueError("powers are not negative")
        return torch.view_as_real(spectrum + torch.tensor(1j))


def test_complex_numbers_get_no_bound() -> None:
    spectrum = inferred(Spectrum()).inputs[0].node
    assert isinstance(spectrum, Tensor)
    assert spectrum.dtype == "complex64"
    assert spectrum.values == Values(finite=True)


class Atoms(nn.Module):
    """A table for each kind of category, as many as there are columns."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, 4) for rows in (9, 5, 3))

    def forward(self, atoms: torch.Tensor) -> Any:
        return sum(self.tables[column](atoms[:, column]) for column in range(atoms.shape[1]))


def test_each_column_has_a_table_of_its_own() -> None:
    contract = inferred(Atoms().eval())
    atoms = contract.inputs[0].node
    assert isinstance(atoms, Tensor)
    assert atoms.shape == ("batch", 3)
    columns = tuple(Values(min=0, max=rows - 1) for rows in (9, 5, 3))
    assert atoms.values == Values(along_last=columns)
    assert ("tensor:atoms", "shape[1]") in {(e.about, e.property) for e in contract.evidence if e.source == "assumed"}
