"""The mission's own case: what broke a container of the linear model, through the generated client and validator.

The client must refuse to send it, and the validator must refuse it from a client of another make.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.generated import Pair, load

ROOT = Path(__file__).parent.parent
JSON = {"content-type": "application/json"}
NPY = {"content-type": "application/x-npy"}


@pytest.fixture(scope="module")
def linear() -> Pair:
    return load(ROOT / "sample_models/linear/contract")


def npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("batch", [1, 2, 33])
def test_a_good_batch_arrives_as_it_was_sent(linear: Pair, batch: int) -> None:
    x = np.random.default_rng(0).normal(size=(batch, 20)).astype(np.float32)
    (arrived,), kwargs = linear.through(x)
    assert kwargs == {}
    assert arrived.dtype == np.float32
    np.testing.assert_array_equal(arrived, x)


def test_an_exact_list_is_converted(linear: Pair) -> None:
    (arrived,), _ = linear.through([[0.5] * 20, [1.0] * 20])
    np.testing.assert_array_equal(arrived, np.array([[0.5] * 20, [1.0] * 20], np.float32))


WRONG_ARRAYS = {
    "ten features": (np.zeros((1, 10), np.float32), "shape", "20", "10", ""),
    "int64": (np.zeros((1, 20), np.int64), "dtype", "float32", "int64", "x.astype(np.float32)"),
    "float64": (np.zeros((1, 20), np.float64), "dtype", "float32", "float64", "x.astype(np.float32)"),
    "no batch dimension": (np.zeros(20, np.float32), "rank", "[batch, 20]", "[20]", "x[None]"),
    "an empty batch": (np.zeros((0, 20), np.float32), "shape", "at least 1", "0", ""),
    "NaN": (np.full((1, 20), np.nan, np.float32), "value", "no NaN", "NaN", ""),
    "infinity": (np.full((1, 20), np.inf, np.float32), "value", "finite", "inf", ""),
}


@pytest.mark.parametrize(("x", "code", "expected", "actual", "hint"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS.keys())
class TestAWrongArray:
    def test_is_not_sent(self, linear: Pair, x: Any, code: str, expected: str, actual: str, hint: str) -> None:
        (violation,) = linear.refusal(x)
        assert (violation.code, violation.path) == (code, "inputs.x")
        assert expected in violation.expected
        assert actual in violation.actual
        assert hint in violation.hint

    def test_is_refused_in_memory(self, linear: Pair, x: Any, code: str, expected: str, actual: str, hint: str) -> None:
        (violation,) = linear.refusal_of_arrays(x)
        assert (violation.code, violation.path) == (code, "inputs.x")
        assert hint in violation.hint

    def test_is_refused_on_the_wire(
        self, linear: Pair, x: Any, code: str, expected: str, actual: str, hint: str
    ) -> None:
        (violation,) = linear.refusal_of_body(npy(x), NPY)
        assert (violation.code, violation.path) == (code, "inputs.x")
        assert expected in violation.expected
        assert actual in violation.actual


@pytest.mark.parametrize(
    ("x", "code"),
    [([[0.5] * 20, [0.5] * 19], "structure"), ([[0.5] * 19], "shape"), ([0.5] * 20, "rank"), ([["7"] * 20], "dtype")],
    ids=["ragged", "wrong length", "no batch dimension", "texts"],
)
def test_a_wrong_list_is_not_sent(linear: Pair, x: Any, code: str) -> None:
    (violation,) = linear.refusal(x)
    assert (violation.code, violation.path) == (code, "inputs.x")


def test_the_validator_never_sees_a_list(linear: Pair) -> None:
    (violation,) = linear.refusal_of_arrays([[0.5] * 20])
    assert violation.path == "inputs.x"
    assert violation.code in {"structure", "dtype"}


def test_an_extra_key_is_refused_with_everything_else_that_is_wrong(linear: Pair) -> None:
    body = json.dumps({"x": [[0.5] * 19], "y": [[1.0]]}).encode()
    found = {(violation.code, violation.path) for violation in linear.refusal_of_body(body, JSON)}
    assert ("unexpected", "inputs.y") in found or ("unexpected", "inputs") in found
    assert ("shape", "inputs.x") in found


def test_all_violations_of_one_array_are_listed(linear: Pair) -> None:
    found = {violation.code for violation in linear.refusal(np.zeros((0, 10), np.float64))}
    assert found == {"shape", "dtype"}


def test_a_refusal_becomes_a_response_that_a_client_can_read(linear: Pair) -> None:
    with pytest.raises(linear.validator.ContractViolation) as caught:
        linear.validator.parse(json.dumps([[0.5] * 10]).encode(), JSON)
    response = linear.validator.error_response(caught.value)
    answer = json.loads(bytes(response.body))
    assert response.status == 400
    assert [(each["code"], each["path"]) for each in answer["violations"]] == [("shape", "inputs.x")]


def test_a_result_comes_back_as_it_was_returned(linear: Pair) -> None:
    scores = np.array([[0.25], [-1.5]], np.float32)
    response = linear.validator.respond(scores)
    np.testing.assert_array_equal(linear.client.deserialize(response.body, response.headers), scores)


def test_both_files_were_generated_from_one_contract(linear: Pair) -> None:
    contract = json.loads((ROOT / "sample_models/linear/contract/contract.json").read_text())
    assert linear.client.CONTRACT == linear.validator.CONTRACT == contract["fingerprint"]
