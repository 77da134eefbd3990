"""Noticing, and undoing, what a run does to a model beyond computing: changed buffers and rewritten attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

_OWN = ("_parameters", "_buffers", "_modules")


class StateGuard:
    """Remembers a module's state: the identity and version of each tensor, and the plain attributes of each submodule."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._modules = list(module.modules())
        self._attributes = [_attributes(submodule) for submodule in self._modules]
        self._tables = [_tables(submodule) for submodule in self._modules]
        self._tensors = [_tensors(submodule) for submodule in self._modules]
        self._versions = _versions(self._tensors)
        self._contents = [(b, b._version, b.detach().clone()) for b in module.buffers() if not b.is_inference()]

    def unchanged(self) -> bool:
        """Whether the module is as it was when this guard was made."""
        return (
            all(_same_attributes(m, before) for m, before in zip(self._modules, self._attributes, strict=True))
            and all(_same(_own(_tables(m)), _own(t)) for m, t in zip(self._modules, self._tables, strict=True))
            and all(_same(_tensors(m), before) for m, before in zip(self._modules, self._tensors, strict=True))
            and _versions(self._tensors) == self._versions
        )

    def restore(self) -> None:
        """Put back plain attributes, tensors that were replaced, and what was written into a buffer."""
        for index, (buffer, version, content) in enumerate(self._contents):
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(content)
                self._contents[index] = (buffer, buffer._version, content)
                self._versions = _versions(self._tensors)
        remembered = zip(self._modules, self._attributes, self._tables, self._tensors, strict=True)
        for submodule, attributes, tables, tensors in remembered:
            if isinstance(submodule, torch.jit.ScriptModule):
                continue
            held_now = vars(submodule)
            for name in [name for name, value in held_now.items() if _plain(value) and name not in attributes]:
                del held_now[name]
            vars(submodule).update({name: _thaw(value) for name, value in attributes.items()})
            for name, before in tables.items():
                now = held_now.get(name)
                if isinstance(now, dict) and not _same({name: now}, {name: before}):
                    now.clear()
                    now.update(before)
            for owner, held in tensors.items():
                table = getattr(submodule, owner)
                if not _same({owner: table}, {owner: held}):
                    table.clear()
                    table.update(held)


@dataclass(frozen=True)
class _List:
    """A list's items at one time: the list itself may be changed in place."""

    items: tuple[object, ...]


def _attributes(module: torch.nn.Module) -> dict[str, object]:
    if isinstance(module, torch.jit.ScriptModule):
        return {}  # its attributes live in the archive's own interpreter
    return {name: _freeze(value) for name, value in vars(module).items() if name not in _OWN and _plain(value)}


def _same_attributes(module: torch.nn.Module, before: dict[str, object]) -> bool:
    """Whether no plain attribute changed but a note that hooks are installed; a handle where None was is a filled cache."""
    now = {name: value for name, value in _attributes(module).items() if not _of_hooks(name)}
    held = vars(module)
    filled = {
        name
        for name, value in before.items()
        if value is None and name not in now and not isinstance(held.get(name), (torch.Tensor, list, tuple, dict))
    }
    return now == {name: value for name, value in before.items() if name not in filled and not _of_hooks(name)}


def _plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 64 and all(_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _freeze(value: object) -> object:
    return _List(tuple(value)) if isinstance(value, list) else value


def _thaw(value: object) -> object:
    return list(value.items) if isinstance(value, _List) else value


def _tables(module: torch.nn.Module) -> dict[str, dict[Any, Any]]:
    """The dicts that a module keeps, hooks among them: a library that installs its own at a first call notes it elsewhere."""
    if isinstance(module, torch.jit.ScriptModule):
        return {}
    return {name: dict(value) for name, value in vars(module).items() if isinstance(value, dict) and name not in _OWN}


def _own(tables: dict[str, dict[Any, Any]]) -> dict[str, dict[Any, Any]]:
    """The dicts that are the model's, without torch's tables of hooks."""
    return {name: table for name, table in tables.items() if not _of_hooks(name)}


def _of_hooks(name: str) -> bool:
    """Whether an attribute tells of hooks: those that are installed at the first call compute nothing else at the next."""
    return "_hooks" in name


def _tensors(module: torch.nn.Module) -> dict[str, dict[str, torch.Tensor | None]]:
    if isinstance(module, torch.jit.ScriptModule):
        return {"_parameters": dict(module.named_parameters(recurse=False))}
    return {owner: dict(getattr(module, owner)) for owner in ("_parameters", "_buffers")}


def _same(now: Mapping[str, dict[Any, Any]], before: Mapping[str, dict[Any, Any]]) -> bool:
    return now.keys() == before.keys() and all(
        now[owner].keys() == before[owner].keys() and all(now[owner][k] is before[owner][k] for k in before[owner])
        for owner in before
    )


def _versions(tensors: list[dict[str, dict[str, torch.Tensor | None]]]) -> list[int]:
    return [
        t._version for held in tensors for table in held.values() for t in table.values()
        if t is not None and not t.is_inference()
    ]  # fmt: skip
