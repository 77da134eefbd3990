"""What is no model, or does not fit what builds it: each gets one clear error of the right kind, and nothing runs."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from contractgen.errors import ContractgenError, LoadError, UsageError
from contractgen.load import load_model
from contractgen.load.formats import identify
from contractgen.load.pickles import globals_in
from tests.load.conftest import Source


class Bomb:
    """Unpickling this would leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("open('exploded', 'w')",)


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def saved(value: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def linked(name: str, target: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        archive.addfile(info)
    return stream.getvalue()


WEIGHTS = saved({"linear.weight": torch.ones(1, 20), "linear.bias": torch.zeros(1)})

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "truncated zip": (WEIGHTS[: len(WEIGHTS) // 2], "cut short or damaged"),
    "a zip's head alone": (WEIGHTS[:4], "cut short or damaged"),
    "a damaged pickle": (WEIGHTS.replace(b"ctorch._utils", b"#torch._utils"), "damaged, or no file of torch.save"),
    "text": (b"these are not the weights\n", "a text file that begins with 'these are not the weights'"),
    "code": ("print('ä')\n".encode(), "a text file"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "noise": (bytes(range(128, 256)) * 4, "no format of a model that is known"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "npz": (zipped({"x.npy": b"\x93NUMPY"}), "a zip file without a model; it holds x.npy"),
    "a bare pickle": (pickle.dumps(Bomb()), r"would import and run builtins\.exec"),
    "a bare pickle of protocol 0": (pickle.dumps(Bomb(), 0), r"would import and run builtins\.exec"),
    "a pickle that ends early": (pickle.dumps({"a": 1})[:-2], "damaged, or no file of torch.save"),
    "a pickle in a zip": (saved(Bomb()), r"would import and run builtins\.exec"),
    "a pickle in the old format": (saved(Bomb(), _use_new_zipfile_serialization=False), r"would import and run builtins\.exec"),
    "a truncated safetensors file": ((10**6).to_bytes(8, "little") + b'{"a":', "cut short"),
    "a damaged safetensors file": ((10).to_bytes(8, "little") + b'{"a": nope', "damaged"),
    "a truncated tar": (tarred({"model.pth": WEIGHTS * 50})[:-900], "cut short or damaged"),
    "no tar in gzip": (gzip.compress(b"text"), "cut short or damaged"),
    "a tar without a model": (tarred({"readme.md": b"hi"}), "holds no model, only readme.md"),
    "a tar that leaves its folder": (tarred({"../escaped.pth": WEIGHTS}), "is refused"),
    "a tar with an outside link": (linked("model.pth", "/etc/passwd"), "is refused"),
    "a tar with two models": (tarred({"a.pth": WEIGHTS, "b.pth": WEIGHTS}), "holds several models.*a.pth, b.pth"),
    "a zip bomb of names": (zipped({f"file{i}": b"" for i in range(1000)}), "and 996 more"),
}  # fmt: skip


def one_screen(error: ContractgenError) -> bool:
    return len(f"{error.message}\n{error.hint}".splitlines()) <= 30


@pytest.mark.parametrize(("data", "words"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("factory", [None, "train.py:MyModel"])
def test_a_file_that_is_no_model(source: Source, folder: Path, data: bytes, words: str, factory: str | None) -> None:
    source(MODEL)
    (folder / "model.pth").write_bytes(data)
    with pytest.raises(LoadError, match=words) as caught:
        load_model("model.pth", factory=factory)
    assert "model.pth" in caught.value.message
    assert one_screen(caught.value)
    assert not (folder / "exploded").exists()
    assert not (folder.parent / "escaped.pth").exists()


MODEL = """
class MyModel(nn.Module):
    def __init__(self, input_size=20):
        super().__init__()
        self.linear = nn.Linear(input_size, 1)

class Raises(nn.Module):
    def __init__(self):
        raise RuntimeError("no weights at home")

class Exits(nn.Module):
    def __init__(self):
        raise SystemExit(3)

def returns_none():
    return None

def returns_text():
    return "a model"

NUMBER = 3
"""

FACTORIES: dict[str, tuple[str, type[ContractgenError], str]] = {
    "raises": ("train.py:Raises", LoadError, r"train\.py:Raises\(\) raises RuntimeError: no weights at home"),
    "exits": ("train.py:Exits", LoadError, r"train\.py:Exits\(\) raises SystemExit"),
    "returns None": ("train.py:returns_none", LoadError, r"train\.py:returns_none returns None, not an nn.Module"),
    "returns text": ("train.py:returns_text", LoadError, "returns a str"),
    "is a number": ("train.py:NUMBER", UsageError, "is a int, neither a class nor a function"),
    "is not there": ("train.py:MyModell", UsageError, "has no 'MyModell'"),
    "is in no file": ("nowhere.py:MyModel", UsageError, "there is no file nowhere.py"),
    "is in no module": ("no.where:MyModel", UsageError, "no module 'no'"),
    "is in no submodule": ("email.nowhere:MyModel", UsageError, "no module 'email.nowhere'"),
    "has no colon": ("train.py", UsageError, r"say which class, train\.py:NAME"),
    "is no name": ("a b:c", UsageError, "neither a module's name nor a .py file"),
    "has no attribute": ("torch.nn", UsageError, "expected package.module:callable"),
    "does not import": ("broken.py:Net", LoadError, r"importing broken\.py raises ZeroDivisionError"),
    "does not parse": ("syntax.py:Net", LoadError, r"importing syntax\.py raises SyntaxError"),
    "needs a package": ("needs.py:Net", LoadError, r"importing needs\.py raises ModuleNotFoundError.*not_installed"),
    "exits on import": ("exits.py:Net", LoadError, r"importing exits\.py exits the process \(code 1\)"),
}


@pytest.mark.parametrize(("factory", "kind", "words"), FACTORIES.values(), ids=FACTORIES.keys())
def test_a_factory_that_is_none(
    source: Source, folder: Path, factory: str, kind: type[ContractgenError], words: str
) -> None:
    source(MODEL)
    (folder / "broken.py").write_text("1 / 0")
    (folder / "syntax.py").write_text("class Net(:")
    (folder / "needs.py").write_text("import not_installed")
    (folder / "exits.py").write_text("import sys\nsys.exit(1)")
    (folder / "model.pth").write_bytes(WEIGHTS)
    with pytest.raises(kind, match=words) as caught:
        load_model("model.pth", factory=factory)
    assert one_screen(caught.value)


def test_the_cause_is_kept_for_the_traceback(source: Source, folder: Path) -> None:
    source(MODEL)
    (folder / "model.pth").write_bytes(WEIGHTS)
    with pytest.raises(LoadError) as caught:
        load_model("model.pth", factory="train.py:Raises")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_near_name_is_suggested(source: Source, folder: Path) -> None:
    source(MODEL)
    (folder / "model.pth").write_bytes(WEIGHTS)
    with pytest.raises(UsageError) as caught:
        load_model("model.pth", factory="train.py:MyModell")
    assert caught.value.hint == "Did you mean train.py:MyModel?"


def test_a_missing_file_names_its_neighbours(folder: Path) -> None:
    (folder / "best.pth").write_bytes(WEIGHTS)
    with pytest.raises(UsageError, match="there is no such file") as caught:
        load_model("last.pth")
    assert "best.pth" in caught.value.hint


def test_a_folder_names_its_files(folder: Path) -> None:
    (folder / "best.pth").write_bytes(WEIGHTS)
    with pytest.raises(UsageError, match="neither a transformers model nor a SageMaker one") as caught:
        load_model(".")
    assert "best.pth" in caught.value.hint


def test_arguments_without_a_factory_are_an_error(folder: Path) -> None:
    (folder / "model.pth").write_bytes(WEIGHTS)
    with pytest.raises(UsageError, match="--arg goes with --model"):
        load_model("model.pth", arguments={"input_size": 20})


def test_what_a_model_prints_does_not_reach_stdout(
    source: Source, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source("print('imported')\n" + MODEL.replace("super().__init__()", "super().__init__(); print('built')", 1))
    capsys.readouterr()
    (folder / "model.pth").write_bytes(WEIGHTS)
    load_model("model.pth", factory="train.py:MyModel")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "imported" in printed.err


@pytest.mark.parametrize("protocol", range(6))
def test_globals_are_read_from_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "object.pkl"
    path.write_bytes(pickle.dumps({"a": [Bomb(), Bomb()], "b": zipfile.ZipInfo}, protocol))
    assert set(globals_in(path)) >= {"zipfile.ZipInfo"}
    assert "builtins.exec" in globals_in(path)


def test_a_name_that_a_pickle_computes_is_still_reported(tmp_path: Path) -> None:
    # ("builtins" read back from the memo, "exec") STACK_GLOBAL
    code = b"\x80\x04\x8c\x08builtins\x94\x8c\x04exec\x94h\x00h\x01\x93."
    path = tmp_path / "object.pkl"
    path.write_bytes(code)
    assert globals_in(path) == ("builtins.exec",)


READERS: dict[str, Callable[[], bytes]] = {
    "checkpoint": lambda: WEIGHTS,
    "pickle": lambda: saved({"a": torch.ones(1)}, _use_new_zipfile_serialization=False),
    "archive": lambda: tarred({"model.pth": WEIGHTS}),
}


@pytest.mark.parametrize(("form", "make"), READERS.items())
def test_a_format_is_told_by_its_bytes(tmp_path: Path, form: str, make: Callable[[], bytes]) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(make())
    assert identify(path) == form
