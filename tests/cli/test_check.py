"""`contractgen check`: what it prints in each format, what it saves, and how it ends."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.command import ROOT, Ran, contractgen, forked

pytestmark = pytest.mark.xdist_group("check")  # they share one saved model

CONTRACT = "contract/contract.json"
BROKEN = ("--case", "tensor:x.shape[1]/larger")
"""What the contract refuses: no graph is made to see what the model does with it."""
SARIF: dict[str, Any] = json.loads((ROOT / "tests/report/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The linear sample's contract beside its model, and beside one with another number of features."""
    made = tmp_path_factory.mktemp("check")
    sample = ROOT / "sample_models/linear"
    shutil.copytree(sample / "contract", made / "contract")
    (made / "train.py").write_bytes((sample / "model.py").read_bytes())
    subprocess.run([sys.executable, sample / "save.py"], cwd=made, check=True)
    other = "import torch; from train import MyModel; torch.save(MyModel(21).state_dict(), 'other.pth')"
    subprocess.run([sys.executable, "-c", other], cwd=made, check=True)
    entries = [
        f'[tool.contractgen.models."{name}"]\nmodel = "train.py:MyModel"\n{extra}'
        for name, extra in (("model.pth", ""), ("other.pth", "arguments = {input_size = 21}\n"))
    ]
    (made / "pyproject.toml").write_text("".join(entries))
    return made


def check(folder: Path, model: str, *arguments: str) -> Ran:
    return forked("check", CONTRACT, model, "--no-infer", "--budget", "0", *arguments, cwd=folder)


@pytest.fixture(scope="module")
def failing(folder: Path) -> dict[str, Ran]:
    """What a check of the wrong model prints in each format."""
    return {
        name: check(folder, "other.pth", *BROKEN, "--format", name)
        for name in ("text", "json", "github", "sarif", "junit")
    }


def test_a_model_that_keeps_its_contract_exits_0_in_every_format(folder: Path) -> None:
    for name in ("text", "github", "sarif", "junit"):
        ran = check(folder, "model.pth", *BROKEN, "--format", name)
        assert (ran.code, ran.err) == (0, ""), ran.both
        assert ran.out


def test_a_finding_exits_1_in_every_format(failing: dict[str, Ran]) -> None:
    assert {name: (ran.code, ran.err) for name, ran in failing.items()} == dict.fromkeys(failing, (1, ""))


@pytest.mark.slow
def test_a_finding_comes_with_the_command_that_replays_it(folder: Path) -> None:
    ran = check(folder, "other.pth")
    (line,) = [line for line in ran.out.splitlines() if line.startswith("Replay one: ")]
    again = forked(*shlex.split(line)[3:], cwd=folder)
    assert again.code == 1, again.both
    assert "Replay one" not in again.out
    assert again.out.partition("\n\n")[2] in ran.out


def test_github_annotates_the_contract(failing: dict[str, Ran]) -> None:
    *commands, summary = failing["github"].out.splitlines()
    assert commands
    assert all(line.startswith(f"::error file={CONTRACT},line=") for line in commands)
    assert summary.startswith("linear: ")


def test_sarif_is_valid_and_names_the_kind_of_each_finding(failing: dict[str, Ran]) -> None:
    log = json.loads(failing["sarif"].out)
    jsonschema.Draft7Validator(SARIF).validate(log)
    (run,) = log["runs"]
    assert run["results"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": CONTRACT}


def test_junit_counts_what_failed(failing: dict[str, Ran]) -> None:
    root = ET.fromstring(failing["junit"].out.partition("\n")[2])
    (suite,) = root
    failed = [case for case in suite if case.find("failure") is not None]
    assert int(suite.attrib["failures"]) == len(failed) > 0
    assert int(suite.attrib["tests"]) == len(suite)


def test_the_formats_tell_of_the_same_findings(failing: dict[str, Ran]) -> None:
    findings = json.loads(failing["json"].out)["findings"]
    assert len(json.loads(failing["sarif"].out)["runs"][0]["results"]) == len(findings)
    assert failing["github"].out.count("::error ") == len(findings)
    assert failing["junit"].out.count("<failure ") == len(findings)


def test_cases_are_saved_as_bodies_that_the_index_describes(folder: Path, tmp_path: Path) -> None:
    ran = check(folder, "model.pth", "--save-cases", str(tmp_path / "cases"))
    assert ran.code == 0, ran.both
    index = json.loads((tmp_path / "cases/cases.json").read_text())
    assert "cases written to" in ran.err
    files = {request["file"] for case in index["cases"] for request in case["requests"]}
    assert files == {path.name for path in (tmp_path / "cases").iterdir()} - {"cases.json"}


def test_one_case_is_saved_alone(folder: Path, tmp_path: Path) -> None:
    ran = check(folder, "model.pth", *BROKEN, "--save-cases", str(tmp_path))
    assert "cases written to" in ran.err, ran.both
    (case,) = json.loads((tmp_path / "cases.json").read_text())["cases"]
    assert case["id"] == BROKEN[1]


def test_cases_that_cannot_be_saved_are_the_users_mistake(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    ran = check(folder, "model.pth", *BROKEN, "--save-cases", str(tmp_path / "taken"))
    assert ran.code == 2, ran.both


def test_an_unknown_case_is_the_users_mistake(folder: Path) -> None:
    ran = check(folder, "model.pth", "--case", "valid/none")
    assert ran.code == 2
    assert "no case is called 'valid/none'" in ran.err


def test_a_model_that_cannot_be_loaded_exits_3(folder: Path) -> None:
    (folder / "broken.pth").write_bytes(b"nothing")
    assert contractgen("check", CONTRACT, "broken.pth", cwd=folder).code == 3


def test_the_seed_is_told(folder: Path) -> None:
    ran = check(folder, "model.pth", *BROKEN, "--seed", "3", "--format", "json")
    assert json.loads(ran.out)["seed"] == 3


def test_the_results_are_shown_with_the_contract(folder: Path, failing: dict[str, Ran], tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(failing["json"].out)
    ran = contractgen("show", CONTRACT, "--results", str(results), "--html", str(tmp_path / "page.html"), cwd=folder)
    assert ran.code == 0, ran.both
    assert "the model runs on what the contract refuses" in (tmp_path / "page.html").read_text()
    ran = contractgen("show", CONTRACT, "--results", str(results), cwd=folder)
    assert "the model runs on what the contract refuses" in ran.out, ran.both


def test_results_of_another_contract_are_refused(folder: Path, failing: dict[str, Ran], tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(failing["json"].out)
    other = ROOT / "sample_models/text/contract/contract.json"
    ran = contractgen("show", str(other), "--results", str(results), cwd=folder)
    assert ran.code == 2
    assert "is about another contract (linear, sha256:" in ran.err
