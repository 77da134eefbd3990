"""Whole inferences of tiny models, with the exact dims, shapes and contents that a person would write down."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from contractgen.contract.checks import problems
from contractgen.contract.codec import dumps, loads
from contractgen.contract.expression import names
from contractgen.contract.model import Constant, Dict, Dim, Field, List, Output, Parameter, Tensor, Values
from contractgen.contract.tree import leaves
from contractgen.errors import InferenceError
from contractgen.infer.api import InferOptions, infer
from tests.infer.conftest import BATCH, inferred, loaded

FINITE = Values(finite=True)
ANY = Dim()


def floats(name: str, *shape: int | str, values: Values | None = FINITE) -> Tensor:
    return Tensor(name, "float32", shape, values)


def ids(name: str, rows: int, *shape: int | str) -> Tensor:
    return Tensor(name, "int64", shape, Values(min=0, max=rows - 1))


def out(*shape: int | str, name: str = "output") -> Output:
    return Output(name, Tensor(name, "float32", shape))


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.table = nn.Embedding(30, 4)
        self.head = nn.Linear(4, 2)


class Rows(Layers):
    def forward(self, x: Any) -> Any:
        return self.linear(x)


class Positioned(Layers):
    """Mean-pooled words with positions, and a mask that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Embedding(16, 4)

    def forward(self, ids: Any, attention_mask: Any = None) -> Any:
        x = self.table(ids) + self.places(torch.arange(ids.shape[1]))
        if attention_mask is None:
            return self.head(x.mean(1))
        kept = attention_mask.unsqueeze(-1).to(x.dtype)
        return self.head((x * kept).sum(1) / kept.sum(1).clamp(min=1))


class Keyed(Layers):
    def forward(self, batch: Any) -> Any:
        return {"logits": self.table(batch["ids"]).mean(1) + self.linear(batch["dense"])}


class Skipping(nn.Module):
    """Half the size and back, added to where it came from."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 2, 2, stride=2), nn.ConvTranspose2d(2, 1, 2, stride=2)

    def forward(self, image: Any) -> Any:
        return image + self.up(self.down(image))


class TwoResults(Layers):
    def forward(self, x: Any, y: Any) -> Any:
        z = self.linear(x + y)
        return z, z.argmax(-1)


class Columns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.town, self.day = nn.Embedding(5, 2), nn.Embedding(7, 2)

    def forward(self, categories: Any) -> Any:
        return self.town(categories[:, 0]) + self.day(categories[:, 1])


class Graph(Layers):
    def forward(self, x: Any, edge_index: Any) -> Any:
        h = self.linear(x)
        source, target = edge_index
        return torch.zeros_like(h).index_add(0, target, h[source])


class Frames(Layers):
    def forward(self, frames: list[torch.Tensor]) -> Any:
        return sum(self.linear(frame) for frame in frames)


@dataclass
class Request:
    ids: torch.Tensor
    dense: torch.Tensor
    scale: float = 2.0


class Typed(Layers):
    def forward(self, request: Request) -> Any:
        return self.table(request.ids).mean(1) + self.linear(request.dense) * request.scale


class Span(NamedTuple):
    start: torch.Tensor
    end: torch.Tensor


class Spans(Layers):
    def forward(self, span: Span, *, gain: float = 2.0, normalize: bool = False) -> Any:
        y = self.linear(span.start) - self.linear(span.end)
        return F.normalize(y) if normalize else y * gain


class Keywords(Layers):
    def forward(self, **inputs: Any) -> Any:
        return self.table(inputs["ids"]).mean(1) + self.linear(inputs["dense"])


class TimeFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(6, 4)

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


@dataclass(frozen=True)
class Case:
    module: Callable[[], nn.Module]
    dims: dict[str, Dim]
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]


CASES = {
    "rows of a linear layer": Case(
        Rows, {"batch": BATCH}, (Parameter("x", floats("x", "batch", 6)),), (out("batch", 4),)
    ),
    "text with positions and an optional mask": Case(
        Positioned,
        {"batch": BATCH, "seq": Dim(max=16)},
        (
            Parameter("ids", ids("ids", 30, "batch", "seq")),
            Parameter(
                "attention_mask",
                Tensor("attention_mask", "int64", ("batch", "seq"), Values(one_of=(0, 1))),
                required=False,
            ),
        ),
        (out("batch", 2),),
    ),
    "a mapping of ids and numbers": Case(
        Keyed,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter(
                "batch",
                Dict(
                    (
                        Field("ids", ids("batch.ids", 30, "batch", "seq")),
                        Field("dense", floats("batch.dense", "batch", 6)),
                    )
                ),
            ),
        ),
        (Output("output", Dict((Field("logits", Tensor("logits", "float32", ("batch", 4))),))),),
    ),
    "an image that is halved and doubled": Case(
        Skipping,
        {"batch": BATCH, "height": Dim(2, None, 2), "width": Dim(2, None, 2)},
        (Parameter("image", floats("image", "batch", 1, "height", "width")),),
        (out("batch", 1, "height", "width"),),
    ),
    "two tensors of one batch and two results": Case(
        TwoResults,
        {"batch": BATCH},
        (Parameter("x", floats("x", "batch", 6)), Parameter("y", floats("y", "batch", 6))),
        (out("batch", 4, name="output_0"), Output("output_1", Tensor("output_1", "int64", ("batch",)))),
    ),
    "a vocabulary per column": Case(
        Columns,
        {"batch": BATCH},
        (
            Parameter(
                "categories",
                Tensor(
                    "categories",
                    "int64",
                    ("batch", 2),
                    Values(along_last=(Values(min=0, max=4), Values(min=0, max=6))),
                ),
            ),
        ),
        (out("batch", 2),),
    ),
    "a graph": Case(
        Graph,
        {"nodes": ANY, "edges": ANY},
        (
            Parameter("x", floats("x", "nodes", 6)),
            Parameter("edge_index", Tensor("edge_index", "int64", (2, "edges"), Values(min=0, max=("-", "nodes", 1)))),
        ),
        (out("nodes", 4),),
    ),
    "a list of any length": Case(
        Frames,
        {"batch": BATCH, "frames_count": ANY},
        (Parameter("frames", List(floats("frames.*", "batch", 6), "frames_count")),),
        (out("batch", 4),),
    ),
    "a dataclass with a default": Case(
        Typed,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter(
                "request",
                Dict(
                    (
                        Field("ids", ids("request.ids", 30, "batch", "seq")),
                        Field("dense", floats("request.dense", "batch", 6)),
                        Field("scale", Constant("2.0", "float")),
                    )
                ),
            ),
        ),
        (out("batch", 4),),
    ),
    "a named tuple, and flags at their defaults": Case(
        Spans,
        {"batch": BATCH},
        (
            Parameter(
                "span",
                Dict((Field("start", floats("span.start", "batch", 6)), Field("end", floats("span.end", "batch", 6)))),
            ),
            Parameter("gain", Constant("2.0", "float"), "keyword", required=False),
            Parameter("normalize", Constant(value=False, type="bool"), "keyword", required=False),
        ),
        (out("batch", 4),),
    ),
    "names of a catch-all": Case(
        Keywords,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter("ids", ids("ids", 30, "batch", "seq"), "keyword"),
            Parameter("dense", floats("dense", "batch", 6), "keyword"),
        ),
        (out("batch", 4),),
    ),
    "a recurrent layer with time first": Case(
        TimeFirst,
        {"seq": ANY, "batch": BATCH},
        (Parameter("x", floats("x", "seq", "batch", 6, values=Values(not_nan=True))),),
        (out("seq", "batch", 4),),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_model_has_the_contract_that_a_person_would_write(case: Case) -> None:
    contract = inferred(case.module())
    assert contract.inputs == case.inputs
    assert contract.outputs == case.outputs
    assert contract.dims == case.dims
    assert contract.relations == ()
    assert [e for e in contract.evidence if e.source == "assumed" and e.about == "model"] == []


def test_two_inferences_give_the_same_bytes() -> None:
    model = Positioned()
    first, second = dumps(inferred(model)), dumps(inferred(model))
    assert first == second
    assert problems(loads(first)) == ()


def test_every_claim_of_a_contract_has_evidence() -> None:
    contract = inferred(Positioned())
    about = {(e.about, e.property) for e in contract.evidence}
    assert {
        ("dim:batch", "min"), ("dim:batch", "max"), ("dim:batch", "role"),
        ("dim:seq", "min"), ("dim:seq", "max"),
        ("tensor:ids", "values.min"), ("tensor:ids", "values.max"),
        ("tensor:attention_mask", "values.one_of"), ("input:attention_mask", "required"),
    } <= about  # fmt: skip


def test_an_inference_has_an_input_that_the_model_runs_on() -> None:
    model = Keyed().eval()
    result = infer(loaded(model), InferOptions("tiny"), lambda stage, detail: None)
    args, kwargs = result.example
    assert model(*args, **kwargs)["logits"].shape[1] == 4
    assert result.forwards > 50


def test_progress_names_the_stages_in_order() -> None:
    told: list[str] = []
    infer(loaded(Rows()), InferOptions("tiny"), lambda stage, detail: told.append(stage))
    assert list(dict.fromkeys(told)) == ["discover", "trace", "probe"]


class Branching(nn.Module):
    """Nothing tells that this dict holds a tuple; an example does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, state: Any, mask: Any = None) -> Any:
        x, y = state["pair"]
        z = self.layer(x) + self.layer(y)
        return z if mask is None else z * mask


def test_an_example_leads_and_what_it_gives_without_need_is_optional() -> None:
    pair = (torch.ones(2, 6), torch.ones(2, 6))
    contract = inferred(Branching(), example=(({"pair": pair},), {"mask": torch.ones(2, 4)}))
    assert contract.dims == {"batch": BATCH}
    assert [(p.name, p.required) for p in contract.inputs] == [("state", True), ("mask", False)]
    assert contract.inputs[1].node == floats("mask", "batch", 4)


def test_an_example_of_one_row_does_not_fix_the_batch() -> None:
    assert inferred(Rows(), example=((torch.ones(1, 6),), {})).dims == {"batch": BATCH}


def test_the_artifacts_own_inputs_lead_as_an_example_does() -> None:
    given = loaded(Rows(), ((torch.ones(3, 7, 6),), {}))
    contract = infer(given, InferOptions("tiny"), lambda stage, detail: None).contract
    assert contract.inputs[0].node == floats("x", "batch", "seq", 6)


def test_an_example_that_the_model_fails_on_is_an_error_with_the_models_words() -> None:
    with pytest.raises(InferenceError, match="fails on the example: RuntimeError: mat1 and mat2") as error:
        inferred(Rows(), example=((torch.ones(2, 7),), {}))
    assert error.value.exit_code == 3


class Never(nn.Module):
    def forward(self, count: int) -> Any:
        raise RuntimeError("no licence")


def test_a_model_that_never_runs_is_an_error_with_the_closest_attempts() -> None:
    with pytest.raises(InferenceError, match="no input was found") as error:
        inferred(Never())
    assert "no licence" in error.value.message
    assert "--example" in error.value.hint


class Hanging(nn.Module):
    def forward(self, x: Any) -> Any:
        while True:
            signal.pause()


def test_a_model_that_never_returns_ends_with_the_budget() -> None:
    with pytest.raises(InferenceError, match="time budget ended while the model was in the stage 'discover'"):
        inferred(Hanging(), budget=0.5)


class Spoilt(Layers):
    """One call with three rows, and it refuses all later ones; each run must meet it as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.tired = False

    def forward(self, x: Any) -> Any:
        if self.tired:
            raise RuntimeError("not after three rows")
        self.tired = x.shape[0] == 3
        return self.linear(x)


def test_a_model_that_changes_itself_is_met_as_it_was_and_reported() -> None:
    model = Spoilt()
    result = infer(loaded(model), InferOptions("tiny"), lambda stage, detail: None)
    assert result.contract.inputs == (Parameter("x", floats("x", "batch", 6)),)
    assert result.contract.dims == {"batch": BATCH}
    assert any("changes the model's own state" in warning for warning in result.warnings)
    assert not model.tired


class Noisy(Layers):
    def forward(self, x: Any) -> Any:
        return self.linear(x) + torch.randn(4)


def test_random_outputs_are_reported() -> None:
    result = infer(loaded(Noisy()), InferOptions("tiny"), lambda stage, detail: None)
    assert any("random" in warning for warning in result.warnings)


class Converting(Layers):
    def forward(self, x: Any) -> Any:
        return self.linear(torch.as_tensor(x, dtype=torch.float32))


def test_a_model_that_makes_a_tensor_of_its_input_is_understood() -> None:
    assert inferred(Converting()).dims == {"batch": BATCH}


# What is known not to work.


class Needing(Layers):
    def forward(self, x: Any, bias: Any = None, gate: Any = None) -> Any:
        if gate is None:
            raise ValueError("gate is required")
        y = self.linear(x) * gate
        return y if bias is None else y + bias


@pytest.mark.xfail(
    reason="an optional input that was found broadcasting is not tied to the batch, and the sizes fail together"
)
def test_an_optional_input_before_a_needed_one_shares_its_batch() -> None:
    contract = inferred(Needing())
    assert contract.dims == {"batch": BATCH}
    assert {p.name: p.required for p in contract.inputs} == {"x": True, "bias": False, "gate": True}


class Pooling(Layers):
    def forward(self, ids: Any, mask: Any = None) -> Any:
        x = self.table(ids)
        if mask is None:
            return x.mean(1)
        kept = mask.unsqueeze(-1).to(x.dtype)
        return (x * kept).sum(1) / kept.sum(1).clamp(min=1)


@pytest.mark.xfail(reason="ranks are chosen without the optional inputs, which alone tell that ids have a sequence")
def test_the_rank_of_ids_is_one_that_the_mask_fits() -> None:
    contract = inferred(Pooling())
    assert contract.inputs[0].node == ids("ids", 30, "batch", "seq")


class Keeping(Layers):
    """A hidden state that outlives the call."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: torch.Tensor | None = None

    def forward(self, x: Any) -> Any:
        if self.hidden is None:
            self.hidden = torch.zeros(x.shape[0], 4)
        self.hidden = self.hidden * 0.5 + self.linear(x)
        return self.hidden


@pytest.mark.xfail(
    reason="an attribute that was None is taken for a cache, so that the next run meets this one's state"
)
def test_a_hidden_state_that_a_run_leaves_behind_does_not_fix_the_batch() -> None:
    assert inferred(Keeping(), example=((torch.ones(2, 6),), {})).dims == {"batch": BATCH}


class Joined(Layers):
    def forward(self, xs: list[torch.Tensor]) -> Any:
        return torch.cat([self.linear(x) for x in xs])


@pytest.mark.xfail(
    reason="each item that was tried leaves a dim of its own behind, which the list's one item does not have"
)
def test_an_output_of_a_list_is_sized_by_dims_that_the_inputs_have() -> None:
    contract = inferred(Joined())
    shown = [leaf.tensor.shape for leaf in leaves(contract.inputs)]
    known = {size for shape in shown for size in shape} | {"xs_count"}
    assert all(names(dim.equals) <= known for dim in contract.dims.values() if dim.equals is not None)
    assert {name for name, dim in contract.dims.items() if dim.equals is None} <= known
