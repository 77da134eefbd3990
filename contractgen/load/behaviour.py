"""What decides what a module computes besides its weights, as a text that two modules can be compared by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

_OWN = frozenset(vars(torch.nn.Module()))
"""The members that every module has."""


def behaviour_of(module: torch.nn.Module, *, values: bool = False) -> str:
    """The classes and plain attributes of all submodules, and the shapes of tensors that are no part of the state.

    Dropout is left out, since it does nothing in eval mode. With ``values`` the contents of those tensors count too.
    """
    return "\n".join(_described(name, each, values) for name, each in module.named_modules())


def has_hidden_tensors(module: torch.nn.Module) -> bool:
    """Whether a module holds tensors that its state_dict does not."""
    return any(isinstance(value, torch.Tensor) for each in module.modules() for value in _hidden(each).values())


def _hidden(module: torch.nn.Module) -> dict[str, Any]:
    attributes = {name: value for name, value in vars(module).items() if name not in _OWN}
    transient = {name: module._buffers.get(name) for name in sorted(module._non_persistent_buffers_set)}
    return {**attributes, **transient}


def _described(name: str, module: torch.nn.Module, values: bool) -> str:
    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, torch.nn.modules.dropout._DropoutNd):
        return f"{name}: {kind}"
    kept = {key: value for key, value in _hidden(module).items() if "drop" not in key.lower()}
    return f"{name}: {kind} " + ", ".join(f"{key}={_text(value, values, 0)}" for key, value in kept.items())


def _text(value: Any, values: bool, depth: int) -> str:
    if isinstance(value, torch.Tensor):
        content = ""
        if values and value.device.type != "meta":
            content = hashlib.sha256(
                value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            ).hexdigest()
        return f"{value.dtype}{list(value.shape)}{content}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype)):
        return repr(value)
    if depth == 4:
        return type(value).__qualname__
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_text(item, values, depth + 1) for item in value)}]"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(_text(item, values, depth + 1) for item in value))}}}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(item, values, depth + 1)}' for key, item in value.items())}}}"
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    if isinstance(value, torch.nn.Module) or callable(value) or not hasattr(value, "__dict__"):
        return str(name)
    return f"{name}({', '.join(f'{key}={_text(item, values, depth + 1)}' for key, item in vars(value).items())})"
