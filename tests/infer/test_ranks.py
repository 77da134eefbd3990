from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.hypothesis import Hypothesis
from contractgen.infer.ranks import choose_ranks
from tests.infer.conftest import BATCH, Bench, f32, i64, inferred, params


def chosen(bench: Bench, module: nn.Module, start: Hypothesis) -> dict[str, int]:
    """The rank of each tensor after the choice."""
    workbench = bench(module)
    found = choose_ranks(workbench.search(), workbench.found(start))
    return {str(path[-1]): len(leaf.sizes) for path, leaf in found.hypothesis.leaves().items()}


class Over(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        return self.layer(x)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(4, 3)

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


class Distances(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, support: Any, query: Any) -> Any:
        return torch.cdist(self.layer(query), self.layer(support))


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Any, edge_index: Any) -> Any:
        h = self.layer(x)
        source, target = edge_index
        return torch.zeros_like(h).index_add(0, target, h[source])


class Neighbours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Any, adj: Any) -> Any:
        h = self.layer(x)
        scores = torch.where(adj > 0, h @ h.t(), -9.0)
        return scores.softmax(-1) @ h


class StepOfAnImage(nn.Module):
    """One step per image scales it, so that an image without its batch axis is repeated for each step."""

    scales: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scales", torch.linspace(1.0, 2.0, 20))
        self.layer = nn.Conv2d(3, 2, 3)

    def forward(self, x: Any, t: Any) -> Any:
        return self.layer(x / self.scales[t].reshape(-1, 1, 1, 1))


class Annotated(nn.Module):
    """Its docstring fixes nothing; its annotation does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: _Three) -> Any:
        return self.layer(x)


class _Three:
    dim_str = "batch seq 4"
    dtypes = ("float32",)


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)


def test_a_linear_layer_takes_rows(bench: Bench) -> None:
    for sizes in ((4,), (5, 4), (5, 7, 4)):
        assert chosen(bench, Over(nn.Linear(4, 3)), params(x=f32(*sizes))) == {"x": 2}


def test_a_convolution_without_a_batch_gets_one(bench: Bench) -> None:
    assert chosen(bench, Over(nn.Conv2d(3, 2, 3)), params(x=f32(3, 11, 13))) == {"x": 4}


def test_an_encoder_without_a_batch_gets_one(bench: Bench) -> None:
    assert chosen(bench, Over(encoder()), params(x=f32(7, 4))) == {"x": 3}


def test_a_recurrent_layer_with_time_first_keeps_its_batch_in_the_second_axis(bench: Bench) -> None:
    assert chosen(bench, Recurrent(), params(x=f32(5, 7, 4))) == {"x": 3}


def test_supports_and_queries_are_rows_of_their_own(bench: Bench) -> None:
    assert chosen(bench, Distances(), params(support=f32(5, 4), query=f32(7, 4))) == {"support": 2, "query": 2}


def test_an_image_beside_a_step_per_image_gets_the_batch_axis_of_the_steps(bench: Bench) -> None:
    start = params(x=f32(3, 11, 13), t=i64(5))
    assert chosen(bench, StepOfAnImage(), start) == {"x": 4, "t": 1}


def test_a_graph_stays_without_a_batch(bench: Bench) -> None:
    assert chosen(bench, Graph(), params(x=f32(5, 4), edge_index=i64(2, 7))) == {"x": 2, "edge_index": 2}


def test_an_adjacency_keeps_both_its_axes(bench: Bench) -> None:
    assert chosen(bench, Neighbours(), params(x=f32(5, 4), adj=f32(5, 5))) == {"x": 2, "adj": 2}


def test_a_rank_that_the_author_wrote_stays(bench: Bench) -> None:
    assert chosen(bench, Annotated(), params(x=f32(5, 7, 4))) == {"x": 3}


class _Steps(nn.Module):
    """Vectors and the number of each step, stacked and reshaped: without a batch axis it runs too, by accident."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.action, self.time = nn.Linear(5, 4), nn.Linear(3, 4), nn.Embedding(30, 4)

    def forward(self, states: torch.Tensor, actions: torch.Tensor, timesteps: torch.Tensor) -> Any:
        batch, steps = states.shape[0], states.shape[1]
        time = self.time(timesteps)
        stacked = torch.stack([self.state(states) + time, self.action(actions) + time], dim=1)
        return stacked.permute(0, 2, 1, 3).reshape(batch, 2 * steps, 4).tanh()


def test_a_batch_is_added_where_ids_have_theirs(bench: Bench) -> None:
    start = params(states=f32(5, 5), actions=f32(5, 3), timesteps=i64(5, 5))
    assert chosen(bench, _Steps(), start) == {"states": 3, "actions": 3, "timesteps": 2}


class Carried(nn.Module):
    """Has a batch only beside states of a batch, which they have behind the layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(4, 3, batch_first=True)

    def forward(self, x: Any, state: Any, memory: Any) -> Any:
        return self.layer(x, (state, memory))


def test_a_batch_behind_the_layers_of_a_state_is_found(bench: Bench) -> None:
    start = params(x=f32(5, 4), state=f32(1, 3), memory=f32(1, 3))
    assert chosen(bench, Carried(), start) == {"x": 3, "state": 3, "memory": 3}


class Flow(nn.Module):
    """A step of time for each row, which may also be one for all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 4)

    def forward(self, state: torch.Tensor, t: torch.Tensor) -> Any:
        moments = t.reshape(-1, 1).expand(state.shape[0], 1)
        return state + torch.tanh(self.layer(torch.cat([state, moments], -1)))


def test_a_single_number_that_is_repeated_for_each_row_is_one_of_each_row() -> None:
    contract = inferred(Flow().eval())
    assert [part.node.shape for part in contract.inputs] == [("batch", 4), ("batch",)]  # type: ignore[union-attr]
    assert contract.dims == {"batch": BATCH}


class Patient(nn.Module):
    """Numbers of each patient beside a recording, which run with one axis more, too."""

    def __init__(self) -> None:
        super().__init__()
        self.recording = nn.Conv1d(3, 8, 5)
        self.patient = nn.Linear(2, 8)

    def forward(self, recording: torch.Tensor, age: torch.Tensor, weight: torch.Tensor) -> Any:
        return self.recording(recording).amax(-1) + self.patient(torch.stack([age, weight], -1))


def test_numbers_of_each_row_have_no_axis_before_the_batch() -> None:
    shapes = [part.node.shape for part in inferred(Patient().eval()).inputs]  # type: ignore[union-attr]
    assert [shape[0] for shape in shapes] == ["batch"] * 3
    assert [len(shape) for shape in shapes] == [3, 1, 1]
