"""`contractgen generate`: files from a contract alone, and `--check` for a build step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from contractgen.contract.codec import load_contract
from contractgen.generate.files import write_files
from contractgen.generate.render import render
from tests.cli.command import ROOT, contractgen

SAMPLE = ROOT / "sample_models/linear/contract"
FILES = ("client.py", "validator.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A contract with its generated files, fresh."""
    folder = tmp_path / "contracts/linear"
    folder.mkdir(parents=True)
    shutil.copy(SAMPLE / "contract.json", folder)
    write_files(folder, render(load_contract(folder / "contract.json")))
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_deleted_file_comes_back_identically(name: str, folder: Path) -> None:
    before = (folder / name).read_bytes()
    (folder / name).unlink()
    ran = contractgen("generate", folder / "contract.json", cwd=folder)
    assert ran.code == 0, ran.both
    assert f"created    {folder / name}" in ran.out
    assert (folder / name).read_bytes() == before


def test_files_that_are_as_they_should_be_are_not_touched(folder: Path) -> None:
    before = {name: (folder / name).stat().st_mtime_ns for name in FILES}
    ran = contractgen("generate", "contract.json", cwd=folder)
    assert ran.out.splitlines() == ["unchanged  client.py", "unchanged  validator.py"]
    assert {name: (folder / name).stat().st_mtime_ns for name in FILES} == before


def test_check_is_content_with_fresh_files(folder: Path) -> None:
    ran = contractgen("generate", "contract.json", "--check", cwd=folder)
    assert (ran.code, ran.out, ran.err) == (0, "2 files up to date\n", "")


def test_check_shows_a_diff_of_a_stale_file_and_writes_nothing(folder: Path) -> None:
    stale = (folder / "client.py").read_text().replace("float32[batch, 20]", "float32[batch, 10]")
    (folder / "client.py").write_text(stale)
    (folder / "validator.py").unlink()
    ran = contractgen("generate", "contract.json", "--check", cwd=folder)
    assert ran.code == 1
    assert "--- client.py" in ran.out
    assert "-    x: float32[batch, 10], finite" in ran.out
    assert "+    x: float32[batch, 20], finite" in ran.out
    assert "+++ validator.py" in ran.out
    assert "2 files stale" in ran.out
    assert (folder / "client.py").read_text() == stale
    assert not (folder / "validator.py").exists()


def test_a_file_changed_by_hand_is_kept_unless_forced(folder: Path) -> None:
    generated = (folder / "client.py").read_text()
    edited = generated + "# mine\n"
    (folder / "client.py").write_text(edited)
    ran = contractgen("generate", "contract.json", cwd=folder)
    assert ran.code == 2
    assert "changed by hand" in ran.err
    assert "--force" in ran.err
    assert (folder / "client.py").read_text() == edited
    assert contractgen("generate", "contract.json", "--force", cwd=folder).code == 0
    assert (folder / "client.py").read_text() == generated


def test_all_finds_every_contract_of_the_project(folder: Path) -> None:
    root = folder.parent.parent
    shutil.copytree(folder, folder.parent / "other")
    (folder / "client.py").unlink()
    ran = contractgen("generate", "--all", "--check", cwd=root)
    assert ran.code == 1
    assert "1 file stale" in ran.out
    ran = contractgen("generate", "--all", cwd=root)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "created    contracts/linear/client.py"
    assert len(ran.out.splitlines()) == 4


def test_a_missing_fingerprint_is_filled_in(folder: Path) -> None:
    text = (folder / "contract.json").read_text()
    document = json.loads(text)
    del document["fingerprint"]
    (folder / "contract.json").write_text(json.dumps(document))
    checked = contractgen("generate", "contract.json", "--check", cwd=folder)
    assert checked.code == 1
    assert "1 file stale" in checked.out
    assert contractgen("generate", "contract.json", cwd=folder).code == 0
    assert (folder / "contract.json").read_text() == text


def test_another_folder_can_be_given(folder: Path, tmp_path: Path) -> None:
    ran = contractgen("generate", "contract.json", "--out", tmp_path / "service/app", cwd=folder)
    assert ran.code == 0
    assert sorted(path.name for path in (tmp_path / "service/app").iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give contracts or --all"),
        (["--all"], "no contract found below"),
        (["a.json", "--all"], "give contracts or --all"),
        (["nowhere.json"], "cannot be read: No such file"),
        (["a.json", "b.json", "--out", "x"], "--out takes one contract"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    ran = contractgen("generate", *arguments, cwd=tmp_path)
    assert ran.code == 2
    assert message in ran.err
    assert ran.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unsound_contract_is_told_with_its_json_path(folder: Path) -> None:
    document = json.loads((folder / "contract.json").read_text())
    document["inputs"][0]["node"]["shape"][1] = "nowhere"
    (folder / "contract.json").write_text(json.dumps(document))
    ran = contractgen("generate", "contract.json", cwd=folder)
    assert ran.code == 2
    assert "$.inputs[0].node.shape[1]" in ran.err
    assert "nowhere" in ran.err


def test_a_folder_that_cannot_be_made_is_a_usage_error(folder: Path) -> None:
    ran = contractgen("generate", "contract.json", "--out", "contract.json/below", cwd=folder)
    assert ran.code == 2
    assert "Not a directory" in ran.err or "File exists" in ran.err
    assert "Traceback" not in ran.err
