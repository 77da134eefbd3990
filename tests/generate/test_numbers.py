"""JSON numbers and Python lists: exact, or refused with the element's index."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor, Values
from tests.generate.modules import Generated, generated

OUTPUTS = (Output("output", Tensor("output", "float32", ("batch",))),)


def model_of(dtype: str, values: Values | None = None) -> Generated:
    tensor = Tensor("x", dtype, ("batch", 2), values)  # type: ignore[arg-type]
    return generated(Contract("numbers", (Parameter("x", tensor),), OUTPUTS, {"batch": Dim()}))


MODELS = {
    dtype: model_of(dtype)
    for dtype in ("float16", "bfloat16", "float32", "float64", "int64", "uint8", "uint64", "bool", "complex64")
}
MODELS["finite"] = model_of("float32", Values(finite=True))

REFUSED: list[tuple[str, str, str, str]] = [
    ("int64", "1.5", "dtype", "a float at [1, 1]"),
    ("int64", "1.0", "dtype", "a float at [1, 1]"),
    ("int64", "true", "dtype", "a bool at [1, 1]"),
    ("int64", '"7"', "dtype", "a string at [1, 1]"),
    ("int64", "null", "dtype", "None at [1, 1]"),
    ("int64", "9223372036854775808", "value", "9223372036854775808 at [1, 1]"),
    ("uint8", "-1", "value", "-1 at [1, 1]"),
    ("uint8", "256", "value", "256 at [1, 1]"),
    ("uint64", "18446744073709551616", "value", "18446744073709551616 at [1, 1]"),
    ("bool", "1", "dtype", "an integer at [1, 1]"),
    ("float32", "true", "dtype", "a bool at [1, 1]"),
    ("float32", '"7"', "dtype", "a string at [1, 1]"),
    ("float32", "1e39", "value", "1e+39 at [1, 1]"),
    ("float32", "16777217", "value", "16777217 at [1, 1]"),
    ("float64", "9007199254740993", "value", "9007199254740993 at [1, 1]"),
    ("float64", "1e400", "value", "inf at [1, 1]"),
    ("float64", "1" + "0" * 400, "value", "an integer of about 401 digits at [1, 1]"),
    ("float16", "65520.0", "value", "65520.0 at [1, 1]"),
    ("float16", "2049", "value", "2049 at [1, 1]"),
    ("bfloat16", "257", "value", "257 at [1, 1]"),
    ("finite", "NaN", "value", "NaN at [1, 1]"),
    ("finite", "Infinity", "value", "inf at [1, 1]"),
    ("finite", "-Infinity", "value", "-inf at [1, 1]"),
]

ACCEPTED: list[tuple[str, str, Any]] = [
    ("int64", "9223372036854775807", 2**63 - 1),
    ("uint64", "18446744073709551615", 2**64 - 1),
    ("float32", "16777216", 2.0**24),
    ("float32", "0.1", np.float32(0.1)),
    ("float32", "33554432", 2.0**25),
    ("float64", "9007199254740992", 2.0**53),
    ("float64", "18446744073709551616", 2.0**64),
    ("float16", "65504", 65504.0),
    ("float32", "NaN", np.nan),
    ("float32", "-Infinity", -np.inf),
    ("bool", "true", True),
    ("complex64", "[1, -2.5]", 1 - 2.5j),
]


def as_plain(text: str, dtype: str) -> tuple[bytes, dict[str, str]]:
    one = {"bool": "false", "complex64": "[0, 0]"}.get(dtype, "1")
    return f"[[{one},{one}],[{one},{text}]]".encode(), {"Content-Type": "application/json"}


def as_large(text: str, dtype: str) -> tuple[bytes, dict[str, str]]:
    """The same element in an array that is read in segments."""
    one = {"bool": "false", "complex64": "[0, 0]"}.get(dtype, "1")
    rows = f",[{one},{one}]" * 40_000
    return f"[[{one},{one}],[{one},{text}]{rows}]".encode(), {"Content-Type": "application/json"}


def as_protocol(text: str, dtype: str) -> tuple[bytes, dict[str, str]]:
    datatype = {"float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "finite": "FP32", "float64": "FP64"}
    name = datatype.get(dtype, dtype.upper())
    one = {"bool": "false"}.get(dtype, "1")
    data = f"[{one},{one},{one},{text}]"
    return f'{{"inputs":[{{"name":"x","shape":[2,2],"datatype":"{name}","data":{data}}}]}}'.encode(), {}


@pytest.mark.parametrize("form", [as_plain, as_large, as_protocol])
@pytest.mark.parametrize("orjson", [True, False])
@pytest.mark.parametrize(("dtype", "text", "code", "actual"), REFUSED)
def test_what_is_not_exact_is_refused_with_its_index(
    form: Any, orjson: bool, dtype: str, text: str, code: str, actual: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    validator = MODELS[dtype].validator
    if orjson and validator.ORJSON is None:
        pytest.skip("orjson is not installed")
    monkeypatch.setattr(validator, "ORJSON", validator.ORJSON if orjson else None)
    with pytest.raises(validator.ContractViolation) as refusal:
        validator.parse(*form(text, dtype))
    (violation,) = refusal.value.violations
    if form is as_large and text.startswith('"'):
        # With a string in it this is no array of numbers, and too long for anything else.
        assert violation.code == "malformed"
    else:
        assert violation.code == code
        assert violation.actual.startswith(actual)


@pytest.mark.parametrize("form", [as_plain, as_large, as_protocol])
@pytest.mark.parametrize(("dtype", "text", "number"), ACCEPTED)
def test_what_is_exact_is_accepted(form: Any, dtype: str, text: str, number: Any) -> None:
    if form is as_protocol and dtype == "complex64":
        pytest.skip("the protocol has pairs of floats instead")
    (x,), _ = MODELS[dtype].validator.parse(*form(text, dtype))
    assert x.dtype == np.dtype({"bfloat16": "uint16"}.get(dtype, dtype))
    np.testing.assert_array_equal(x[1, 1], number)


@pytest.mark.parametrize(("value", "code"), [
    ([[1.0, 2.0], [3.0]], "structure"), ([[1.0, 2.0], 3.0], "structure"), ([["a", 1.0]], "dtype"), ([[1e39, 1.0]], "value"),
    ([[None, 1.0]], "dtype"), ("text", "structure"), ({"a": 1}, "structure"), ([[2**24 + 1, 1]], "value"), ([[True, 1.0]], "dtype"),
    (np.ma.masked_array([[1.0, 2.0]], [[True, False]]), "structure"), (object(), "structure"),
])  # fmt: skip
def test_the_client_refuses_lists_that_are_not_exact(value: Any, code: str) -> None:
    client = MODELS["float32"].client
    with pytest.raises(client.ContractViolation) as refusal:
        client.serialize(value)
    assert {one.code for one in refusal.value.violations} == {code}


def test_the_client_takes_numbers_of_numpy_in_lists() -> None:
    client = MODELS["float32"].client
    assert client.serialize([[np.float32(1.5), 2]]).body == client.serialize(np.array([[1.5, 2]], np.float32)).body


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_floats_travel_through_json_unchanged(dtype: str) -> None:
    model = MODELS[dtype]
    bits = np.random.default_rng(0).integers(0, 2**16, (500, 2), np.uint16)
    x = bits if dtype == "bfloat16" else bits.view(np.float16).astype(dtype)
    if dtype == "float32":
        x = np.random.default_rng(0).integers(0, 2**32, (5000, 2), np.uint32).view(np.float32)
    x = x.copy()
    numbers = model.client.from_bfloat16(x) if dtype == "bfloat16" else x
    x[~np.isfinite(numbers)] = 1
    for content_type in (model.client.JSON, model.client.OPEN_INFERENCE_JSON):
        request = model.client.serialize(x, content_type=content_type)
        (arrived,), _ = model.validator.parse(request.body, request.headers)
        assert arrived.tobytes() == x.tobytes()


def test_a_json_that_would_unfold_to_more_than_memory_allows_is_refused() -> None:
    validator = MODELS["int64"].validator
    body = b"[" + b",".join([b"[1,1]"] * 2_000_000) + b"]"
    with pytest.raises(validator.ContractViolation, match="as binary"):
        validator.parse(body, {"Content-Type": "application/json"})
    small = json.dumps(np.ones((20_000, 2), int).tolist()).encode()
    assert validator.parse(small, {"Content-Type": "application/json"})[0][0].shape == (20_000, 2)
