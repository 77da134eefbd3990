"""Lengths of which one has to be the whole size: masks and unpacked sequences that are as long as the largest of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from contractgen.contract.model import Dim, Tensor, Values
from contractgen.infer.longest import with_longest
from contractgen.infer.values import SizeOf, make_tensor, plans
from tests.infer.conftest import BATCH, Bench, f32, i64, inferred, params


class MaskedByLargest(nn.Module):
    """The encoder of a speech synthesiser: its mask is as long as the largest length."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(40, 4)
        self.layer = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, tokens: torch.Tensor, token_lengths: torch.Tensor) -> Any:
        features = self.layer(self.table(tokens).transpose(1, 2)).transpose(1, 2)
        places = torch.arange(int(token_lengths.max()))
        return features.masked_fill((places >= token_lengths[:, None])[..., None], 0.0)


class MaskedBySize(MaskedByLargest):
    def forward(self, tokens: torch.Tensor, token_lengths: torch.Tensor) -> Any:
        places = torch.arange(tokens.shape[1])
        return self.table(tokens).masked_fill((places >= token_lengths[:, None])[..., None], 0.0)


class Packed(nn.Module):
    """What is unpacked is as long as the largest length, and is added to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(6, 6, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0] + x


class Joined(Packed):
    """Lengths of one do not run: what is joined does not broadcast."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        return torch.stack([pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0], x])


class Strided(nn.Module):
    """Half of the lengths, on half of the steps: the largest length may be one short of an even size."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(6, 6, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        features = self.layer(x.transpose(1, 2)).transpose(1, 2)
        halves = (lengths + 1) // 2
        return features * (torch.arange(int(halves.max())) < halves[:, None])[..., None]


def contents(module: nn.Module, name: str, **options: object) -> tuple[Tensor, dict[str, Dim]]:
    contract = inferred(module, **options)
    node = next(part.node for part in contract.inputs if part.name == name)
    assert isinstance(node, Tensor)
    return node, contract.dims


def test_a_mask_as_long_as_the_largest_length_asks_for_one_of_the_whole_size() -> None:
    lengths, dims = contents(MaskedByLargest(), "token_lengths")
    assert (lengths.shape, lengths.values) == (("batch",), Values(min=0, max="seq", attained=True))
    assert dims == {"batch": BATCH, "seq": Dim()}


def test_a_mask_of_the_whole_size_takes_any_lengths() -> None:
    lengths, _ = contents(MaskedBySize(), "token_lengths")
    assert lengths.values == Values(min=0, max="seq")


def test_what_is_unpacked_and_added_asks_for_one_length_of_the_whole_size() -> None:
    lengths, _ = contents(Packed(), "lengths")
    assert lengths.values == Values(min=1, max="seq", attained=True)


def test_what_is_unpacked_and_does_not_broadcast_runs_with_whole_lengths_at_once() -> None:
    lengths, dims = contents(Joined(), "lengths")
    assert lengths.values == Values(min=1, max="seq", order="descending", attained=True)
    assert dims == {"batch": BATCH, "seq": Dim()}


def test_lengths_of_an_example_follow_the_size_of_its_axis() -> None:
    example = ((torch.randn(3, 7, 6), torch.tensor([7, 5, 2])), {})
    lengths, dims = contents(Packed(), "lengths", example=example)
    assert lengths.values == Values(min=1, max="seq", attained=True)
    assert dims == {"batch": BATCH, "seq": Dim()}


def test_a_length_that_may_be_short_of_its_size_is_left_a_question() -> None:
    contract = inferred(Strided())
    lengths = contract.inputs[1].node
    assert isinstance(lengths, Tensor)
    assert lengths.values == Values(min=0, max="seq")
    assert ("model", "values", "assumed") in [(one.about, one.property, one.source) for one in contract.evidence]


def test_the_axis_is_one_that_can_have_another_size(bench: Bench) -> None:
    # Lengths of 6, the channels, act at 5 steps as lengths of 5 do; and there happen to be as many rows as steps.
    hypothesis = params(x=f32(5, 5, 6), lengths=i64(5))
    plan = with_longest(bench(Strided()).runner, hypothesis, {("x",): "normal", ("lengths",): "ones"})
    assert plan[("lengths",)] == SizeOf((("x",), 1))


@pytest.mark.parametrize(("module", "whole"), [(MaskedByLargest(), True), (MaskedBySize(), False)])
def test_lengths_become_whole_where_shorter_ones_alone_fail(bench: Bench, module: nn.Module, whole: bool) -> None:
    hypothesis = params(tokens=i64(2, 7), token_lengths=i64(2))
    plan = with_longest(bench(module).runner, hypothesis, {("tokens",): "zeros", ("token_lengths",): "ones"})
    assert plan[("token_lengths",)] == (SizeOf((("tokens",), 1)) if whole else "ones")


def test_a_whole_length_follows_the_size_of_its_axis(bench: Bench) -> None:
    hypothesis = params(x=f32(2, 7, 6), lengths=i64(2))
    axis = (("x",), 1)
    prober = bench(Packed()).prober(hypothesis, {("x",): "normal", ("lengths",): SizeOf(axis)})
    assert prober.tensor(("lengths",)).tolist() == [7, 7]
    assert all(outcome.ok for outcome in prober.at([{}, {axis: 11}]))


def test_a_fill_of_a_size_that_is_not_there_is_one() -> None:
    assert make_tensor(i64(2), SizeOf((("x",), 1)), 0).tolist() == [1, 1]


def test_lengths_are_tried_whole_after_the_plain_fills() -> None:
    hypothesis = params(x=f32(2, 7, 7, 5), lengths=i64(2))
    tried = list(dict.fromkeys(plan[("lengths",)] for plan in plans(hypothesis)))
    assert tried == ["ones", "ramp", "zeros", SizeOf((("x",), 1)), SizeOf((("x",), 3))]
