"""A test file for a SageMaker ``inference.py``: its own functions, on the inputs of its contract."""

from __future__ import annotations

import os
from pathlib import Path

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target

FILE = "test_inference.py"
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
CONTRACT = ROOT / "contract.json"
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


def render_tests(_contract: Contract, deployment: Deployment) -> dict[str, str]:
    """The test file; it finds contract, code and model from its own place."""
    if deployment.entry_point is None:
        raise UsageError(
            "the target pytest tests an inference.py: which one?", hint="--entry-point path/to/inference.py"
        )
    model_dir = deployment.entry_point.parent if deployment.artifact is None else deployment.artifact.parent
    text = TEMPLATE.format(
        inference=safe(deployment.entry_point.name),
        inference_path=literal(_seen_from(deployment.folder, deployment.entry_point)),
        model_dir=literal(_seen_from(deployment.folder, model_dir)),
        format=literal("application/vnd.sagemaker-triton.binary+json"),
    )
    return {FILE: text}


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


PYTEST = Target("pytest", "a test file that drives your inference.py with the contract's cases", render_tests)
