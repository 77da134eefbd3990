"""What the benchmark asks of a contract is what a server would ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.inference.acceptance import as_validator_takes, load_validator, refusal_of
from benchmarks.inference.case import Case, call, floats, ids, raises
from benchmarks.inference.result import Outcome
from contractgen.contract.canonical import seal
from contractgen.contract.model import Contract, Dict, Dim, Field, Optional, Output, Parameter, Tensor, Values


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


@dataclass
class Reading:
    values: torch.Tensor
    unit: str


SCORES = Tensor("scores", "float32", ("batch",))
CONTRACT = seal(
    Contract(
        name="tagger",
        dims={"batch": Dim(role="batch"), "seq": Dim(max=4)},
        inputs=(
            Parameter("ids", Tensor("ids", "int64", ("batch", "seq"), Values(min=0, max=9))),
            Parameter("mask", Optional(Tensor("mask", "bool", ("batch", "seq"))), "keyword", required=False),
        ),
        outputs=(Output("scores", SCORES),),
    )
)
BFLOAT = seal(
    Contract(
        name="half",
        dims={"batch": Dim()},
        inputs=(Parameter("pair", Dict((Field("left", Tensor("pair.left", "bfloat16", ("batch",))),))),),
        outputs=(Output("scores", SCORES),),
    )
)


def test_a_call_within_the_contract_is_accepted() -> None:
    refusal = refusal_of(load_validator(CONTRACT))
    assert refusal(call(ids(2, 3, below=10))) is None
    assert refusal(call(ids(1, 4, below=10), mask=torch.ones(1, 4, dtype=torch.bool))) is None
    assert refusal(call(ids=ids(1, 1, below=10), mask=None)) is None


@pytest.mark.parametrize(
    "bad",
    [
        call(ids(2, 5, below=10)),
        call(torch.full((1, 2), 10)),
        call(ids(2, 3, below=10).int()),
        call(ids(2, 3, below=10), mask=torch.ones(2, 4, dtype=torch.bool)),
        call([[1, 2]]),
        call(),
        call(ids(2, 3, below=10), labels=floats(2)),
        call({"ids": ids(2, 3, below=10)}),
    ],
)
def test_a_call_outside_of_the_contract_is_refused_with_a_reason(bad: object) -> None:
    assert refusal_of(load_validator(CONTRACT))(bad)  # type: ignore[arg-type]


def test_bfloat16_travels_as_its_bits() -> None:
    refusal = refusal_of(load_validator(BFLOAT))
    assert refusal(call({"left": floats(3, dtype=torch.bfloat16)})) is None
    assert refusal(call({"left": floats(3)})) is not None


def test_named_tuples_and_dataclasses_become_dicts_and_other_values_stay() -> None:
    taken = as_validator_takes([Pair(torch.tensor([1]), torch.tensor([2])), Reading(torch.tensor([3.0]), "m"), 4, None])
    assert taken == [
        {"left": np.array([1]), "right": np.array([2])},
        {"values": np.array([3.0], dtype=np.float32), "unit": "m"},
        4,
        None,
    ]


def test_both_kinds_of_fault_are_counted() -> None:
    from benchmarks.inference.worker import judge

    case = Case(
        "tagger",
        build=nn.Identity,
        example=lambda: call(ids(1, 2, below=10)),
        good=lambda: [call(ids(1, 2, below=10)), call(ids(1, 7, below=10))],
        bad=lambda: [raises("fits all the same", ids(1, 2, below=10)), raises("float", floats(1, 2))],
    )
    outcome = Outcome()
    judge(CONTRACT, case, outcome)
    assert not outcome.exact
    (refused,) = outcome.refused_good
    assert refused.startswith("[1] int64[1, 7]: ")
    assert outcome.accepted_bad == ["'fits all the same' (raises)"]
