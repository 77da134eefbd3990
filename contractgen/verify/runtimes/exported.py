"""The model as an ExportedProgram, with the contract's dims."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.fx.experimental import _config as symbolic_config

from contractgen.contract.model import Contract
from contractgen.load.arguments import bind, to_torch
from contractgen.verify.recipe import Recipe
from contractgen.verify.runtimes.base import NotAvailable, Runtime, share_weights
from contractgen.verify.runtimes.example import GraphInput, automatic_dims, dynamic_shapes, named_dims
from contractgen.verify.runtimes.recurrent import recurrent_shapes

_config: Any = symbolic_config  # its functions are installed at run time


def export_program(module: torch.nn.Module, contract: Contract, given: GraphInput) -> torch.export.ExportedProgram:
    """The program with the contract's dims by name, or with automatic ones where torch cannot prove the named ones.

    First without torch's assumption that no size is 1, which would make a program that refuses inputs of that size, as
    well as those where a size within the model comes to 1. Raises `NotAvailable` with torch's reason.
    """
    torch_args, torch_kwargs = to_torch(contract.inputs, given.args, given.kwargs)
    args, kwargs = bind(module, torch_args, torch_kwargs)
    reasons: list[str] = []
    for dims in (named_dims(contract), automatic_dims(contract)):
        shapes = dynamic_shapes(contract, given, dims)
        for any_size in (True, False):
            try:
                with recurrent_shapes(), _config.patch(backed_size_oblivious=any_size):
                    return torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=False)
            except Exception as error:
                reasons.append(first_line(error))
    raise NotAvailable(f"torch.export: {reasons[-1]}")


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its text that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


class Exported(Runtime):
    """Runs an ExportedProgram that was saved to a file."""

    name = "pt2"

    def __init__(self, contract: Contract, path: Path, given: GraphInput) -> None:
        super().__init__(contract)
        self.path = path
        self.given = given
        self._module: torch.nn.Module | None = None

    def applies(self, recipe: Recipe) -> bool:
        """A graph has the inputs that it was made with."""
        return self.given.fits(self.contract, recipe)

    def open(self, model: torch.nn.Module) -> None:
        """Load the program; its own guards stay in force."""
        self._module = torch.export.load(self.path).module()
        share_weights(self._module, model)

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The program's result."""
        assert self._module is not None
        torch_args, torch_kwargs = to_torch(self.contract.inputs, _given(args, self.given), _present(kwargs))
        bound_args, bound_kwargs = bind(self._module, torch_args, torch_kwargs)
        with torch.no_grad():
            return self._module(*bound_args, **bound_kwargs)

    def save(self, path: Path) -> None:
        """Write the ``.pt2`` archive."""
        place(self.path, path)


def _given(args: tuple[Any, ...], given: GraphInput) -> tuple[Any, ...]:
    """Positional arguments without the constants that parse fills in at the end."""
    return args[: len(given.args)]


def _present(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if value is not None}


def place(source: Path, target: Path) -> None:
    """Copy a file so that ``target`` is never half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
