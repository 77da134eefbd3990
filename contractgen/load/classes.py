"""Finding the class of a state_dict by reading Python files, never importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_FILES = 300
_MOST_BYTES = 1_000_000
_MODULE_BASES = {
    "Module", "LightningModule", "PreTrainedModel", "Sequential", "ModuleList", "ModuleDict", "ScriptModule",
}  # fmt: skip
_REGISTERS = {"add_module", "register_module", "register_buffer", "register_parameter"}


@dataclass(frozen=True)
class Candidate:
    """A class whose attributes have the names that the weights begin with."""

    path: Path
    name: str
    surplus: int
    """How many layers it has that the weights do not."""


@dataclass(frozen=True)
class _Class:
    bases: tuple[str, ...]
    attributes: frozenset[str]
    """All names that are assigned to ``self`` or registered."""
    layers: frozenset[str]
    """Those that are assigned what a call returns, such as a layer."""


def module_classes(path: Path) -> list[str]:
    """The names of the classes in a file that derive from torch's Module, in order."""
    classes = _read(path)
    return [name for name in classes if _is_module(name, classes, set())]


def find_classes(folders: Iterable[Path], keys: Iterable[str]) -> list[Candidate]:
    """The classes in the Python files of ``folders`` that can have a state_dict with these keys, the likeliest first."""
    heads = {key.partition(".")[0] for key in keys}
    found: list[Candidate] = []
    for path in _files(folders):
        classes = _read(path)
        for name in classes:
            if not _is_module(name, classes, set()):
                continue
            attributes, layers = _inherited(name, classes, set())
            if heads and heads <= attributes:
                found.append(Candidate(path, name, len(layers - heads)))
    return sorted(found, key=lambda candidate: (candidate.surplus, str(candidate.path), candidate.name))


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            real = path.resolve()
            if real not in seen and len(seen) < _MOST_FILES and path.is_file() and path.stat().st_size <= _MOST_BYTES:
                seen.add(real)
                yield path


def _read(path: Path) -> dict[str, _Class]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {node.name: _class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class(node: ast.ClassDef) -> _Class:
    attributes: set[str] = set()
    layers: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, (ast.Assign, ast.AnnAssign)):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            for name in (name for target in targets for name in _own(target)):
                attributes.add(name)
                if isinstance(each.value, ast.Call):
                    layers.add(name)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in _REGISTERS:
            first = each.args[0] if each.args else next((k.value for k in each.keywords if k.arg == "name"), None)
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                attributes.add(first.value)
    return _Class(tuple(_last_name(base) for base in node.bases), frozenset(attributes), frozenset(layers))


def _own(target: ast.expr) -> Iterator[str]:
    """The names in ``self.a = ...`` and ``self.a, self.b = ...``."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from _own(item)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        yield target.attr


def _last_name(base: ast.expr) -> str:
    if isinstance(base, ast.Subscript):  # Module[Config]
        return _last_name(base.value)
    return base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""


def _is_module(name: str, classes: dict[str, _Class], seen: set[str]) -> bool:
    if name not in classes or name in seen:
        return False
    return any(base in _MODULE_BASES or _is_module(base, classes, seen | {name}) for base in classes[name].bases)


def _inherited(name: str, classes: dict[str, _Class], seen: set[str]) -> tuple[set[str], set[str]]:
    """The attributes and layers of a class together with those of its bases in the same file."""
    attributes, layers = set(classes[name].attributes), set(classes[name].layers)
    for base in classes[name].bases:
        if base in classes and base not in seen:
            more_attributes, more_layers = _inherited(base, classes, seen | {name})
            attributes |= more_attributes
            layers |= more_layers
    return attributes, layers
