from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.assemble import Length
from contractgen.infer.hypothesis import Group, Path
from contractgen.infer.lists import grow_lists, measure_lists
from tests.infer.conftest import Bench, Workbench, f32, params

PATH = ("xs",)


def of(count: int) -> Group:
    return Group("list", tuple((index, f32(5, 4)) for index in range(count)))


def measured(workbench: Workbench, count: int = 2) -> dict[Path, Length]:
    return measure_lists(workbench.prober(params(xs=of(count))))


class Total(nn.Module):
    def forward(self, xs: list[torch.Tensor]) -> Any:
        return sum(xs) * 2


class Bounded(nn.Module):
    def forward(self, xs: list[torch.Tensor]) -> Any:
        if not 2 <= len(xs) <= 5:
            raise ValueError("two to five")
        return sum(xs)


class Layered(nn.Module):
    """One layer per item; items beyond the layers are never read."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 2) for _ in range(3)])

    def forward(self, xs: list[torch.Tensor]) -> Any:
        return sum(layer(x) for layer, x in zip(self.layers, xs))  # noqa: B905


class Heads(nn.Module):
    """One head for all levels, however many and of whatever size."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, xs: list[torch.Tensor]) -> Any:
        return torch.cat([self.head(x) for x in xs])


class Each(Heads):
    """As many results as levels."""

    def forward(self, xs: list[torch.Tensor]) -> Any:
        return [self.head(x) for x in xs]


class Three(nn.Module):
    def forward(self, xs: list[torch.Tensor]) -> Any:
        first, second, third = xs
        return first + second * third


def test_a_list_of_any_length_has_a_dim(bench: Bench) -> None:
    [length] = measured(bench(Total())).values()
    assert (length.name, length.min, length.max) == ("xs_count", 1, None)
    assert [claim.detail for claim in length.claims] == [
        "a list of 1 ran", "a list of 12 ran; nothing bounds it",
    ]  # fmt: skip


def test_a_list_between_two_lengths_has_both_bounds(bench: Bench) -> None:
    [length] = measured(bench(Bounded())).values()
    assert (length.min, length.max) == (2, 5)
    assert [claim.detail for claim in length.claims] == [
        "a list of 2 ran, one of 1 failed", "a list of 5 ran, one of 6 failed",
    ]  # fmt: skip


def test_a_list_that_must_have_its_length_has_no_dim(bench: Bench) -> None:
    assert measured(bench(Three()), 3) == {}


def test_items_that_nothing_reads_do_not_count(bench: Bench) -> None:
    assert measured(bench(Layered()), 3) == {}


def test_a_list_grows_to_what_the_model_reads(bench: Bench) -> None:
    workbench = bench(Layered())
    grown = grow_lists(workbench.search(), workbench.found(params(xs=of(2))))
    assert list(grown.hypothesis.leaves()) == [("xs", 0), ("xs", 1), ("xs", 2)]


def test_a_list_of_any_length_is_not_grown(bench: Bench) -> None:
    workbench = bench(Total())
    found = workbench.found(params(xs=of(2)))
    assert grow_lists(workbench.search(), found) is found


def test_a_list_whose_items_differ_in_size_in_the_example_is_as_long_as_there(bench: Bench) -> None:
    prober = bench(Heads()).prober(params(xs=Group("list", ((0, f32(5, 4)), (1, f32(7, 4))))))
    assert [length.name for length in measure_lists(prober).values()] == ["xs_count"]
    even = params(xs=Group("list", ((0, f32(3, 4)), (1, f32(3, 4)))))
    assert [length.name for length in measure_lists(prober, even).values()] == ["xs_count"]
    uneven = params(xs=Group("list", ((0, f32(3, 4)), (1, f32(2, 4)))))
    assert measure_lists(prober, uneven) == {}


def test_a_list_with_a_result_for_each_item_is_as_long_as_it_was_found(bench: Bench) -> None:
    assert measured(bench(Each()), 3) == {}
