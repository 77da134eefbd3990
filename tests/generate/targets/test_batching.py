"""Calls are joined only where nothing but the rows themselves depends on how many there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contractgen.contract.model import Contract, Dim, List, Output, Parameter, Tensor, Values
from contractgen.generate.targets.ray import batched_rows


def plain() -> Contract:
    return Contract(
        "model",
        (Parameter("x", Tensor("x", "float32", ("batch", "width"))),),
        (Output("y", Tensor("y", "float32", ("batch", 2))),),
        {"batch": Dim(role="batch"), "width": Dim()},
    )


def second(tensor: Tensor, *, required: bool = True) -> Contract:
    return replace(plain(), inputs=(*plain().inputs, Parameter("z", tensor, required=required)))


def output(*shape: int | str, **dims: Dim) -> Contract:
    return replace(plain(), outputs=(Output("y", Tensor("y", "float32", shape)),), dims={**plain().dims, **dims})


def bounded(most: int) -> Contract:
    return replace(plain(), dims={**plain().dims, "batch": Dim(max=most, role="batch")})


JOINED = {
    "an unbounded batch": (plain(), 0),
    "a bounded batch": (bounded(8), 8),
    "two tensors": (second(Tensor("z", "int64", ("batch",), Values(max="width"))), 0),
    "an output that has a size of the inputs": (output("batch", "width"), 0),
    "an output with a derived size": (output("batch", "half", half=Dim(equals=("//", "width", 2))), 0),
}
ALONE = {
    "no proven batch": replace(plain(), dims={"batch": Dim(), "width": Dim()}),
    "a tensor without the batch": second(Tensor("z", "float32", ("width",))),
    "a batch that does not lead": second(Tensor("z", "float32", ("width", "batch"))),
    "a batch that occurs twice": second(Tensor("z", "float32", ("batch", "batch"))),
    "an optional tensor": second(Tensor("z", "float32", ("batch",)), required=False),
    "a list": replace(plain(), inputs=(Parameter("x", List(Tensor("x.*", "float32", ("batch", 2)), "width")),)),
    "a bound by the batch": second(Tensor("z", "int64", ("batch",), Values(max="batch"))),
    "a relation over the batch": replace(plain(), relations=(("<=", "batch", "width"),)),
    "a size derived from the batch": output("batch", "twice", twice=Dim(equals=("*", "batch", 2))),
    "an output whose size the model chooses": output("batch", "found", found=Dim()),
    "an output without the batch": output(2),
}


@pytest.mark.parametrize(("contract", "rows"), JOINED.values(), ids=JOINED.keys())
def test_rows_that_are_independent_are_joined(contract: Contract, rows: int) -> None:
    assert batched_rows(contract) == rows


@pytest.mark.parametrize("contract", ALONE.values(), ids=ALONE.keys())
def test_everything_else_runs_alone(contract: Contract) -> None:
    assert batched_rows(contract) is None
