"""Operators whose results' sizes are known without what torch decomposes them into: most of a symbolic run's time.

A decomposed normalisation, activation or interpolation is dozens of operators over symbols, which say no more of the
sizes than that the result has those of the input, or the ones asked for.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch._decomp import decompositions

_ATEN = torch.ops.aten


def shortcut(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result on fake tensors, or None where the operator is to run as it is."""
    made = _MADE.get(func)
    floating = made is not None and isinstance(args[0], torch.Tensor) and args[0].is_floating_point()
    return made(*args, **kwargs) if made is not None and floating else None


def _empty(like: Any, sizes: Any) -> torch.Tensor:
    return torch.empty(sizes, dtype=like.dtype, device=like.device)


def _same(x: Any, *_: Any, **__: Any) -> torch.Tensor:
    return _empty(x, x.shape)


def _itself(x: Any, *_: Any, **__: Any) -> Any:
    return x


def _group_norm(x: Any, weight: Any, bias: Any, n: Any, c: Any, hxw: Any, groups: int, eps: float) -> Any:  # noqa: ARG001
    return _empty(x, x.shape), _empty(x, (n, groups)), _empty(x, (n, groups))


def _batch_norm(x: Any, *_: Any, **__: Any) -> Any:
    return _empty(x, x.shape), _empty(x, (0,)), _empty(x, (0,))


def _layer_norm(x: Any, normalized_shape: Any, *_: Any, **__: Any) -> Any:
    last = len(normalized_shape)
    if last > x.dim() or tuple(x.shape[x.dim() - last :]) != tuple(normalized_shape):
        wanted, got = list(normalized_shape), list(x.shape)
        raise RuntimeError(
            f"Given normalized_shape={wanted}, expected input with shape {wanted}, but got input of size{got}"
        )
    statistics = (*x.shape[: x.dim() - last], *[1] * last)
    return _empty(x, x.shape), _empty(x, statistics), _empty(x, statistics)


_MADE: dict[Any, Callable[..., Any]] = {
    _ATEN.native_group_norm.default: _group_norm,
    _ATEN.native_layer_norm.default: _layer_norm,
    _ATEN._native_batch_norm_legit_no_training.default: _batch_norm,
}
for _name in ("elu", "gelu", "silu", "leaky_relu", "hardswish", "hardsigmoid", "hardtanh", "softplus", "mish"):
    _MADE[getattr(_ATEN, _name).default] = _same
    if hasattr(_ATEN, f"{_name}_"):
        _MADE[getattr(_ATEN, f"{_name}_").default] = _itself


def _resized(input: Any, output_size: Any, *_: Any, **__: Any) -> Any:  # noqa: A002 -- the name that callers use
    return torch.empty((*input.shape[:2], *output_size), dtype=input.dtype, device=input.device)


_RESIZES = ("_upsample_linear", "_upsample_nearest", "upsample_bicubic2d_default")
"""Where one of torch's own is called otherwise, it is decomposed as before."""


@contextlib.contextmanager
def resizing() -> Iterator[None]:
    """Within it, interpolations make an empty result.

    torch decomposes them before any operator of theirs is seen. The functions' code is exchanged, not their names,
    since torch has looked them up already.
    """
    found = (getattr(decompositions, name, None) for name in _RESIZES)
    functions: list[Any] = [inspect.unwrap(one) for one in found if one is not None]
    functions = [function for function in functions if not function.__code__.co_freevars]  # as no version has had yet
    kept = [function.__code__ for function in functions]
    try:
        for function in functions:
            function.__code__ = _resized.__code__
        yield
    finally:
        for function, code in zip(functions, kept, strict=True):
            function.__code__ = code
