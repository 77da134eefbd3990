"""Pickled modules: refused without trust, named exactly, and of use without it where their code is at hand."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
import torch

from contractgen.errors import LoadError
from contractgen.load import load_model
from tests.load.conftest import Source, same_state

NET = """
class Net(nn.Module):
    def __init__(self, inputs=6):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("scale", torch.full((2,), 3.0), persistent=False)
"""


@pytest.fixture
def original(source: Source, folder: Path) -> torch.nn.Module:
    """A module that was pickled whole by a script that imported it from ``train``."""
    module = source(NET)
    sys.modules["train"] = module
    module.Net.__module__ = "train"
    net = module.Net(9)
    torch.save(net, "model.pt")
    torch.save({"model": net, "epoch": 3}, "checkpoint.pt")
    torch.save(net, "old.pt", _use_new_zipfile_serialization=False)
    (folder / "plain.pkl").write_bytes(pickle.dumps(net))
    del sys.modules["train"]
    assert isinstance(net, torch.nn.Module)
    return net


FILES = ["model.pt", "checkpoint.pt", "old.pt", "plain.pkl"]


@pytest.mark.parametrize("file", FILES)
def test_without_trust_it_is_refused_and_its_imports_are_named(original: torch.nn.Module, file: str) -> None:
    with pytest.raises(LoadError, match=r"would import and run .*train\.Net.*torch\.nn\.modules\.") as caught:
        load_model(file)
    assert "add --trust" in caught.value.hint
    assert "train" not in sys.modules


def test_the_command_that_takes_its_weights_alone_is_named(original: torch.nn.Module) -> None:
    with pytest.raises(LoadError) as caught:
        load_model("model.pt")
    assert "contractgen export model.pt --model train:Net" in caught.value.hint


@pytest.mark.parametrize("file", FILES)
def test_with_trust_it_is_loaded(original: torch.nn.Module, file: str) -> None:
    loaded = load_model(file, trust=True)
    assert loaded.kind == "pickle"
    assert same_state(loaded.module, original)
    assert not loaded.module.training


@pytest.mark.parametrize("file", ["model.pt", "checkpoint.pt", "old.pt"])
def test_with_its_class_only_the_weights_are_taken_without_trust(original: torch.nn.Module, file: str) -> None:
    loaded = load_model(file, factory="train.py:Net")
    assert loaded.kind == "state_dict"
    assert same_state(loaded.module, original)


def test_with_trust_and_without_its_code_the_missing_module_is_named(original: torch.nn.Module, folder: Path) -> None:
    (folder / "train.py").unlink()
    with pytest.raises(LoadError, match=r"cannot be unpickled: ModuleNotFoundError.*train") as caught:
        load_model("model.pt", trust=True)
    assert "take only its weights" in caught.value.hint


def test_with_trust_an_object_that_is_no_model_is_said(folder: Path) -> None:
    import fractions

    torch.save(fractions.Fraction(1, 3), "model.pt")
    with pytest.raises(LoadError, match="returns a Fraction, not an nn"):
        load_model("model.pt", trust=True)


def test_a_state_dict_in_a_plain_pickle(source: Source, folder: Path) -> None:
    net = source(NET).Net(4)
    (folder / "model.pkl").write_bytes(pickle.dumps(net.state_dict()))
    with pytest.raises(LoadError, match="would import and run"):
        load_model("model.pkl", factory="train.py:Net")
    assert same_state(load_model("model.pkl", factory="train.py:Net", trust=True).module, net)


def test_trust_does_not_change_what_a_state_dict_needs(source: Source) -> None:
    net = source(NET).Net(4)
    for new in (True, False):
        torch.save(net.state_dict(), "model.pth", _use_new_zipfile_serialization=new)
        assert same_state(load_model("model.pth", factory="train.py:Net", trust=True).module, net)
