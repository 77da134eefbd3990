"""The last touches to a loaded model: eval mode, no key-value cache, and notes on what is unusual."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from contractgen.errors import LoadError
from contractgen.load.loaded import ModelKind, listed, said


def finish(module: torch.nn.Module, kind: ModelKind) -> list[str]:
    """Put the model into eval mode and turn its cache off. Returns notes for the user."""
    if kind not in {"pt2", "onnx"}:  # what they compute was fixed when they were made
        try:
            module.eval()
        except Exception as error:
            raise LoadError(f"{type(module).__name__}.eval() raises {said(error)}") from error
    notes = [*_training(module), *_without_cache(module)] if kind not in {"pt2", "onnx"} else []
    empty = [name for name, tensor in _tensors(module) if tensor.device.type == "meta" and not is_lazy(tensor)]
    if empty:
        raise LoadError(
            f"{type(module).__name__} has tensors without content: {listed(empty)}",
            hint="Its constructor keeps tensors on the meta device.",
        )
    return notes


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _training(module: torch.nn.Module) -> Iterator[str]:
    """Notes on submodules that compute something else in training, and stay that way."""
    if isinstance(module, torch.jit.ScriptModule):
        return
    kept = [(name, each) for name, each in module.named_modules() if each.training]
    norms = [name for name, each in kept if isinstance(each, _BatchNorm)]
    drops = [name for name, each in kept if isinstance(each, torch.nn.modules.dropout._DropoutNd) and each.p > 0]
    others = [name or type(each).__name__ for name, each in kept if not list(each.children())]
    others = [name for name in others if name not in norms and name not in drops]
    if norms:
        yield f"BatchNorm stays in train mode: {listed(norms)}; each result depends on the whole batch"
    if drops:
        yield f"dropout stays in train mode: {listed(drops)}; results are random"
    if others and not norms and not drops:
        yield f"these submodules stay in train mode: {listed(others)}"
    free = [
        name
        for name, each in module.named_modules()
        if isinstance(each, _BatchNorm) and not each.training and each.running_mean is None
    ]
    if free:
        yield f"BatchNorm without running statistics: {listed(free)}; each result depends on the whole batch"


def _without_cache(module: torch.nn.Module) -> list[str]:
    """Turn ``config.use_cache`` off: a key-value cache is no tensor that a contract could describe."""
    turned = False
    for each in module.modules() if not isinstance(module, torch.jit.ScriptModule) else ():
        config = getattr(each, "config", None)
        if getattr(config, "use_cache", None) is True:
            config.use_cache = False  # type: ignore[union-attr]
            turned = True
    return ["config.use_cache was set to False: a key-value cache is not part of a contract"] if turned else []
