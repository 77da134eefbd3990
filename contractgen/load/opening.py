"""One entry for every kind of artifact."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from contractgen.contract.naming import name_of
from contractgen.errors import LoadError, UsageError
from contractgen.load.assign import load_into
from contractgen.load.checkpoint import Weights, is_state, read_weights, variants
from contractgen.load.constructor import Constructor, as_module
from contractgen.load.factory import (
    complete,
    configured_factory,
    found_factory,
    is_model_fn,
    named_factory,
    shown,
)
from contractgen.load.finish import finish
from contractgen.load.fit import fit
from contractgen.load.formats import Format, identify, is_transformers_config
from contractgen.load.loaded import LoadedModel, Opened, Request
from contractgen.load.onnx_model import open_onnx
from contractgen.load.pickled import is_torch_pickle, open_pickled, unpickle
from contractgen.load.program import open_program
from contractgen.load.sagemaker import load_with_model_fn, open_archive, open_folder
from contractgen.load.torchscript import open_torchscript
from contractgen.load.transformers_folder import open_transformers

_NO_ARGUMENTS: Mapping[str, object] = {}


def load_model(
    path: str | Path,
    *,
    factory: str | None = None,
    arguments: Mapping[str, object] = _NO_ARGUMENTS,
    trust: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> LoadedModel:
    """Turn an artifact into a model that can be called, on the CPU and in eval mode.

    ``factory`` says what builds the module of a state_dict: ``package.module:callable``, ``path/file.py:Class`` or a
    SageMaker ``inference.py``; ``arguments`` are its keyword arguments, solved from the weights where they are not given.
    ``trust`` allows an artifact that runs code when it is loaded. ``confirm`` asks the user before code that was found
    beside the artifact is imported; without it that is an error that names the command to run.

    Raises:
        UsageError: a file, a factory or an argument is not there, or the user has to say more.
        LoadError: the artifact is no model, is damaged, would run code, or does not fit its factory.
    """
    request = Request(Path(path), factory, dict(arguments), trust, confirm)
    # A model's code may print, and stdout is for results. Warnings of old code and old files are not about the contract.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = open_path(request)
        notes = finish(opened.module, opened.kind)
    return LoadedModel(
        module=opened.module,
        kind=opened.kind,
        name=name_of(request.path),
        path=request.path,
        traced_inputs=opened.traced_inputs,
        notes=(*opened.notes, *notes),
        factory=opened.factory,
        arguments=opened.arguments,
    )


def open_path(request: Request) -> Opened:
    """The model at ``request.path``, by its format."""
    form = identify(request.path)
    if form in _SELF_CONTAINED:
        _refuse_factory(request, form)
        return _SELF_CONTAINED[form](request)
    if form == "archive":
        return open_archive(request, open_path)
    if form == "sagemaker":
        return open_folder(request, request, open_path)
    return _open_weights(request, form)


_SELF_CONTAINED: dict[Format, Callable[[Request], Opened]] = {
    "torchscript": open_torchscript,
    "pt2": open_program,
    "onnx": open_onnx,
    "transformers": open_transformers,
}
"""Formats that hold the model itself and not only its weights."""


def _refuse_factory(request: Request, form: Format) -> None:
    given = "--model" if request.factory is not None else "--arg" if request.arguments else ""
    if given:
        what = {"torchscript": "a TorchScript archive", "pt2": "an ExportedProgram", "onnx": "an ONNX model"}
        raise UsageError(
            f"{request.path} is {what.get(form, 'a transformers model')}, which needs no {given}",
            hint=f"Leave {given} out.",
        )


def _open_weights(request: Request, form: Format) -> Opened:
    """The model of a checkpoint: from a pickle that is trusted, or from its weights and what builds its module."""
    reference = complete(request.factory) if request.factory is not None else None
    if reference is not None and is_model_fn(reference):
        opened = load_with_model_fn(reference, request.path.parent, shown(reference))
        return replace(opened, factory=shown(reference))
    if form == "pickle" and request.trust and not is_torch_pickle(request.path):
        content = unpickle(request.path, "path/file.py:Class")
        if not is_state(content):
            module, notes = as_module(content, request.path.name)
            return Opened(module.cpu(), "pickle", None, notes)
        weights = Weights(content, {})
    else:
        weights = read_weights(request.path, form)
    if weights.pickled and (reference is None or not weights.state):
        return open_pickled(request, weights.pickled)
    if reference is None:
        found = _beside(request)
        if found is not None:
            return _fitted(found, weights, request, None)
        if request.arguments:
            raise UsageError("--arg goes with --model", hint="Name the class or function that takes it with --model.")
        reference = found_factory(request, variants(weights)[0].state)
    factory = named_factory(reference)
    if isinstance(factory, torch.nn.Module):
        return replace(_filled(factory, weights, request, shown(reference)), factory=shown(reference))
    return _fitted(factory, weights, request, shown(reference))


def _beside(request: Request) -> Constructor | None:
    """What builds the model that a transformers configuration beside the weights describes."""
    folder = request.path.resolve().parent
    return configured_factory(folder) if is_transformers_config(folder / "config.json") else None


def _fitted(constructor: Constructor, weights: Weights, request: Request, factory: str | None) -> Opened:
    found = fit(constructor, weights, request.arguments)
    return Opened(found.module, "state_dict", None, found.notes, factory, found.arguments)


def _filled(module: torch.nn.Module, weights: Weights, request: Request, label: str) -> Opened:
    """A module that a factory's file made itself, with the weights copied into it."""
    if request.arguments:
        raise UsageError(f"{label} is a module, not what builds one", hint="Leave --arg out, or name the class.")
    error: LoadError | None = None
    for form in variants(weights):
        try:
            load_into(module, form, label)
        except LoadError as reason:
            error = error or reason
            continue
        return Opened(module.cpu(), "state_dict", None, form.notes)
    assert error is not None
    raise error
