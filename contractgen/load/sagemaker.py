"""SageMaker's ``model.tar.gz``: weights, and perhaps ``code/inference.py`` with a ``model_fn`` that loads them."""

from __future__ import annotations

import contextlib
import inspect
import os
import shutil
import tarfile
import tempfile
import weakref
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.constructor import as_module
from contractgen.load.devices import loading_on_cpu
from contractgen.load.factory import MODEL_FN, command
from contractgen.load.formats import KNOWN, identify
from contractgen.load.importing import on_path, resolve
from contractgen.load.loaded import Opened, Request, listed, said

_MOST_MEMBERS = 100_000
_ENDINGS = (".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".pt2", ".onnx")


def open_archive(request: Request, open_path: Callable[[Request], Opened]) -> Opened:
    """The model in a ``model.tar.gz``; its files live in a temporary folder for as long as the module does."""
    folder = Path(tempfile.mkdtemp(prefix="contractgen-"))
    try:
        _extract(request.path, folder)
        opened = open_folder(replace(request, path=folder), request, open_path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(opened.module, _remove, folder, os.getpid())
    return opened


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child ends with its parent's finalizers
        shutil.rmtree(folder, ignore_errors=True)


def open_folder(request: Request, shown: Request, open_path: Callable[[Request], Opened]) -> Opened:
    """The model in SageMaker's folder. ``shown`` is what the user gave, for messages.

    Its ``model_fn`` runs where the user trusts the archive or says yes; a factory that the user names goes before it.
    """
    code = request.path / "code" / "inference.py"
    if not code.is_file():
        code = request.path / "inference.py"
    if request.factory is None and code.is_file() and f"def {MODEL_FN}(" in _text(code):
        relative = code.relative_to(request.path).as_posix()
        agreed = request.trust or (
            request.confirm is not None and request.confirm(f"run {MODEL_FN} from {relative} of {shown.path.name}?")
        )
        if not agreed:
            raise LoadError(
                f"{shown.path} brings the code that loads it ({relative}: {MODEL_FN}), which was not run",
                hint="If you trust where it comes from, add --trust. Or name your own code: "
                + command(shown, "path/file.py:Class"),
            )
        return load_with_model_fn(f"{code}:{MODEL_FN}", request.path, f"{shown.path.name}:{relative}:{MODEL_FN}")
    weights = _weights(request.path, shown)
    return open_path(replace(request, path=weights))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _weights(folder: Path, shown: Request) -> Path:
    """The one artifact in a folder without code."""
    if (folder / "config.json").is_file() and identify_quietly(folder) == "transformers":
        return folder
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _ENDINGS)
    if len(found) == 1:
        return found[0]
    names = [path.relative_to(folder).as_posix() for path in found]
    if not names:
        held = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        raise LoadError(
            f"{shown.path} holds no model, only {listed(held) or 'nothing'}", hint=f"It should hold {KNOWN}."
        )
    raise LoadError(
        f"{shown.path} holds several models and no code/inference.py that says which: {listed(names)}",
        hint="Extract it and give one of them.",
    )


def identify_quietly(path: Path) -> str:
    """The format of a path, or an empty string."""
    try:
        return identify(path)
    except (LoadError, UsageError):
        return ""


def load_with_model_fn(reference: str, folder: Path, label: str) -> Opened:
    """The module that a ``model_fn(model_dir)`` returns, its weights on the CPU wherever they were saved."""
    function = resolve(reference, "--model")
    folder = folder.resolve()
    try:
        takes = len([p for p in inspect.signature(function).parameters.values() if p.default is p.empty])
        with on_path(folder / "code"), loading_on_cpu() if not torch.cuda.is_available() else contextlib.nullcontext():
            result = function(*[str(folder), None][: max(1, takes)])
    except (Exception, SystemExit) as error:
        raise LoadError(f"{label}({str(folder)!r}) raises {said(error)}", hint="--traceback shows where.") from error
    module, notes = as_module(result, label)
    return Opened(module.cpu(), "state_dict", None, notes)


def _extract(path: Path, folder: Path) -> None:
    """Unpack a tar, refusing members that leave the folder, are no plain files or links within it, or do not fit the disk."""
    try:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            if len(members) > _MOST_MEMBERS:
                raise LoadError(f"{path} holds {len(members)} files; a model has at most {_MOST_MEMBERS}")
            size = sum(member.size for member in members)
            if size > shutil.disk_usage(folder).free:
                raise LoadError(f"{path} unpacks to {size:,} bytes, more than {folder} has room for")
            archive.extractall(folder, members=members, filter="data")
    except tarfile.FilterError as error:
        raise LoadError(
            f"{path} is refused: {error}", hint="Its members must stay inside the folder of the model."
        ) from error
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise LoadError(
            f"{path} is cut short or damaged, or no tar: {said(error)}", hint="Make or copy it again."
        ) from error
