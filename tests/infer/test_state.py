from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from contractgen.infer.state import StateGuard


class Stateful(nn.Module):
    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("total", torch.zeros(1))
        self.window = 7
        self.sizes = [1, 2]
        self.by_length: dict[int, torch.Tensor] = {}
        self.last: torch.Tensor | None = None


def rewrite_attribute(model: Stateful) -> None:
    model.window = 3


def append_to_list(model: Stateful) -> None:
    model.sizes.append(3)


def add_attribute(model: Stateful) -> None:
    model.seen = 1  # type: ignore[assignment]


def rewrite_attribute_of_child(model: Stateful) -> None:
    model.layer.in_features = 5


def write_into_buffer(model: Stateful) -> None:
    model.total += 1


def replace_buffer(model: Stateful) -> None:
    model.total = torch.ones(1)


def write_into_parameter(model: Stateful) -> None:
    model.layer.weight.data.zero_()
    with torch.no_grad():
        model.layer.weight.mul_(2)


def keep_output(model: Stateful) -> None:
    model.last = torch.ones(1)


CHANGES: list[Callable[[Stateful], None]] = [
    rewrite_attribute, append_to_list, add_attribute, rewrite_attribute_of_child, write_into_buffer, replace_buffer,
    write_into_parameter,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(change: Callable[[Stateful], None]) -> None:
    model = Stateful()
    guard = StateGuard(model)
    assert guard.unchanged()
    change(model)
    assert not guard.unchanged()


@pytest.mark.parametrize("change", [*CHANGES[:4], replace_buffer])
def test_attributes_and_replaced_tensors_are_put_back(change: Callable[[Stateful], None]) -> None:
    model = Stateful()
    guard = StateGuard(model)
    change(model)
    guard.restore()
    assert guard.unchanged()
    assert (model.window, model.sizes, model.total.tolist()) == (7, [1, 2], [0.0])


def test_what_was_written_into_a_buffer_is_put_back() -> None:
    model = Stateful()
    guard = StateGuard(model)
    before = model.total.tolist()
    write_into_buffer(model)
    assert not guard.unchanged()
    guard.restore()
    assert guard.unchanged()
    assert model.total.tolist() == before


def test_computing_changes_nothing() -> None:
    model = Stateful()
    guard = StateGuard(model)
    with torch.no_grad():
        model.layer(torch.ones(3, 2))
    assert guard.unchanged()


def test_batch_statistics_of_train_mode_are_a_change() -> None:
    model = nn.BatchNorm1d(2).train()
    guard = StateGuard(model)
    model(torch.randn(4, 2))
    assert not guard.unchanged()


def test_a_scripted_module_is_guarded_by_its_parameters() -> None:
    model = torch.jit.script(nn.Linear(2, 2))
    guard = StateGuard(model)
    model(torch.ones(1, 2))
    assert guard.unchanged()
    with torch.no_grad():
        model.weight.add_(1)
    assert not guard.unchanged()


def test_a_tensor_where_none_was_is_a_change_and_is_taken_away_again() -> None:
    model = Stateful()
    guard = StateGuard(model)
    keep_output(model)
    assert not guard.unchanged()
    guard.restore()
    assert model.last is None


def test_a_dict_that_a_model_keeps_between_calls_is_a_change() -> None:
    model = Stateful()
    guard = StateGuard(model)
    model.by_length[3] = torch.ones(3)
    assert not guard.unchanged()
    guard.restore()
    assert model.by_length == {}
    assert guard.unchanged()


def test_a_hook_that_a_call_installs_is_no_change_and_is_taken_away_again() -> None:
    model = Stateful()
    guard = StateGuard(model)
    model.register_forward_hook(lambda _module, _args, output: output)
    model.has_hooks_installed = True  # type: ignore[assignment]
    assert guard.unchanged()
    guard.restore()
    assert not model._forward_hooks
    assert not hasattr(model, "has_hooks_installed")
