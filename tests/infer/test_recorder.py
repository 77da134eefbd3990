from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from contractgen.infer.recorder import Asked, Decided, Hint, MissingKey, Recorder, WatchedDict, decide_at_layer
from contractgen.infer.runner import Runner


def unpacked(x: Any) -> Any:
    first, second = x
    return first, second


USES: list[tuple[str, Callable[[Any], object], str, str | int | None]] = [
    ("a string key", lambda x: x["ids"], "dict", "ids"),
    ("a membership test of a string", lambda x: "ids" in x, "dict", None),
    ("keys()", lambda x: x.keys(), "dict", None),
    ("get()", lambda x: x.get("ids"), "dict", None),
    ("an integer key", lambda x: x[1], "tuple", 1),
    ("a computed key", lambda x: [x[i] for i in range(2)], "list", 0),
    ("unpacking into names", lambda x: unpacked(x), "tuple", None),
    ("a zip", lambda x: list(zip(x, [1, 2], strict=True)), "list", None),
    ("a slice", lambda x: x[:, 0], "tensor", None),
    ("iteration", list, "list", None),
    ("unpacking", lambda x: [*x], "list", None),
    ("len()", len, "list", None),
    ("append()", lambda x: x.append(1), "list", None),
    ("cat of several", lambda x: torch.cat([x, x]), "tensor", None),
    ("truth", lambda x: 1 if x else 0, "bool", None),
    ("range()", range, "int", None),
    ("int()", int, "int", None),
    ("float()", float, "float", None),
    ("hash()", lambda x: {"a": 1}[x], "str", None),
    ("comparison with a string", lambda x: x == "mean", "str", None),
    ("upper()", lambda x: x.upper(), "str", None),
    ("shape", lambda x: x.shape, "tensor", None),
    ("a tensor's method", lambda x: x.unsqueeze(0), "tensor", None),
    ("addition", lambda x: 1 + x, "tensor", None),
    ("a comparison with a number", lambda x: x > 2, "tensor", None),
    ("a torch function", lambda x: torch.relu(x), "tensor", None),
    ("a keyword argument of a torch function", lambda x: F.linear(input=x, weight=torch.ones(1, 1)), "tensor", None),
    ("an attribute that nothing has", lambda x: x.node_features, "object", "node_features"),
]


def decided(use: Callable[[Any], object]) -> Decided:
    with pytest.raises(Decided) as caught:
        use(Recorder(("x",)))
    return caught.value


@pytest.mark.parametrize(("use", "kind", "key"), [use[1:] for use in USES], ids=[use[0] for use in USES])
def test_the_first_use_tells_the_kind(use: Callable[[Any], object], kind: str, key: str | int | None) -> None:
    found = decided(use)
    assert (found.path, found.kind, found.key) == (("x",), kind, key)


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        (lambda x: ~x, Hint((torch.bool,))),
        (lambda x: x == 0, Hint((torch.int64,))),
        (lambda x: x.real, Hint((torch.complex64,))),
        (lambda x: x.stft(4), Hint(ranks=(2,))),
    ],
    ids=["invert", "equal to a number", "real", "stft"],
)
def test_the_first_use_hints_at_dtypes_and_ranks(use: Callable[[Any], object], hint: Hint) -> None:
    assert decided(use).hint == hint


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        (lambda x: F.embedding(x, torch.ones(2, 2)), Hint((torch.int64,), (2, 1, 3))),
        (lambda x: F.conv2d(x, torch.ones(1, 1, 1, 1)), Hint(ranks=(4,))),
        (lambda x: torch.view_as_real(x), Hint((torch.complex64,))),
        (lambda x: torch.ones(3).index_add(0, x, torch.ones(3)), Hint((torch.int64,), (1,))),
        (lambda x: torch.ones(3)[x], Hint((torch.int64,), (1, 2))),
    ],
    ids=["embedding", "conv2d", "view_as_real", "index_add", "indexing"],
)
def test_a_function_hints_at_dtypes_and_ranks(use: Callable[[Any], object], hint: Hint) -> None:
    assert decided(use).hint == hint


@pytest.mark.parametrize("layer", [nn.Linear(2, 2), nn.Embedding(3, 2), nn.LSTM(2, 2), nn.Conv1d(1, 1, 1)])
def test_a_layer_that_gets_a_recorder_first_is_given_a_tensor(layer: nn.Module) -> None:
    with pytest.raises(Decided, match="tensor"):
        decide_at_layer(layer, (Recorder(("x",)),))
    decide_at_layer(layer, (torch.ones(1),))


def test_an_except_clause_of_a_model_cannot_swallow_the_decision() -> None:
    def careful(x: Any) -> object:
        try:
            return x["ids"]
        except Exception:
            return None

    assert decided(careful).kind == "dict"


def test_an_isinstance_check_is_a_use_as_a_tensor() -> None:
    assert decided(lambda x: isinstance(x, torch.Tensor)).kind == "tensor"


def test_a_watched_dict_reports_a_missing_key_by_its_path() -> None:
    batch = WatchedDict({"ids": 1}, ("batch",), Asked())
    assert batch["ids"] == 1
    uses: list[Callable[[], object]] = [lambda: batch["mask"], lambda: batch.pop("mask"), lambda: batch.mask]
    for use in uses:
        with pytest.raises(MissingKey) as caught:
            use()
        assert (caught.value.path, caught.value.key) == (("batch",), "mask")


def test_a_watched_dict_notes_what_is_asked_for_without_insisting() -> None:
    asked = Asked()
    batch = WatchedDict({"ids": 1}, ("batch",), asked)
    assert batch.get("mask") is None
    assert batch.get("positions", 3) == 3
    assert "weights" not in batch
    assert batch.pop("segments", None) is None
    assert batch.get("ids") == 1
    assert {key for _, key in asked.optional} == {"mask", "positions", "weights", "segments"}
    assert (("batch",), "ids") in asked.read


def test_a_watched_dict_is_read_by_attribute_too() -> None:
    assert WatchedDict({"ids": 1}, ("batch",), Asked()).ids == 1


@pytest.mark.parametrize("use", [torch.as_tensor, torch.tensor, torch.asarray, torch.zeros, torch.ones(1).new_tensor])
def test_a_constructor_that_gets_a_recorder_does_not_crash(use: Callable[[Any], object]) -> None:
    def job(_module: nn.Module) -> object:
        return decided(use).kind

    with closing(Runner(nn.Identity(), shared=[job])) as runner:
        [outcome] = runner.run([job])
    assert outcome.kind == "ok", outcome.describe()
