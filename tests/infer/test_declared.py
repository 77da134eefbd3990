from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import Contract, Dim, Evidence, Tensor, Values
from contractgen.errors import DeclarationRefuted, UsageError
from contractgen.infer.declared import suggest
from contractgen.infer.priors import Prior
from contractgen.infer.signature import read_signature
from tests.infer.conftest import inferred


class Tiny(nn.Module):
    """Free rows and columns, with up to 12 columns."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(12))

    def forward(self, x: torch.Tensor) -> Any:
        return x + self.places[: x.shape[1]]


def tensor(contract: Contract) -> Tensor:
    node = contract.inputs[0].node
    assert isinstance(node, Tensor)
    return node


def test_a_dim_is_narrowed_and_renamed_and_says_so() -> None:
    contract = inferred(Tiny(), dims={"features": {"min": 4, "max": 8, "multiple_of": 4, "name": "columns"}})
    assert contract.dims == {"batch": Dim(role="batch"), "columns": Dim(min=4, max=8, multiple_of=4)}
    assert tensor(contract).shape == ("batch", "columns")
    assert Evidence("dim:columns", "max", "declared", "declared as 8") in contract.evidence


def test_a_bound_is_rounded_to_the_multiple() -> None:
    assert inferred(Tiny(), dims={"features": {"multiple_of": 3}}).dims["features"] == Dim(3, 12, 3)


def test_a_bound_that_the_model_refutes_is_an_error_that_shows_the_input() -> None:
    with pytest.raises(DeclarationRefuted, match=re.escape("dims.features: the model refutes it: x float32[")) as error:
        inferred(Tiny(), dims={"features": {"max": 13}})
    assert ", 13]" in error.value.message
    assert error.value.exit_code == 1


def test_a_dim_that_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="no free dim is called 'feature'") as error:
        inferred(Tiny(), dims={"feature": {"max": 8}})
    assert error.value.hint == "did you mean 'features'?"


def test_bounds_without_a_size_between_them_are_an_error() -> None:
    with pytest.raises(UsageError, match="no multiple of 7 lies between 8 and 12"):
        inferred(Tiny(), dims={"features": {"min": 8, "multiple_of": 7}})


def test_a_shape_names_and_fixes_sizes() -> None:
    contract = inferred(Tiny(), tensors={"x": {"shape": ["rows", 6]}})
    assert tensor(contract).shape == ("rows", 6)
    assert contract.dims == {"rows": Dim(role="batch")}


def test_values_are_narrowed() -> None:
    contract = inferred(Tiny(), tensors={"x": {"min": 0, "max": 1, "finite": False}})
    assert tensor(contract).values == Values(min=0, max=1)
    assert Evidence("tensor:x", "values.finite", "declared", "declared as false") in contract.evidence


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"x": {"shape": ["b", 14]}}, "tensors.x.shape"),
        ({"x": {"dtype": "bool"}}, "tensors.x.dtype"),
    ],
    ids=["a fixed size", "a dtype"],
)
def test_what_the_model_refutes_of_a_tensor_is_an_error(tensors: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(DeclarationRefuted, match=message):
        inferred(_Rows(), tensors=tensors)


class _Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


def test_a_tensor_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UsageError, match="no input tensor is called 'y'"):
        inferred(_Rows(), tensors={"y": {"min": 0}})


def test_a_required_input_cannot_be_declared_optional() -> None:
    with pytest.raises(DeclarationRefuted, match="does not run without it"):
        inferred(_Rows(), tensors={"x": {"optional": True}})


def test_declared_dtypes_and_shapes_lead_the_search() -> None:
    signature = read_signature(_Rows())
    suggest(signature, {"x": {"dtype": "float64", "shape": ["batch", 4]}})
    assert signature.priors[("x",)] == Prior((torch.float64,), (2,), ("batch", "4"), declared=True)


def test_a_word_that_is_no_dtype_is_an_error_with_examples() -> None:
    with pytest.raises(UsageError, match="'floaty' is no dtype") as error:
        suggest(read_signature(_Rows()), {"x": {"dtype": "floaty"}})
    assert "float32" in error.value.hint
