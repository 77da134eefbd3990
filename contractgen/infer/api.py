"""The one entry to inference: from a loaded model to a sealed contract.

All of it happens in a child process, which forks again for each group of real runs: neither a crash nor a hang of the
model reaches the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contractgen.contract.model import Contract
from contractgen.errors import ContractgenError
from contractgen.infer.isolate import run_isolated
from contractgen.infer.stages import run_stages

if TYPE_CHECKING:
    from contractgen.load.loaded import LoadedModel

Example = tuple[tuple[object, ...], dict[str, object]]
Progress = Callable[[str, str], None]


@dataclass(frozen=True)
class InferOptions:
    """What the user says of the model beforehand."""

    name: str
    example: Example | None = None
    dims: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    tensors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    budget: float = 60.0
    """Seconds after which the search ends with an error; the result never depends on it."""


@dataclass(frozen=True)
class Inference:
    """What was found out."""

    contract: Contract
    example: Example
    """An input that the model ran on."""
    warnings: tuple[str, ...]
    forwards: int
    """How many real runs it took."""


def infer(loaded: LoadedModel, options: InferOptions, progress: Callable[[str, str], None]) -> Inference:
    """The contract of a loaded model.

    Raises:
        InferenceError: no input was found that the model runs on; the message shows the closest attempts.
        DeclarationRefuted: the model runs on what a declaration forbids, or fails on what it allows.
    """
    result = run_isolated(lambda report: run_stages(loaded, options, report), options.budget, progress)
    if isinstance(result, ContractgenError):
        raise result
    assert isinstance(result, tuple)
    contract, example, warnings, forwards = result
    return Inference(contract, example, tuple(warnings), forwards)
