from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn import functional as F

from contractgen.infer.mixing import unmixed
from contractgen.infer.probe import Prober
from contractgen.infer.ranks import choose_ranks, groups_of
from tests.infer.conftest import Bench, f32, i64, params


class Columns(nn.Module):
    """A convolution, pooled, then cut into rows of a fixed number of columns, whatever came before."""

    def __init__(self, conv: nn.Module, columns: int) -> None:
        super().__init__()
        self.conv = conv
        self.columns = columns
        self.head = nn.Linear(columns, 2)

    def forward(self, x: Any) -> Any:
        features = F.avg_pool2d(self.conv(x), 2) if x.dim() == 4 else F.avg_pool1d(self.conv(x), 2)
        return self.head(features.reshape(-1, self.columns))


def sizes_after(bench: Bench, module: nn.Module, *start: int) -> tuple[int, ...]:
    """The sizes of the one input after the choice of ranks, from those at which the rows are mixed."""
    workbench = bench(module)
    found = choose_ranks(workbench.search(), workbench.found(params(x=f32(*start))))
    return found.hypothesis.leaves()[("x",)].sizes


def test_an_image_is_given_the_size_that_keeps_the_rows_of_a_batch_apart(bench: Bench) -> None:
    sizes = sizes_after(bench, Columns(nn.Conv2d(1, 3, 3), 75), 3, 1, 22, 22)
    assert sizes[:2] == (5, 1)
    assert [(side - 2) // 2 for side in sizes[2:]] == [5, 5]


def test_a_sequence_of_channels_is_too(bench: Bench) -> None:
    sizes = sizes_after(bench, Columns(nn.Conv1d(2, 3, 3), 30), 10, 2, 6)
    assert sizes[0] == 5
    assert (sizes[2] - 2) // 2 == 10


def test_sizes_that_keep_the_rows_apart_are_left_as_they_are(bench: Bench) -> None:
    assert sizes_after(bench, Columns(nn.Conv2d(1, 3, 3), 75), 4, 1, 12, 12) == (4, 1, 12, 12)


def test_nothing_is_found_where_no_size_gives_a_row_for_each_input(bench: Bench) -> None:
    class Transposed(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.flatten(1).sum(1).repeat(2)

    workbench = bench(Transposed())
    found = workbench.found(params(x=f32(3, 2, 8, 8)))
    prober = Prober(workbench.search().runner, found.hypothesis, found.plan)
    assert unmixed(workbench.search(), found, groups_of(prober, found)) is None


def test_a_run_whose_output_has_other_rows_than_the_batch_means_nothing(bench: Bench) -> None:
    workbench = bench(Columns(nn.Conv2d(1, 3, 3), 75))
    found = workbench.found(params(x=f32(4, 1, 12, 12)))
    prober = Prober(workbench.search().runner, found.hypothesis, found.plan)
    wider = {(("x",), 2): 22}
    assert prober.ok(wider)
    prober.expect_rows((("x",), 0), ((0, 0),))
    assert prober.ok({})
    assert not prober.ok(wider)
    assert not prober.resized({(("x",), 0): 8}).ok(wider)


class Landmarks(nn.Module):
    """Cuts rows of 24 ids into landmarks by fixed sizes, and compares all ids of a row with its own ones."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 3)

    def forward(self, ids: Any) -> Any:
        h = self.words(ids)
        marks = h.reshape(-1, 4, 6, 3).mean(2)
        return (h @ marks.transpose(1, 2)).logsumexp((1, 2))


def test_ids_of_which_all_together_are_one_row_become_that_row(bench: Bench) -> None:
    workbench = bench(Landmarks())
    found = workbench.found(params(ids=i64(4, 6)))
    assert choose_ranks(workbench.search(), found).hypothesis.leaves()[("ids",)].sizes == (5, 24)
