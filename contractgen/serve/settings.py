"""What a server is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from contractgen.contract.model import Contract

RuntimeName = Literal["onnx", "eager", "torchscript"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides about a server. It travels to worker processes as a pickle."""

    contract: Contract
    artifact: Path
    """The model file."""
    factory: str | None = None
    """What builds the module of a state_dict."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    trust: bool = False
    runtime: RuntimeName = "onnx"
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    """Processes."""
    threads: int | None = None
    """Threads that run the model, in each process; the cores divided among the processes unless given."""
    waiting: int = 128
    """Requests that wait for a thread, in each process."""
    batch: int = 1
    """The most rows that the model is run on at once."""
    max_body_bytes: int = 64 << 20
    read_seconds: float = 30.0
    """How long a request's head, and then its body, may take to arrive."""
    write_seconds: float = 30.0
    """How long a client may take to read an answer."""
    drain_seconds: float = 30.0
    """How long accepted requests may take after SIGTERM."""
    log_requests: bool = True


@dataclass(frozen=True)
class Prepared:
    """What every process that serves starts from."""

    settings: Settings
    file: Path | None
    """The model in the form that its runtime reads; None for the artifact itself."""
    warm_up: tuple[bytes, dict[str, str]] | None
    """A request within the contract, which the model has to answer before anyone else is served."""
