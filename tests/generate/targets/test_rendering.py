"""The files of the serving stacks as text: clean, typed, deterministic, of old syntax, and never the contract's to write code in.

What they do is tested in front of the real stacks, in tests/integration.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from contractgen.contract.canonical import seal
from contractgen.contract.codec import load_contract
from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor, Tuple
from contractgen.errors import UsageError
from contractgen.generate.targets import Deployment, known, render_all
from contractgen.generate.targets.factory import MEMBER, kept, remembered
from sample_models.catalogue import ROOT, SAMPLES
from tests.generate.test_artifact import EVIL, evil_contract

STACKS = ("kserve", "mlflow", "mlserver", "ray", "sagemaker", "sagemaker-client", "torchserve", "triton")
RUN_ON_39 = ("sagemaker", "sagemaker-client", "torchserve")
ARTIFACTS = ("model.pth", "model.safetensors", "model.onnx")


def deployment(folder: Path, name: str = "model.pth", **more: object) -> Deployment:
    said: dict[str, object] = {"artifact": folder / name, "factory": "train.py:Net", "arguments": {"width": 3}}
    return Deployment(folder=folder / "contract", **{**said, **more})  # type: ignore[arg-type]


def contract_of(sample: str) -> Contract:
    return load_contract(ROOT / sample / "contract/contract.json")


def check(folder: Path, *command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per sample, artifact and stack, with the files of that stack."""
    root = tmp_path_factory.mktemp("rendered")
    for sample in SAMPLES:
        for artifact in ARTIFACTS if sample.name in {"linear", "multimodal"} else ARTIFACTS[:1]:
            for stack in STACKS:
                write(root, f"{sample.name}-{artifact}-{stack}", contract_of(sample.name), stack, artifact)
    for stack in STACKS:
        write(root, f"evil-{stack}", evil_contract('a"""b\n__import__("os")'), stack, "model.pth")
    mine = {"entry_point": root / "my_inference.py"}
    write(root, "wrapped", contract_of("linear"), "sagemaker", "model.pth", **mine)
    return root


def write(root: Path, name: str, contract: Contract, stack: str, artifact: str, **more: object) -> None:
    files = known(stack).render(contract, deployment(root, artifact, **more))
    for path, text in {**files, "client.py": "", "validator.py": ""}.items():
        (root / name / path).parent.mkdir(parents=True, exist_ok=True)
        (root / name / path).write_text(text)


OURS = '["client", "validator", "contract_model", "sagemaker_client"]'
LINTED = (
    f"--config=lint.isort.known-first-party={OURS}",
    "--select=A,ANN,ARG,B,BLE,C4,E,F,I,N,PERF,PIE,PL,PTH,RET,RUF,S,SIM,T20,TID,UP,W",
    "--ignore=ANN401,BLE001,E501,PERF203,PLR,RET505,RUF022,B905,S101,UP006,UP007,UP035,UP037,UP045",
)


def test_they_are_clean(rendered: Path) -> None:
    check(rendered, "ruff", "check", "--isolated", "--line-length=120", "--target-version=py39", *LINTED, ".")


def test_they_are_formatted(rendered: Path) -> None:
    check(rendered, "ruff", "format", "--isolated", "--line-length=120", "--diff", ".")


@pytest.mark.slow
def test_they_are_typed(rendered: Path, tmp_path: Path) -> None:
    for place in ("multimodal-model.pth-", "linear-model.onnx-"):
        for stack in STACKS:
            for path in (rendered / f"{place}{stack}").glob("*.py"):
                target = tmp_path / place / path.name
                target.parent.mkdir(exist_ok=True)
                target.write_text(path.read_text())
        beside = ROOT / place.split("-")[0] / "contract"
        for name in ("client.py", "validator.py"):
            (tmp_path / place / name).write_text((beside / name).read_text())
        options = ("--strict", "--ignore-missing-imports", "--allow-untyped-decorators", "--allow-subclassing-any")
        files = sorted(path.name for path in (tmp_path / place).glob("*.py"))
        check(tmp_path / place, "mypy", *options, "--cache-dir", str(tmp_path / "cache"), *files)


def test_those_of_old_stacks_have_the_syntax_of_python_39(rendered: Path) -> None:
    for stack in RUN_ON_39:
        for path in [*rendered.glob(f"*-{stack}/*.py"), *(rendered / "wrapped").glob("*.py")]:
            ast.parse(path.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("stack", STACKS)
def test_they_are_the_same_every_time(tmp_path: Path, stack: str) -> None:
    first, again = (known(stack).render(contract_of("multimodal"), deployment(tmp_path)) for _ in range(2))
    assert list(first.items()) == list(again.items())


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", [name for name in EVIL if "\ud800" not in name])
def test_a_name_is_data_and_never_code(tmp_path: Path, stack: str, name: str) -> None:
    files = known(stack).render(evil_contract(name), deployment(tmp_path))
    clean = known(stack).render(evil_contract("clean"), deployment(tmp_path))
    assert files.keys() == clean.keys()
    for path, text in files.items():
        if path.endswith(".py"):
            assert shape(text) == shape(clean[path]), path


def shape(text: str) -> list[str]:
    """What code does, without what its literals hold."""
    return [type(node).__name__ for node in ast.walk(ast.parse(text)) if not isinstance(node, ast.Constant)]


def test_all_stacks_can_be_asked_for_at_once(tmp_path: Path) -> None:
    files = render_all(contract_of("linear"), STACKS, deployment(tmp_path))
    assert {"inference.py", "contract_model.py", "torchserve_handler.py", "sagemaker_v3.py"} <= files.keys()


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "no artifact": ({"artifact": None}, "which model file"),
    "weights without what builds the model": ({"artifact": Path("m.safetensors"), "factory": None}, "what builds"),
    "an archive": ({"artifact": Path("model.tar.gz")}, "what builds"),
    "a configuration object": ({"arguments": {"config.width": 3}}, "config.width"),
    "a value that is no literal": ({"arguments": {"width": object()}}, "width"),
    "a file that no import can name": ({"factory": "my-train.py:Net"}, "identifier"),
    "an attribute that is no name": ({"factory": "train.py:Net()"}, "imported"),
    "a file with the name of a generated one": ({"factory": "validator.py:Net"}, "generated file"),
    "an entry point that no import can name": ({"entry_point": Path("my-inference.py")}, "Rename|imported"),
}


@pytest.mark.parametrize(("said", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_served_is_refused_with_what_to_do(
    tmp_path: Path, said: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        known("sagemaker").render(contract_of("linear"), deployment(tmp_path, **said))
    assert refusal.value.hint


def test_a_file_of_a_package_travels_with_its_package(tmp_path: Path) -> None:
    package = tmp_path / "shop/models"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    said = deployment(tmp_path, factory=str(package / "rank.py:Net"))
    files = known("sagemaker").render(contract_of("linear"), said)
    assert 'importlib.import_module("shop.models.rank").Net' in files["contract_model.py"]
    assert 'SOURCES: tuple[str, ...] = ("../shop",)' in files["pack_model.py"]


def test_what_the_contract_keeps_of_a_deployment_gives_the_same_files(tmp_path: Path) -> None:
    import dataclasses

    said = deployment(tmp_path, arguments={"width": 3, "sizes": [1, 2], "act": "re'lu\n", "rate": 0.5, "on": True})
    contract = dataclasses.replace(contract_of("linear"), extensions={MEMBER: kept(said, said.folder)})
    again = remembered(Deployment(folder=said.folder), contract, said.folder)
    assert again.arguments == said.arguments
    assert known("sagemaker").render(contract, again) == known("sagemaker").render(contract, said)
    other = remembered(Deployment(folder=said.folder, arguments={"width": 4}), contract, said.folder)
    assert other.arguments["width"] == 4, "what the user says goes first"


@pytest.mark.parametrize("member", [{"artifact": 1}, {"factory": []}, {"arguments": "a=1"}, {"arguments": ["a=b("]}])
def test_a_member_that_export_did_not_write_is_refused(tmp_path: Path, member: dict[str, object]) -> None:
    import dataclasses

    contract = dataclasses.replace(contract_of("linear"), extensions={MEMBER: member})
    with pytest.raises(UsageError, match=MEMBER):
        remembered(Deployment(folder=tmp_path), contract, tmp_path)


def test_a_graph_is_fed_from_a_list_of_unlike_items_and_answers_with_one(tmp_path: Path) -> None:
    levels = [Tensor(f"levels.{i}", "float32", ("batch", channels)) for i, channels in enumerate((4, 6))]
    node = Tuple(tuple(levels), "list")
    contract = seal(Contract("m", (Parameter("levels", node),), (Output("output", node),), {"batch": Dim()}))
    text = known("kserve").render(contract, deployment(tmp_path, "model.onnx"))["contract_model.py"]
    assert '{"levels.0": args[0][0], "levels.1": args[0][1]}' in text
    assert 'return [found["levels.0"], found["levels.1"]]' in text
