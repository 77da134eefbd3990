"""``.pt2`` files: ExportedPrograms, with the example inputs and the constraints that they carry."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError
from contractgen.load.checkpoint import refusal
from contractgen.load.devices import loading_on_cpu, program_names_gpu, write_program_on_cpu
from contractgen.load.loaded import Opened, Request, said
from contractgen.load.pickles import globals_in_bytes, is_allowed

_PICKLES = (b"\x80", b"PK")


def open_program(request: Request) -> Opened:
    """The module of an ExportedProgram; the program itself, with its constraints, is ``module.exported_program``."""
    path = request.path
    if not request.trust:
        _refuse_code(path)
    try:
        program = _load(path)
        module = program.module()
    except Exception as error:
        raise LoadError(
            f"{path} cannot be loaded as an ExportedProgram: {said(error)}",
            hint="It may need the torch version, or the package with the custom operators, that it was saved with.",
        ) from error
    # A plain attribute: the program is not part of the module's state.
    object.__setattr__(module, "exported_program", program)
    return Opened(module, "pt2", _example(program))


def _load(path: Path) -> torch.export.ExportedProgram:
    if not program_names_gpu(path):
        return torch.export.load(path)
    with tempfile.TemporaryDirectory(prefix="contractgen-") as scratch, loading_on_cpu():
        moved = Path(scratch) / path.name
        write_program_on_cpu(path, moved)
        return torch.export.load(moved)


def _refuse_code(path: Path) -> None:
    """Raise LoadError where a member of the archive is a pickle that names more than tensors and plain data."""
    names: dict[str, None] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                head = file.read(2)
                if head.startswith(_PICKLES):
                    data = head + file.read()
                    try:
                        names.update(dict.fromkeys(name for name in globals_in_bytes(data) if not is_allowed(name)))
                    except zipfile.BadZipFile:  # raw weights may begin with any bytes
                        continue
    suspect = [name for name in names if not name.startswith("a name")]
    if suspect:
        raise refusal(path, "an ExportedProgram with pickled objects", suspect)


def _example(program: torch.export.ExportedProgram) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    example = program.example_inputs
    if example is None:
        return None
    args, kwargs = example
    return tuple(args), dict(kwargs)
