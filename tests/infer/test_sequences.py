"""Whether a sequence of tensors is a list or a tuple."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import List, Tuple
from contractgen.infer.hypothesis import Group, Leaf
from contractgen.infer.sequences import settle_sequences
from contractgen.infer.signature import read_signature
from tests.infer.conftest import Bench, f32, i64, inferred, params


class Levels(nn.Module):
    """Levels of a pyramid, each with a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv1d(channels, 4, 1) for channels in (2, 3, 5)])

    def forward(self, x: Any) -> Any:
        return torch.cat([layer(level) for layer, level in zip(self.layers, x, strict=True)], -1)


class Written(Levels):
    """Puts its results into the caller's list, as YOLO's head does."""

    def forward(self, x: Any) -> Any:
        for i, layer in enumerate(self.layers):
            x[i] = layer(x[i])
        return x


class State(nn.Module):
    """The state comes out as it went in."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind, self.cell = kind, nn.Linear(7, 7)

    def forward(self, x: torch.Tensor, state: Any) -> Any:
        new = self.kind(self.cell(part) + x for part in state)
        return new[0], {"state": new}


class Unpacked(nn.Module):
    def forward(self, x: Any) -> Any:
        first, second, third = x
        return first.sum() + second.sum() + third.sum()


class Annotated(Unpacked):
    def forward(self, x: tuple[torch.Tensor, ...]) -> Any:
        return super().forward(x)


class AnnotatedList(Unpacked):
    def forward(self, x: list[torch.Tensor]) -> Any:
        return super().forward(x)


class Appended(nn.Module):
    """Only a list can be made longer."""

    def forward(self, x: Any) -> Any:
        first, second = x[0], x[1]
        x.append(first * second)
        return x[-1]


def sequence(kind: Any, *items: Leaf) -> Group:
    return Group(kind, tuple(enumerate(items)))


def settled(
    bench: Bench, module: nn.Module, node: Group, *, example: bool = False, free: bool = False, **more: Any
) -> Any:
    path = ("state",) if more else ("x",)
    hypothesis = params(**more, **{path[0]: node})
    prober = bench(module).prober(hypothesis)
    settle_sequences(prober, read_signature(module), hypothesis if example else None, [path] if free else [])
    found = prober.hypothesis.node(path)
    assert isinstance(found, Group)
    return found.kind


PYRAMID = (f32(2, 2, 7), f32(2, 3, 5), f32(2, 5, 3))


def test_three_tensors_of_a_kind_are_levels_and_a_record_is_a_tuple(bench: Bench) -> None:
    assert settled(bench, Unpacked(), sequence("tuple", *PYRAMID)) == "list"
    assert settled(bench, Unpacked(), sequence("tuple", f32(2, 3), i64(2), f32(2, 4))) == "tuple"


def test_a_loop_over_two_levels_wants_a_list(bench: Bench) -> None:
    assert settled(bench, Levels(), sequence("list", *PYRAMID)) == "list"


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_state_is_of_the_kind_that_comes_out(bench: Bench, kind: type) -> None:
    for guessed in ("list", "tuple"):
        node = sequence(guessed, f32(2, 7), f32(2, 7))
        assert settled(bench, State(kind), node, x=f32(2, 7)) == kind.__name__


def test_what_an_example_an_annotation_or_a_free_length_says_is_kept(bench: Bench) -> None:
    assert settled(bench, Unpacked(), sequence("tuple", *PYRAMID), example=True) == "tuple"
    assert settled(bench, State(tuple), sequence("list", f32(2, 7), f32(2, 7)), x=f32(2, 7), free=True) == "list"
    assert settled(bench, AnnotatedList(), sequence("list", *PYRAMID)) == "list"
    assert settled(bench, Annotated(), sequence("list", *PYRAMID)) == "tuple"


def test_a_kind_that_the_model_refuses_is_not_taken(bench: Bench) -> None:
    assert settled(bench, Written(), sequence("list", *PYRAMID)) == "list"
    assert settled(bench, Appended(), sequence("list", f32(2, 3), f32(2, 3))) == "list"


def test_levels_with_layers_of_their_own_make_a_list_of_unlike_items() -> None:
    (parameter,) = inferred(Levels()).inputs
    assert isinstance(parameter.node, Tuple)
    assert parameter.node.sequence == "list"
    assert [item.wire_name for item in parameter.node.items] == ["x.0", "x.1", "x.2"]  # type: ignore[union-attr]


def test_an_example_says_whether_they_come_in_a_list_or_a_tuple() -> None:
    levels = [torch.randn(2, channels, size) for channels, size in ((2, 7), (3, 5), (5, 3))]
    for kind in (list, tuple):
        (parameter,) = inferred(Levels(), example=((kind(levels),), {})).inputs
        assert isinstance(parameter.node, Tuple)
        assert parameter.node.sequence == kind.__name__


def test_a_model_that_writes_into_its_list_gets_and_returns_one() -> None:
    contract = inferred(Written())
    for part in (*contract.inputs, *contract.outputs):
        assert isinstance(part.node, Tuple)
        assert (part.node.sequence, len(part.node.items)) == ("list", 3)


def test_a_model_that_makes_its_sequence_longer_gets_a_list() -> None:
    (parameter,) = inferred(Appended()).inputs
    assert isinstance(parameter.node, (List, Tuple))
    assert not isinstance(parameter.node, Tuple) or parameter.node.sequence == "list"
