"""Pickled modules. Unpickling one imports its class and runs code, so it takes the user's trust."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError
from contractgen.load.checkpoint import foreign_names, refusal
from contractgen.load.constructor import as_module
from contractgen.load.factory import command
from contractgen.load.importing import on_path
from contractgen.load.loaded import Opened, Request, said


def open_pickled(request: Request, class_name: str) -> Opened:
    """The module in a pickle. Raises LoadError without trust, naming what the pickle would import."""
    path = request.path
    own = _reference(class_name)
    if not request.trust:
        raise refusal(
            path, f"a pickled {class_name}", foreign_names(path),
            also=f" Or build the model from its own code and take only its weights:\n  {command(request, own)}",
        )  # fmt: skip
    module, notes = as_module(unpickle(path, own), path.name)
    return Opened(module.cpu(), "pickle", None, notes)


def _reference(class_name: str) -> str:
    """What ``--model`` would call a class: a class of a script has no module that can be imported."""
    module, _, name = class_name.rpartition(".")
    return f"path/file.py:{name}" if module == "__main__" else f"{module}:{name}"


def unpickle(path: Path, own: str) -> Any:
    """What a trusted pickle holds. The artifact's folder and the current one are on the import path."""
    try:
        with on_path(Path.cwd()), on_path(path.resolve().parent):
            if not zipfile.is_zipfile(path) and not is_torch_pickle(path):
                with path.open("rb") as file:
                    return pickle.load(file)  # noqa: S301 (the user trusts it)
            return torch.load(path, map_location="cpu", weights_only=False)
    except (Exception, SystemExit) as error:
        raise LoadError(
            f"{path} cannot be unpickled: {said(error)}",
            hint=f"Run where its code can be imported, or take only its weights with --model {own}.",
        ) from error


def is_torch_pickle(path: Path) -> bool:
    """Whether a bare file is of torch's format before 1.6, which begins with a pickled magic number."""
    with path.open("rb") as file:
        return torch.serialization.MAGIC_NUMBER.to_bytes(10, "little") in file.read(32)
