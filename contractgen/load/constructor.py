"""What builds a model: a class, a function or a ready module, and the arguments that it takes."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.arguments import resolve_hints
from contractgen.load.loaded import listed, said

SlotKind = Literal["int", "bool", "float", "str", "sequence", "unknown"]

_RECORD_NAMES = {"config", "cfg", "args", "hparams", "opt", "params", "options"}


@dataclass(frozen=True)
class Slot:
    """One argument of a constructor; ``config.width`` is the argument ``width`` of what ``config`` is built from."""

    name: str
    kind: SlotKind
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    """All values, where an annotation lists them."""
    record: Callable[..., object] | None = None
    """The class of the configuration that a dotted name belongs to."""
    positional: bool = False
    """Whether it can only be passed by position."""


class Constructor:
    """A callable that builds a module, with its arguments by name."""

    def __init__(self, call: Callable[..., object], label: str) -> None:
        self.call = call
        self.label = label
        self.slots, self.open = _slots(call)
        """``open`` says that it takes any keyword."""

    def check(self, given: Mapping[str, object]) -> None:
        """Raise UsageError for an argument that the constructor does not take."""
        known = {slot.name for slot in self.slots}
        records = {slot.name.partition(".")[0] for slot in self.slots if slot.record is not None}
        for name in given:
            if name in known or name in records or (self.open and "." not in name):
                continue
            near = difflib.get_close_matches(name, sorted(known), n=1)
            takes = f"It takes {listed(sorted(known), 12)}." if known else "It takes no arguments."
            raise UsageError(
                f"{self.label} takes no argument {name!r}", hint=f"Did you mean {near[0]!r}? {takes}" if near else takes
            )

    def build(self, values: Mapping[str, object]) -> object:
        """Call it. What is absent from ``values`` keeps its default."""
        args = []
        kwargs: dict[str, object] = {}
        records: dict[str, tuple[Callable[..., object], dict[str, object]]] = {}
        slots = {slot.name: slot for slot in self.slots}
        for slot in self.slots:
            if slot.record is not None:
                records.setdefault(slot.name.partition(".")[0], (slot.record, {}))
        for name, value in values.items():
            head, dot, field = name.partition(".")
            if dot and head in records:
                records[head][1][field] = value
            elif name in slots and slots[name].positional:
                args.append(value)
            else:
                kwargs[name] = value
        kwargs.update({head: record(**fields) for head, (record, fields) in records.items() if head not in values})
        return self.call(*args, **kwargs)


def as_module(result: object, label: str) -> tuple[torch.nn.Module, tuple[str, ...]]:
    """The module that a factory returned, alone or in a tuple or dict. Raises LoadError where it returned none."""
    if isinstance(result, torch.nn.Module):
        return result, ()
    members: list[object] = []
    if isinstance(result, Mapping):
        members = list(result.values())
    elif isinstance(result, (list, tuple)):
        members = list(result)
    elif result is not None:
        members = [getattr(result, name, None) for name in ("model", "module", "net")]
    modules = [member for member in members if isinstance(member, torch.nn.Module)]
    if len(modules) == 1:
        return modules[0], (
            f"{label} returns a {type(result).__name__}; the {type(modules[0]).__name__} in it is the model",
        )
    raise LoadError(
        f"{label} returns {'None' if result is None else f'a {type(result).__name__}'}, not an nn.Module",
        hint="Name a class derived from torch.nn.Module, or a function that returns an instance of one.",
    )


def raised(label: str, values: Mapping[str, object], error: BaseException) -> LoadError:
    """The error for a factory that raises."""
    with_what = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return LoadError(
        f"{label}({with_what}) raises {said(error)}",
        hint="Give its arguments with --arg NAME=VALUE, or --traceback to see where.",
    )


def _slots(call: Callable[..., object]) -> tuple[tuple[Slot, ...], bool]:
    try:
        parameters = _parameters(call)
    except (TypeError, ValueError):
        return (), True
    hints = resolve_hints(call.__init__ if inspect.isclass(call) else call)
    slots: list[Slot] = []
    is_open = False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            slots += _expanded(call, parameter, hints.get(parameter.name, parameter.annotation))
    return tuple(slots), is_open


def _parameters(call: Callable[..., object]) -> list[inspect.Parameter]:
    """The parameters of a callable; those of the base classes too where ``**kwargs`` passes them on."""
    found = {parameter.name: parameter for parameter in inspect.signature(call).parameters.values()}
    if inspect.isclass(call):
        bases = [base for base in call.__mro__[1:] if "__init__" in vars(base)]
        for base in bases:
            if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found.values()) or base is torch.nn.Module:
                break
            passed = inspect.signature(base).parameters.values()
            own = {name: p for name, p in found.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}
            found = own | {p.name: p for p in passed if p.name not in own}
    return list(found.values())


def _expanded(call: Callable[..., object], parameter: inspect.Parameter, annotation: Any) -> list[Slot]:
    """The slot of a parameter, or the slots of the configuration class that it takes."""
    required = parameter.default is inspect.Parameter.empty
    record = _record(call, parameter.name, annotation) if required else None
    if record is not None:
        inner, _ = _slots(record)
        return [dataclasses.replace(slot, name=f"{parameter.name}.{slot.name}", record=record) for slot in inner]
    default = None if required else parameter.default
    kind, choices = _kind(annotation, default)
    positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
    return [Slot(parameter.name, kind, required, default, choices, positional=positional)]


def _record(call: Callable[..., object], name: str, annotation: Any) -> Callable[..., object] | None:
    """The configuration class of a parameter: the annotation, or the one dataclass beside the model where none says."""
    if inspect.isclass(annotation):
        plain = annotation in (int, float, str, bool, list, tuple, dict, set, object) or issubclass(
            annotation, enum.Enum
        )
        foreign = plain or annotation.__module__ in {"torch", "builtins"} or issubclass(annotation, torch.nn.Module)
        if annotation is not inspect.Parameter.empty:
            return None if foreign else annotation
    return _beside(call, name)


def _beside(call: Callable[..., object], name: str) -> Callable[..., object] | None:
    """For an argument called ``config`` without an annotation: the only dataclass of the module, or of its name."""
    if name not in _RECORD_NAMES:
        return None
    module = sys.modules.get(getattr(call, "__module__", ""))
    classes = [
        value for value in vars(module).values()
        if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == call.__module__
    ] if module else []  # fmt: skip
    return classes[0] if len(classes) == 1 else None


def _kind(annotation: Any, default: Any) -> tuple[SlotKind, tuple[Any, ...]]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not type(None)]
        return _kind(kept[0], default) if kept else ("unknown", ())
    if origin is Literal:
        return "unknown", tuple(arguments)
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return "unknown", tuple(annotation)
    kinds: tuple[tuple[Any, SlotKind], ...] = ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"))
    for kind, name in kinds:
        if annotation is kind or (default is not None and type(default) is kind):
            return name, (False, True) if kind is bool else ()
    sequence = origin if inspect.isclass(origin) else annotation
    if isinstance(default, (list, tuple)) or (inspect.isclass(sequence) and issubclass(sequence, Sequence)):
        return "sequence", ()
    return "unknown", ()
