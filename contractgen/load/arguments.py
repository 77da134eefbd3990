"""Arguments and results on their way between numpy and torch.

A validator's ``parse`` gives trees of numpy arrays; a model takes trees of tensors, some of them instances of its own
dataclasses and NamedTuples. What it returns goes the other way.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from contractgen.contract import model

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""``(args, kwargs)``."""


def to_torch(parameters: Sequence[model.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """The arguments of ``forward`` as tensors, for numpy trees as a validator's ``parse`` gives them.

    An array of bfloat16 bits (uint16) becomes a bfloat16 tensor where the contract's ``parameters`` say so. A tensor
    shares the array's memory where that may be written to; a read-only array is copied, since a model may work in place.
    """
    nodes = {parameter.name: parameter.node for parameter in parameters}
    positional: list[model.Node | None] = [each.node for each in parameters if each.kind == "positional"]
    rest = next((parameter.node for parameter in parameters if parameter.kind == "variadic"), None)
    if rest is not None and len(args) > len(positional):
        positional += [_item(rest, index) for index in range(len(args) - len(positional))]
    positional += [None] * (len(args) - len(positional))
    return (
        tuple(_tensors(node, value) for node, value in zip(positional, args, strict=False)),
        {name: _tensors(nodes.get(name), value) for name, value in kwargs.items()},
    )


def _tensors(node: model.Node | None, value: Any) -> Any:
    while isinstance(node, model.Optional):
        node = node.node
    if isinstance(value, (np.ndarray, np.generic)):
        return _tensor(value, bits=isinstance(node, model.Tensor) and node.dtype == "bfloat16")
    if isinstance(value, Mapping):
        fields = {field.key: field.node for field in node.fields} if isinstance(node, model.Dict) else {}
        return {key: _tensors(fields.get(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_tensors(_item(node, index), item) for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    return value


def _item(node: model.Node | None, index: int) -> model.Node | None:
    if isinstance(node, model.List):
        return node.item
    return node.items[index] if isinstance(node, model.Tuple) and index < len(node.items) else None


def _tensor(value: np.ndarray[Any, Any] | np.generic, *, bits: bool) -> torch.Tensor:
    array = np.asarray(value, order="C")
    ml_dtypes = sys.modules.get("ml_dtypes")
    if ml_dtypes is not None and array.dtype == ml_dtypes.bfloat16:
        array, bits = array.view(np.uint16), True
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable:
        array = array.copy()
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if bits and tensor.dtype == torch.uint16 else tensor


def to_numpy(outputs: Any) -> Any:
    """What a model returned, as a tree of dicts, lists, tuples and numpy arrays.

    Mappings (transformers' ModelOutput too), dataclasses and NamedTuples become dicts. bfloat16 becomes its bits
    (uint16). What is neither a tensor nor a container of them, such as a key-value cache, a flag or None, is left out
    of its container; alone it is None.
    """
    if isinstance(outputs, torch.Tensor):
        return _array(outputs)
    if isinstance(outputs, (np.ndarray, np.generic)):
        return np.asarray(outputs)
    members = _members(outputs)
    if members is not None:
        named = {name: to_numpy(value) for name, value in members.items()}
        return {name: value for name, value in named.items() if value is not None}
    if isinstance(outputs, (list, tuple)):
        items = [item for item in map(to_numpy, outputs) if item is not None]
        return items if isinstance(outputs, list) else tuple(items)
    return None


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _array(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    held = tensor.detach().cpu()
    if held.layout != torch.strided:
        held = held.to_dense()
    held = held.resolve_conj().resolve_neg()
    if held.dtype == torch.bfloat16:
        return held.contiguous().view(torch.uint16).numpy()
    return held.numpy()


def bind(module: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """The arguments with each dict turned into the dataclass or NamedTuple that ``forward`` is annotated with.

    Annotations are followed into optionals, lists, tuples, mappings and the fields of dataclasses. Where none can be
    read (a ScriptModule, a name that cannot be resolved) the arguments stay as they are.
    """
    annotations, positional, rest = _annotations(module)
    if not annotations:
        return tuple(args), dict(kwargs)
    names = [*positional[: len(args)], *[rest] * (len(args) - len(positional))]
    return (
        tuple(_instance(annotations.get(name), value) for name, value in zip(names, args, strict=True)),
        {name: _instance(annotations.get(name), value) for name, value in kwargs.items()},
    )


def _annotations(module: torch.nn.Module) -> tuple[dict[str, Any], tuple[str, ...], str]:
    """Forward's annotations, its positional parameters, and the name of ``*args`` (or an empty one)."""
    if isinstance(module, torch.jit.ScriptModule):
        return {}, (), ""
    forward = module.forward
    function = getattr(forward, "__func__", forward)
    return _read_annotations(function, bound=function is not forward)


@lru_cache(maxsize=128)
def _read_annotations(function: Callable[..., Any], *, bound: bool) -> tuple[dict[str, Any], tuple[str, ...], str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    except (TypeError, ValueError):
        return {}, (), ""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = tuple(parameter.name for parameter in parameters if parameter.kind in kinds)
    rest = next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), "")
    return resolve_hints(function), positional, rest


def resolve_hints(owner: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function or class as objects; those that cannot be resolved, one by one, are left out."""
    try:
        return typing.get_type_hints(owner)
    except Exception:
        names = vars(sys.modules.get(getattr(owner, "__module__", ""), types))
        found = {}
        for name, annotation in getattr(owner, "__annotations__", {}).items():
            carrier = types.SimpleNamespace(__annotations__={name: annotation})
            try:
                found.update(typing.get_type_hints(carrier, names))
            except Exception:  # noqa: S112 (a name that only a type checker knows)
                continue
        return found


def _instance(annotation: Any, value: Any) -> Any:
    """``value`` with its dicts turned into instances, as ``annotation`` asks."""
    if annotation is None or not isinstance(value, (dict, list, tuple)):
        return value
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _instance(arguments[0], value)
    if origin in (typing.Union, types.UnionType):
        return _instance(next((one for one in arguments if _suits(one, value)), None), value)
    if isinstance(value, dict):
        if isinstance(annotation, type) and _is_record(annotation):
            return _record(annotation, value)
        if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping) and len(arguments) == 2:
            return {key: _instance(arguments[1], item) for key, item in value.items()}
        return value
    return _sequence(origin, arguments, value)


def _sequence(origin: Any, arguments: tuple[Any, ...], value: list[Any] | tuple[Any, ...]) -> Any:
    if not isinstance(origin, type) or not issubclass(origin, collections.abc.Sequence) or not arguments:
        return value
    fixed = origin is tuple and arguments[-1] is not Ellipsis
    each = list(arguments) if fixed else [arguments[0]] * len(value)
    if len(each) != len(value):
        return value
    items = [_instance(kind, item) for kind, item in zip(each, value, strict=True)]
    return items if isinstance(value, list) else tuple(items)


def _suits(annotation: Any, value: Any) -> bool:
    """Whether a member of a union is the one that a container stands for."""
    origin = typing.get_origin(annotation) or annotation
    if not isinstance(origin, type):
        return False
    if isinstance(value, dict):
        names = {field.name for field in dataclasses.fields(origin)} if dataclasses.is_dataclass(origin) else None
        names = set(getattr(origin, "_fields", ())) if names is None else names
        return issubclass(origin, collections.abc.Mapping) or (_is_record(origin) and value.keys() <= names)
    return issubclass(origin, collections.abc.Sequence) and not hasattr(origin, "_fields")


def _is_record(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _record(kind: type, value: dict[str, Any]) -> Any:
    hints = resolve_hints(kind)
    return kind(**{name: _instance(hints.get(name), item) for name, item in value.items()})
