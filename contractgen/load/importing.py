"""Importing a user's code by module name or by file, and saying well what went wrong."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from contractgen.errors import LoadError, UsageError
from contractgen.load.loaded import listed, said


def split_reference(reference: str) -> tuple[str, str]:
    """``package.module:callable`` or ``path/file.py:Class`` as (module or file, attribute or an empty string)."""
    module, colon, attribute = reference.rpartition(":")
    if not colon or attribute.endswith(".py") or "/" in attribute or "\\" in attribute:  # C:\train.py
        return reference, ""
    return module, attribute


def resolve(reference: str, option: str) -> Any:
    """The object that ``package.module:attribute`` or ``path/file.py:attribute`` names.

    Raises UsageError where it is not there, LoadError where importing raises.
    """
    place, attribute = split_reference(reference)
    if not attribute:
        raise UsageError(
            f"{option} {reference}: expected package.module:callable or path/file.py:Class",
            hint=f"For example {option} train.py:MyModel.",
        )
    value: Any = import_place(place, option)
    walked = place
    for part in attribute.split("."):
        if not hasattr(value, part):
            names = [name for name in vars(value) if not name.startswith("_")] if hasattr(value, "__dict__") else []
            near = difflib.get_close_matches(part, names, n=1)
            own = [
                name
                for name in names
                if getattr(vars(value)[name], "__module__", None) == getattr(value, "__name__", "")
            ]
            hint = (
                f"Did you mean {place}:{near[0]}?" if near else f"It has {listed(sorted(own)) or 'nothing of its own'}."
            )
            raise UsageError(f"{option} {reference}: {walked} has no {part!r}", hint=hint)
        value = getattr(value, part)
        walked = f"{walked}:{part}"
    return value


def import_place(place: str, option: str) -> ModuleType:
    """Import a ``.py`` file or a module by name, with the current folder (or the file's) on the path."""
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise UsageError(f"{option}: there is no file {place}")
        return _import_file(path.resolve())
    if not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(f"{option}: {place!r} is neither a module's name nor a .py file")
    with on_path(Path.cwd()), _explained(place):
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
                raise UsageError(
                    f"{option} {place}: there is no module {error.name!r}",
                    hint="Install its package, run in the folder that has it, or give the path of its .py file.",
                ) from error
            raise


def _import_file(path: Path) -> ModuleType:
    """Import a file under its own name, inside its package where it is in one, so that its own imports work."""
    root = path.parent
    parts = [path.stem]
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        parts.insert(0, root.name)
        root = root.parent
    if parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    with on_path(root), _explained(path.name):
        known = sys.modules.get(name)
        if known is not None and _file_of(known) == path:
            return known
        if len(parts) > 1:
            return importlib.import_module(name)
        if known is not None or name in sys.stdlib_module_names or not name.isidentifier():
            name = f"_contractgen_{path.stem}_{zlib.crc32(bytes(path)):08x}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


@contextlib.contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """``folder`` first on the import path. It stays at the end afterwards: a forward may import when it is called."""
    text = str(folder)
    sys.path.insert(0, text)
    try:
        yield
    finally:
        sys.path.remove(text)
        if text not in sys.path:
            sys.path.append(text)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        text = f"exits the process (code {error.code})" if isinstance(error, SystemExit) else f"raises {said(error)}"
        raise LoadError(
            f"importing {what} {text}", hint="Code that runs a training belongs below `if __name__ == '__main__':`."
        ) from error
