from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.hypothesis import Axis
from contractgen.infer.ties import absorb, bind, bind_indexed, bind_masks, squared, tied_axes, untie
from tests.infer.conftest import Bench, f32, i64, inferred, params

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


class Masked(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        return x.mean() + mask.mean()


class Translating(nn.Module):
    """Two sequences, each with a mask of its own."""

    def forward(self, x: torch.Tensor, x_mask: torch.Tensor, y: torch.Tensor) -> Any:
        return (x * x_mask).sum(1, keepdim=True) + y


class Three(nn.Module):
    """Joined by what no condition shows."""

    def forward(self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> Any:
        if not x.numpy().shape == y.numpy().shape == z.numpy().shape:
            raise ValueError("as many of each")
        return x.sum() + y.sum() + z.sum()


class Squares(nn.Module):
    """Images as squares of patches, whose remainder is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 2, 8, stride=8)

    def forward(self, x: torch.Tensor) -> Any:
        patches = self.patches(x)
        side = int((patches.shape[2] * patches.shape[3]) ** 0.5)
        return patches.reshape(x.shape[0], 2, side, side)


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


class Tiled(nn.Module):
    """Tiles of 7 by 7, and a mark for each: a picture of 41 by 49 has 35 of them, and is read up to its row 35."""

    def forward(self, x: torch.Tensor, marks: torch.Tensor) -> Any:
        return torch.nn.functional.avg_pool2d(x[:, None], 7).flatten(1) * marks


def test_a_size_that_is_computed_from_another_is_not_made_the_same(bench: Bench) -> None:
    found = bench(Tiled()).found(params(x=f32(2, 41, 49), marks=f32(2, 35)))
    prober = bench(Tiled()).prober(found.hypothesis)
    rows: tuple[Axis, ...] = (X0, (("marks",), 0))
    groups = [rows, (X1,), ((("x",), 2),), ((("marks",), 1),)]
    assert absorb(prober, groups, found.trial.guards) == (groups, prober)
    assert len(absorb(prober, groups)[0]) == 3


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


def test_a_mask_has_the_sizes_of_what_it_masks(bench: Bench) -> None:
    prober = bench(Masked()).prober(params(x=f32(5, 7), mask=f32(5, 7)))
    groups: list[tuple[Axis, ...]] = [((("x",), 0),), ((("x",), 1),), ((("mask",), 0),), ((("mask",), 1),)]
    assert bind_masks(prober, groups) == [((("x",), 0), (("mask",), 0)), ((("x",), 1), (("mask",), 1))]


def test_a_mask_that_is_tied_to_one_tensor_is_none_of_another_of_its_sizes(bench: Bench) -> None:
    prober = bench(Translating()).prober(params(x=f32(5, 7), x_mask=f32(5, 7), y=f32(5, 7)))
    rows: tuple[Axis, ...] = (X0, (("x_mask",), 0), Y0)
    groups = [rows, (X1, (("x_mask",), 1)), (Y1,)]
    assert bind_masks(prober, groups) == groups


class Summed(nn.Module):
    def forward(self, ids: torch.Tensor, decoder_ids: torch.Tensor, decoder_mask: torch.Tensor) -> Any:
        return ids.sum(1) + decoder_ids.sum(1) * decoder_mask.sum(1)


def test_a_mask_is_that_of_the_tensor_whose_name_it_shares(bench: Bench) -> None:
    prober = bench(Summed()).prober(params(ids=f32(5, 7), decoder_ids=f32(5, 7), decoder_mask=f32(5, 7)))
    groups: list[tuple[Axis, ...]] = [(axis,) for axis in prober.hypothesis.sizes()]
    ids, decoder, mask = ((("ids",), 1), (("decoder_ids",), 1), (("decoder_mask",), 1))
    bound = bind_masks(prober, groups)
    assert (decoder, mask) in bound
    assert (ids,) in bound


def test_three_axes_that_move_only_together_are_one_size(bench: Bench) -> None:
    prober = bench(Three()).prober(params(x=f32(5), y=f32(5), z=f32(5)))
    z0 = (("z",), 0)
    assert bind(prober, [(X0,), (Y0,), (z0,)]) == [(X0, Y0, z0)]


def test_sides_that_move_alone_within_a_grid_are_bound_all_the_same(bench: Bench) -> None:
    prober = bench(Squares()).prober(params(x=f32(2, 1, 40, 40)))
    height, width = (("x",), 2), (("x",), 3)
    assert bind(prober, [(height,), (width,)]) == [(height, width)]


def test_time_and_batch_that_were_alike_are_taken_apart_together(bench: Bench) -> None:
    prober = bench(Sum()).prober(params(x=f32(5, 5), y=f32(5, 5)))
    assert untie(prober, (X0, X1, Y0, Y1)) == [(X0, Y0), (X1, Y1)]


def test_unlike_sides_of_one_grid_are_made_a_square(bench: Bench) -> None:
    height, width = (("x",), 2), (("x",), 3)
    prober = bench(Squares()).prober(params(x=f32(2, 1, 41, 43)))
    groups, square = squared(prober, [(height,), (width,)])
    assert groups == [(height, width)]
    assert square.hypothesis == params(x=f32(2, 1, 43, 43))


def test_sides_that_are_free_stay_two(bench: Bench) -> None:
    height, width = (("x",), 2), (("x",), 3)
    prober = bench(nn.Conv2d(1, 2, 3)).prober(params(x=f32(2, 1, 41, 43)))
    assert squared(prober, [(height,), (width,)]) == ([(height,), (width,)], prober)


class PooledPicture(nn.Module):
    """Counts the pixels that a mask keeps, which no condition ties to the picture's sides."""

    def forward(self, picture: torch.Tensor, pixel_mask: torch.Tensor) -> Any:
        return picture.mean((1, 2, 3)) * pixel_mask.sum((1, 2))


def test_a_mask_of_a_picture_has_its_sides(bench: Bench) -> None:
    prober = bench(PooledPicture()).prober(params(picture=f32(5, 3, 7, 11), pixel_mask=f32(5, 7, 11)))
    groups: list[tuple[Axis, ...]] = [(axis,) for axis in prober.hypothesis.sizes()]
    merged = [group for group in bind_masks(prober, groups) if len(group) == 2]
    assert [[axis for _, axis in group] for group in merged] == [[0, 0], [2, 1], [3, 2]]


class Flow(nn.Module):
    """Looks around each place of the first frame in a padded second one, which may therefore be larger."""

    def forward(self, frame1: torch.Tensor, frame2: torch.Tensor) -> Any:
        height, width = frame1.shape[2:]
        around = nn.functional.pad(frame2, (1, 1, 1, 1))
        parts = [(frame1 * around[:, :, y : y + height, x : x + width]).mean(1) for y in range(3) for x in range(3)]
        return torch.stack(parts, 1)


def test_two_frames_of_a_film_are_of_one_size() -> None:
    contract = inferred(Flow())
    assert [part.node.shape[2:] for part in contract.inputs] == [("height", "width")] * 2  # type: ignore[union-attr]
    assert {name: (contract.dims[name].min, contract.dims[name].max) for name in ("height", "width")} == {
        "height": (1, None),
        "width": (1, None),
    }


class Shared(nn.Module):
    """Each node weighs less in a larger graph; the graphs of more nodes than there are would be counted as well."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor, graph: torch.Tensor) -> Any:
        nodes = torch.zeros(int(graph.max()) + 1).index_add(0, graph, torch.ones(graph.shape[0]))
        return self.layer(x) / nodes[graph][: x.shape[0], None]


def test_what_an_example_gives_for_every_row_is_of_every_row() -> None:
    contract = inferred(Shared(), example=((torch.rand(7, 6), torch.tensor([0, 0, 0, 1, 1, 1, 2])), {}))
    assert [part.node.shape[0] for part in contract.inputs] == ["rows"] * 2  # type: ignore[union-attr]
    assert contract.relations == ()


class Pooled(nn.Module):
    """The mean of the nodes of each graph; the last nodes may be of none."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor, graph: torch.Tensor) -> Any:
        where = graph[:, None].expand(-1, 4)
        return torch.zeros(int(graph.max()) + 1, 4).scatter_reduce(0, where, self.layer(x), "mean")


def test_what_an_example_has_at_other_sizes_is_not_tied() -> None:
    contract = inferred(Pooled(), example=((torch.rand(9, 6), torch.tensor([0, 0, 1, 2])), {}))
    nodes, graphs = (part.node.shape[0] for part in contract.inputs)  # type: ignore[union-attr]
    assert list(contract.relations) == [("<=", graphs, nodes)]
