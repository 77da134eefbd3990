"""Choosing what builds the module of a state_dict: what the user names, or a class that is found by reading and offered."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.classes import Candidate, find_classes, module_classes
from contractgen.load.constructor import Constructor
from contractgen.load.importing import resolve, split_reference
from contractgen.load.loaded import Request, listed

OPTION = "--model"
MODEL_FN = "model_fn"
"""The function of a SageMaker ``inference.py`` that takes the model's folder."""


def complete(reference: str) -> str:
    """A reference with its attribute: ``inference.py`` alone means its ``model_fn``. Raises UsageError otherwise."""
    place, attribute = split_reference(reference)
    if attribute:
        return reference
    path = Path(place)
    if path.suffix == ".py" and path.is_file():
        if f"def {MODEL_FN}(" in path.read_text(encoding="utf-8", errors="replace"):
            return f"{place}:{MODEL_FN}"
        classes = module_classes(path)
        hint = (
            f"It has {listed([f'{place}:{name}' for name in classes])}." if classes else "It has no nn.Module classes."
        )
        raise UsageError(f"{OPTION} {reference}: say which class, {place}:NAME", hint=hint)
    if path.suffix == ".py":
        raise UsageError(f"{OPTION}: there is no file {place}; expected package.module:callable or path/file.py:Class")
    raise UsageError(
        f"{OPTION} {reference}: expected package.module:callable or path/file.py:Class",
        hint=f"For example {OPTION} train.py:MyModel.",
    )


def is_model_fn(reference: str) -> bool:
    """Whether a complete reference names the function that loads a SageMaker model from its folder."""
    return split_reference(reference)[1] == MODEL_FN


def named_factory(reference: str) -> Constructor | torch.nn.Module:
    """The callable, or the ready module, that a complete reference names. Raises UsageError or LoadError."""
    value: Any = resolve(reference, OPTION)
    label = shown(reference)
    if isinstance(value, torch.nn.Module):
        return value
    if not callable(value):
        raise UsageError(f"{OPTION} {label} is a {type(value).__name__}, neither a class nor a function")
    return Constructor(value, label)


def shown(reference: str) -> str:
    """A reference as a person writes it: a path below the current folder is relative to it."""
    place, attribute = split_reference(reference)
    return f"{relative(Path(place))}:{attribute}" if place.endswith(".py") else reference


def relative(path: Path) -> str:
    """A path from the current folder where it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return str(path)


def found_factory(request: Request, keys: Iterable[str]) -> str:
    """A reference to the class that has these keys, found by reading the files beside the artifact and offered to the user.

    Raises UsageError with the exact command where there is nobody to ask, or the answer is no, or nothing fits.
    """
    keys = list(keys)
    candidates = find_classes([request.path.resolve().parent, Path.cwd()], keys)
    if not candidates:
        raise UsageError(
            f"{relative(request.path)} is a state_dict: weights without the code of the model.\n"
            f"  Its first keys: {listed(keys, 5)}",
            hint=f"Name the class that they belong to: {command(request, 'path/file.py:Class')}",
        )
    best = candidates[0]
    if request.confirm is not None and (len(candidates) == 1 or best.surplus < candidates[1].surplus):
        if request.confirm(f"import {best.name} from {relative(best.path)}?"):
            return _reference(best)
        raise UsageError(
            f"{relative(request.path)} is a state_dict, and nothing was imported",
            hint=command(request, "path/file.py:Class"),
        )
    commands = [command(request, f"{relative(each.path)}:{each.name}") for each in candidates[:5]]
    run = "Run" if len(commands) == 1 else "One of these classes may be it:"
    raise UsageError(
        f"{relative(request.path)} is a state_dict: weights without the code of the model",
        hint=run + "".join(f"\n  {text}" for text in commands),
    )


def _reference(candidate: Candidate) -> str:
    return f"{candidate.path}:{candidate.name}"


def command(request: Request, factory: str) -> str:
    """The command that names a factory for this artifact."""
    return shlex.join(["contractgen", "export", relative(request.path), OPTION, factory])


def configured_factory(folder: Path) -> Constructor | None:
    """For a state_dict beside the ``config.json`` of a transformers model: what builds that model."""
    from contractgen.load.transformers_folder import class_of, read_config

    try:
        config = read_config(folder)
        kind = class_of(config)
    except (LoadError, UsageError, json.JSONDecodeError):
        return None
    return Constructor(lambda: kind(config), f"transformers.{kind.__name__}")
