"""The recipes do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from contractgen.contract.canonical import seal
from contractgen.contract.codec import dumps, from_json
from contractgen.generate.files import write_files
from contractgen.generate.render import render
from tests.generated import Pair, load

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "sample_models/text/contract/contract.json"
RECIPES = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")


def block(title: str) -> str:
    """The code below a fence."""
    found = re.search(rf"^```{re.escape(title)}\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def generated(folder: Path, most: int) -> Pair:
    """A contract with sequences of at most so many elements, and its files."""
    folder.mkdir(parents=True)
    document = json.loads(SAMPLE.read_text())
    del document["fingerprint"]
    document["dims"]["seq"]["max"] = most
    contract = seal(from_json(document))
    write_files(folder, {"contract.json": dumps(contract), **render(contract)})
    return load(folder)


def model(ids: Any, mask: Any = None) -> Any:
    return np.zeros((len(ids), 4), np.float32)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModuleType, Pair, Pair, Pair]:
    """The server of the recipe, and the contracts now, before, and of another model."""
    root = tmp_path_factory.mktemp("rollout")
    now, before = generated(root / "contracts/ranker", 512), generated(root / "contracts/ranker_v1", 256)
    (root / "serving.py").write_text(block('python title="serving.py"'))
    names = {"contracts.ranker": now, "contracts.ranker_v1": before}
    for name, pair in names.items():
        package = ModuleType(name)
        package.validator = pair.validator  # type: ignore[attr-defined]
        sys.modules[name] = package
    try:
        serving = ModuleType("serving")
        exec(compile((root / "serving.py").read_text(), "serving.py", "exec"), serving.__dict__)
    finally:
        for name in names:
            del sys.modules[name]
    return serving, now, before, generated(root / "contracts/other", 64)


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json"])
def test_a_server_takes_the_clients_of_both_contracts(clients: Any, content_type: str) -> None:
    serving, now, before, _ = clients
    for pair, length in ((now, 512), (before, 256)):
        request = pair.client.serialize(np.zeros((2, length), np.int64), content_type=content_type)
        response = serving.answer(request.body, request.headers, model)
        assert response.status == 200
        assert pair.client.deserialize(response.body, response.headers).shape == (2, 4)


def test_a_server_refuses_the_client_of_a_third_contract_and_what_breaks_one(clients: Any) -> None:
    serving, now, _, other = clients
    request = other.client.serialize(np.zeros((2, 8), np.int64))
    refusal = serving.answer(request.body, request.headers, model)
    assert refusal.status == 400
    assert [one["code"] for one in json.loads(refusal.body)["violations"]] == ["contract"]
    refusal = serving.answer(b'{"ids": [[-1]]}', {"content-type": "application/json"}, model)
    assert [one["code"] for one in json.loads(refusal.body)["violations"]] == ["value"]
    assert now.validator.CONTRACT != other.validator.CONTRACT


def shell(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    generated(tmp_path / "contracts/ranker", 512)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "--quiet", "--message", "first"]):
        assert shell(["git", *command], tmp_path).returncode == 0
    return tmp_path


def narrowed(project: Path) -> None:
    path = project / "contracts/ranker/contract.json"
    document = json.loads(path.read_text())
    document.pop("fingerprint", None)
    document["dims"]["seq"]["max"] = 100
    path.write_text(json.dumps(document))


def test_make_renews_what_is_older_and_checks(project: Path) -> None:
    (project / "Makefile").write_text(block("make"))
    assert shell(["make", "check-contracts", "BASE=HEAD"], project).returncode == 0
    narrowed(project)
    stale = shell(["make", "check-contracts", "BASE=HEAD"], project)
    assert stale.returncode != 0
    assert "stale" in stale.stdout
    os.utime(project / "contracts/ranker/contract.json", (2e9, 2e9))
    made = shell(["make", "generate"], project)
    assert made.returncode == 0, made
    assert shell(["contractgen", "generate", "--all", "--check"], project).returncode == 0
    breaking = shell(["make", "check-contracts", "BASE=HEAD"], project)
    assert breaking.returncode != 0
    assert "input-max" in breaking.stdout


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")
def test_cmake_generates_into_its_own_folder(tmp_path: Path) -> None:
    generated(tmp_path / "contracts/model", 512)
    (tmp_path / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.16)\nproject(p NONE)\n{block('cmake')}")
    assert shell(["cmake", "-S", ".", "-B", "build"], tmp_path).returncode == 0
    built = shell(["cmake", "--build", "build"], tmp_path)
    assert built.returncode == 0, built
    assert (tmp_path / "build/contracts/model/client.py").is_file()


def test_the_workflow_runs_commands_that_there_are() -> None:
    found = re.search(r"^## GitHub Actions\n\n```yaml\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    assert found
    workflow = yaml.safe_load(found[1])
    steps = workflow["jobs"]["contracts"]["steps"]
    commands = [step["run"].split()[1] for step in steps if step.get("run", "").startswith("contractgen")]
    assert commands == ["generate", "diff"]
    assert steps[0]["with"]["fetch-depth"] == 0
