"""`contractgen export`: the main job, through what a user sees of it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Ran, everything, forked

pytestmark = pytest.mark.xdist_group("export")  # they share one export

FILES = ("contract.json", "client.py", "validator.py")
FACTORY = ROOT / "sample_models/linear/model.py"


def project(folder: Path) -> Path:
    """A user's project: the artifact beside its training code, and a pyproject.toml that says which class it is."""
    subprocess.run([sys.executable, ROOT / "sample_models/linear/save.py"], cwd=folder, check=True)
    (folder / "train.py").write_bytes(FACTORY.read_bytes())
    (folder / "pyproject.toml").write_text('[tool.contractgen.models."model.pth"]\nmodel = "train.py:MyModel"\n')
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A project after `contractgen export model.pth` with a terminal for progress. Tests that change it work on a copy."""
    folder = project(tmp_path_factory.mktemp("project"))
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "contractgen.cli", "export", "model.pth"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
        cwd=folder,
        env=environment,
        text=True,
    ) as process:
        os.close(follower)
        seen = everything(leader)
        assert process.stdout is not None
        out = process.stdout.read()
    return folder, Ran(process.returncode, out, seen)


@pytest.fixture
def copy(exported: tuple[Path, Ran], tmp_path: Path) -> Path:
    shutil.copytree(exported[0], tmp_path / "copy")
    return tmp_path / "copy"


def test_a_bare_export_does_it_all(exported: tuple[Path, Ran]) -> None:
    folder, ran = exported
    assert ran.code == 0, ran.both
    assert sorted(path.name for path in (folder / "contracts/model").iterdir()) == sorted(FILES)
    assert "  x  float32  [batch, 20]  finite" in ran.out
    assert "batch  1 or more" in ran.out


def test_the_summary_says_why_what_was_verified_and_what_was_written(exported: tuple[Path, Ran]) -> None:
    folder, ran = exported
    document = json.loads((folder / "contracts/model/contract.json").read_text())
    for each in document["evidence"]:
        assert each["detail"] in ran.out
    assert "accepted inputs ran, and every runtime agreed" in ran.out
    assert "eager" in ran.out
    assert "onnx" in ran.out
    for name in FILES:
        assert ["contracts/model/" + name, "created"] in [line.split() for line in ran.out.splitlines()]


def test_a_terminal_sees_the_stages(exported: tuple[Path, Ran]) -> None:
    for stage in ("load", "discover", "verify", "write"):
        assert f"\x1b[1m{stage}" in exported[1].err


def test_another_export_writes_the_same_bytes_and_is_quiet_without_a_terminal(
    exported: tuple[Path, Ran], tmp_path: Path
) -> None:
    again = project(tmp_path)
    ran = forked("export", "model.pth", "--format", "json", cwd=again)
    assert (ran.code, ran.err) == (0, ""), ran.both
    for name in FILES:
        assert (again / "contracts/model" / name).read_bytes() == (exported[0] / "contracts/model" / name).read_bytes()
    document = json.loads(ran.out)
    assert document["ok"] is True
    assert document["contract"] == json.loads((again / "contracts/model/contract.json").read_text())
    assert [file["change"] for file in document["files"]] == ["created"] * 3


def test_a_deleted_file_is_generated_again_identically(copy: Path) -> None:
    client = copy / "contracts/model/client.py"
    before = client.read_bytes()
    client.unlink()
    assert forked("generate", "contracts/model/contract.json", cwd=copy).code == 0
    assert client.read_bytes() == before


def test_check_tells_when_the_files_are_no_longer_those_of_the_model(copy: Path) -> None:
    path = copy / "contracts/model/contract.json"
    narrowed = path.read_text().replace('"min": 1, "max": null', '"min": 1, "max": 64')
    path.write_text(narrowed)
    ran = forked("export", "model.pth", "--check", cwd=copy)
    assert ran.code == 1, ran.both
    assert '-    "batch": {"min": 1, "max": 64' in ran.out
    assert path.read_text() == narrowed
    ran = forked("export", "model.pth", "--check", "--format", "github", cwd=copy)
    assert ran.code == 1, ran.both
    assert ran.out.startswith(
        "::error file=contracts/model/contract.json,line=1,title=drift::contracts/model/contract.json is stale"
    )


def test_check_verifies_a_model_against_its_contract(copy: Path) -> None:
    from jsonschema import Draft202012Validator

    from contractgen.report.results_schema import verification_schema

    ran = forked("check", "contracts/model/contract.json", "model.pth", "--format", "json", cwd=copy)
    assert ran.code == 0, ran.both
    results = json.loads(ran.out)
    Draft202012Validator(verification_schema()).validate(results)
    assert results["ok"] is True
    assert results["soundness"]["good"] == results["soundness"]["cases"] > 0


def test_check_finds_a_model_that_has_grown_another_input(copy: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import torch; from train import MyModel; torch.save(MyModel(21).state_dict(), 'model.pth')",
        ],
        cwd=copy,
        check=True,
    )
    ran = forked("check", "contracts/model/contract.json", "model.pth", cwd=copy)
    assert ran.code == 1, ran.both
    assert "float32[1, 20]" in ran.out
    assert "drift" in ran.out
    assert "Replay one: contractgen check contracts/model/contract.json model.pth --case " in ran.out


def test_options_name_the_model_and_the_folder(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "sample_models/linear/save.py"], cwd=tmp_path, check=True)
    ran = forked(
        "export", "model.pth", "--model", f"{FACTORY}:MyModel", "--arg", "input_size=20", "--name", "prices",
        "--out", "service/contract", "--artifact", "onnx", "--artifact", "pt2", "--artifact", "torchscript",
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.code == 0, ran.both
    folder = tmp_path / "service/contract"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*FILES, "model.onnx", "model.pt2", "model.torchscript.pt"]
    )
    document = json.loads((folder / "contract.json").read_text())
    assert document["model"]["name"] == "prices"
    import onnx

    graph = onnx.load(folder / "model.onnx")
    assert document["fingerprint"] in {entry.value for entry in graph.metadata_props}
    dims = [dim.dim_param or dim.dim_value for dim in graph.graph.input[0].type.tensor_type.shape.dim]
    assert (graph.graph.input[0].name, dims) == ("x", ["batch", 20])
