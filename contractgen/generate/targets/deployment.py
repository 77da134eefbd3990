"""What a target is, and what it is told besides the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from contractgen.contract.model import Contract


class Settings(Protocol):
    """The part of the user's settings that matters here."""

    @property
    def model(self) -> str | None: ...  # noqa: D102
    @property
    def arguments(self) -> Mapping[str, object]: ...  # noqa: D102
    @property
    def entry_point(self) -> Path | None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How the model is deployed, as far as the user said. Paths are as the user wrote them, from the current folder."""

    folder: Path
    """Where the files are written: the contract's folder."""
    artifact: Path | None = None
    """The model file."""
    factory: str | None = None
    """What builds the module of a state_dict: ``file.py:Class`` or ``package.module:callable``."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    entry_point: Path | None = None
    """The user's own ``inference.py``, where there is one."""

    @classmethod
    def said(cls, settings: Settings, folder: Path, artifact: Path | None) -> Deployment:
        """What the user's settings say of the model whose contract stands in ``folder``."""
        return cls(
            folder=folder,
            artifact=artifact,
            factory=settings.model,
            arguments=settings.arguments,
            entry_point=settings.entry_point,
        )


@dataclass(frozen=True)
class Target:
    """One serving stack."""

    name: str
    summary: str
    """One line for ``--help``."""
    render: Callable[[Contract, Deployment], dict[str, str]]
    """The files by their path below the contract's folder. Each can hold a line that starts with ``#``."""
    loads: bool = False
    """Whether its files load the model, so that they need to know what builds it."""
