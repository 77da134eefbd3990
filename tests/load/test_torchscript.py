"""TorchScript archives, and the inputs that a traced one carries."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.errors import LoadError, UsageError
from contractgen.load import load_model

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.linear(x))


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)

    def forward(self, batch: dict[str, torch.Tensor], extra: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return self.embed(batch["ids"]).sum(1) + batch["bias"] + extra[0] * extra[1].long()


class Halves(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return a.float() + b.real + c


class Offsets(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(9, 4)

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return self.bag(ids, offsets)


def traced(module: nn.Module, *args: Any, path: str = "model.pt") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module.eval(), args, strict=False, check_trace=False).save(path)


def shapes(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape)
    if isinstance(value, dict):
        return {key: shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(shapes(item) for item in value)
    return value


CALLS: dict[str, tuple[nn.Module, tuple[Any, ...]]] = {
    "a tensor": (Plain(), (torch.randn(2, 3),)),
    "a dict and a tuple": (
        Pair(),
        (
            {"ids": torch.ones(2, 7, dtype=torch.int64), "bias": torch.randn(2, 4)},
            (torch.ones(4, dtype=torch.int64), torch.ones(2, 4, dtype=torch.bool)),
        ),
    ),
    "unusual dtypes": (
        Halves(),
        (torch.ones(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.complex64), torch.ones(3, dtype=torch.uint8)),
    ),
    "offsets that have to begin at zero": (Offsets(), (torch.ones(7, dtype=torch.int64), torch.tensor([0, 3]))),
    "a number": (Halves(), (torch.ones(()), torch.ones((), dtype=torch.complex64), torch.ones(()))),
}


@pytest.mark.parametrize(("module", "args"), CALLS.values(), ids=CALLS.keys())
def test_the_traced_inputs_are_read_and_run(folder: Path, module: nn.Module, args: tuple[Any, ...]) -> None:
    traced(module, *args)
    loaded = load_model("model.pt")
    assert loaded.kind == "torchscript"
    assert loaded.traced_inputs is not None
    found, kwargs = loaded.traced_inputs
    assert kwargs == {}
    assert shapes(found) == shapes(args)
    assert loaded.module(*found).shape == module(*args).shape
    assert loaded.notes == ()


def test_the_traced_inputs_are_the_same_every_time(folder: Path) -> None:
    traced(Plain(), torch.randn(2, 3))
    (first,), (second,) = (load_model("model.pt").traced_inputs[0] for _ in range(2))  # type: ignore[index]
    assert torch.equal(first, second)


def test_a_scripted_archive_has_no_inputs_and_runs_in_eval_mode(folder: Path) -> None:
    module = Plain().train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save("model.pt")
    loaded = load_model("model.pt")
    assert loaded.traced_inputs is None
    assert not loaded.module.training
    x = torch.randn(4, 3)
    assert torch.equal(loaded.module(x), module.eval()(x))


def test_trying_the_traced_inputs_leaves_the_model_as_it_was(folder: Path) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return x + self.calls

    traced(Counts(), torch.zeros(2))
    before = float(torch.jit.load("model.pt").calls)
    assert float(load_model("model.pt").module.calls) == before


def test_a_truncated_archive(folder: Path) -> None:
    traced(Plain(), torch.randn(2, 3))
    data = (folder / "model.pt").read_bytes()
    (folder / "model.pt").write_bytes(data[:-40])
    with pytest.raises(LoadError, match="cut short or damaged"):
        load_model("model.pt")


def test_a_factory_is_not_needed(folder: Path) -> None:
    traced(Plain(), torch.randn(2, 3))
    with pytest.raises(UsageError, match="a TorchScript archive, which needs no --model"):
        load_model("model.pt", factory="train.py:Net")
