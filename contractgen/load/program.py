"""``.pt2`` files: ExportedPrograms, with the example inputs and the constraints that they carry."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError
from contractgen.load.checkpoint import refusal
from contractgen.load.loaded import Opened, Request, said
from contractgen.load.pickles import globals_in_bytes, is_allowed

_PICKLES = (b"\x80", b"PK")


def open_program(request: Request) -> Opened:
    """The module of an ExportedProgram; the program itself, with its constraints, is ``module.exported_program``."""
    path = request.path
    if not request.trust:
        _refuse_code(path)
    try:
        program = torch.export.load(path)
        module: torch.nn.Module = program.module()
    except Exception as error:
        raise LoadError(
            f"{path} cannot be loaded as an ExportedProgram: {said(error)}",
            hint="It may need the torch version, or the package with the custom operators, that it was saved with.",
        ) from error
    # A plain attribute: the program is not part of the module's state.
    object.__setattr__(module, "exported_program", program)
    notes = []
    moved = sorted({str(tensor.device) for tensor in module.state_dict().values() if tensor.device.type != "cpu"})
    if moved or _names_cuda(module):
        module, problem = _on_cpu(program, module)
        notes += [problem] if problem else []
    return Opened(module, "pt2", _example(program), tuple(notes))


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


def _names_cuda(module: torch.nn.Module) -> bool:
    graph = getattr(module, "graph", None)
    arguments = [value for node in graph.nodes for value in node.kwargs.values()] if graph is not None else []
    return any(isinstance(value, torch.device) and value.type == "cuda" for value in arguments)


def _on_cpu(program: torch.export.ExportedProgram, module: torch.nn.Module) -> tuple[torch.nn.Module, str]:
    from torch.export.passes import move_to_device_pass

    try:
        moved = move_to_device_pass(program, "cpu")
        on_cpu = moved.module()
    except Exception as error:
        return module, f"the program was made for a GPU and could not be moved to the CPU: {said(error)}"
    object.__setattr__(on_cpu, "exported_program", moved)
    return on_cpu, ""


def _example(program: torch.export.ExportedProgram) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    example = program.example_inputs
    if example is None:
        return None
    args, kwargs = example
    return tuple(args), dict(kwargs)
