"""The model as a traced TorchScript archive. torch.jit is deprecated, yet still what many servers load."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from contractgen.contract.model import Contract
from contractgen.load.arguments import bind, to_torch
from contractgen.verify.recipe import Recipe
from contractgen.verify.runtimes.base import NotAvailable, Runtime, share_weights
from contractgen.verify.runtimes.example import GraphInput
from contractgen.verify.runtimes.exported import first_line, place

jit: Any = torch.jit  # its functions have no annotations


def trace(module: torch.nn.Module, contract: Contract, given: GraphInput, path: Path) -> None:
    """Trace the model on the given input and save it. Raises `NotAvailable` with torch's reason."""
    if isinstance(module, torch.jit.ScriptModule):
        module.save(str(path))
        return
    args, kwargs = bind(module, *to_torch(contract.inputs, given.args, given.kwargs))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kwargs:
                inputs = {**_by_name(contract, args), **kwargs}
                traced = jit.trace(module, example_kwarg_inputs=inputs, strict=False, check_trace=False)
            else:
                traced = jit.trace(module, args, strict=False, check_trace=False)
        traced.save(str(path), _extra_files={"contractgen.fingerprint": contract.fingerprint})
    except NotAvailable:
        raise
    except Exception as error:
        raise NotAvailable(f"torch.jit.trace: {first_line(error)}") from error


def _by_name(contract: Contract, args: tuple[Any, ...]) -> dict[str, Any]:
    names = [parameter.name for parameter in contract.inputs if parameter.kind == "positional"]
    if len(args) > len(names):
        raise NotAvailable("torch.jit.trace takes *args together with keywords in no form")
    return dict(zip(names, args, strict=False))


class TorchScript(Runtime):
    """Runs a TorchScript archive."""

    name = "torchscript"

    def __init__(self, contract: Contract, path: Path, given: GraphInput) -> None:
        super().__init__(contract)
        self.path = path
        self.given = given
        self._module: Any = None

    def applies(self, recipe: Recipe) -> bool:
        """A graph has the inputs that it was made with."""
        return self.given.fits(self.contract, recipe)

    def open(self, model: torch.nn.Module) -> None:
        """Load the archive."""
        self._module = jit.load(str(self.path), map_location="cpu")
        share_weights(self._module, model)

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The archive's result."""
        kept = {name: value for name, value in kwargs.items() if value is not None}
        torch_args, torch_kwargs = to_torch(self.contract.inputs, args[: len(self.given.args)], kept)
        if self.given.kwargs:
            torch_args, torch_kwargs = (), {**_by_name(self.contract, torch_args), **torch_kwargs}
        with torch.no_grad():
            return self._module(*torch_args, **torch_kwargs)

    def save(self, path: Path) -> None:
        """Write the archive."""
        place(self.path, path)
