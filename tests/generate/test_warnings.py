"""Generated code never warns: who runs with warnings as errors gets the refusals that others get."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor, Values
from tests.generate.modules import Generated, generated
from tests.generate.random_contracts import DTYPES, Maker

OUTPUTS = (Output("output", Tensor("output", "float32", ("batch",))),)
KINDS = ("bool", "int8", "uint64", "int64", "float16", "float32", "float64", "complex64", "complex128")
SIZES = (2, 300, 70_000)
"""Below and above what is looked at as bytes, by a sum of squares, and in pieces."""


@contextlib.contextmanager
def warnings_as_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def model_of(dtype: str, **values: Any) -> Generated:
    tensor = Tensor("x", dtype, ("batch",), Values(**values) if values else None)  # type: ignore[arg-type]
    return generated(Contract("warned", (Parameter("x", tensor),), OUTPUTS, {"batch": Dim()}))


def extremes(dtype: str, size: int) -> Iterator[np.ndarray]:
    """Arrays with the numbers on which arithmetic warns."""
    info: Any = np.finfo(dtype) if dtype[0] in "fc" else np.iinfo(dtype) if dtype != "bool" else None
    numbers = [0, 1] if info is None else [info.min, info.max, 0]
    if dtype[0] in "fc":
        quiet = np.array([np.nan, np.inf, -np.inf, info.tiny / 4], dtype)
        numbers += list(quiet)
    for number in numbers:
        yield np.full(size, number, dtype)
    yield np.resize(np.array(numbers, dtype), size)
    if dtype == "float32":
        yield np.full(size, 0x7F800001, np.uint32).view(np.float32)  # a signalling NaN


def judged(module: Any, call: Any) -> bool:
    try:
        with warnings_as_errors():
            call()
    except module.ContractViolation:
        return False
    return True


@pytest.mark.parametrize(
    "values",
    [{}, {"finite": True}, {"not_nan": True}, {"min": 0, "max": 5}, {"one_of": (0, 1)}, {"order": "ascending"}],
    ids=str,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_about_any_numbers(dtype: str, values: dict[str, Any]) -> None:
    if (dtype.startswith("complex") and {"min", "one_of", "order"} & values.keys()) or (
        dtype == "bool" and "min" in values
    ):
        pytest.skip("no contract says that")
    model = model_of(dtype, **values)
    for kind in KINDS:
        for size in SIZES if kind in (dtype, "float64") else SIZES[:1]:
            for array in extremes(kind, size):
                valid = judged(model.validator, lambda array=array: model.validator.validate(array))
                sent = judged(model.client, lambda array=array: model.client.serialize(array))
                # The client takes what the validator takes, and lists for arrays beside.
                assert valid == sent
                if size == 2:
                    judged(model.client, lambda array=array: model.client.serialize(array.tolist()))
                    judged(model.validator, lambda array=array: model.validator.validate(array.tolist()))


@pytest.mark.parametrize("seed", range(25))
def test_about_any_structure(seed: int) -> None:
    maker = Maker(seed + 5000)
    model = generated(maker.contract())
    for _ in range(15):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments = maker.arguments(model.contract)
            for name in list(arguments)[:2]:
                arguments[name] = maker.changed(arguments[name])
        arguments = {
            name: one if isinstance(one, list) or not is_variadic(model, name) else []
            for name, one in arguments.items()
        }
        with contextlib.suppress(TypeError):
            judged(model.validator, partial(model.call, model.validator.validate, arguments))
            judged(model.client, partial(model.call, model.client.serialize, arguments))


def is_variadic(model: Generated, name: str) -> bool:
    return any(part.name == name and part.kind == "variadic" for part in model.contract.inputs)


def test_about_any_response() -> None:
    client = model_of("float32").client
    for body in (
        b'{"output":[1e39]}',
        b"[1e400]",
        b"[NaN]",
        b'{"outputs":[{"name":"output","shape":[1],"datatype":"FP32","data":[1e39]}],"parameters":[]}',
        b"\x93NUMPY\x01\x00\x10\x00{'descr': '\\d'}\n",
        b"PK",
    ):
        for content_type in ("application/json", "application/x-npy", "application/x-npz"):
            assert (
                not judged(
                    client, lambda body=body, kind=content_type: client.deserialize(body, {"Content-Type": kind})
                )
                or b"NaN" in body
            )
