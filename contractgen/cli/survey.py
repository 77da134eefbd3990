"""What a repository holds, as far as its files tell without running or loading anything: artifacts and model classes."""

from __future__ import annotations

import ast
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SKIPPED: Final = {"node_modules", "site-packages", "build", "dist", "__pycache__", "venv", "env"}
"""Folders that hold no source of the project; those that begin with a dot hold none either."""

_WEIGHTS: Final = {".pth", ".pt", ".safetensors", ".bin", ".ckpt"}
_WHOLE: Final = {".pt2", ".onnx"}
_MOST_FILES: Final = 20_000


@dataclass(frozen=True)
class Artifact:
    """A model file. ``needs_class`` is whether it holds weights alone, as far as its name and member names tell."""

    path: Path
    needs_class: bool


@dataclass(frozen=True)
class ModelClass:
    """A class that derives from a Module. ``inside`` is whether another model class makes one for itself."""

    path: Path
    name: str
    inside: bool

    def reference(self, root: Path) -> str:
        """As `--model` takes it: ``src/net.py:Net``."""
        return f"{self.path.relative_to(root).as_posix()}:{self.name}"


@dataclass(frozen=True)
class Survey:
    """What was found, in order of path."""

    artifacts: tuple[Artifact, ...]
    classes: tuple[ModelClass, ...]


def survey(root: Path) -> Survey:
    """Look at the files below a folder."""
    artifacts: list[Artifact] = []
    found: list[tuple[Path, str, frozenset[str]]] = []
    for count, path in enumerate(_files(root)):
        if count == _MOST_FILES:
            break
        if path.suffix in _WHOLE or path.name == "model.tar.gz":
            artifacts.append(Artifact(path, needs_class=False))
        elif path.suffix in _WEIGHTS:
            artifacts.append(Artifact(path, needs_class=not _is_torchscript(path)))
        elif path.suffix == ".py":
            found += ((path, name, made) for name, made in _classes(path))
    inner = {made for _, name, names in found for made in names if made != name}
    classes = tuple(ModelClass(path, name, name in inner) for path, name, _ in found)
    return Survey(tuple(artifacts), classes)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files))


def _is_torchscript(path: Path) -> bool:
    """Whether a zip holds code beside weights: a TorchScript archive, or an ExportedProgram."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    return any("/code/" in name or name.endswith(("constants.pkl", "model.json", "archive_format")) for name in names)


def _classes(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """The model classes of a file, each with the names of what it calls: the classes it is made of are among them."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    models = {"Module"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_last(base) in models for base in node.bases):
            models.add(node.name)
            calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
            yield node.name, frozenset(_last(call) for call in calls)


def _last(expression: ast.expr) -> str:
    """``Module`` of ``torch.nn.Module``."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
