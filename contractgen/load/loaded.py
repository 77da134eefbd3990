"""What loading is asked for, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

ModelKind = Literal["state_dict", "pickle", "torchscript", "pt2", "onnx", "transformers"]

Example = tuple[tuple[Any, ...], dict[str, Any]]
"""``(args, kwargs)`` of a call of forward."""

MOST_LISTED = 8
"""How many keys or names a message lists of each kind, so that it stays on one screen."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be called, on the CPU."""

    module: torch.nn.Module
    """In eval mode, unless its own ``train`` keeps submodules in train mode; a note says so then."""
    kind: ModelKind
    name: str
    """The contract's name unless the user gives one: the artifact's stem with what is no letter or digit as ``_``."""
    path: Path
    traced_inputs: Example | None
    """The example that the artifact itself carries, as tensors that the model was seen to run on."""
    notes: tuple[str, ...] = ()
    """Warnings for the user."""
    factory: str | None = None
    """What built the module, as the user named it or agreed to it; None where the artifact holds all of the model."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    """What it was called with: what the user gave, and what was solved from the weights."""


@dataclass(frozen=True)
class Request:
    """What the user asks for."""

    path: Path
    factory: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    trust: bool = False
    confirm: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class Opened:
    """What the reader of one kind of artifact gives back."""

    module: torch.nn.Module
    kind: ModelKind
    traced_inputs: Example | None = None
    notes: tuple[str, ...] = ()
    factory: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)


def listed(names: list[str], most: int = MOST_LISTED) -> str:
    """Names for a message, the first few and how many more."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def said(error: BaseException) -> str:
    """A foreign exception in one short line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0][:300] if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
