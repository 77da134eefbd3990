"""What has to be done once before processes can serve: the model in its runtime's form, and a request to try it with."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from contractgen.contract.model import Contract, Dict, List, Node, Optional, Tuple
from contractgen.errors import ContractgenError, LoadError, UsageError
from contractgen.serve.settings import Prepared, Settings
from contractgen.verify.cases.model import Ground
from contractgen.verify.encode import BINARY, encode, tensors_of
from contractgen.verify.recipe import arguments

T = TypeVar("T")
Confirm = Callable[[str], bool]


def prepare(settings: Settings, folder: Path, confirm: Confirm | None) -> Prepared:
    """Load the model, and write it into ``folder`` where its runtime wants another form. Raises `ContractgenError`."""
    import torch

    from contractgen.load import load_model
    from contractgen.verify.runtimes import save_artifact

    torch.set_num_threads(1)
    loaded = load_model(
        settings.artifact, factory=settings.factory, arguments=settings.arguments, trust=settings.trust, confirm=confirm
    )
    warm_up = example_request(settings.contract)
    if settings.runtime in ("eager", loaded.kind):
        return Prepared(settings, None, warm_up)
    if loaded.kind in ("onnx", "torchscript"):
        raise UsageError(
            f"{settings.artifact} cannot be turned into {settings.runtime}",
            hint=f"Serve it as it is: --runtime {loaded.kind}.",
        )
    file = folder / {"onnx": "model.onnx", "torchscript": "model.torchscript.pt"}[settings.runtime]
    save_artifact(settings.runtime, loaded, settings.contract, file)
    return Prepared(settings, file, warm_up)


def example_request(contract: Contract) -> tuple[bytes, dict[str, str]] | None:
    """A small request with everything that the contract knows; None where it allows none of a bounded size."""
    recipe = Ground(contract, max_elements=1 << 20).base()
    if recipe is None:
        return None
    return encode(tensors_of(contract, arguments(contract, recipe)), BINARY, contract.fingerprint)


def is_ready(settings: Settings) -> bool:
    """Whether the artifact is in the form that its runtime reads, so that nothing has to be loaded to prepare it."""
    return settings.runtime == "onnx" and settings.artifact.suffix == ".onnx"


def check_fits(runtime: str, contract: Contract) -> None:
    """Raise UsageError where a graph could not serve all that the contract allows."""
    if runtime == "eager":
        return
    varying = [p.name for p in contract.inputs if not p.required or _varies(contract, p.node)]
    if varying:
        raise UsageError(
            f"a graph has the inputs that it was made with, and {', '.join(varying)} may be absent or of any length",
            hint="--runtime eager serves every contract.",
        )


def _varies(contract: Contract, node: Node) -> bool:
    """Whether requests differ in which tensors they have."""
    if isinstance(node, Optional):
        return True
    if isinstance(node, Dict):
        return any(not field.required or _varies(contract, field.node) for field in node.fields)
    if isinstance(node, Tuple):
        return any(_varies(contract, item) for item in node.items)
    if isinstance(node, List):
        dim = contract.dims[node.length] if isinstance(node.length, str) else None
        return (dim is not None and (dim.equals is not None or dim.min != dim.max)) or _varies(contract, node.item)
    return False


def in_child(job: Callable[[], T]) -> T:
    """The job's result, from a child process: this one stays free of what the job imports. Raises what it raises."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(job, sending))
    child.start()
    sending.close()
    try:
        outcome: T | ContractgenError = receiving.recv()
    except EOFError:
        child.join()
        raise LoadError(f"the process that loads the model died (exit code {child.exitcode})") from None
    child.join()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _run(job: Callable[[], object], sending: Connection) -> None:
    try:
        sending.send(job())
    except ContractgenError as error:
        sending.send(error)
