"""Artifacts that cannot be exported: each gets a one-screen message and the right exit code; nothing is half written."""

from __future__ import annotations

import io
import os
import pickle
import pty
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Ran, everything, forked, part_of

MODEL = """
import torch
from torch import nn

class MyModel(nn.Module):
    def __init__(self, input_size=20):
        super().__init__()
        self.linear = nn.Linear(input_size, 1)
    def forward(self, x):
        return self.linear(x)

class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(20, 1)
    def forward(self, x):
        return self.dense(x)

class Raises(MyModel):
    def __init__(self):
        raise RuntimeError("no weights at home")

class Refuses(MyModel):
    def forward(self, x):
        raise ValueError("never today")
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([sys.executable, ROOT / "sample_models/linear/save.py"], cwd=folder, check=True)
    return (folder / "model.pth").read_bytes()


class Bomb:
    """Unpickling this would run a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch exploded",)


def torch_zip(payload: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


ARTIFACTS: dict[str, tuple[Callable[[bytes], bytes], int, list[str]]] = {
    "an empty file": (lambda _: b"", 3, ["empty"]),
    "a truncated zip": (lambda good: good[: len(good) // 2], 3, ["model.pth"]),
    "a text file": (lambda _: b"these are not the weights\n", 3, ["model.pth"]),
    "a pickle that would run code": (lambda _: torch_zip(pickle.dumps(Bomb())), 3, ["system", "--trust"]),
    "a bare pickle that would run code": (lambda _: pickle.dumps(Bomb()), 3, ["system", "--trust"]),
}


def untouched(folder: Path, ran: Ran) -> None:
    assert sorted(path.name for path in folder.iterdir()) in (
        ["model.pth"],
        ["model.pth", "train.py"],
        ["train.py"],
        [],
    )
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 40


@pytest.mark.parametrize(("make", "code", "words"), ARTIFACTS.values(), ids=ARTIFACTS.keys())
def test_a_file_that_is_no_model(
    make: Callable[[bytes], bytes], code: int, words: list[str], weights: bytes, tmp_path: Path
) -> None:
    (tmp_path / "model.pth").write_bytes(make(weights))
    (tmp_path / "train.py").write_text(MODEL)
    ran = forked("export", "model.pth", "--model", "train.py:MyModel", cwd=tmp_path)
    assert ran.code == code, ran.both
    for word in words:
        assert word in ran.err
    untouched(tmp_path, ran)


def test_a_missing_file(tmp_path: Path) -> None:
    ran = forked("export", "model.pth", cwd=tmp_path)
    assert ran.code == 2, ran.both
    assert "model.pth" in ran.err
    untouched(tmp_path, ran)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.pth").mkdir()
    ran = forked("export", "model.pth", cwd=tmp_path)
    assert ran.code in {2, 3}, ran.both
    assert "model.pth" in ran.err
    untouched(tmp_path, ran)


FACTORIES = {
    "keys that do not fit": ("train.py:Other", 3, ["linear.weight", "dense.weight"]),
    "a factory that raises": ("train.py:Raises", 3, ["no weights at home"]),
    "a class that is not there": ("train.py:Missing", 2, ["Missing"]),
    "a file that is not there": ("nowhere.py:MyModel", 2, ["nowhere.py"]),
    "a module that is not there": ("no.where:MyModel", 2, ["no.where"]),
    "no colon": ("train.py", 2, ["train.py:"]),
}


@pytest.mark.parametrize(("factory", "code", "words"), FACTORIES.values(), ids=FACTORIES.keys())
def test_a_factory_that_does_not_fit(factory: str, code: int, words: list[str], weights: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(weights)
    (tmp_path / "train.py").write_text(MODEL)
    ran = forked("export", "model.pth", "--model", factory, cwd=tmp_path)
    assert ran.code == code, ran.both
    for word in words:
        assert word in ran.err
    untouched(tmp_path, ran)


def test_without_a_factory_the_command_to_run_is_named_and_nothing_is_imported(weights: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(weights)
    (tmp_path / "train.py").write_text(MODEL + "\nraise SystemExit('imported')\n")
    ran = forked("export", "model.pth", cwd=tmp_path)
    assert ran.code == 2, ran.both
    assert "contractgen export model.pth --model train.py:MyModel" in ran.err
    assert "imported" not in ran.err
    untouched(tmp_path, ran)


def test_on_a_terminal_the_class_that_fits_is_offered_and_a_no_imports_nothing(weights: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(weights)
    code = (ROOT / "sample_models/linear/model.py").read_text()
    (tmp_path / "train.py").write_text(code + "\nraise SystemExit('imported')\n")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "contractgen.cli", "export", "model.pth"],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        text=True,
    ) as process:
        os.close(follower)
        seen = ""
        while "[y/N]" not in seen:
            part = part_of(leader)
            assert part, seen
            seen += part
        os.write(leader, b"n\n")
        after = everything(leader)
        assert process.stdout is not None
        ran = Ran(process.wait(), process.stdout.read(), after)
    assert "import MyModel from train.py?" in seen
    assert ran.code == 2, ran.both
    assert "SystemExit" not in ran.err
    untouched(tmp_path, Ran(ran.code, ran.out, ""))


def test_a_forward_that_raises_on_everything_is_told_with_its_error_and_leaves_the_old_files(
    weights: bytes, tmp_path: Path
) -> None:
    (tmp_path / "model.pth").write_bytes(weights)
    (tmp_path / "train.py").write_text(MODEL)
    kept = tmp_path / "contracts/model"
    kept.mkdir(parents=True)
    (kept / "contract.json").write_text("{}\n")
    ran = forked("export", "model.pth", "--model", "train.py:Refuses", cwd=tmp_path)
    assert ran.code == 3
    assert "never today" in ran.err
    assert "--example" in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 40
    assert [path.name for path in kept.iterdir()] == ["contract.json"]
    assert (kept / "contract.json").read_text() == "{}\n"


def test_an_example_that_is_not_there_is_a_usage_error(weights: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(weights)
    (tmp_path / "train.py").write_text(MODEL)
    ran = forked(
        "export", "model.pth", "--model", "train.py:MyModel", "--example", "nowhere.npz", cwd=tmp_path,
    )  # fmt: skip
    assert ran.code == 2, ran.both
    assert "nowhere.npz" in ran.err
    untouched(tmp_path, ran)
