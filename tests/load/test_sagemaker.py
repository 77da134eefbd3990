"""SageMaker's ``model.tar.gz``, and its ``inference.py`` as a factory."""

from __future__ import annotations

import gc
import io
import tarfile
import tempfile
from pathlib import Path

import pytest
import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load import load_model
from tests.load.conftest import Source, same_state
from tests.load.test_state_dict import on_gpu

NET = """
class Net(nn.Module):
    def __init__(self, inputs=6):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)
"""

INFERENCE = """
import os
import torch
from net import Net

def model_fn(model_dir):
    model = Net(7)
    model.load_state_dict(torch.load(os.path.join(model_dir, "model.pth")))
    return model
"""


def packed(folder: Path, *names: str, archive: str = "model.tar.gz") -> Path:
    with tarfile.open(folder / archive, "w:gz") as tar:
        for name in names:
            tar.add(folder / name, arcname=name)
    return folder / archive


@pytest.fixture
def original(source: Source, folder: Path) -> torch.nn.Module:
    """``model.tar.gz`` with weights of ``Net(7)`` and the code that loads them, as SageMaker's training leaves it."""
    net = source(NET, "code/net.py").Net(7)
    (folder / "code/inference.py").write_text(INFERENCE)
    torch.save(net.state_dict(), "model.pth")
    packed(folder, "model.pth", "code")
    assert isinstance(net, torch.nn.Module)
    return net


def test_its_code_runs_with_trust(original: torch.nn.Module) -> None:
    loaded = load_model("model.tar.gz", trust=True)
    assert same_state(loaded.module, original)
    assert (loaded.kind, loaded.name) == ("state_dict", "model")
    assert not loaded.module.training


def test_its_code_does_not_run_without(original: torch.nn.Module, folder: Path) -> None:
    with pytest.raises(
        LoadError, match=r"brings the code that loads it \(code/inference\.py: model_fn\), which was not run"
    ) as caught:
        load_model("model.tar.gz")
    assert "add --trust" in caught.value.hint


def test_its_code_runs_after_a_yes(original: torch.nn.Module) -> None:
    asked: list[str] = []
    load_model("model.tar.gz", confirm=lambda question: not asked.append(question))  # type: ignore[func-returns-value]
    assert asked == ["run model_fn from code/inference.py of model.tar.gz?"]


def test_a_factory_goes_before_its_code(original: torch.nn.Module, folder: Path) -> None:
    (folder / "train.py").write_text("import torch\nfrom torch import nn\n" + NET)
    assert same_state(load_model("model.tar.gz", factory="train.py:Net").module, original)


def test_weights_of_a_gpu_come_to_the_cpu(original: torch.nn.Module, folder: Path) -> None:
    on_gpu(folder / "model.pth")
    packed(folder, "model.pth", "code")
    assert same_state(load_model("model.tar.gz", trust=True).module, original)
    assert torch.load.__module__ == "torch.serialization"


def test_an_unpacked_folder_is_the_same(original: torch.nn.Module) -> None:
    assert same_state(load_model(".", trust=True).module, original)


def test_inference_py_is_a_factory(original: torch.nn.Module, folder: Path) -> None:
    loaded = load_model("model.pth", factory="code/inference.py")
    assert same_state(loaded.module, original)
    assert load_model("model.pth", factory="code/inference.py:model_fn").kind == "state_dict"


def test_a_model_fn_that_raises(original: torch.nn.Module, folder: Path) -> None:
    (folder / "code/inference.py").write_text("def model_fn(model_dir, context):\n    raise ValueError('no luck')\n")
    packed(folder, "model.pth", "code")
    with pytest.raises(LoadError, match=r"model\.tar\.gz:code/inference\.py:model_fn.* raises ValueError: no luck"):
        load_model("model.tar.gz", trust=True)


def test_a_model_fn_that_returns_no_module(original: torch.nn.Module, folder: Path) -> None:
    (folder / "code/inference.py").write_text("def model_fn(model_dir):\n    return 3\n")
    with pytest.raises(LoadError, match="returns a int, not an nn"):
        load_model("model.pth", factory="code/inference.py")


def test_an_archive_without_code_holds_one_artifact(source: Source, folder: Path) -> None:
    net = source(NET).Net(5)
    torch.save(net.state_dict(), "model.pth")
    packed(folder, "model.pth", archive="ranker-2.tar.gz")
    loaded = load_model("ranker-2.tar.gz", factory="train.py:Net")
    assert same_state(loaded.module, net)
    assert loaded.name == "ranker_2"
    with pytest.raises(UsageError, match="is a state_dict"):
        load_model("ranker-2.tar.gz")


@pytest.fixture
def temporary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that no other process writes to."""
    place = folder / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_the_extracted_files_live_as_long_as_the_model(original: torch.nn.Module, temporary: Path) -> None:
    loaded = load_model("model.tar.gz", trust=True)
    assert len(list(temporary.iterdir())) == 1
    del loaded
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_after_an_error(folder: Path, temporary: Path) -> None:
    with tarfile.open("model.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("notes.txt"), io.BytesIO())
    with pytest.raises(LoadError, match=r"holds no model, only notes\.txt"):
        load_model("model.tar.gz")
    assert list(temporary.iterdir()) == []
