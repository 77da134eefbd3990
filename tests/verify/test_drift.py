"""Drift: changed weights are none, a moved bound is, and the claim and its witness are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Contract, Dim, Evidence, Values
from contractgen.infer.api import InferOptions, infer
from contractgen.verify.drift import check_drift, drift
from tests.verify.subjects import LINEAR, TEXT, Loaded, Text


def with_dims(contract: Contract, **dims: Dim) -> Contract:
    return replace(contract, dims={**contract.dims, **dims})


def test_a_contract_has_not_drifted_from_itself() -> None:
    assert drift(TEXT.contract, TEXT.contract) == ()


def test_a_bound_that_grew_is_shown_by_the_input_that_is_refused() -> None:
    (finding,) = drift(TEXT.contract, with_dims(TEXT.contract, seq=Dim(max=20)))
    assert finding.claim == "inputs.ids:shape"
    assert "the model now takes what the contract refuses" in finding.message
    assert any("[1, 19]" in line or "[2, 19]" in line for line in finding.input)


def test_a_bound_that_shrank_is_shown_by_the_input_that_fails() -> None:
    findings = drift(TEXT.contract, with_dims(TEXT.contract, seq=Dim(max=8)))
    assert any("no longer takes" in finding.message for finding in findings)


def test_a_choice_stands_as_long_as_the_model_runs_on_it() -> None:
    (ids, mask) = TEXT.contract.inputs
    other = replace(TEXT.contract, inputs=(replace(ids, node=replace(ids.node, dtype="int32")), mask))  # type: ignore[type-var]
    assert drift(TEXT.contract, other, runs=lambda contract, case: True) == ()
    assert drift(TEXT.contract, other, runs=lambda contract, case: False)


def test_what_was_declared_is_no_drift() -> None:
    declared = replace(with_dims(TEXT.contract, seq=Dim(max=4)), evidence=(Evidence("dim:seq", "max", "declared", ""),))
    assert drift(declared, TEXT.contract) == ()


def test_names_of_dims_are_no_drift() -> None:
    (x,) = LINEAR.contract.inputs
    renamed = replace(
        LINEAR.contract,
        inputs=(replace(x, node=replace(x.node, shape=("rows", 20))),),  # type: ignore[type-var]
        outputs=tuple(replace(o, node=replace(o.node, shape=("rows", 1))) for o in LINEAR.contract.outputs),  # type: ignore[type-var]
        dims={"rows": Dim()},
    )
    assert drift(LINEAR.contract, renamed) == ()


@pytest.mark.slow
def test_a_grown_vocabulary_is_drift_and_new_weights_are_not() -> None:
    assert check_drift(TEXT.contract, Loaded(Text().eval())) == ()  # type: ignore[arg-type]
    findings = check_drift(TEXT.contract, Loaded(Text(words=60).eval()))  # type: ignore[arg-type]
    assert [finding.claim for finding in findings] == ["inputs.ids:value"]


@pytest.mark.slow
def test_a_new_required_input_is_drift() -> None:
    class More(Text):
        def forward(self, ids, mask, scale):  # type: ignore[no-untyped-def,override] # noqa: ANN001, ANN202
            return super().forward(ids, mask) * scale

    model: nn.Module = More().eval()
    findings = check_drift(TEXT.contract, Loaded(model))  # type: ignore[arg-type]
    assert "input:scale" in {finding.claim for finding in findings}


class Pictures(nn.Module):
    """Patches of 8, flattened: it takes one size of picture."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 2, 8, stride=8)
        self.head = nn.Linear(2 * (size // 8) ** 2, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.patches(image).flatten(1))


@pytest.mark.slow
def test_a_changed_image_size_is_drift_and_names_the_input() -> None:
    def loaded(size: int, seed: int) -> Any:
        torch.manual_seed(seed)
        return Loaded(Pictures(size).eval())

    contract = infer(loaded(32, 0), InferOptions(name="pictures"), lambda _stage, _detail: None).contract
    (parameter,) = contract.inputs
    assert parameter.node.shape == ("batch", 3, 32, 32)  # type: ignore[union-attr]
    assert check_drift(contract, loaded(32, 1)) == ()
    findings = check_drift(contract, loaded(48, 0))
    assert {finding.claim for finding in findings} == {"inputs.image:shape"}
    assert any("image: float32[1, 3, 48, 48]" in line for finding in findings for line in finding.input)
    assert any("image: float32[1, 3, 32, 32]" in line for finding in findings for line in finding.input)


def test_a_value_domain_that_moved_is_drift() -> None:
    (ids, mask) = TEXT.contract.inputs
    wider = replace(ids, node=replace(ids.node, values=Values(min=0, max=60)))  # type: ignore[type-var]
    (finding,) = drift(TEXT.contract, replace(TEXT.contract, inputs=(wider, mask)))
    assert finding.claim == "inputs.ids:value"
