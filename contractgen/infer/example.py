"""A hypothesis and a plan of values from an input that the user or the artifact gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from contractgen.errors import UsageError
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Node, Param, Path, dotted
from contractgen.infer.runner import share_class
from contractgen.infer.signature import Signature
from contractgen.infer.values import Plan


def from_example(
    signature: Signature, example: tuple[tuple[object, ...], Mapping[str, object]]
) -> tuple[Hypothesis, Plan]:
    """The example as a hypothesis; its tensors are the plan's contents."""
    plan: Plan = {}
    args, kwargs = list(example[0]), dict(example[1])
    params: list[Param] = []
    for param in signature.hypothesis.params:
        if param.kind == "variadic":
            children = tuple((i, _node(value, (param.name, i), plan)) for i, value in enumerate(args))
            params.append(replace(param, node=Group("list", children)))
            args = []
        elif param.kind == "keywords":
            named = tuple((key, _node(value, (param.name, key), plan)) for key, value in kwargs.items())
            params.append(replace(param, node=Group("dict", named)))
            kwargs = {}
        elif param.kind == "positional" and args:
            params.append(replace(param, node=_node(args.pop(0), (param.name,), plan)))
        elif param.name in kwargs:
            params.append(replace(param, node=_node(kwargs.pop(param.name), (param.name,), plan)))
        elif param.has_default:
            params.append(param)
        else:
            raise UsageError(
                f"the example gives no value for the parameter {param.name!r} of forward",
                hint="return (args, kwargs) that forward can be called with",
            )
    if args or kwargs:
        names = ", ".join(map(repr, kwargs)) if kwargs else f"{len(args)} more positional values"
        raise UsageError(f"the example gives more than forward takes: {names}")
    return Hypothesis(tuple(params)), plan


def _node(value: Any, path: Path, plan: Plan) -> Node:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, torch.Tensor):
        plan[path] = value.detach().clone()
        return Leaf(value.dtype, tuple(value.shape))
    if isinstance(value, Mapping):
        return Group("dict", tuple((str(key), _node(item, (*path, str(key)), plan)) for key, item in value.items()))
    if hasattr(value, "_asdict"):
        share_class(type(value))
        fields = value._asdict()
        return Group("dict", tuple((key, _node(item, (*path, key), plan)) for key, item in fields.items()), type(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        share_class(type(value))
        names = [item.name for item in dataclasses.fields(value) if item.init]
        return Group("dict", tuple((n, _node(getattr(value, n), (*path, n), plan)) for n in names), type(value))
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return Group(kind, tuple((i, _node(item, (*path, i), plan)) for i, item in enumerate(value)))  # type: ignore[arg-type]
    if value is None or isinstance(value, (bool, int, float, str)):
        return Fixed(value)
    raise UsageError(
        f"the example has a {type(value).__name__} at {dotted(path)}: neither a tensor nor a container of tensors"
    )
