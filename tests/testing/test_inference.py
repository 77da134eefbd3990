"""The test file for an `inference.py`, and what drives one as SageMaker does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from contractgen.contract.codec import dumps, load_contract
from contractgen.generate.render import render
from contractgen.generate.targets import Deployment, render_all
from contractgen.testing import InferenceScript, broken_cases, valid_cases
from sample_models.catalogue import SAMPLES, Sample
from tests.cli.command import contractgen
from tests.testing.test_plugin import pytest_in
from tests.verify.subjects import TEXT, Text

COMMON = """
import json
import torch
import validator

def model_fn(model_dir):
    return torch.jit.load(f"{model_dir}/model.pt")
"""
FUNCTIONS = """
def predict_fn(data, model):
    args, kwargs = data
    with torch.no_grad():
        return model(*(None if arg is None else torch.tensor(arg) for arg in args))

def output_fn(prediction, accept):
    return json.dumps(prediction.tolist()), accept
"""
SCRIPTS = {
    "a check in input_fn": """
def input_fn(body, content_type):
    return validator.parse(body, {"Content-Type": content_type})
""" + FUNCTIONS,
    "JSON alone": """
def input_fn(body, content_type):
    assert content_type == "application/json", content_type
    assert isinstance(body, str)
    return validator.parse(body.encode(), {"Content-Type": content_type})
""" + FUNCTIONS,
    "a context for each": """
def input_fn(body, content_type, context):
    assert context.get_request_header(0, "content-type") == content_type
    return validator.parse(body, {"Content-Type": content_type})
""" + FUNCTIONS.replace("(data, model)", "(data, model, context)"),
    "no predict_fn": """
def input_fn(body, content_type):
    args, kwargs = validator.parse(body, {"Content-Type": content_type})
    return args

class Unpacking(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, args):
        return self.model(*(None if arg is None else torch.tensor(arg) for arg in args))

def model_fn(model_dir):
    return Unpacking(torch.jit.load(f"{model_dir}/model.pt"))
""",
    "one function": """
def transform_fn(model, body, content_type, accept, context):
    try:
        args, kwargs = validator.parse(body, {"Content-Type": content_type})
    except validator.ContractViolation as violation:
        answer = validator.error_response(violation)
        context.set_response_status(answer.status)
        return answer.body, answer.content_type
    with torch.no_grad():
        result = model(*(None if arg is None else torch.tensor(arg) for arg in args))
    return json.dumps(result.tolist()), accept
""",
    "a check in predict_fn": """
def input_fn(body, content_type):
    return body, content_type

def predict_fn(data, model):
    body, content_type = data
    args, kwargs = validator.parse(body, {"Content-Type": content_type})
    return model(*(None if arg is None else torch.tensor(arg) for arg in args))
""",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as it is deployed, without the script."""
    (tmp_path / "contract.json").write_text(dumps(TEXT.contract))
    (tmp_path / "validator.py").write_text(render(TEXT.contract)["validator.py"])
    torch.jit.script(Text().eval()).save(str(tmp_path / "model.pt"))
    return tmp_path


def script_of(folder: Path, text: str) -> InferenceScript:
    (folder / "inference.py").write_text(COMMON + text)
    return InferenceScript(folder / "inference.py", folder, folder / "contract.json")


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_answers_what_is_allowed_and_refuses_what_is_not(text: str, folder: Path) -> None:
    script = script_of(folder, text)
    for one in valid_cases(TEXT.contract, random=3):
        assert script.answer(one).body is not None, one
    refused = 0
    for violation in broken_cases(TEXT.contract):
        try:
            refusal = script.refusal(violation)
        except pytest.skip.Exception:
            assert script.content_type == "application/json"
            assert ".dtype/" in violation.id
            continue
        assert refusal is not None, violation
        assert refusal.codes & violation.codes or script.content_type == "application/json", violation
        refused += 1
    assert refused > 20


def test_a_script_that_checks_nothing_does_not_refuse(folder: Path) -> None:
    script = script_of(folder, "def input_fn(body, content_type):\n    return json.loads(body)\n" + """
def predict_fn(data, model):
    return torch.zeros(1)
""")  # fmt: skip
    assert script.content_type == "application/json"
    assert any(script.refusal(violation) is None for violation in broken_cases(TEXT.contract)[:5])


def test_what_a_script_raises_on_an_allowed_input_is_raised(folder: Path) -> None:
    script = script_of(folder, SCRIPTS["a check in input_fn"].replace("model(*", "model.none(*"))
    with pytest.raises(AssertionError, match=r"in none of its content types[\s\S]*none"):
        script.answer(valid_cases(TEXT.contract, random=0)[0])


def test_a_script_without_input_fn_is_told_what_checks_nothing(folder: Path) -> None:
    with pytest.raises(AssertionError, match="has no input_fn, and SageMaker's own checks nothing"):
        script_of(folder, "").answer(valid_cases(TEXT.contract, random=0)[0])


def test_two_scripts_with_modules_of_the_same_name_do_not_meet(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("contract.json", "model.pt"):
        (other / name).write_bytes((folder / name).read_bytes())
    (other / "validator.py").write_text("raise RuntimeError('the other one')")
    first = script_of(folder, SCRIPTS["a check in input_fn"])
    one = valid_cases(TEXT.contract, random=0)[0]
    first.answer(one)
    assert "validator" not in sys.modules
    with pytest.raises(RuntimeError, match="the other one"):
        _ = script_of(other, SCRIPTS["a check in input_fn"]).module
    first.answer(one)


ARGUMENTS: dict[str, dict[str, object]] = {"linear": {"input_size": 20}}
"""What an export finds out about the constructors of the samples' classes."""


def deployed(root: Path, sample: Sample) -> Path:
    """What the targets `sagemaker` and `pytest` write for a sample, beside its contract and its model file."""
    artifact = sample.save(root)
    made = root / "contracts" / sample.name
    made.mkdir(parents=True)
    (made / "contract.json").write_bytes((sample.contract / "contract.json").read_bytes())
    told = Deployment(folder=made, artifact=artifact, factory=sample.factory, arguments=ARGUMENTS.get(sample.name, {}))
    for name, text in render_all(load_contract(made / "contract.json"), ["sagemaker", "pytest"], told).items():
        (made / name).write_text(text)
    return made


@pytest.mark.slow
def test_the_test_files_of_all_samples_pass_on_their_inference_scripts_in_one_run(tmp_path: Path) -> None:
    for sample in SAMPLES:
        deployed(tmp_path, sample)
    result = pytest_in(tmp_path, "-W", "ignore", "-rA")
    assert result.returncode == 0, result.stdout[-3000:]
    passed = [line for line in result.stdout.splitlines() if line.startswith("PASSED ")]
    for sample in SAMPLES:
        mine = [line for line in passed if f"/{sample.name}/test_{sample.name}_inference.py::" in line]
        assert sum("is_answered" in line for line in mine) > 10, sample.name
        assert sum("is_refused" in line for line in mine) > 10, sample.name
    assert "skipped" not in result.stdout.splitlines()[-1]


@pytest.mark.slow
def test_the_test_file_fails_on_a_script_without_its_check(tmp_path: Path) -> None:
    made = deployed(tmp_path, SAMPLES[0])
    script = made / "inference.py"
    text = script.read_text()
    without = text.replace("validator.receive(body_of(body), headers)", "((np.zeros((1, 20), np.float32),), {}, None)")
    assert without != text
    script.write_text(without.replace("import validator", "import numpy as np\nimport validator"))
    result = pytest_in(made, "-W", "ignore", "-k", "refused")
    assert result.returncode == 1
    assert "is broken, and it is answered like any other" in result.stdout


def test_the_command_writes_a_test_file_for_a_script_of_the_users(tmp_path: Path) -> None:
    contract = tmp_path / "made/contract.json"
    contract.parent.mkdir()
    contract.write_bytes((SAMPLES[0].contract / "contract.json").read_bytes())
    (tmp_path / "code").mkdir()
    (tmp_path / "code/inference.py").write_text("def model_fn(model_dir):\n    return None\n")
    ran = contractgen("generate", contract, "--target", "pytest", "--entry-point", "code/inference.py", cwd=tmp_path)
    assert ran.code == 0, ran.both
    assert "inference.py has no input_fn" in pytest_in(contract.parent, "-x").stdout
