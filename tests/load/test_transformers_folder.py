"""Folders of transformers: a configuration and weights, never their code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load import load_model
from tests.load.conftest import same_state

transformers = pytest.importorskip("transformers")

SMALL = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}


@pytest.fixture
def bert(folder: Path) -> torch.nn.Module:
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**SMALL)).eval()
    model.save_pretrained(folder / "my bert")
    assert isinstance(model, torch.nn.Module)
    return model


@pytest.fixture
def gpt(folder: Path) -> torch.nn.Module:
    config = transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32)
    model = transformers.GPT2LMHeadModel(config).eval()
    model.save_pretrained(folder / "gpt")
    assert isinstance(model, torch.nn.Module)
    return model


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_class_of_the_configuration_is_built(bert: torch.nn.Module) -> None:
    loaded = load_model("my bert")
    assert type(loaded.module) is type(bert)
    assert same_state(loaded.module, bert)
    assert (loaded.kind, loaded.name) == ("transformers", "my_bert")
    assert not loaded.module.training


def test_a_cache_is_turned_off_and_noted(gpt: torch.nn.Module) -> None:
    loaded = load_model("gpt")
    assert loaded.module.config.use_cache is False
    assert loaded.notes == ("config.use_cache was set to False: a key-value cache is not part of a contract",)
    assert same_state(loaded.module, gpt)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_state_dict_beside_a_configuration_needs_no_factory(gpt: torch.nn.Module, folder: Path, name: str) -> None:
    path = folder / "gpt" / name
    if name.endswith(".bin"):
        torch.save(gpt.state_dict(), path)
    loaded = load_model(path)
    assert type(loaded.module) is type(gpt)
    assert same_state(loaded.module, gpt)
    assert loaded.module.lm_head.weight is loaded.module.transformer.wte.weight
    assert loaded.kind == "state_dict"


def test_code_that_a_folder_brings_is_never_run(bert: torch.nn.Module, folder: Path) -> None:
    (folder / "my bert/own.py").write_text("open('exploded', 'w')")
    own = {"AutoConfig": "own.Config", "AutoModel": "own.Net"}
    edit(folder / "my bert/config.json", model_type="own", architectures=["Own"], auto_map=own)
    with pytest.raises(LoadError, match="cannot be read") as caught:
        load_model("my bert")
    assert "--model path/file.py:Class" in caught.value.hint
    assert not (folder / "exploded").exists()


def test_a_class_that_transformers_does_not_have(bert: torch.nn.Module, folder: Path) -> None:
    edit(folder / "my bert/config.json", architectures=["BertForNothing"])
    with pytest.raises(LoadError, match="BertForNothing"):
        load_model("my bert")


def test_a_configuration_without_a_class_gives_the_plain_model(bert: torch.nn.Module, folder: Path) -> None:
    edit(folder / "my bert/config.json", architectures=None)
    assert type(load_model("my bert").module) is transformers.BertModel


def test_weights_that_are_missing_are_noted(bert: torch.nn.Module, folder: Path) -> None:
    edit(folder / "my bert/config.json", architectures=["BertForMaskedLM"])
    (note,) = (note for note in load_model("my bert").notes if "use_cache" not in note)
    assert note.startswith("my bert has no weights for cls.predictions.")
    assert note.endswith("they are random")


def test_damaged_weights(bert: torch.nn.Module, folder: Path) -> None:
    (folder / "my bert/model.safetensors").write_bytes(b"nothing")
    with pytest.raises(LoadError, match="cannot be loaded as BertForSequenceClassification"):
        load_model("my bert")


def test_a_factory_is_not_needed(bert: torch.nn.Module) -> None:
    with pytest.raises(UsageError, match="a transformers model, which needs no --arg"):
        load_model("my bert", arguments={"x": 1})
