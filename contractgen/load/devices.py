"""Artifacts that were saved on a GPU, for a machine without one."""

from __future__ import annotations

import contextlib
import functools
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from contractgen.load.pickles import read_member


@contextlib.contextmanager
def loading_on_cpu() -> Iterator[None]:
    """``torch.load`` without a device puts tensors where they were saved; in here, on the CPU."""
    original = torch.load

    @functools.wraps(original)
    def load(file: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        return original(file, "cpu" if map_location is None else map_location, *args, **kwargs)

    torch.load = load  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.load = original


def program_names_gpu(path: Path) -> bool:
    """Whether the graph or the weights of an ExportedProgram are on another device than the CPU."""
    with zipfile.ZipFile(path) as archive:
        return any(_moved(_json(archive, name)) for name in archive.namelist() if name.endswith(".json"))


def write_program_on_cpu(path: Path, target: Path) -> None:
    """Copy the archive of an ExportedProgram with the CPU in place of every other device."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = read_member(old, name)
            if name.endswith(".json"):
                document = _json(old, name)
                if _moved(document):
                    data = json.dumps(document).encode()
            new.writestr(name, data)


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return json.loads(read_member(archive, name))
    except (ValueError, RecursionError):
        return None


def _moved(document: Any) -> bool:
    """Put the CPU in place of other devices, which the format writes as a type and an index. Whether there were any."""
    found = False
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.keys() == {"type", "index"} and value["type"] not in {"cpu", "meta"}:
                value.update(type="cpu", index=None)
                found = True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found
