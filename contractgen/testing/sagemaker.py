"""A test file for a SageMaker ``inference.py``: its own functions, on the inputs of its contract."""

from __future__ import annotations

TEMPLATE = '''"""The functions of {inference} on the inputs that the contract allows, and on those that it refuses."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from contractgen.testing import Input, Violation

ROOT = Path(__file__).parent
CONTRACT = {contract}
INFERENCE = ROOT / {inference_path}
MODEL_DIR = ROOT / {model_dir}


@cache
def inference() -> ModuleType:
    """The code that is deployed."""
    spec = importlib.util.spec_from_file_location("inference_under_test", INFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def model() -> Any:
    """The model, loaded once as the container loads it."""
    return inference().model_fn(str(MODEL_DIR))


def content_type(headers: dict[str, str]) -> str:
    """The one header that these functions see."""
    return headers["Content-Type"]


@pytest.mark.contract(CONTRACT)
def test_an_input_that_the_contract_allows_is_answered(valid_input: Input) -> None:
    body, headers = valid_input.request({format})
    data = inference().input_fn(body, content_type(headers))
    prediction = inference().predict_fn(data, model())
    assert inference().output_fn(prediction, "application/json")


@pytest.mark.contract(CONTRACT)
def test_an_input_that_the_contract_refuses_is_refused_before_the_model(violation: Violation) -> None:
    body, headers = violation.request({format})
    with pytest.raises(Exception) as refusal:  # noqa: PT011 (each code of inference has an error of its own)
        inference().input_fn(body, content_type(headers))
    codes = {{getattr(one, "code", None) for one in getattr(refusal.value, "violations", ())}}
    assert not codes or codes & violation.codes, refusal.value
'''


def render_tests(contract: str, inference: str, model_dir: str) -> str:
    """The text of the test file; the paths are relative to it, the contract's to the root of the tests."""
    return TEMPLATE.format(
        inference=inference.rpartition("/")[2].replace('"', ""),
        contract=_literal(contract),
        inference_path=_literal(inference),
        model_dir=_literal(model_dir),
        format=_literal("application/vnd.sagemaker-triton.binary+json"),
    )


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
