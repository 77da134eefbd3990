"""What an inference does besides the contract: its errors, its reports, and that it repeats itself."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.checks import problems
from contractgen.contract.codec import dumps, loads
from contractgen.contract.expression import names
from contractgen.contract.model import Dim, Parameter
from contractgen.contract.tree import leaves
from contractgen.errors import InferenceError
from contractgen.infer.api import InferOptions, infer
from tests.infer.conftest import BATCH, inferred, loaded
from tests.infer.expected import floats, ids
from tests.infer.tiny import (
    Keyed,
    Layers,
    Positioned,
    Rows,
)

ANY = Dim()


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


class _EitherOrBoth(nn.Module):
    """Runs without anything, and then returns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.sights = nn.Embedding(7, 4), nn.Linear(5, 4)

    def forward(self, ids: torch.Tensor | None = None, sights: torch.Tensor | None = None) -> Any:
        read = None if ids is None else self.words(ids).mean(1)
        return {"text": read, "image": None if sights is None else self.sights(sights)}


def test_a_run_that_returns_nothing_is_no_first_input() -> None:
    contract = inferred(_EitherOrBoth())
    assert [(parameter.name, parameter.required) for parameter in contract.inputs] == [("ids", True), ("sights", False)]


class _Statistics(nn.Module):
    """The mean and the spread of what windows of a wave give: of a single window there is no spread."""

    def __init__(self) -> None:
        super().__init__()
        self.windows, self.head = nn.Conv1d(1, 6, 5, stride=5), nn.Linear(12, 4)

    def forward(self, wave: torch.Tensor) -> Any:
        steps = self.windows(wave[:, None]).relu()
        return self.head(torch.cat([steps.mean(-1), steps.std(-1)], dim=1))


def test_the_first_input_has_room_for_a_spread() -> None:
    contract = inferred(_Statistics())
    [wave] = [leaf.tensor for leaf in leaves(contract.inputs)]
    assert wave.shape[0] == "batch"
    assert wave.values is not None
    assert wave.values.finite
    assert contract.dims[str(wave.shape[1])].min == 10


class _Prompted(nn.Module):
    """A prompt of vectors before those of the words, in as many steps as there are together, counted as a number."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, prompt: torch.Tensor | None = None) -> Any:
        x = self.words(ids)
        if prompt is not None:
            x = torch.cat((prompt, x), 1)
            steps = torch.zeros(1)
            for _ in range(int(x.shape[1])):
                steps = steps + 1
            x = x / steps
        return self.head(x)


def test_a_total_that_one_run_had_binds_no_sizes() -> None:
    contract = inferred(_Prompted())
    ids, prompt = (leaf.tensor for leaf in leaves(contract.inputs))
    assert ids.shape[0] == prompt.shape[0] == "batch"
    for dim in (contract.dims[str(ids.shape[1])], contract.dims[str(prompt.shape[1])]):
        assert (dim.max, dim.equals) == (None, None)
