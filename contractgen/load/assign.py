"""Putting weights into a module: into one without memory of its own where nothing gets lost by it, else into a real one."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from contractgen.errors import LoadError
from contractgen.load.build import build, forget_cached, meta_tensors, remembers_meta
from contractgen.load.checkpoint import Weights
from contractgen.load.constructor import Constructor, raised
from contractgen.load.layout import compare, layout_of, layout_of_module
from contractgen.load.loaded import said

_LARGE = 4_000_000
"""Elements from which on it pays to build on the meta device, and to make sure that nothing got lost by it."""


def build_with(constructor: Constructor, values: Mapping[str, object], weights: Weights) -> torch.nn.Module:
    """The module with the weights in it.

    A large one is built on the meta device and takes the tensors of the (memory-mapped) file as they are. Whatever the file does
    not hold would stay without content there: buffers that are not saved, tensors in plain attributes or in closures.
    Where any such tensor remains, or building on the meta device fails, the module is built for real instead.
    """
    elements = sum(value.numel() for value in weights.state.values() if isinstance(value, torch.Tensor))
    module = _on_meta(constructor, values, weights) if elements >= _LARGE else None
    if module is not None:
        return module
    forget_cached(constructor)
    try:
        module = build(constructor, values, meta=False)
    except (Exception, SystemExit) as error:
        if isinstance(error, LoadError):
            raise
        raise raised(constructor.label, values, error) from error
    load_into(module, weights, constructor.label)
    return module


def load_into(module: torch.nn.Module, weights: Weights, label: str) -> None:
    """Copy weights into a real module as ``load_state_dict`` does. Raises LoadError where they do not fit."""
    state = _with_aliases(module, weights)
    try:
        module.load_state_dict(state)
    except Exception as error:
        difference = compare(layout_of(weights.state), layout_of_module(module))
        detail = f"\n{difference.text()}" if difference else f": {said(error)}"
        raise LoadError(f"the weights do not fit {label}{detail}") from error
    _settle_lazy(module)


def _on_meta(constructor: Constructor, values: Mapping[str, object], weights: Weights) -> torch.nn.Module | None:
    """The module built on the meta device, or None where something would be without content."""
    forget_cached(constructor)
    before = meta_tensors()  # held, so that none of their identities is used again
    known = {id(each) for each in before}
    try:
        module = build(constructor, values, meta=True)
        ties = _ties(module)
        module.load_state_dict(_as_module_has_them(module, weights), assign=True)
        _tie_again(module, ties)
        _settle_lazy(module)
    except (Exception, SystemExit):
        return None
    if remembers_meta(module):
        return None
    return None if any(id(each) not in known for each in meta_tensors()) else module


def _as_module_has_them(module: torch.nn.Module, weights: Weights) -> Mapping[str, Any]:
    """The weights in the dtypes of the module, as copying would make them."""
    own = module.state_dict(keep_vars=True)
    state = OrderedDict(_with_aliases(module, weights))
    for key, value in state.items():
        mine = own.get(key)
        if isinstance(mine, torch.Tensor) and isinstance(value, torch.Tensor) and not is_lazy(mine):
            state[key] = value.to(mine.dtype)
    _copy_versions(weights.state, state)
    return state


def _with_aliases(module: torch.nn.Module, weights: Weights) -> Mapping[str, Any]:
    """The weights with the other names of tied tensors added, which some formats save once only."""
    missing = {}
    layout = layout_of_module(module)
    for key, names in layout.aliases.items():
        if key not in weights.state:
            source = next((name for name in sorted(names) if name in weights.state), None)
            if source is not None:
                missing[key] = weights.state[source]
    for key in layout.shapes:
        if key.endswith("num_batches_tracked") and key not in weights.state:
            missing[key] = torch.tensor(0)
    if not missing:
        return weights.state
    state = OrderedDict({**weights.state, **missing})
    _copy_versions(weights.state, state)
    return state


def _copy_versions(old: Mapping[str, Any], new: OrderedDict[str, Any]) -> None:
    """Carry over the versions of modules, as a copy: torch notes in them whether a state was assigned, and reads it later."""
    versions = getattr(old, "_metadata", None)
    if versions is not None:
        new._metadata = copy.deepcopy(versions)  # type: ignore[attr-defined]


Place = tuple[torch.nn.Module, str]


def _ties(module: torch.nn.Module) -> list[list[Place]]:
    """The places of each parameter that has more than one."""
    places: dict[int, list[Place]] = {}
    for each in module.modules():
        for name, parameter in each._parameters.items():
            if parameter is not None:
                places.setdefault(id(parameter), []).append((each, name))
    return [group for group in places.values() if len(group) > 1]


def _tie_again(module: torch.nn.Module, ties: list[list[Place]]) -> None:
    """Make tied parameters one again: assigning a state_dict gives each of its keys a parameter of its own."""
    order = {id(each): index for index, each in enumerate(module.modules())}
    for group in ties:
        owner, name = max(group, key=lambda place: order[id(place[0])])  # copying would leave the last one's values
        for other, own_name in group:
            other._parameters[own_name] = owner._parameters[name]


def _settle_lazy(module: torch.nn.Module) -> None:
    """Turn lazy modules that now have their weights into the plain ones that a first forward would make of them."""
    for each in module.modules():
        if not isinstance(each, LazyModuleMixin) or each.has_uninitialized_params():
            continue
        for hook in ("_initialize_hook", "_load_hook"):
            if hasattr(each, hook):
                getattr(each, hook).remove()
                delattr(each, hook)
        _fill_in_size(each)
        if each.cls_to_become is not None:
            each.__class__ = each.cls_to_become


def _fill_in_size(module: Any) -> None:
    """Set the size that a lazy module leaves at zero until its first forward."""
    weight = module.weight if getattr(module, "weight", None) is not None else module.running_mean
    sizes = {
        "in_features": weight.shape[-1],
        "in_channels": weight.shape[0] if getattr(module, "transposed", False) else 0,
        "num_features": weight.shape[0],
    }
    if not sizes["in_channels"] and weight.dim() > 1:
        sizes["in_channels"] = weight.shape[1] * getattr(module, "groups", 1)
    for name, size in sizes.items():
        if getattr(module, name, None) == 0:
            setattr(module, name, size)
