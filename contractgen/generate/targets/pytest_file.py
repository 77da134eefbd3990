"""A test file for a SageMaker ``inference.py``: its own functions, on the inputs of its contract."""

from __future__ import annotations

from pathlib import Path

from contractgen.contract.model import Contract
from contractgen.generate.identifiers import identifier
from contractgen.generate.layout import literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.factory import seen_from

TEMPLATE = '''"""The functions of {inference} on the inputs that the contract allows, and on those that it refuses.

`pip install contractgen[testing]` brings the cases and the plugin that hands them out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from contractgen.testing import InferenceScript, Input, Violation

ROOT = Path(__file__).parent
CONTRACT = ROOT / "contract.json"
INFERENCE = ROOT / {inference_path}
MODEL_DIR = ROOT / {model_dir}
PATHS = {paths}
"""Where the modules are that are deployed beside it."""


@pytest.fixture(scope="module")
def script() -> InferenceScript:
    """The code that is deployed."""
    return InferenceScript(INFERENCE, MODEL_DIR, CONTRACT, PATHS)


@pytest.mark.contract(CONTRACT)
def test_an_input_that_the_contract_allows_is_answered(script: InferenceScript, valid_input: Input) -> None:
    assert script.answer(valid_input).body is not None


@pytest.mark.contract(CONTRACT)
def test_an_input_that_the_contract_refuses_is_refused_before_the_model(
    script: InferenceScript, violation: Violation
) -> None:
    refusal = script.refusal(violation)
    assert refusal is not None, f"{{violation.claim}} is broken, and it is answered like any other"
    assert not refusal.codes or refusal.codes & violation.codes, refusal
'''


def render_tests(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """The test file; it finds contract, code and model from its own place.

    It is named after the contract, since pytest wants files in folders that are no packages to have names of their own.
    Without an entry point it tests the ``inference.py`` that stands beside it, which the target ``sagemaker`` writes.
    """
    folder = deployment.folder
    inference = deployment.entry_point or folder / "inference.py"
    model_dir = inference.parent if deployment.artifact is None else deployment.artifact.parent
    paths = [f"ROOT / {literal(seen_from(folder, path))}" for path in _code(deployment)]
    text = TEMPLATE.format(
        inference=safe(inference.name),
        inference_path=literal(seen_from(folder, inference)),
        model_dir=literal(seen_from(folder, model_dir)),
        paths=f"({', '.join(['ROOT', *paths])},)",
    )
    return {f"test_{identifier(contract.name)}_inference.py": text}


def _code(deployment: Deployment) -> list[Path]:
    """The folder of the file that holds the model's class, where one does."""
    file, colon, _ = (deployment.factory or "").rpartition(":")
    return [Path(file).parent] if colon and file.endswith(".py") else []


PYTEST = Target("pytest", "a test file that drives your inference.py with the contract's cases", render_tests)
