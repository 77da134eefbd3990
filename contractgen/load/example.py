"""``--example``: a first input that the user gives, as a file of arrays or a function."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.importing import resolve
from contractgen.load.loaded import Example, said

OPTION = "--example"
_HINT = "Return a tuple of arguments, or (args, kwargs) with a tuple and a dict."


def load_example(spec: str) -> Example:
    """The ``(args, kwargs)`` of a first call.

    ``FILE.npz`` holds arrays by parameter name; ``batch.ids`` stands for a key of a dict, ``frames.0`` for an item of a
    list, ``arr_0`` (what ``np.savez`` writes without names) for an argument by position. ``module:function`` and
    ``file.py:function`` return a tuple of args, ``(args, kwargs)`` or a single tensor. Arrays become tensors.

    Raises UsageError where there is no such file or function, or it gives no example; LoadError where it raises.
    """
    if spec.endswith(".npz"):
        return _read_npz(Path(spec))
    function = resolve(spec, OPTION)
    if not callable(function):
        raise UsageError(f"{OPTION} {spec} is a {type(function).__name__}, not a function", hint=_HINT)
    with contextlib.redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            result = function()
        except (Exception, SystemExit) as error:
            raise LoadError(f"{OPTION} {spec} raises {said(error)}", hint="--traceback shows where.") from error
    args, kwargs = _call(result, spec)
    return tuple(_tensors(value) for value in args), {name: _tensors(value) for name, value in kwargs.items()}


def _call(result: Any, spec: str) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    if isinstance(result, (torch.Tensor, np.ndarray)):
        return (result,), {}
    if not isinstance(result, tuple) or hasattr(result, "_fields"):
        raise UsageError(f"{OPTION} {spec} returns a {type(result).__name__}", hint=_HINT)
    if (
        len(result) == 2
        and isinstance(result[0], tuple)
        and not hasattr(result[0], "_fields")
        and isinstance(result[1], dict)
    ):
        args, kwargs = result
        if not all(isinstance(name, str) for name in kwargs):
            raise UsageError(f"{OPTION} {spec}: the keys of kwargs must be names of parameters", hint=_HINT)
        return args, kwargs
    return result, {}


def _tensors(value: Any) -> Any:
    """A tree with numpy arrays as tensors, on the CPU; other values stay."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, (np.ndarray, np.generic)):
        return _tensor(np.asarray(value))
    if isinstance(value, dict):
        return {key: _tensors(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    if isinstance(value, tuple):
        items = [_tensors(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _tensors(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        return dataclasses.replace(value, **changed)
    return value


def _tensor(array: np.ndarray[Any, Any]) -> torch.Tensor:
    # numpy knows no bfloat16: ml_dtypes has it, and a file of its arrays comes back as two raw bytes each.
    if array.dtype.name == "bfloat16" or array.dtype == np.dtype("V2"):
        return torch.from_numpy(array.view(np.uint16).copy()).view(torch.bfloat16)
    try:
        return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise UsageError(f"{OPTION}: an array of {array.dtype} is no tensor") from error


def _read_npz(path: Path) -> Example:
    if not path.is_file():
        raise UsageError(f"{OPTION}: there is no file {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: _tensor(file[name]) for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{OPTION} {path} cannot be read: {said(error)}", hint="Write it with np.savez(FILE, x=array, ...)."
        ) from error
    if not arrays:
        raise UsageError(f"{OPTION} {path} holds no arrays", hint="Write it with np.savez(FILE, x=array, ...).")
    numbered = {name: value for name, value in arrays.items() if name.startswith("arr_") and name[4:].isdigit()}
    args = tuple(numbered[name] for name in sorted(numbered, key=lambda name: int(name[4:])))
    tree: dict[str, Any] = {}
    for name, value in arrays.items():
        if name not in numbered:
            _place(tree, name, value, path)
    return args, {name: _lists(value) for name, value in tree.items()}


def _place(tree: dict[str, Any], name: str, value: torch.Tensor, path: Path) -> None:
    *parents, last = name.split(".")
    here = tree
    for part in parents:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            raise UsageError(f"{OPTION} {path}: {name!r} stands below what is an array itself")
    if last in here:
        raise UsageError(f"{OPTION} {path}: {name!r} is an array and has others below it")
    here[last] = value


def _lists(value: Any) -> Any:
    """Mappings from 0, 1, 2, ... as lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    order = [str(index) for index in range(len(inner))]
    return [inner[key] for key in order] if set(inner) == set(order) else inner
