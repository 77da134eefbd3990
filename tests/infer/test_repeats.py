from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Tensor
from contractgen.infer.hypothesis import Hypothesis
from contractgen.infer.repeats import without_ones, without_repeats
from tests.infer.conftest import Bench, f32, inferred, params
from tests.infer.expected import floats


class Patches(nn.Module):
    """An image of 8 by 8 pixels in four patches, each with a place of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, stride=4)
        self.places = nn.Parameter(torch.randn(1, 4, 6))
        self.head = nn.Linear(6, 2)

    def forward(self, image: torch.Tensor) -> Any:
        x = self.patches(image).flatten(2).transpose(1, 2)
        return self.head((x + self.places).mean(1))


class Frames(nn.Module):
    """A signal of 24 samples in six frames, placed by a table and an index that the model holds."""

    index: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(2, 5, 4, stride=4)
        self.table = nn.Embedding(6, 5)
        self.register_buffer("index", torch.arange(6))

    def forward(self, signal: torch.Tensor) -> Any:
        return self.frames(signal).transpose(1, 2) + self.table(self.index)


class OneFrame(Frames):
    """The same, which insists on one frame and gives it at each place."""

    def forward(self, signal: torch.Tensor) -> Any:
        x = self.frames(signal)
        if x.shape[-1] != 1:
            raise ValueError("one frame")
        return x.transpose(1, 2) + self.table(self.index)


class Sliced(Frames):
    """As many places as there are frames."""

    def forward(self, signal: torch.Tensor) -> Any:
        x = self.frames(signal).transpose(1, 2)
        return x + self.table(self.index[: x.shape[1]])


class Scaled(nn.Module):
    """A free axis of any size beside channels: nothing is repeated along the weights but what they are for."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(2, 5, 4, stride=4)
        self.scale = nn.Parameter(torch.ones(5, 1))

    def forward(self, signal: torch.Tensor) -> Any:
        return self.frames(signal) * self.scale


@pytest.mark.parametrize(
    ("module", "one", "filled"),
    [
        (Patches(), params(image=f32(5, 3, 7, 4)), (5, 3, 8, 8)),
        (Frames(), params(signal=f32(5, 2, 7)), (5, 2, 24)),
    ],
    ids=["an image", "a signal"],
)
def test_sizes_that_fill_a_table_are_preferred_to_a_single_one_that_is_repeated(
    bench: Bench, module: nn.Module, one: Hypothesis, filled: tuple[int, ...]
) -> None:
    at = bench(module)
    found = at.found(one)
    assert found.trial.ok
    assert found.trial.repeated
    (leaf,) = without_repeats(at.search(), found).hypothesis.leaves().values()
    assert leaf.sizes == filled


def test_what_a_run_refuses_is_left_as_it_was_found(bench: Bench) -> None:
    at = bench(OneFrame())
    found = at.found(params(signal=f32(5, 2, 7)))
    assert found.trial.repeated
    assert without_repeats(at.search(), found) is found


@pytest.mark.parametrize("module", [Sliced(), Scaled()], ids=["a table cut to the input", "a scale of channels"])
def test_a_size_of_1_that_is_meant_is_no_repeat(bench: Bench, module: nn.Module) -> None:
    at = bench(module)
    found = at.found(params(signal=f32(5, 2, 7)))
    assert found.trial.ok
    assert not found.trial.repeated
    assert without_repeats(at.search(), found) is found


def test_a_contract_asks_for_the_image_that_fills_the_table() -> None:
    assert inferred(Patches()).inputs[0].node == floats("image", "batch", 3, 8, 8)


class Points(nn.Module):
    """Three columns, as `expand` says; it repeats a single one."""

    def forward(self, x: torch.Tensor) -> Any:
        rows, points, _ = x.shape
        return (x.unsqueeze(1).expand(rows, points, points, 3) - x.unsqueeze(2)).norm(dim=-1)


class Grey(nn.Module):
    """One channel, which no other number stands for."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x.view(-1, 12))


def test_a_single_column_gives_way_to_those_that_it_is_expanded_to(bench: Bench) -> None:
    workbench = bench(Points())
    found = without_ones(workbench.search(), workbench.found(params(x=f32(5, 7, 1))))
    assert found.hypothesis.sizes()[(("x",), 2)] == 3


def test_a_single_channel_stays_where_more_would_make_more_rows(bench: Bench) -> None:
    workbench = bench(Grey())
    found = without_ones(workbench.search(), workbench.found(params(x=f32(5, 1, 12))))
    assert found.hypothesis.sizes()[(("x",), 1)] == 1


class Hidden(Patches):
    """As it is, with a mask that says which patches are hidden: it meets the single patch first."""

    def forward(self, image: torch.Tensor, hidden_patches: torch.Tensor) -> Any:
        patches = self.patches(image).flatten(2).transpose(1, 2)
        return torch.where(hidden_patches[..., None], torch.zeros(patches.shape[-1]), patches) + self.places


def test_a_mask_of_all_places_asks_for_the_image_that_has_them() -> None:
    contract = inferred(Hidden())
    image, hidden = (part.node for part in contract.inputs)
    assert isinstance(image, Tensor)
    assert isinstance(hidden, Tensor)
    assert image.shape[2:] == (8, 8)
    assert hidden.shape == ("batch", 4)
