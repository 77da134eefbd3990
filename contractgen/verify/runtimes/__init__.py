"""The ways to run a model: eager, exported program, TorchScript and ONNX Runtime.

Each but eager is built from the model and its contract into a file, in a child process, and read back from there: what
is compared is what a user would deploy.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from contractgen.contract.model import Contract
from contractgen.verify.runtimes.base import NotAvailable
from contractgen.verify.runtimes.build import FILES, built
from contractgen.verify.runtimes.eager import NAMES

if TYPE_CHECKING:
    from contractgen.load import LoadedModel

__all__ = ["FILES", "NotAvailable", "not_available", "save_artifact"]


def save_artifact(kind: str, loaded: LoadedModel, contract: Contract, path: Path, *, seconds: float = 600.0) -> None:
    """Write the traced model (``onnx``, ``pt2`` or ``torchscript``) with the contract's dims and names.

    ``path`` is whole or not there at all. Raises `NotAvailable`, with the reason, where it cannot be made.
    """
    if NAMES.get(loaded.kind) == kind:
        shutil.copyfile(loaded.path, path)
        return
    with built(loaded.module, contract, loaded.kind, (kind,), seconds) as result:
        if not result.runtimes:
            raise not_available(kind, result.missing.get(kind, "unknown"))
        result.runtimes[0].save(path)


def not_available(kind: str, reason: str) -> NotAvailable:
    """The error for a graph that was asked for and cannot be made."""
    return NotAvailable(
        f"the model cannot be written as {kind}: {reason}",
        hint="leave out --artifact, or choose another kind of onnx, pt2, torchscript",
    )
