"""Generated files on disk: written whole or not at all, and never over a change made by hand."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contractgen.errors import UsageError
from contractgen.generate.render import is_untouched


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one file."""

    path: Path
    change: Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Diff:
    """A file that is not as it would be generated now; `text` is a unified diff. A missing file is a diff from nothing."""

    path: Path
    text: str


def write_files(folder: Path, files: Mapping[str, str], *, force: bool = False) -> list[Written]:
    """Write generated files. A file that is as it should be is not touched.

    Raises `UsageError` before anything is written where a file was changed by hand, unless `force`.
    """
    changed = [name for name in files if is_edited(folder / name, files[name])]
    if changed and not force:
        names = ", ".join(str(folder / name) for name in changed)
        raise UsageError(f"changed by hand since it was generated: {names}", hint="--force overwrites it")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return [Written(folder / name, write_file(folder / name, text)) for name, text in files.items()]


def is_edited(path: Path, wanted: str) -> bool:
    """Whether a file holds something other than what was generated, then or now."""
    present = read_text(path)
    return present is not None and present != wanted and not is_untouched(present)


def read_text(path: Path) -> str | None:
    """The text of a file byte for byte, or None where there is none."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def write_file(path: Path, text: str) -> Literal["created", "updated", "unchanged"]:
    """Write a file through a temporary one beside it, so that a reader sees the old text or the new one."""
    present = read_text(path)
    if present == text:
        return "unchanged"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
        mode = path.stat().st_mode & 0o777 if present is not None else 0o666 & ~current_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return "created" if present is None else "updated"


def current_umask() -> int:
    """The umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def stale(folder: Path, files: Mapping[str, str]) -> list[Diff]:
    """The files that differ from what would be generated, each as a unified diff."""
    result = []
    for name, text in files.items():
        present = read_text(folder / name)
        if present != text:
            old = (present or "").splitlines(keepends=True)
            new = text.splitlines(keepends=True)
            source = "/dev/null" if present is None else str(folder / name)
            result.append(Diff(folder / name, "".join(difflib.unified_diff(old, new, source, str(folder / name)))))
    return result
