"""Constructor arguments that are found from the weights, and those that have to be asked for."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load import load_model
from tests.load.conftest import Source, same_state

MODELS = """
import dataclasses
from dataclasses import dataclass

class Linear(nn.Module):
    def __init__(self, input_size):
        super().__init__()
        self.linear = nn.Linear(input_size, 1)

class Mlp(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

class Widths(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

class Hidden(nn.Module):
    def __init__(self, inputs: int, hidden: list[int], outputs: int):
        super().__init__()
        sizes = [inputs, *hidden, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

class Resnet(nn.Module):
    def __init__(self, depths=(2, 2, 2), width=8, classes=10):
        super().__init__()
        for stage, depth in enumerate(depths):
            blocks = [nn.Conv2d(width, width, 3, bias=False) for _ in range(depth)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.head = nn.Linear(width, classes)

class Encoder(nn.Module):
    def __init__(self, vocab, dim, layers, heads):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

class EncoderDefaults(Encoder):
    def __init__(self, vocab, dim, layers=2, heads=4, dropout=0.1):
        super().__init__(vocab, dim, layers, heads)

class Vit(nn.Module):
    def __init__(self, image_size, patch_size, dim, depth, mlp_ratio=4, classes=10):
        super().__init__()
        assert image_size % patch_size == 0
        self.patch = nn.Conv2d(3, dim, patch_size, patch_size)
        self.positions = nn.Parameter(torch.zeros(1, (image_size // patch_size) ** 2 + 1, dim))
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, dim * mlp_ratio), nn.Linear(dim * mlp_ratio, dim)) for _ in range(depth)
        )
        self.head = nn.Linear(dim, classes)

class Cnn(nn.Module):
    def __init__(self, image_size, channels=3, width=8):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.fc = nn.Linear(width * (image_size // 4) ** 2, 2)

class Gated(nn.Module):
    def __init__(self, inputs, hidden, bidirectional=False, layers=1):
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, layers, bidirectional=bidirectional)

class Product(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.linear = nn.Linear(rows * columns, 2)

class Dropping(nn.Module):
    def __init__(self, inputs, dropout):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)
        self.drop = nn.Dropout(dropout)

class Unused(nn.Module):
    def __init__(self, inputs, epochs):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)

class Scaled(nn.Module):
    def __init__(self, inputs, scale: float):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)
        self.register_buffer("scale", torch.tensor(scale), persistent=False)

class Activated(nn.Module):
    def __init__(self, inputs, activation: str):
        super().__init__()
        self.linear = nn.Linear(inputs, 2)

@dataclass
class Config:
    vocab: int = 100
    dim: int = 16
    layers: int = 2

class Configured(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(nn.Linear(config.dim, config.dim) for _ in range(config.layers))

class Plain(Configured):
    def __init__(self, config):
        super().__init__(config)

class Passing(Mlp):
    def __init__(self, extra=3, **kwargs):
        super().__init__(**kwargs)
        self.extra = nn.Linear(extra, 1)

class ByConfig(nn.Module):
    def __init__(self, hparams):
        super().__init__()
        self.linear = nn.Linear(hparams["width"] if isinstance(hparams, dict) else hparams.width, 2)

class Items(nn.Module):
    def __init__(self, inputs, steps=4):
        super().__init__()
        self.rates = [x.item() for x in torch.linspace(0, 1, steps)]
        self.linear = nn.Linear(inputs, 2)
"""

SOLVED: dict[str, tuple[str, dict[str, Any]]] = {
    "the mission's own": ("Linear", {"input_size": 20}),
    "three sizes": ("Mlp", {"inputs": 7, "hidden": 33, "outputs": 4}),
    "equal sizes": ("Mlp", {"inputs": 5, "hidden": 5, "outputs": 5}),
    "a list of widths": ("Widths", {"sizes": [10, 32, 16, 3]}),
    "a list of hidden widths": ("Hidden", {"inputs": 6, "hidden": [12, 9], "outputs": 2}),
    "depths of stages against a default": ("Resnet", {"depths": (1, 3, 2), "width": 6, "classes": 4}),
    "defaults that do not fit": ("Cnn", {"image_size": 32, "channels": 1, "width": 5}),
    "an image size under a root": ("Cnn", {"image_size": 64}),
    "patches, positions and depth": ("Vit", {"image_size": 64, "patch_size": 8, "dim": 24, "depth": 3}),
    "a ratio against its default": (
        "Vit", {"image_size": 48, "patch_size": 16, "dim": 10, "depth": 2, "mlp_ratio": 2, "classes": 3},
    ),
    "gates, a flag and layers": ("Gated", {"inputs": 9, "hidden": 11, "bidirectional": True, "layers": 2}),
    "what a default decides": ("EncoderDefaults", {"vocab": 50, "dim": 16}),
    "a configuration class": ("Configured", {"config.vocab": 77, "config.dim": 12, "config.layers": 3}),
    "a configuration class that no annotation names": ("Plain", {"config.vocab": 77, "config.dim": 12}),
    "keywords that are passed on": ("Passing", {"extra": 2, "inputs": 6, "hidden": 8, "outputs": 5}),
    "a constructor that computes": ("Items", {"inputs": 13}),
}  # fmt: skip


def made(module: Any, name: str, values: dict[str, Any]) -> torch.nn.Module:
    plain = {key: value for key, value in values.items() if "." not in key}
    fields = {key.partition(".")[2]: value for key, value in values.items() if "." in key}
    if fields:
        plain["config"] = module.Config(**fields)
    result = getattr(module, name)(**plain)
    assert isinstance(result, torch.nn.Module)
    return result


@pytest.mark.parametrize(("name", "values"), SOLVED.values(), ids=SOLVED.keys())
def test_arguments_are_solved_from_the_weights(source: Source, name: str, values: dict[str, Any]) -> None:
    original = made(source(MODELS), name, values)
    torch.save(original.state_dict(), "model.pth")
    loaded = load_model("model.pth", factory=f"train.py:{name}")
    assert same_state(loaded.module, original)
    assert loaded.kind == "state_dict"
    assert loaded.notes == ()


def test_arguments_that_are_given_win(source: Source) -> None:
    original = source(MODELS).Encoder(50, 16, 2, 8)
    torch.save(original.state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Encoder", arguments={"heads": 2})
    assert same_state(loaded.module, original)
    assert loaded.module.encoder.layers[0].self_attn.num_heads == 2


def test_one_field_of_a_configuration_can_be_given(source: Source) -> None:
    module = source(MODELS)
    torch.save(module.Configured(module.Config(layers=1)).state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Configured", arguments={"config.layers": 1})
    assert len(loaded.module.blocks) == 1


def test_what_the_weights_do_not_tell_is_asked_for(source: Source) -> None:
    torch.save(source(MODELS).Encoder(50, 16, 2, 8).state_dict(), "model.pth")
    with pytest.raises(UsageError, match=r"do not tell 'heads' of train\.py:Encoder: 1, 2, \d+, \d+ fit") as caught:
        load_model("model.pth", factory="train.py:Encoder")
    assert "--arg heads=" in caught.value.hint


def test_two_arguments_that_only_multiply_are_asked_for(source: Source) -> None:
    torch.save(source(MODELS).Product(4, 5).state_dict(), "model.pth")
    with pytest.raises(UsageError, match=r"do not tell 'rows' and 'columns'.*rows=.* or rows=") as caught:
        load_model("model.pth", factory="train.py:Product")
    assert "--arg rows=" in caught.value.hint
    assert load_model("model.pth", factory="train.py:Product", arguments={"rows": 4}).notes == ()


def test_dropout_does_not_matter_in_eval_mode(source: Source) -> None:
    torch.save(source(MODELS).Dropping(4, 0.5).state_dict(), "model.pth")
    assert load_model("model.pth", factory="train.py:Dropping").notes == ()


def test_an_argument_that_nothing_depends_on_is_chosen_with_a_note(source: Source) -> None:
    torch.save(source(MODELS).Unused(4, 90).state_dict(), "model.pth")
    (note,) = load_model("model.pth", factory="train.py:Unused").notes
    assert "epochs=" in note
    assert "nothing depends on it" in note


def test_a_number_that_only_a_hidden_buffer_holds_is_asked_for(source: Source) -> None:
    torch.save(source(MODELS).Scaled(4, 0.5).state_dict(), "model.pth")
    with pytest.raises(UsageError, match="do not tell 'scale'"):
        load_model("model.pth", factory="train.py:Scaled")


def test_text_is_asked_for(source: Source) -> None:
    torch.save(source(MODELS).Activated(4, "relu").state_dict(), "model.pth")
    with pytest.raises(UsageError, match="needs 'activation'") as caught:
        load_model("model.pth", factory="train.py:Activated")
    assert caught.value.hint == "--arg activation=..."


def test_what_the_checkpoint_says_of_its_constructor_is_tried_first(source: Source) -> None:
    original = source(MODELS).Encoder(50, 16, 2, 8)
    hints = {"vocab": 50, "dim": 16, "layers": 2, "heads": 8, "learning_rate": 0.1}
    torch.save({"state_dict": original.state_dict(), "hyper_parameters": hints}, "model.ckpt")
    loaded = load_model("model.ckpt", factory="train.py:Encoder")
    assert loaded.module.encoder.layers[0].self_attn.num_heads == 8
    assert same_state(loaded.module, original)


def test_fields_of_a_configuration_are_hinted_by_their_own_names(source: Source) -> None:
    module = source(MODELS)
    original = module.Configured(module.Config(vocab=70, layers=3))
    torch.save({"model": original.state_dict(), "model_args": {"vocab": 70, "dim": 16, "layers": 3}}, "model.ckpt")
    assert same_state(load_model("model.ckpt", factory="train.py:Configured").module, original)


def test_a_configuration_that_the_checkpoint_carries_is_passed_as_it_is(source: Source) -> None:
    module = source(MODELS)
    for config in ({"width": 5}, argparse.Namespace(width=5)):
        original = module.ByConfig(config)
        torch.save({"model": original.state_dict(), "hparams": config}, "model.ckpt")
        assert same_state(load_model("model.ckpt", factory="train.py:ByConfig").module, original)


def test_hints_that_are_wrong_do_not_stand_in_the_way(source: Source) -> None:
    original = source(MODELS).Mlp(3, 4, 5)
    torch.save({"state_dict": original.state_dict(), "config": {"hidden": 9}}, "model.ckpt")
    assert same_state(load_model("model.ckpt", factory="train.py:Mlp").module, original)


def test_an_unknown_argument_is_named_with_its_neighbour(source: Source) -> None:
    torch.save(source(MODELS).Linear(20).state_dict(), "model.pth")
    with pytest.raises(UsageError, match=r"train\.py:Linear takes no argument 'input_sise'") as caught:
        load_model("model.pth", factory="train.py:Linear", arguments={"input_sise": 20})
    assert "Did you mean 'input_size'?" in caught.value.hint


def test_a_given_value_that_does_not_fit_is_not_replaced(source: Source) -> None:
    torch.save(source(MODELS).Linear(20).state_dict(), "model.pth")
    with pytest.raises(LoadError, match=r"linear\.weight: file \[1, 20\], model \[1, 21\]"):
        load_model("model.pth", factory="train.py:Linear", arguments={"input_size": 21})


def test_differing_keys_are_listed_a_screen_at_most(source: Source) -> None:
    module = source(MODELS)
    torch.save(module.Hidden(3, [4] * 30, 2).state_dict(), "model.pth")
    with pytest.raises(LoadError, match="the weights do not fit") as caught:
        load_model("model.pth", factory="train.py:Linear")
    text = caught.value.message
    assert "only in the file:\n    layers.0.weight" in text
    assert "only in the model:\n    linear.weight" in text
    assert "and 54 more" in text
    assert len(text.splitlines()) <= 25


def test_a_search_never_builds_far_more_than_the_file_holds(source: Source) -> None:
    """A vocabulary's size, tried for a number of layers, must not build as many layers."""
    module = source(
        "built = 0\n"
        "class Layer(nn.Linear):\n"
        "    def __init__(self, *args):\n"
        "        global built\n"
        "        built += 1\n"
        "        super().__init__(*args)\n"
        "class Deep(nn.Module):\n"
        "    def __init__(self, vocab, layers, dim):\n"
        "        super().__init__()\n"
        "        self.embed = nn.Embedding(vocab, dim)\n"
        "        self.layers = nn.ModuleList(Layer(dim, dim) for _ in range(layers))\n"
    )
    torch.save(module.Deep(30000, 3, 8).state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Deep")
    import sys

    assert len(loaded.module.layers) == 3
    assert sys.modules["train"].built < 3000
