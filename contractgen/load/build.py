"""Building a module so that it costs little and comes out the same every time."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from contractgen.load.constructor import Constructor, as_module
from contractgen.load.layout import Layout


class TooLarge(Exception):
    """A trial builds far more than the file can hold; it is given up before it costs memory and time."""


def build(constructor: Constructor, values: Mapping[str, object], *, meta: bool) -> torch.nn.Module:
    """The module that a constructor gives for these arguments; random weights are the same every time."""
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(0)
        if meta:
            stack.enter_context(torch.device("meta"))
        module, _ = as_module(constructor.build(values), constructor.label)
    return module


@contextmanager
def bounded(file: Layout) -> Iterator[None]:
    """Stops a build that registers many more modules and parameters, or allocates far larger tensors, than the file has.

    A search that tries a vocabulary's size for the number of layers must not build them.
    """
    most = {"parameter": 3 * len(file.shapes) + 100, "module": 40 * len(file.shapes) + 1000}
    counts = dict.fromkeys(most, 0)

    def count(kind: str) -> None:
        counts[kind] += 1
        if counts[kind] > most[kind]:
            raise TooLarge(f"more than {most[kind]} {kind}s")

    hooks = [
        register_module_parameter_registration_hook(lambda *_: count("parameter")),
        register_module_module_registration_hook(lambda *_: count("module")),
    ]
    elements = sum(math.prod(shape) for shape in file.shapes.values() if shape)
    try:
        with _Allocations(8 * elements + 10_000_000, 30 * len(file.shapes) + 1000):
            yield
    finally:
        for hook in hooks:
            hook.remove()


class _Allocations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises `TooLarge` for a tensor of more elements than ``most`` that takes real memory, and after many operators.

    Copied layers register nothing, but each of their parameters takes an operator.
    """

    def __init__(self, most: int, operators: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = most
        self.operators = operators

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operators -= 1
        sizes = args[0] if args and isinstance(args[0], (list, tuple)) and all(type(s) is int for s in args[0]) else ()
        device = (kwargs or {}).get("device")
        if math.prod(sizes) > self.most and (device is None or device.type != "meta"):
            raise TooLarge(f"a tensor of {list(sizes)}")
        if self.operators < 0:
            raise TooLarge("far more operators than the file has tensors")
        return func(*args, **(kwargs or {}))


def meta_tensors() -> list[torch.Tensor]:
    """All tensors on the meta device that anything in this process refers to."""
    gc.collect()
    return [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor) and each.device.type == "meta"]


def remembers_meta(module: torch.nn.Module) -> bool:
    """Whether a module holds a tensor without content in an attribute, or the device that it was built on."""
    return any(
        (isinstance(value, torch.Tensor) and value.device.type == "meta")
        or (isinstance(value, torch.device) and value.type == "meta")
        or (isinstance(value, str) and value == "meta")
        for each in module.modules()
        for value in [*vars(each).values(), *each._parameters.values(), *each._buffers.values()]
    )


def forget_cached(constructor: Constructor) -> None:
    """Empty the caches of functions beside the constructor: what they hold may come from the meta device."""
    beside = sys.modules.get(getattr(constructor.call, "__module__", None) or "")
    for value in list(vars(beside).values()) if beside else []:
        if callable(getattr(value, "cache_clear", None)) and callable(getattr(value, "cache_info", None)):
            value.cache_clear()
