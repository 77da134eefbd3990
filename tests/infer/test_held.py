from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from contractgen.infer.extents import Claim
from contractgen.infer.held import ask_of_sums, held_sizes, keep_seated, seat
from contractgen.infer.hypothesis import Axis, Hypothesis
from contractgen.infer.influence import settle_band
from contractgen.infer.optional import Optionals
from tests.infer.conftest import Bench, f32, i64, inferred, params


class Config(SimpleNamespace):
    model_type = "heard"

    def to_dict(self) -> dict[str, object]:
        return dict(vars(self))


class Mels(nn.Module):
    """Two strides of 2 over mel bins, of which as many as four sizes end in the same grid."""

    def __init__(self, **attributes: object) -> None:
        super().__init__()
        self.front = nn.Sequential(nn.Conv1d(1, 2, 3, stride=2), nn.ReLU(), nn.Conv1d(2, 2, 3, stride=2))
        self.head = nn.Linear(2 * 19, 3)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, mels: torch.Tensor) -> Any:
        return self.head(self.front(mels[:, None]).flatten(1))


class Patches(nn.Module):
    """Patches of 4 by 4 at a table of 15 positions: 20 frames of 12 bins, or any other grid of 15."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.project = nn.Conv2d(1, 6, 4, stride=4)
        self.positions = nn.Parameter(torch.randn(15, 6))

    def forward(self, spectrum: torch.Tensor) -> Any:
        """Encodes.

        Args:
            spectrum (`torch.Tensor` of shape `(batch_size, max_length, num_mel_bins)`): what was heard.
        """
        return (self.project(spectrum[:, None]).flatten(2).transpose(1, 2) + self.positions).mean(1)


class Critic(nn.Module):
    def __init__(self, state_dim: int, action_dim: int, *, tell: bool = True) -> None:
        super().__init__()
        if tell:
            self.state_dim, self.action_dim = state_dim, action_dim
        self.net = nn.Linear(state_dim + action_dim, 1)

    def forward(self, state: torch.Tensor, action: torch.Tensor) -> Any:
        return self.net(torch.cat([state, action], dim=-1))


def seated(bench: Bench, module: nn.Module, hypothesis: Hypothesis) -> tuple[Optionals, dict[Axis, int]]:
    workbench = bench(module)
    found = workbench.found(hypothesis)
    assert found.trial.ok
    optionals, chosen = seat(workbench.search(), Optionals(found, found))
    return optionals, {axis: one.size for axis, one in chosen.items()}


def band(bench: Bench, module: nn.Module) -> tuple[int | None, list[Claim]]:
    measured = bench(module).measured(params(mels=f32(2, 81)))
    extent = measured.extent("mels", 1)
    assert (extent.min, extent.max) == (79, 82)
    settle_band(measured.sizes, extent, held_sizes(module), {})
    return extent.fixed, extent.claims


def test_integers_that_a_model_keeps_are_read_by_their_names() -> None:
    module = Mels(
        n_mels=80, num_layers=82, _window=81, flags=True, image_size=(20, 12), sample_rate=8000, mel_scale=0.5
    )
    assert [(held.size, held.name) for held in held_sizes(module)] == [
        (80, "n_mels"),
        (20, "image_size"),
        (12, "image_size"),
    ]


def test_a_configuration_is_read_and_layers_of_torch_are_not() -> None:
    config = Config(max_length=20, num_mel_bins=12, hidden_size=24, patch_size=4)
    assert [(held.size, held.name) for held in held_sizes(Patches(config))] == [
        (20, "config.max_length"),
        (12, "config.num_mel_bins"),
    ]
    assert held_sizes(nn.Sequential(nn.Linear(80, 3))) == []


def test_of_a_band_the_size_is_meant_that_the_model_holds(bench: Bench) -> None:
    detail = "79 to 82 ran and end in the same grid; the model holds 80 as n_mels: is it meant?"
    assert band(bench, Mels(n_mels=80)) == (80, [Claim("fixed", "assumed", detail)])


def test_a_band_that_no_number_decides_is_put_as_a_question(bench: Bench) -> None:
    fixed, claims = band(bench, Mels(n_mels=80, frames=81))
    assert fixed == 80
    detail = "79 to 82 ran and end in the same grid; 80 is the roundest of them: is another one meant?"
    assert claims == [Claim("fixed", "assumed", detail)]


def test_sizes_of_a_product_are_those_of_the_configuration(bench: Bench) -> None:
    module = Patches(Config(max_length=20, num_mel_bins=12))
    optionals, chosen = seated(bench, module, params(spectrum=f32(2, 60, 6)))
    assert chosen == {(("spectrum",), 1): 20, (("spectrum",), 2): 12}
    assert optionals.found.hypothesis.leaves()[("spectrum",)].sizes == (2, 20, 12)
    assert optionals.found.trial.ok


def test_sizes_of_a_sum_are_those_whose_names_are_the_inputs(bench: Bench) -> None:
    workbench = bench(Critic(17, 6))
    found = workbench.found(params(state=f32(2, 11), action=f32(2, 12)))
    _, chosen = seat(workbench.search(), Optionals(found, found))
    measured = workbench.measured(found.hypothesis)
    keep_seated(measured.sizes.extents, chosen)
    state, action = measured.extent("state", 1), measured.extent("action", 1)
    assert (state.fixed, action.fixed) == (17, 6)
    assert [claim.source for claim in (*state.claims, *action.claims)] == ["assumed", "assumed"]
    assert state.claims[0].detail == (
        "the model binds this size only together with others, and holds 17 as state_dim: is it meant?"
    )


def test_a_sum_of_which_the_model_holds_no_part_stays_free(bench: Bench) -> None:
    _, chosen = seated(bench, Critic(17, 6, tell=False), params(state=f32(2, 11), action=f32(2, 12)))
    assert chosen == {}


def test_numbers_that_do_not_run_are_not_taken(bench: Bench) -> None:
    module = Patches(Config(max_length=21, num_mel_bins=30))
    assert seated(bench, module, params(spectrum=f32(2, 60, 6)))[1] == {}


class Three(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(8, 4)

    def forward(self, place: torch.Tensor, speed: torch.Tensor, goal: torch.Tensor) -> Any:
        return self.net(torch.cat([place, speed, goal], dim=-1))


def test_a_size_that_another_tensor_makes_up_for_is_a_question(bench: Bench) -> None:
    measured = bench(Three()).measured(params(place=f32(5, 1), speed=f32(5, 4), goal=f32(5, 3)))
    place = measured.extent("place", 1)
    assert (place.fixed, place.claims[0].source) == (1, "probed")
    ask_of_sums(measured.sizes)
    assert place.claims == [
        Claim(
            "fixed",
            "assumed",
            "1 ran, and 2 with 3 on axis 1 of speed: the model binds only their sum; which sizes are meant?",
        )
    ]


def test_a_declared_size_is_no_question(bench: Bench) -> None:
    measured = bench(Three()).measured(params(place=f32(5, 1), speed=f32(5, 4), goal=f32(5, 3)))
    declared = [Claim("fixed", "declared", "the example has 1")]
    measured.extent("place", 1).claims = list(declared)
    ask_of_sums(measured.sizes)
    assert measured.extent("place", 1).claims == declared


def test_a_size_that_nothing_makes_up_for_is_no_question(bench: Bench) -> None:
    measured = bench(nn.Bilinear(3, 4, 2)).measured(params(input1=f32(5, 3), input2=f32(5, 4)))
    claims = [list(extent.claims) for extent in measured.sizes.extents]
    ask_of_sums(measured.sizes)
    assert [extent.claims for extent in measured.sizes.extents] == claims
    assert measured.extent("input1", 1).fixed == 3


def test_equal_sizes_of_two_tensors_are_no_square(bench: Bench) -> None:
    _, chosen = seated(bench, Critic(11, 3), params(state=f32(2, 7), action=f32(2, 7)))
    assert chosen == {(("state",), 1): 11, (("action",), 1): 3}


class Towers(nn.Module):
    """Rows of six, of which a reshape takes any number; the edges' ids are rows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> Any:
        h = self.layer(x.view(-1, 6))
        return h.index_add(0, edges[0], h.index_select(0, edges[1]))


def test_a_matrix_has_the_columns_that_a_reshape_asks_for(bench: Bench) -> None:
    workbench = bench(Towers())
    found = workbench.found(params(x=f32(12, 5), edges=i64(2, 7)))
    moved, chosen = seat(workbench.search(), Optionals(found, found))
    assert chosen.keys() == {(("x",), 1)}
    assert moved.found.hypothesis.sizes()[(("x",), 1)] == 6


class Electrodes(nn.Module):
    """Trials of 14 electrodes: a kernel along time, one over all electrodes, and a head for what is left of both."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, (1, 7)), nn.Conv2d(4, 4, (14, 1)), nn.AvgPool2d((1, 5)))
        self.head = nn.Linear(4 * 18, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.features(x).flatten(1))


def test_a_kernel_of_one_column_spans_the_electrodes(bench: Bench) -> None:
    start = params(x=f32(5, 1, 22, 16))  # 9 rows of 2 steps are as many as one row of 18
    optionals, chosen = seated(bench, Electrodes(), start)
    sizes = optionals.found.hypothesis.leaves()[("x",)].sizes
    assert sizes[:3] == (5, 1, 14)
    assert (sizes[3] - 6) // 5 == 18
    assert chosen == {(("x",), 2): 14}


def test_a_kernel_that_spans_nothing_moves_no_size(bench: Bench) -> None:
    pooled = nn.Sequential(nn.Conv2d(1, 4, (14, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    optionals, chosen = seated(bench, pooled, params(input=f32(5, 1, 22, 16)))
    assert optionals.found.hypothesis == params(input=f32(5, 1, 22, 16))
    assert chosen == {}


class Pair(nn.Module):
    """Two pictures on top of each other, of which only the sum of the channels is bound."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(6, 4, 3, padding=1)

    def forward(self, sketch: torch.Tensor, photo: torch.Tensor) -> Any:
        return self.layer(torch.cat([sketch, photo], 1))


def test_two_pictures_that_are_joined_have_as_many_channels() -> None:
    contract = inferred(Pair().eval())
    assert [part.node.shape for part in contract.inputs] == [("batch", 3, "height", "width")] * 2  # type: ignore[union-attr]
    asked = {(one.about, one.property) for one in contract.evidence if one.source == "assumed"}
    assert asked == {("tensor:sketch", "shape[1]"), ("tensor:photo", "shape[1]")}
