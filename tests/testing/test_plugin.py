"""The pytest plugin, and the test file for an `inference.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from contractgen.contract.codec import dumps
from contractgen.generate.render import render
from contractgen.generate.targets import Deployment, render_all
from tests.verify.subjects import TEXT, Text

INFERENCE = """
import importlib.util
import json
from pathlib import Path

import torch

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("validator", HERE / "validator.py")
validator = importlib.util.module_from_spec(spec)
import sys; sys.modules["validator"] = validator
spec.loader.exec_module(validator)


def model_fn(model_dir):
    return torch.jit.load(f"{model_dir}/model.pt")


def input_fn(body, content_type):
    return PARSE


def predict_fn(data, model):
    args, kwargs = data
    with torch.no_grad():
        return model(*(None if arg is None else torch.tensor(arg) for arg in args))


def output_fn(prediction, accept):
    return json.dumps(prediction.tolist())
"""
CHECKED = 'validator.parse(body, {"Content-Type": content_type})'


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest as a user has it: the plugin comes with the installed package."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def test_a_marked_test_runs_once_for_each_case(tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_text(dumps(TEXT.contract))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.contract('contract.json', random=3)\n"
        "def test_shape(valid_input):\n    assert valid_input.args[0].shape[1] <= 12\n"
        "@pytest.mark.contract('contract.json')\n"
        "def test_broken(violation):\n    assert violation.claim and violation.codes\n"
    )
    listed = pytest_in(tmp_path, "--collect-only")
    assert "test_it.py::test_shape[valid/smallest]" in listed.stdout, listed.stdout + listed.stderr
    assert listed.stdout.count("test_it.py::test_shape[valid/random-") == 3
    assert "test_it.py::test_broken[dim:seq.max/above]" in listed.stdout
    assert pytest_in(tmp_path).returncode == 0


def test_a_test_without_the_mark_is_told_about_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_shape(valid_input):\n    pass\n")
    result = pytest_in(tmp_path)
    assert result.returncode != 0
    assert "mark it with contract(path)" in result.stdout + result.stderr


def test_a_run_that_asks_for_nothing_imports_nothing_heavy() -> None:
    code = "import sys, contractgen.testing.plugin; print(*{'torch', 'hypothesis', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """A folder as it is deployed: contract, validator, inference.py, a TorchScript model, and the tests."""

    (tmp_path / "contract.json").write_text(dumps(TEXT.contract))
    (tmp_path / "validator.py").write_text(render(TEXT.contract)["validator.py"])
    (tmp_path / "inference.py").write_text(INFERENCE.replace("PARSE", CHECKED))
    torch.jit.script(Text().eval()).save(str(tmp_path / "model.pt"))
    told = Deployment(folder=tmp_path, entry_point=tmp_path / "inference.py", artifact=tmp_path / "model.pt")
    (tmp_path / "test_inference.py").write_text(render_all(TEXT.contract, ["pytest"], told)["test_inference.py"])
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return tmp_path


@pytest.mark.slow
def test_an_inference_script_is_tested_on_its_contract(deployment: Path) -> None:
    result = pytest_in(deployment, "-W", "ignore")
    assert result.returncode == 0, result.stdout[-3000:]
    assert " passed" in result.stdout


@pytest.mark.slow
def test_an_inference_script_that_checks_nothing_fails_its_tests(deployment: Path) -> None:
    (deployment / "inference.py").write_text(INFERENCE.replace("PARSE", "((), {})"))
    result = pytest_in(deployment, "-W", "ignore", "-k", "refused")
    assert result.returncode == 1
    assert "DID NOT RAISE" in result.stdout
