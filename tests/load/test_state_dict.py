"""Weights in all the ways in which training scripts save them."""

from __future__ import annotations

import argparse
import copy
import gc
import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from contractgen.errors import LoadError
from contractgen.load import LoadedModel, load_model
from tests.load.conftest import Source, same_state

NET = """
class Net(nn.Module):
    def __init__(self, inputs=6):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)
        self.register_buffer("scale", torch.full((2,), 3.0), persistent=False)
    def forward(self, x):
        return self.head(self.body(x)) * self.scale
"""


def net(source: Source, text: str = NET, **arguments: Any) -> torch.nn.Module:
    torch.manual_seed(1)
    result = source(text).Net(**arguments)
    assert isinstance(result, torch.nn.Module)
    return result


def prefixed(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return OrderedDict((prefix + key, value) for key, value in state.items())


NESTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bare": lambda state: state,
    "a plain dict": dict,
    "model": lambda state: {"model": state, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}, "epoch": 3},
    "state_dict": lambda state: {"epoch": 1, "state_dict": state, "best": 0.5},
    "two deep": lambda state: {"net": {"generator": state}, "step": 4},
    "an unusual name": lambda state: {"epoch": 3, "my_weights": state},
    "data parallel": lambda state: prefixed(state, "module."),
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "compiled and data parallel": lambda state: prefixed(state, "module._orig_mod."),
    "a compiled part": lambda state: {key.replace("body.", "body._orig_mod."): value for key, value in state.items()},
    "a training class around it": lambda state: {"state_dict": prefixed(state, "model.")},
    "a training class with a loss": lambda state: {
        "state_dict": {**prefixed(state, "model."), "criterion.weight": torch.ones(2)},
        "pytorch-lightning_version": "2.5.0",
    },
    "averaged": lambda state: {"n_averaged": torch.tensor(3), **prefixed(state, "module.")},
}


@pytest.mark.parametrize("nest", NESTED.values(), ids=NESTED.keys())
def test_the_weights_are_found_wherever_they_are(source: Source, nest: Callable[[Any], Any]) -> None:
    original = net(source, inputs=9)
    torch.save(nest(original.state_dict()), "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


def test_a_module_called_module_keeps_its_name(source: Source) -> None:
    text = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.module = nn.Linear(3, 2)\n"
    original = net(source, text)
    torch.save(original.state_dict(), "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


def test_which_of_several_weights_is_taken_is_said(source: Source) -> None:
    original = net(source)
    torch.save({"model": original.state_dict(), "model_ema": net(source).state_dict()}, "model.pth")
    loaded = load_model("model.pth", factory="train.py:Net")
    assert same_state(loaded.module, original)
    assert loaded.notes == ("the weights are those under 'model'; the checkpoint also has model_ema",)


def test_weights_that_are_left_out_are_said(source: Source) -> None:
    original = net(source)
    state = {**prefixed(original.state_dict(), "model."), "criterion.weight": torch.ones(2)}
    torch.save(state, "model.pth")
    assert load_model("model.pth", factory="train.py:Net").notes == (
        "only the weights below 'model' are used; the file also has criterion",
    )


def test_a_training_object_beside_the_weights_is_never_built(source: Source, folder: Path) -> None:
    class Tripwire:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, (f"open({str(folder / 'ran')!r}, 'w')",)

    original = net(source)
    args = argparse.Namespace(inputs=6, epochs=3)
    torch.save({"model": original.state_dict(), "args": args, "logger": Tripwire()}, "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)
    assert not (folder / "ran").exists()


def test_the_arguments_in_a_namespace_are_hints(source: Source) -> None:
    text = NET.replace("inputs=6):", "inputs, slope):").replace("3.0", "float(slope)")
    original = net(source, text, inputs=6, slope=7)
    torch.save({"model": original.state_dict(), "args": argparse.Namespace(inputs=6, slope=7)}, "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(source: Source, protocol: int) -> None:
    original = net(source)
    torch.save(original.state_dict(), "model.pth", pickle_protocol=protocol)
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


def test_the_format_before_zip(source: Source) -> None:
    original = net(source)
    torch.save(original.state_dict(), "model.pth", _use_new_zipfile_serialization=False)
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


def on_gpu(path: Path) -> None:
    """Rewrite a file as if it had been saved on a GPU."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                data = data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
                assert b"cuda:0" in data
            new.writestr(name, data)
    path.write_bytes(stream.getvalue())


def test_weights_of_a_gpu_come_to_the_cpu(source: Source, folder: Path) -> None:
    original = net(source)
    torch.save(original.state_dict(), "model.pth")
    on_gpu(folder / "model.pth")
    loaded = load_model("model.pth", factory="train.py:Net")
    assert same_state(loaded.module, original)
    assert {tensor.device.type for tensor in loaded.module.state_dict().values()} == {"cpu"}


def test_safetensors(source: Source) -> None:
    original = net(source)
    save_file(original.state_dict(), "model.safetensors")
    assert same_state(load_model("model.safetensors", factory="train.py:Net").module, original)


def test_sharded_weights(source: Source, folder: Path) -> None:
    original = net(source)
    state = original.state_dict()
    body = {key: value for key, value in state.items() if key.startswith("body")}
    save_file(body, "model-1.safetensors")
    torch.save({key: value for key, value in state.items() if key not in body}, "model-2.bin")
    table = {key: "model-1.safetensors" if key in body else "model-2.bin" for key in state}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    assert same_state(load_model("model.safetensors.index.json", factory="train.py:Net").module, original)


TIED = """
class Net(nn.Module):
    def __init__(self, words=11, width=6):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.out = nn.Linear(width, words, bias=False)
        self.out.weight = self.embed.weight
"""


@pytest.mark.parametrize("size", [{"words": 13}, {"words": 2000, "width": 2100}], ids=["small", "large"])
def test_tied_weights_that_are_saved_once_stay_tied(source: Source, size: dict[str, int]) -> None:
    original = net(source, TIED, **size)
    save_file({"embed.weight": original.embed.weight.detach()}, "model.safetensors")
    module = load_model("model.safetensors", factory="train.py:Net").module
    assert same_state(module, original)
    assert module.out.weight is module.embed.weight


def test_weights_take_the_dtype_of_the_module(source: Source) -> None:
    original = net(source)
    torch.save(copy.deepcopy(original).half().state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Net")
    assert loaded.module.head.weight.dtype == torch.float32


def test_old_files_without_batch_counts_load(source: Source) -> None:
    original = net(source)
    state = {key: value for key, value in original.state_dict().items() if "num_batches" not in key}
    torch.save(state, "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


LARGE = """
class Net(nn.Module):
    def __init__(self, width=2048):
        super().__init__()
        self.linear = nn.Linear(width, 2100)
EXTRA
    def forward(self, x):
        return self.linear(x)
"""

EXTRAS = {
    "nothing": ("", True),
    "a buffer that is not saved": ('self.register_buffer("b", torch.arange(4.0), persistent=False)', False),
    "a tensor in an attribute": ("self.t = torch.ones(3)", False),
    "a tensor in a list": ("self.t = [torch.ones(3)]", False),
    "a tensor in a closure": ("t = torch.ones(3); self.call = lambda: t", False),
    "the device": ("self.home = self.linear.weight.device", False),
    "a number read from a tensor": ("self.n = torch.ones(3).sum().item()", False),
    "numpy": ("import numpy; self.n = numpy.ones(3)", True),
}


@pytest.mark.parametrize(("extra", "mapped"), EXTRAS.values(), ids=EXTRAS.keys())
def test_large_weights_stay_in_the_file_where_nothing_is_lost_by_it(source: Source, extra: str, mapped: bool) -> None:
    original = net(source, LARGE.replace("EXTRA", f"        {extra}"))
    torch.save(original.state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Net")
    assert same_state(loaded.module, original)
    for value in vars(loaded.module).values():
        assert str(getattr(value, "device", value)) != "meta"
    in_file = maps(loaded, "model.pth")
    assert in_file is mapped


def maps(loaded: LoadedModel, name: str) -> bool:
    """Whether the weight's memory lies in a mapping of the file."""
    address = loaded.module.linear.weight.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return line.endswith(name)
    return False


def test_a_cache_of_tensors_does_not_survive_from_trial_to_model(source: Source) -> None:
    text = "import functools\n@functools.lru_cache\ndef table():\n    return torch.arange(5.0)\n" + LARGE.replace(
        "EXTRA", "        self.table = table()"
    )
    original = net(source, text, width=2050)
    torch.save(original.state_dict(), "model.pth")
    loaded = load_model("model.pth", factory="train.py:Net")
    assert torch.equal(loaded.module.table, torch.arange(5.0))


def test_no_module_of_a_trial_stays_alive(source: Source) -> None:
    torch.save(net(source).state_dict(), "model.pth")
    load_model("model.pth", factory="train.py:Net")
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is torch.nn.BatchNorm1d and each.weight.is_meta]


LAZY = """
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3, groups=2)
        self.norm = nn.LazyBatchNorm2d()
        self.linear = nn.LazyLinear(width)
    def forward(self, x):
        return self.linear(self.norm(self.conv(x)).mean((2, 3)))
"""


def test_lazy_modules_become_plain_ones(source: Source) -> None:
    original = net(source, LAZY, width=5).eval()
    x = torch.randn(2, 6, 9, 9)
    expected = original(x)
    torch.save(original.state_dict(), "model.pth")
    module = load_model("model.pth", factory="train.py:Net").module
    assert type(module.linear) is torch.nn.Linear
    assert (module.linear.in_features, module.conv.in_channels, module.norm.num_features) == (8, 6, 8)
    assert torch.equal(module(x), expected)


def test_the_model_is_in_eval_mode_and_the_same_every_time(source: Source) -> None:
    text = NET.replace("torch.full((2,), 3.0)", "torch.rand(2)")
    torch.save(net(source, text).state_dict(), "model.pth")
    first, second = (load_model("model.pth", factory="train.py:Net").module for _ in range(2))
    assert not any(each.training for each in first.modules())
    assert same_state(first, second)


def test_loading_leaves_the_random_state(source: Source) -> None:
    torch.save(net(source).state_dict(), "model.pth")
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_model("model.pth", factory="train.py:Net")
    assert torch.equal(torch.rand(3), expected)


def test_submodules_that_stay_in_train_mode_are_noted(source: Source) -> None:
    text = (
        NET
        + "    def train(self, mode=True):\n        super().train(mode)\n        self.body.train()\n        return self\n"
    )
    torch.save(net(source, text).state_dict(), "model.pth")
    notes = load_model("model.pth", factory="train.py:Net").notes
    assert "BatchNorm stays in train mode: body.1; each result depends on the whole batch" in notes
    assert "dropout stays in train mode: body.2; results are random" in notes


def test_a_batch_norm_without_statistics_is_noted(source: Source) -> None:
    text = NET.replace("nn.BatchNorm1d(4)", "nn.BatchNorm1d(4, track_running_stats=False)")
    torch.save(net(source, text).state_dict(), "model.pth")
    (note,) = load_model("model.pth", factory="train.py:Net").notes
    assert note.startswith("BatchNorm without running statistics: body.1")


def test_a_module_that_translates_old_names_itself_loads(source: Source) -> None:
    text = NET + (
        "    def _load_from_state_dict(self, state, prefix, *rest):\n"
        "        for key in [key for key in state if key.startswith('old.')]:\n"
        "            state[key.replace('old.', 'head.')] = state.pop(key)\n"
        "        super()._load_from_state_dict(state, prefix, *rest)\n"
    )
    original = net(source, text)
    torch.save({key.replace("head.", "old."): value for key, value in original.state_dict().items()}, "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:Net").module, original)


def test_a_ready_module_takes_the_weights(source: Source) -> None:
    original = net(source, NET + "\nready = Net()\n")
    torch.save({"state_dict": original.state_dict()}, "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:ready").module, original)


def test_a_function_that_returns_the_model_in_a_tuple(source: Source) -> None:
    original = net(source, NET + "\ndef build(inputs):\n    return Net(inputs), 'tokenizer'\n", inputs=8)
    torch.save(original.state_dict(), "model.pth")
    assert same_state(load_model("model.pth", factory="train.py:build").module, original)


@pytest.mark.parametrize(
    ("content", "words"),
    [({}, "an empty dict"), ({"epoch": 3}, "keys epoch"), (torch.ones(3), "a tensor of the shape"), ([1], "type list")],
)
def test_what_a_file_without_weights_holds_is_said(folder: Path, content: Any, words: str) -> None:
    torch.save(content, "model.pth")
    with pytest.raises(LoadError, match=words):
        load_model("model.pth", factory="train.py:Net")


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/my-model.v2.pth", "my_model_v2"), ("0.pt", "model_0"), ("x.tar.gz", "x"), ("-.pth", "model"), ("net.index.json", "net")],
)  # fmt: skip
def test_the_default_name(path: str, name: str) -> None:
    from contractgen.contract.naming import name_of

    assert name_of(Path(path)) == name
