"""`contractgen init`: the configuration by looking at files."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from contractgen.config import read_config
from tests.cli.command import contractgen

NET = """
import torch.nn as nn

class Block(nn.Module):
    pass

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/net.py").write_text(NET)
    (tmp_path / "src/broken.py").write_text("class (")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/other.py").write_text(NET.replace("Net", "Other"))
    (tmp_path / "net.pth").write_bytes(b"")
    return tmp_path


def test_weights_get_the_one_class_that_is_no_part_of_another(folder: Path) -> None:
    ran = contractgen("init", cwd=folder)
    assert ran.code == 0, ran.both
    assert "next     contractgen export net.pth" in ran.out
    settings = read_config(folder).settings(folder / "net.pth")
    assert settings.model == f"{folder / 'src/net.py'}:Net"


def test_what_is_in_doubt_is_left_as_a_comment_without_a_terminal(folder: Path) -> None:
    (folder / "src/second.py").write_text(NET.replace("Net", "Second"))
    ran = contractgen("init", "--print", cwd=folder)
    assert '# model = "src/net.py:Net"\n# model = "src/second.py:Second"\n' in ran.out
    assert not (folder / "pyproject.toml").exists()


def test_the_rest_of_the_file_stays(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "x"')
    assert contractgen("init", cwd=folder).code == 0
    text = (folder / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "x"\n\n[tool.contractgen]\n')
    read_config(folder)


def test_a_table_that_is_there_is_not_touched(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.contractgen]\n")
    ran = contractgen("init", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert "has [tool.contractgen] already" in ran.err
    assert (folder / "pyproject.toml").read_text() == "[tool.contractgen]\n"


@pytest.mark.parametrize("name", ["m.onnx", "m.pt2", "model.tar.gz"])
def test_a_whole_model_needs_no_class(name: str, folder: Path) -> None:
    (folder / "net.pth").unlink()
    (folder / name).write_bytes(b"")
    ran = contractgen("init", "--print", cwd=folder)
    assert f'[tool.contractgen.models."{name}"]' in ran.out
    assert "model =" not in ran.out


def test_a_torchscript_archive_is_a_whole_model(folder: Path) -> None:
    with zipfile.ZipFile(folder / "net.pth", "w") as archive:
        archive.writestr("net/code/__torch__.py", "")
    assert "model =" not in contractgen("init", "--print", cwd=folder).out


def test_an_empty_folder_gets_a_table_to_start_from(tmp_path: Path) -> None:
    ran = contractgen("init", cwd=tmp_path)
    assert ran.code == 0
    assert "no model file was found" in ran.out
    read_config(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="file names")
def test_odd_names_are_quoted(tmp_path: Path) -> None:
    (tmp_path / 'a "b" ü.onnx').write_bytes(b"")
    assert contractgen("init", cwd=tmp_path).code == 0
    assert list(read_config(tmp_path).models) == [tmp_path / 'a "b" ü.onnx']
