"""The catalogue of messages: each kind of violation in it, what it says, and that it says no more."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    EachRow,
    Field,
    List,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)
from contractgen.generate.runtime.violations import CATALOGUE
from tests.generate.modules import generated

CODES = {"malformed", "contract", "missing", "unexpected", "structure", "dtype", "rank", "shape", "relation", "value"}
OUTPUTS = (Output("output", Tensor("output", "float32", ("batch",))),)
MODEL = generated(
    Contract(
        "messages",
        (
            Parameter(
                "batch",
                Dict(
                    (
                        Field(
                            "image",
                            Tensor("batch.image", "float32", ("batch", 3, "height"), Values(finite=True, max=5)),
                        ),
                        Field("ids", Tensor("batch.ids", "int64", ("batch", "seq"), Values(min=0, max=99))),
                        Field("flag", Constant(True, "bool"), required=False),
                    )
                ),
            ),
            Parameter("half", Tensor("half", "int32", ("half",), Values(one_of=(1, 2, 3))), "keyword", required=False),
            Parameter("frames", List(Tensor("frames.*", "float64", ()), "frames"), "keyword", required=False),
            Parameter("pair", Tuple((Tensor("pair.0", "float64", ()),)), "keyword", required=False),
            Parameter("sorted", Tensor("sorted", "int64", (3,), Values(order="ascending")), "keyword", required=False),
            Parameter(
                "lengths", Tensor("lengths", "int64", (3,), Values(max="seq", attained=True)), "keyword", required=False
            ),
            Parameter(
                "mask", Tensor("mask", "int64", (2, 2), Values(each_row=EachRow("nonzero"))), "keyword", required=False
            ),
            Parameter(
                "offsets",
                Tensor("offsets", "int64", ("offsets",), Values(along_last=(Values(min=0, max=0),))),
                "keyword",
                required=False,
            ),
            Parameter("real", Tensor("real", "float32", (1,), Values(not_nan=True)), "keyword", required=False),
        ),
        OUTPUTS,
        {
            "batch": Dim(max=4),
            "height": Dim(min=4, multiple_of=4),
            "seq": Dim(),
            "half": Dim(equals=("//", "height", 2)),
            "frames": Dim(max=2),
            "offsets": Dim(),
        },
        (("<=", "seq", "height"),),
        fingerprint=f"sha256:{'1' * 64}",
    )
)
VALIDATOR = MODEL.validator


def image(batch: int = 1, height: int = 4) -> np.ndarray:
    return np.zeros((batch, 3, height), np.float32)


def ids(*shape: int) -> np.ndarray:
    return np.zeros(shape or (1, 2), np.int64)


def of_arrays(batch: Any, **more: Any) -> Any:
    return lambda: VALIDATOR.validate(batch, **more)


def of_body(body: bytes, **headers: str) -> Any:
    return lambda: VALIDATOR.parse(body, {name.replace("_", "-"): value for name, value in headers.items()})


def good(**more: Any) -> dict[str, Any]:
    return {"image": image(), "ids": ids(), **more}


def plain(**more: Any) -> bytes:
    return json.dumps({"image": image().tolist(), "ids": ids().tolist(), **more}).encode()


NAN, INF = image(), image()
NAN[0, 1, 2], INF[0, 1, 3] = np.nan, np.inf

EXAMPLES: dict[str, tuple[Any, str]] = {
    "body": (of_body(b"{", content_type="application/json"), "body: expected JSON, got an error at character 1"),
    "media-type": (of_body(b"", content_type="text/csv"), "body: expected a content type out of 'application/octet-stream', 'application/vnd.sagemaker-triton.binary+json', 'application/json', 'application/x-npy', 'application/x-npz', got 'text/csv'"),
    "too-large": (lambda: VALIDATOR.parse(b"[1]", {}, limits=VALIDATOR.Limits(max_body_bytes=2)), "body: expected at most 2 bytes (max_body_bytes), got 3"),
    "json-size": (of_body(b'{"image":[],"ids":[' + b",".join([b"[" + b",".join([b"0"] * 1000) + b"]"] * 3000) + b"]}", content_type="application/json"), "inputs.batch.ids: expected tensors of at most 18588932 bytes in this JSON; larger ones as binary, got 24000000 bytes"),
    "contract": (of_body(b'{"inputs":[],"parameters":{"contract":"sha256:2"}}'), f"body: expected contract sha256:{'1' * 64}, got a request made for contract 'sha256:2'"),
    "missing": (of_arrays({"image": image()}), "inputs.batch.ids: expected a tensor int64[batch, seq], got nothing"),
    "unexpected": (of_arrays(good(extra=1)), "inputs.batch: expected only 'image', 'ids', 'flag', got 'extra'"),
    "structure": (of_arrays([image()]), "inputs.batch: expected a dict with the keys 'image', 'ids', 'flag', got a list of 1 item"),
    "constant": (of_arrays(good(flag=False)), "inputs.batch.flag: expected True, the only value that the model was traced with, got a bool"),
    "ragged": (of_body(plain(ids=[[1], [1, 2]]), content_type="application/json"), "inputs.batch.ids: expected rows of equal length, got lengths 1, 2 at depth 2"),
    "dtype": (of_arrays(good(ids=ids().astype(np.int32))), "inputs.batch.ids: expected int64, got int32"),
    "number": (of_body(plain(ids=[[1, "secret"]]), content_type="application/json"), "inputs.batch.ids: expected int64, got a string at [0, 1]"),
    "inexact": (of_body(plain(ids=[[1, 2**63]]), content_type="application/json"), "inputs.batch.ids: expected numbers that int64 holds exactly, got 9223372036854775808 at [0, 1]"),
    "rank": (of_arrays(good(ids=ids(2))), "inputs.batch.ids: expected 2 axes [batch, seq], got 1 axis [2]"),
    "size": (of_arrays(good(image=np.zeros((1, 4, 4), np.float32))), "inputs.batch.image: expected size 3 on axis 1, got 4"),
    "tie": (of_arrays(good(ids=ids(2, 2))), "inputs.batch.ids: expected size 1 on axis 0 (batch), as in inputs.batch.image, got 2"),
    "bounds": (of_arrays(good(image=image(1, 6))), "inputs.batch.image: expected size at least 4, a multiple of 4 on axis 2 (height), got 6"),
    "derived": (of_arrays(good(), half=np.ones(3, np.int32)), "inputs.half: expected size 2 on axis 0 (half = height // 2), got 3"),
    "length": (of_arrays(good(), frames=[np.zeros(())] * 3), "inputs.frames: expected 1 to 2 (frames) items, got 3"),
    "relation": (of_arrays(good(ids=ids(1, 9))), "inputs: expected seq <= height, got seq = 9, height = 4"),
    "nan": (of_arrays(good(image=NAN)), "inputs.batch.image: expected no NaN, got NaN at [0, 1, 2] (1 of 12 elements)"),
    "infinite": (of_arrays(good(image=-INF)), "inputs.batch.image: expected finite numbers, got -inf at [0, 1, 3] (1 of 12 elements)"),
    "below": (of_arrays(good(ids=ids() - 1)), "inputs.batch.ids: expected at least 0, got -1 at [0, 0] (2 of 2 elements outside)"),
    "above": (of_arrays(good(ids=ids() + 100)), "inputs.batch.ids: expected at most 99, got 100 at [0, 0] (2 of 2 elements outside)"),
    "among": (of_arrays(good(), half=np.array([1, 7], np.int32)), "inputs.half: expected one of 1, 2, 3, got 7 at [1] (1 of 2 elements outside)"),
    "order": (of_arrays(good(), sorted=np.array([1, 3, 2])), "inputs.sorted: expected ascending numbers along the last axis, got 2 at [2]"),
    "attained": (of_arrays(good(ids=ids(1, 3)), lengths=np.array([1, 2, 2])), "inputs.lengths: expected the largest element to be 3 (seq), got 2"),
    "each_row": (of_arrays(good(), mask=np.array([[0, 1], [0, 0]])), "inputs.mask: expected at least 1 nonzero in each row, got 0 in [1]"),
}  # fmt: skip


def test_every_kind_has_an_example_and_a_code_of_the_closed_list() -> None:
    assert EXAMPLES.keys() == CATALOGUE.keys()
    assert {code for code, _, _ in CATALOGUE.values()} == CODES


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_message_says_where_what_was_expected_and_what_came(kind: str) -> None:
    call, message = EXAMPLES[kind]
    with pytest.raises(VALIDATOR.ContractViolation) as refusal:
        call()
    found = {one.message: one for one in refusal.value.violations}
    assert message in found
    assert found[message].code == CATALOGUE[kind][0]


def test_the_domain_of_the_first_index_of_a_free_axis_is_about_that_one_alone() -> None:
    VALIDATOR.validate(good(), offsets=np.array([0, 3, 2]))
    with pytest.raises(VALIDATOR.ContractViolation, match=r"inputs\.offsets: expected at most 0, got 3 at \[0\]"):
        VALIDATOR.validate(good(), offsets=np.array([3, 0]))


def test_all_violations_are_reported_together() -> None:
    with pytest.raises(VALIDATOR.ContractViolation) as refusal:
        VALIDATOR.validate({"image": INF[0], "ids": ids(1, 9).astype(np.int32), "x": 1}, sorted=[1, 2])
    codes = [one.code for one in refusal.value.violations]
    assert codes == ["unexpected", "structure", "rank", "dtype", "value", "value"]


class TestNoPayloadLeaks:
    SECRET = "hunter2-" * 20

    @pytest.mark.parametrize("body", [
        plain(ids=SECRET), plain(ids=[[SECRET, 1]]), plain(image={"a": SECRET}), json.dumps(SECRET).encode(),
        json.dumps({"error": SECRET}).encode(), json.dumps([SECRET]).encode(), f'{{"inputs": "{SECRET}'.encode(),
        json.dumps({"inputs": [{"name": "batch.ids", "datatype": "INT64", "shape": [SECRET], "data": [1]}]}).encode(),
        json.dumps({"inputs": [{"name": "batch.ids", "datatype": "BYTES", "shape": [1], "data": [SECRET]}]}).encode(),
    ])  # fmt: skip
    def test_into_a_message(self, body: bytes) -> None:
        with pytest.raises(VALIDATOR.ContractViolation) as refusal:
            VALIDATOR.parse(body, {"Content-Type": "application/json"})
        assert self.SECRET[:24] not in str(refusal.value)
        assert self.SECRET[:24].encode() not in VALIDATOR.error_response(refusal.value).body

    def test_long_names_are_cut(self) -> None:
        body = plain(**{"n" * 10_000: 1})
        with pytest.raises(VALIDATOR.ContractViolation) as refusal:
            VALIDATOR.parse(body, {"Content-Type": "application/json"})
        assert len(str(refusal.value)) < 1000

    def test_many_violations_are_cut(self) -> None:
        body = json.dumps({f"k{i}": 1 for i in range(1000)}).encode()
        with pytest.raises(VALIDATOR.ContractViolation) as refusal:
            VALIDATOR.parse(body, {"Content-Type": "application/json"})
        assert len(str(refusal.value)) < 12_000
        assert len(VALIDATOR.error_response(refusal.value).body) < 20_000
