"""Finding the class of a state_dict by reading the files beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from contractgen.errors import UsageError
from contractgen.load import load_model
from contractgen.load.classes import find_classes, module_classes

TRAIN = """
raise SystemExit("imported")
import torch
import torch.nn as nn
from torch.nn import Module

class Dataset:
    def __init__(self):
        self.linear = 3

class MyModel(nn.Module):
    def __init__(self, input_size):
        super().__init__()
        self.linear = nn.Linear(input_size, 1)

class Wider(MyModel):
    def __init__(self, input_size):
        super().__init__(input_size)
        self.extra = nn.Linear(input_size, 1)

class Registers(Module):
    def __init__(self):
        super().__init__()
        self.add_module("first", nn.Linear(2, 2))
        self.register_buffer("table", torch.zeros(3))
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
"""


def write(folder: Path, text: str = TRAIN, name: str = "train.py") -> None:
    (folder / name).write_text(text)


def names(folder: Path, *keys: str) -> list[str]:
    return [candidate.name for candidate in find_classes([folder], keys)]


def test_classes_are_matched_by_the_names_that_they_assign(folder: Path) -> None:
    write(folder)
    assert names(folder, "linear.weight", "linear.bias") == ["MyModel", "Wider"]
    assert names(folder, "linear.weight", "extra.weight") == ["Wider"]
    assert names(folder, "first.weight", "table", "a.bias", "b.bias") == ["Registers"]
    assert names(folder, "other.weight") == []


def test_only_modules_count(folder: Path) -> None:
    write(folder)
    assert module_classes(folder / "train.py") == ["MyModel", "Wider", "Registers"]


def test_what_cannot_be_parsed_is_passed_over(folder: Path) -> None:
    write(folder)
    write(folder, "class Net(:", "broken.py")
    (folder / "binary.py").write_bytes(b"\x00\xff")
    assert names(folder, "linear.weight") == ["MyModel", "Wider"]


@pytest.fixture
def weights(folder: Path) -> Path:
    torch.save({"module.linear.weight": torch.ones(1, 20), "module.linear.bias": torch.zeros(1)}, "model.pth")
    return folder


def test_without_anybody_to_ask_the_commands_are_named(weights: Path) -> None:
    write(weights)
    with pytest.raises(UsageError, match=r"model\.pth is a state_dict") as caught:
        load_model("model.pth")
    assert "contractgen export model.pth --model train.py:MyModel\n" in caught.value.hint
    assert "contractgen export model.pth --model train.py:Wider" in caught.value.hint


def test_the_class_that_fits_best_is_offered_and_imported_after_a_yes(weights: Path) -> None:
    write(weights, TRAIN.replace('raise SystemExit("imported")', ""))
    asked: list[str] = []
    loaded = load_model("model.pth", confirm=lambda question: not asked.append(question))  # type: ignore[func-returns-value]
    assert asked == ["import MyModel from train.py?"]
    assert type(loaded.module).__name__ == "MyModel"
    assert loaded.module.linear.in_features == 20


def test_nothing_is_imported_after_a_no(weights: Path) -> None:
    write(weights)
    with pytest.raises(UsageError, match="nothing was imported"):
        load_model("model.pth", confirm=lambda _: False)


def test_two_that_fit_equally_are_not_offered(weights: Path) -> None:
    write(weights)
    write(weights, TRAIN, "other.py")
    with pytest.raises(UsageError) as caught:
        load_model("model.pth", confirm=lambda _: pytest.fail("asked"))
    assert "other.py:MyModel" in caught.value.hint


def test_a_file_elsewhere_is_named_from_here(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (weights / "code here").mkdir()
    write(weights)
    monkeypatch.chdir(weights / "code here")
    write(weights / "code here", name="net.py")
    with pytest.raises(UsageError) as caught:
        load_model(Path("..") / "model.pth")
    assert "--model net.py:MyModel" in caught.value.hint


def test_without_a_class_the_keys_are_shown(weights: Path) -> None:
    with pytest.raises(UsageError, match=r"Its first keys: linear\.weight, linear\.bias") as caught:
        load_model("model.pth")
    assert "--model path/file.py:Class" in caught.value.hint
