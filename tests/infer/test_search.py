from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.infer.dtypes import usual_dtypes
from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Group, Leaf, Record, Unknown, describe
from contractgen.infer.messages import names_dtype, ranks_in_message
from contractgen.infer.neighbours import divisible, met, shifted, viewed
from contractgen.infer.search import Found, Limits
from tests.infer.conftest import Bench, f32, i64, params


def first(bench: Bench, module: nn.Module) -> Found:
    search = bench(module).search()
    found = search.find(search.signature.hypothesis)
    assert found is not None, [attempt.error for attempt in search.attempts][-5:]
    return found


def shape(found: Found, *path: str | int) -> tuple[torch.dtype, int]:
    leaf = found.hypothesis.leaves()[path]
    return leaf.dtype, len(leaf.sizes)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(20, 3)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


class Mixed(nn.Module):
    """A mapping with ids and numbers, read by key."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer = nn.Embedding(9, 4), nn.Linear(6, 4)

    def forward(self, batch: Any) -> Any:
        return self.table(batch["ids"]).mean(1) + self.layer(batch["dense"])


class Named(Mixed):
    def forward(self, **inputs: Any) -> Any:  # type: ignore[override]
        return super().forward(inputs)


class Pair(Head):
    def forward(self, pair: Any) -> Any:
        left, right = pair
        return self.layer(left) - self.layer(right)


class Picture(nn.Module):
    """A convolution whose flattened size a head fixes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 2, 3, stride=2), nn.Linear(2 * 5 * 5, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.conv(x).flatten(1))


class Moded(Head):
    def forward(self, x: Any, how: str) -> Any:  # type: ignore[override]
        if how == "plain":
            return self.layer(x)
        raise ValueError(f"no such way: {how}")


class Needy(Head):
    """A default of None that is no default."""

    def forward(self, x: Any, weight: torch.Tensor | None = None) -> Any:
        if weight is None:
            raise ValueError("weight is needed")
        return self.layer(x) * weight


@dataclass
class Scene:
    x: torch.Tensor
    scale: float = 2.0


class TakesScene(Head):
    def forward(self, scene: Scene) -> Any:
        return self.layer(scene.x) * scene.scale


class Hopeless(nn.Module):
    def forward(self, x: Any) -> Any:
        raise RuntimeError("never")


class Double(Head):
    def __init__(self) -> None:
        super().__init__()
        self.double()


def test_a_tensor_for_a_layer_gets_its_size(bench: Bench) -> None:
    found = first(bench, Head())
    assert shape(found, "x")[0] == torch.float32
    assert found.hypothesis.sizes()[(("x",), len(found.hypothesis.leaves()[("x",)].sizes) - 1)] == 20
    assert found.trial.ok


def test_tensors_have_the_dtype_of_the_weights(bench: Bench) -> None:
    assert shape(first(bench, Double()), "x")[0] == torch.float64


@pytest.mark.parametrize(("module", "root"), [(Mixed(), "batch"), (Named(), "inputs")])
def test_keys_are_found_by_watching(bench: Bench, module: nn.Module, root: str) -> None:
    found = first(bench, module)
    assert set(found.hypothesis.leaves()) == {(root, "ids"), (root, "dense")}
    assert shape(found, root, "ids") == (torch.int64, 2)
    assert shape(found, root, "dense") == (torch.float32, 2)


def test_a_pair_is_found_by_its_unpacking(bench: Bench) -> None:
    assert list(first(bench, Pair()).hypothesis.leaves()) == [("pair", 0), ("pair", 1)]


def test_a_size_behind_strides_is_solved(bench: Bench) -> None:
    sizes = first(bench, Picture()).hypothesis.leaves()[("x",)].sizes
    assert sizes[-3] == 3
    assert all((size - 3) // 2 + 1 == 5 for size in sizes[-2:])


def test_fields_of_a_dataclass_are_given_and_its_defaults_kept(bench: Bench) -> None:
    assert list(first(bench, TakesScene()).hypothesis.leaves()) == [("scene", "x")]


def test_a_default_of_none_that_is_needed_is_given(bench: Bench) -> None:
    assert set(first(bench, Needy()).hypothesis.leaves()) == {("x",), ("weight",)}


def test_a_string_takes_a_value_that_the_source_compares_with(bench: Bench) -> None:
    search = bench(Moded()).search()
    assert search.find(search.signature.hypothesis, limits=Limits(trials=30)) is not None


def test_a_model_that_never_runs_ends_the_search_with_its_attempts(bench: Bench) -> None:
    search = bench(Hopeless()).search()
    assert search.find(search.signature.hypothesis, limits=Limits(trials=5)) is None
    assert {attempt.error for attempt in search.attempts} == {"RuntimeError: never"}


def test_the_search_ends_after_its_trials(bench: Bench) -> None:
    workbench = bench(Picture())
    search = workbench.search()
    assert search.find(search.signature.hypothesis, limits=Limits(trials=3)) is None
    assert workbench.tracer.trials <= 5


def test_frozen_tensors_keep_dtype_and_rank(bench: Bench) -> None:
    search = bench(Head()).search()
    found = search.find(params(x=f32(5, 7, 11)), frozen=frozenset({("x",)}))
    assert found is not None
    assert found.hypothesis.leaves()[("x",)].sizes == (5, 7, 20)


def test_two_searches_find_the_same(bench: Bench) -> None:
    one, other = first(bench, Mixed()), first(bench, Mixed())
    assert (one.hypothesis, one.plan) == (other.hypothesis, other.plan)


def test_an_attempt_is_described_in_one_line() -> None:
    hypothesis = params(x=f32(2, 20), ids=Leaf(torch.int64, (2,)), y=Unknown())
    assert describe(hypothesis) == "x=float32[2, 20], ids=int64[2], y=?"
    assert describe(params(ids=i64())) == "ids=int64[]"


class _Calendar(nn.Module):
    """Values beside calendar marks, embedded column by column."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Conv1d(3, 8, 3, padding=1)
        self.tables = nn.ModuleList([nn.Embedding(rows, 8) for rows in (13, 32, 7)])

    def forward(self, x: Any, x_mark: Any, y: Any, y_mark: Any) -> Any:
        return self._embed(x, x_mark).mean(1) + self._embed(y, y_mark).mean(1)

    def _embed(self, x: Any, marks: Any) -> Any:
        value = self.values(x.permute(0, 2, 1)).transpose(1, 2)
        return value + sum(table(marks[:, :, column]) for column, table in enumerate(self.tables))


def test_an_index_with_too_many_axes_asks_for_a_rank(bench: Bench) -> None:
    module = bench(_Calendar())
    search = module.search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    ranks = [len(leaf.sizes) for leaf in found.hypothesis.leaves().values()]
    assert ranks == [3, 3, 3, 3]
    assert shape(found, "y_mark")[0] == torch.int64
    assert module.tracer.trials < 100


@torch.library.custom_op("contractgen_tests::doubled", mutates_args=())
def _doubled(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


@_doubled.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    if x.dtype != torch.bfloat16:
        raise RuntimeError(f"Expected inputs of BF16 type but got {x.dtype}")
    return torch.empty_like(x)


class _Kernel(nn.Module):
    """Its kernel takes any dtype for real, and one alone in its symbolic form, as those of grouped experts do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return _doubled(self.layer(x))


def test_what_runs_for_real_is_found_though_its_symbolic_form_refuses_it(bench: Bench) -> None:
    module = bench(_Kernel())
    search = module.search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    assert "BF16" in found.trial.message
    assert shape(found, "x")[0] == torch.float32
    assert found.hypothesis.sizes()[(("x",), 1)] == 4


class _Agent(nn.Module):
    """Everything defaults to None, as libraries write it, and most of it is needed."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.action, self.reward = nn.Linear(5, 8), nn.Linear(3, 8), nn.Linear(1, 8)

    def forward(self, states: Any = None, actions: Any = None, rewards: Any = None, returns: Any = None) -> Any:
        batch, _ = states.shape
        hidden = self.state(states) + self.action(actions)
        return (hidden + self.reward(returns)).reshape(batch, -1)


def test_a_missing_parameter_is_the_one_that_the_failing_line_names(bench: Bench) -> None:
    module = bench(_Agent())
    search = module.search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    assert [path[0] for path in found.hypothesis.leaves()] == ["states", "actions", "returns"]
    assert module.tracer.trials < 60


class _Clicks(nn.Module):
    """Two tensors that are joined before a failure tells that both have an axis too many."""

    def __init__(self) -> None:
        super().__init__()
        self.items, self.kinds, self.score = nn.Embedding(40, 3), nn.Embedding(7, 3), nn.Linear(6, 1)

    def forward(self, history: Any, target: Any) -> Any:
        keys = torch.cat([self.items(history["item"]), self.kinds(history["kind"])], dim=-1)
        query = torch.cat([self.items(target["item"]), self.kinds(target["kind"])], dim=-1)
        return self.score(query.unsqueeze(1).expand(-1, keys.size(1), -1) * keys)


def test_tensors_that_are_joined_change_their_rank_together(bench: Bench) -> None:
    found = first(bench, _Clicks())
    assert [len(leaf.sizes) for leaf in found.hypothesis.leaves().values()] == [2, 2, 1, 1]


class _Waves(nn.Module):
    """Windows of windows: a first size of a window's own is far too small."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, 4, 20, stride=4), nn.MaxPool1d(4), nn.Conv1d(4, 4, 3), nn.MaxPool1d(4), nn.Conv1d(4, 4, 3)
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x).mean(-1)


def test_a_grid_that_windows_do_not_fit_grows_by_much(bench: Bench) -> None:
    module = bench(_Waves())
    search = module.search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    assert shape(found, "x") == (torch.float32, 3)
    assert module.tracer.trials < 60


class _NextClick(_Clicks):
    """A sequence and one item are joined after the item was given an axis."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(3, 1, 8, batch_first=True)

    def forward(self, history: Any, target: Any) -> Any:
        joined = torch.cat([history, target.unsqueeze(1)], dim=1)
        positions = self.kinds(torch.arange(joined.size(1)))
        return self.layer(self.items(joined) + positions)


def test_tensors_of_ranks_that_go_together_lose_an_axis_together(bench: Bench) -> None:
    found = first(bench, _NextClick())
    assert [len(leaf.sizes) for leaf in found.hypothesis.leaves().values()] == [2, 1]


class Columns(nn.Module):
    """Columns of one id a row beside a bag of ids and a row of numbers: their ranks go together only as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleDict({name: nn.Embedding(9, 3) for name in ("a", "b", "c")})
        self.bag, self.norm = nn.EmbeddingBag(9, 3, mode="mean"), nn.BatchNorm1d(4)

    def forward(self, batch: Any) -> Any:
        parts = [table(batch[name]) for name, table in self.tables.items()]
        return torch.cat([*parts, self.bag(batch["bag"]), self.norm(batch["dense"])], dim=-1)


def test_what_is_joined_is_brought_to_one_rank_at_once(bench: Bench) -> None:
    found = first(bench, Columns())
    assert [shape(found, "batch", name)[1] for name in ("a", "b", "c", "bag", "dense")] == [1, 1, 1, 2, 2]


class Ages(nn.Module):
    """A column whose name reminds of ids, and whose use says that it is measured."""

    def forward(self, batch: Any) -> Any:
        return torch.log1p(torch.relu(batch["item_age"]))


def test_what_is_asked_of_measured_numbers_makes_a_float(bench: Bench) -> None:
    assert shape(first(bench, Ages()), "batch", "item_age")[0] == torch.float32


class Pooled(nn.Module):
    """Nodes of several graphs in one batch object, read by attribute, pooled by an index whose rank is checked in words."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, data: Any) -> Any:
        h, index = self.layer(data.x), data.graph
        if index.dim() != 1:
            raise ValueError(f"The `index` argument must be one-dimensional (got {index.dim()} dimensions)")
        return h.new_zeros(int(index.max()) + 1, 3).index_add(0, index, h)


def test_an_object_is_read_by_attribute_and_its_ranks_from_words(bench: Bench) -> None:
    found = first(bench, Pooled())
    assert shape(found, "data", "x") == (torch.float32, 2)
    assert shape(found, "data", "graph")[1] == 1
    node = found.hypothesis.node(("data",))
    assert isinstance(node, Group)
    assert node.cls is Record


def test_a_convolution_gets_the_channels_that_it_asks_for_at_once(bench: Bench) -> None:
    search = bench(nn.Conv2d(3, 4, 3)).search()
    found = search.find(search.signature.hypothesis, limits=Limits(trials=3))
    assert found is not None
    assert found.hypothesis.sizes()[(("input",), 1)] == 3


@pytest.mark.parametrize(
    ("message", "ranks"),
    [
        ("The `index` argument must be one-dimensional (got 2 dimensions)", {1}),
        ("Expected 'edge_index' to be two-dimensional (got 3 dimensions)", {2}),
        ("one-dimensional thinking", set()),
        ("Timesteps should be a 1d-array", {1}),
        ("Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [5, 7]", {4}),
    ],
)
def test_a_rank_is_read_from_words(message: str, ranks: set[int]) -> None:
    assert ranks_in_message(message) == ranks


class _FewPlaces(nn.Module):
    """Positions end before the sizes that are tried first, which only a real run shows."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(9, 4), nn.Embedding(6, 4)

    def forward(self, x: Any) -> Any:
        return self.words(x).sum(2) + self.places(torch.arange(x.shape[1]))


def test_sizes_shrink_where_a_real_run_looks_up_what_no_table_has(bench: Bench) -> None:
    found = first(bench, _FewPlaces())
    assert found.hypothesis.leaves()[("x",)].sizes[1] <= 6


def test_a_message_names_a_dtype_in_words_of_its_own() -> None:
    message = "Input type (long int) and bias type (float) should be the same"
    assert names_dtype(message, torch.float32)
    assert not names_dtype(message, torch.float64)


class Shares(nn.Module):
    """Lengths as shares of the longest."""

    def forward(self, x: Any, lengths: Any) -> Any:
        steps = torch.arange(x.shape[1])
        kept = (steps < (lengths * x.shape[1]).unsqueeze(1)).unsqueeze(2).to(x.dtype)
        return (x * kept).sum(1) / kept.sum(1)


def test_lengths_that_are_shares_of_a_size_are_floats_and_above_zero(bench: Bench) -> None:
    found = first(bench, Shares())
    assert shape(found, "lengths") == (torch.float32, 1)
    assert found.plan[("lengths",)] == "uniform"


class Warped(nn.Module):
    """Two pictures of one channel each are joined for layers that halve and double the grid."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(2, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(4, 4, 2, 2), nn.ConvTranspose2d(8, 1, 2, 2)])

    def forward(self, fixed: Any, moving: Any) -> Any:
        first = self.down[0](torch.cat([fixed, moving], 1))
        return moving + self.up[1](torch.cat([first, self.up[0](self.down[1](first))], 1))


def test_two_pictures_get_their_rank_their_channels_and_round_sizes(bench: Bench) -> None:
    sizes = first(bench, Warped()).hypothesis.leaves()[("moving",)].sizes
    assert (len(sizes), sizes[1], sizes[2] % 4, sizes[3] % 4) == (4, 1, 0, 0)


class Frames(nn.Module):
    """Frames of a game: bytes, which the model scales out of sight of its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 3)

    def forward(self, inputs: Any) -> Any:
        x = inputs["frame"]
        return self.conv(x.float().div(255.0)).mean((2, 3))


def test_what_is_divided_by_255_holds_bytes(bench: Bench) -> None:
    at = bench(Frames()).search()
    found = at.find(at.signature.hypothesis)
    assert found is not None
    assert usual_dtypes(at, found).hypothesis.leaves()[("inputs", "frame")].dtype == torch.uint8


class Checked(nn.Module):
    """A check of the sizes comes before the first layer says how many axes there are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x: Any) -> Any:
        height, width = x.shape[-2:]
        if height % 32 or width % 32:
            raise RuntimeError(f"wrong input height={height}, width={width}, expected a multiple of 32")
        return self.conv(x)


def test_axes_that_come_in_front_of_a_grid_keep_the_sizes_that_were_found_for_it(bench: Bench) -> None:
    sizes = first(bench, Checked()).hypothesis.leaves()[("x",)].sizes
    assert len(sizes) == 4
    assert sizes[0] < 32  # not a size of the grid that became a batch of as many pictures


class Compared(nn.Module):
    """Two pictures of one flattened size, of which only the product is told."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layer = nn.Conv2d(1, 2, 3, 2, 1), nn.Linear(2 * 20 * 15, 4)

    def forward(self, first: Any, second: Any) -> Any:
        first, second = (self.layer(self.conv(picture).flatten(1)) for picture in (first, second))
        return (first - second).norm(dim=1)


def test_two_pictures_are_tried_with_the_same_sizes(bench: Bench) -> None:
    leaves = first(bench, Compared()).hypothesis.leaves()
    assert leaves[("first",)].sizes == leaves[("second",)].sizes


class Choices(nn.Module):
    """Reads the sizes of the embeddings where the ids are absent, as heads for multiple choice do."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, input_ids: Any = None, inputs_embeds: Any = None) -> Any:
        count = input_ids.shape[1] if input_ids is not None else inputs_embeds.shape[1]
        embedded = self.table(input_ids) if input_ids is not None else inputs_embeds
        return embedded.mean(2).reshape(-1, count, 4)


def test_ids_come_before_the_embeddings_that_are_read_in_their_absence(bench: Bench) -> None:
    leaves = first(bench, Choices()).hypothesis.leaves()
    assert {path: leaf.dtype for path, leaf in leaves.items()} == {("input_ids",): torch.int64}


def test_a_size_that_no_condition_leaves_open_becomes_the_one_that_it_meets() -> None:
    message = "The size of tensor a (13) must match the size of tensor b (18) at non-singleton dimension 1)"
    hypothesis = params(x=f32(5, 13), mask=f32(11, 13))
    settled = Guard("v[0] == 13", ((("x",), 1),), artefact=False)
    [(taken, _)] = met(hypothesis, message, [("x",)], [settled])
    assert taken == params(x=f32(5, 18), mask=f32(11, 13))
    assert list(met(hypothesis, message, [("x",)], [])) == []


@pytest.mark.parametrize(("sizes", "round_ones"), [((5, 3, 17, 23), (5, 3, 24, 24)), ((5, 17, 3), (5, 24, 8))])
def test_sizes_are_rounded_up_together_to_what_an_author_says_divides_them(
    sizes: tuple[int, ...], round_ones: tuple[int, ...]
) -> None:
    [(taken, _)] = divisible(params(x=f32(*sizes)), "ValueError: the picture must be divisible by 8")
    assert taken == params(x=f32(*round_ones))


def test_a_table_that_should_be_a_batch_of_volumes_gets_three_axes_more() -> None:
    message = "Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: [5, 7]"
    ranks = {len(taken.leaves()[("x",)].sizes) for taken, _ in shifted(params(x=f32(5, 7)), message, [], frozenset())}
    assert ranks == {5}


class _Asking(Head):
    """Each of its parts asks for ids of its own, by the same name."""

    def forward(self, ids: Any = None, other: Any = None, more: Any = None, decoder_ids: Any = None) -> Any:
        for part in (ids, decoder_ids):
            if part is None:
                raise ValueError("You must specify ids")
        return self.layer(ids) + self.layer(decoder_ids)


def test_a_part_that_asks_by_the_name_of_another_parts_input_gets_its_own(bench: Bench) -> None:
    search = bench(_Asking()).search()
    start = search.signature.hypothesis.with_node(("ids",), f32(5, 20))
    offered = {}
    for taken, cost in search._filled(start, "ValueError: You must specify ids", ()):
        [name] = [param.name for param in taken.params if isinstance(param.node, Unknown)]
        offered[name] = cost
    assert min(offered, key=lambda name: offered[name]) == "decoder_ids"


class Mixer(nn.Module):
    """Values of three agents and a state, each taken row by row whatever is in front."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Linear(10, 12)

    def forward(self, agent_qs: torch.Tensor, states: torch.Tensor) -> Any:
        values = agent_qs.view(-1, 1, 3)
        weights = self.weights(states.reshape(-1, 10)).abs().view(-1, 3, 4)
        return torch.bmm(values, weights).sum((1, 2))


def test_the_rows_that_a_view_takes_are_the_last_axis(bench: Bench) -> None:
    leaves = first(bench, Mixer()).hypothesis.leaves()
    assert leaves[("agent_qs",)].sizes[1:] == (3,)
    assert leaves[("states",)].sizes[1:] == (10,)


@pytest.mark.parametrize(
    ("sizes", "view", "wanted"),
    [
        ((5, 7), "[-1, 10]", (5, 10)),
        ((5, 7), "[-1, 1, 3]", (5, 3)),
        ((5, 7), "[-1, 3, 4]", (5, 12)),
        ((5, 7, 11), "[-1, 3, 4]", (5, 3, 4)),
        ((5, 7, 11), "[-1, 6]", (5, 7, 6)),
        ((7, 7), "[-1, 6]", (7, 6)),
    ],
)
def test_a_view_says_what_its_input_ends_with(sizes: tuple[int, ...], view: str, wanted: tuple[int, ...]) -> None:
    counts = "*".join(
        f"{size}**{sizes.count(size)}" if sizes.count(size) > 1 else str(size) for size in dict.fromkeys(sizes)
    )
    message = f"shape '{view}' is invalid for input of size {counts}"
    others = [other.leaves()[("x",)].sizes for other, _ in viewed(params(x=f32(*sizes), y=f32(2, 2)), message)]
    assert others == [wanted]


class Gaps(nn.Module):
    """What was observed at irregular times; flags of steps alone would broadcast until they are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(5))
        self.cell = nn.GRUCell(10, 8)

    def forward(self, values: torch.Tensor, observed: torch.Tensor, times: torch.Tensor) -> Any:
        batch, steps, columns = values.shape
        gaps = torch.cat([torch.zeros_like(times[:, :1]), times[:, 1:] - times[:, :-1]], 1)
        delta = torch.zeros_like(values)
        for t in range(1, steps):
            delta[:, t] = gaps[:, t : t + 1] + (1 - observed[:, t - 1].float()) * delta[:, t - 1]
        state = values.new_zeros(batch, 8)
        for t in range(steps):
            seen = observed[:, t].float()
            step = seen * values[:, t] + (1 - seen) * self.mean.expand(batch, columns) * torch.exp(-delta[:, t])
            state = self.cell(torch.cat([step, seen], -1), state)
        return state


def test_flags_get_the_shape_of_what_they_are_about_where_ranks_do_not_go_together(bench: Bench) -> None:
    leaves = first(bench, Gaps()).hypothesis.leaves()
    assert leaves[("observed",)].sizes == leaves[("values",)].sizes
    assert leaves[("times",)].sizes == leaves[("values",)].sizes[:2]


def test_flags_whose_rank_is_being_tried_keep_it(bench: Bench) -> None:
    search = bench(Gaps()).search()
    start = params(values=f32(3, 4, 5), observed=Leaf(torch.bool, (3, 4)), times=f32(3, 4))
    found = search.find(start, frozen=frozenset({("observed",)}), limits=Limits(trials=40))
    assert found is None


class Streets(nn.Module):
    """A table for each list of cards; fewer lists than tables would do until they are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(52, 4) for _ in range(6))
        self.head = nn.Linear(24, 3)

    def forward(self, cards: Any) -> Any:
        return self.head(torch.cat([table(one).sum(1) for table, one in zip(self.tables, cards, strict=False)], 1))


def test_a_list_has_as_many_items_as_bring_what_is_joined_to_its_width(bench: Bench) -> None:
    search = bench(Streets()).search()
    found = search.find(search.signature.hypothesis, limits=Limits(trials=60))
    assert found is not None
    assert [path for path, _ in found.hypothesis.leaves().items()] == [("cards", index) for index in range(6)]
