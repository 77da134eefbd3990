"""What all runtimes share."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from contractgen.contract.model import Contract
from contractgen.errors import ContractgenError
from contractgen.load.arguments import to_numpy
from contractgen.verify.fill import Array
from contractgen.verify.recipe import Recipe
from contractgen.verify.trees import output_tensors

_LARGE = 1 << 20
"""Bytes of a parameter that is worth sharing."""

RuntimeName = Literal["eager", "torchscript", "pt2", "onnx"]


class NotAvailable(ContractgenError):
    """A runtime cannot be made from this model; the message says why."""

    exit_code = 3


def share_weights(own: torch.nn.Module, of: torch.nn.Module) -> None:
    """Let large parameters of a module that was read back lie where the same ones of the model lie: memory holds them once."""
    known = dict(of.named_parameters())
    shared = 0
    for name, parameter in own.named_parameters():
        same = known.get(name)
        if same is not None and same.nbytes >= _LARGE and torch.equal(parameter, same):
            parameter.data = same.data
            shared += same.nbytes
    if shared:
        give_back()


def give_back() -> None:
    """Let the system have what is free: glibc keeps freed blocks of a few megabytes."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


class Runtime(ABC):
    """One way to run the model. What it has opened is inherited by the child processes that run it."""

    name: str

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def open(self, model: torch.nn.Module) -> None:  # noqa: B027 (the model itself is open already)
        """Read the artifact, which was made from ``model``. Raises whatever the reader raises."""

    @abstractmethod
    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The result for arguments as ``parse`` gives them (numpy), in whatever form the runtime has."""

    def applies(self, recipe: Recipe) -> bool:  # noqa: ARG002
        """Whether the runtime takes inputs of this kind."""
        return True

    def save(self, path: Path) -> None:  # noqa: ARG002
        """Write the runtime's artifact, whole or not at all."""
        raise NotAvailable(f"{self.name} has no artifact")

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, dict[str, Array]]:
        """The result as a numpy tree, and its tensors by wire name.

        Raises `OutputMismatch` where its structure is not the contract's, and whatever the model raises.
        """
        tree = to_numpy(self.call(args, kwargs))
        return tree, {name: value for name, (_, value) in output_tensors(self.contract, tree).items()}
