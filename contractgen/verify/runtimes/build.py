"""Making the graphs of a model, each in a child process: exporters crash, hang and leave things behind."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch

from contractgen.contract.model import Contract
from contractgen.infer.forked import Outcome
from contractgen.verify.isolation import Background
from contractgen.verify.runtimes.base import NotAvailable, Runtime
from contractgen.verify.runtimes.eager import NAMES
from contractgen.verify.runtimes.example import GraphInput, graph_input
from contractgen.verify.runtimes.exported import Exported, export_program, first_line
from contractgen.verify.runtimes.onnx_runtime import LARGE, OnnxRuntime, write_onnx
from contractgen.verify.runtimes.torchscript import TorchScript, trace

if TYPE_CHECKING:
    from typing_extensions import Self

ALL = ("torchscript", "pt2", "onnx")
FILES = {"torchscript": "model.torchscript.pt", "pt2": "model.pt2", "onnx": "model.onnx"}
_KINDS: dict[str, type[Any]] = {"torchscript": TorchScript, "pt2": Exported, "onnx": OnnxRuntime}


@dataclass(frozen=True)
class Built:
    """The runtimes that could be made, and why the others could not."""

    runtimes: tuple[Runtime, ...]
    missing: dict[str, str]


class Builder:
    """Builds graphs in the background, into a given folder or into one that lasts as long as the builder is open."""

    def __init__(
        self,
        module: torch.nn.Module,
        contract: Contract,
        kind: str,
        wanted: Iterable[str] = ALL,
        folder: Path | None = None,
    ) -> None:
        self.contract = contract
        self._module = module
        self._missing: dict[str, str] = {}
        self._own = tempfile.TemporaryDirectory(prefix="contractgen-") if folder is None else None
        self._folder = folder or Path(self._own.name if self._own is not None else "")
        self._jobs: dict[str, Background] = {}
        self._opened: dict[str, Runtime | str] = {}
        """What could be read back, or why not."""
        self._given = graph_input(contract)
        self._wanted = [name for name in wanted if NAMES.get(kind) != name]
        if kind in ("onnx", "torchscript"):
            self._missing = dict.fromkeys(self._wanted, f"the artifact is run as it is ({kind})")
        elif self._given is None:
            self._missing = dict.fromkeys(self._wanted, "the contract allows no input of a bounded size")
        else:
            self._start(module, self._given)

    def _start(self, module: torch.nn.Module, given: GraphInput) -> None:
        paths = self._paths()
        if "torchscript" in self._wanted:
            self._jobs["torchscript"] = Background(lambda: trace(module, self.contract, given, paths["torchscript"]))
        if "pt2" in self._wanted or "onnx" in self._wanted:
            importlib.import_module("torch.export._trace")  # a second that both processes would take
            self._jobs["pt2"] = Background(lambda: self._export(module, given))

    def _export(self, module: torch.nn.Module, given: GraphInput) -> str:
        """Save both graphs; the reason why there is no ONNX file, or nothing."""
        paths = self._paths()
        program = export_program(module, self.contract, given)
        if "pt2" in self._wanted:
            extra = {"contractgen.fingerprint": self.contract.fingerprint}
            part = paths["pt2"].with_suffix(".part.pt2")
            torch.export.save(program, part, extra_files=extra)
            part.replace(paths["pt2"])
        if "onnx" in self._wanted:
            try:
                write_onnx(program, module, self.contract, given, paths["onnx"])
            except NotAvailable as error:
                return error.message
        return ""

    def _paths(self) -> dict[str, Path]:
        return {name: self._folder / file for name, file in FILES.items()}

    def ready(self) -> bool:
        """Whether `finish` would return at once."""
        return all(job.ready() for job in self._jobs.values())

    def finish(self, seconds: float) -> Built:
        """What was built; what takes longer than ``seconds`` is given up."""
        missing = dict(self._missing)
        if sum(parameter.nbytes for parameter in self._module.parameters()) > LARGE:
            for job in self._jobs.values():
                job.wait(
                    seconds
                )  # reading one back while another is made would hold more copies of the weights at once
        for job_name, job in self._jobs.items():
            names = [job_name] if job_name == "torchscript" else [n for n in ("pt2", "onnx") if n in self._wanted]
            if "onnx" in names and "pt2" in names and job.first_sign(self._paths()["pt2"], seconds):
                self._open("pt2")  # while the other graph is still being made from it
            outcome = job.wait(seconds)
            for name in names:
                path = self._paths()[name]
                if path.exists() and (outcome.ok or name == "pt2") and not (name == "onnx" and outcome.value):
                    self._open(name)
                else:
                    missing[name] = _reason(outcome)
        missing |= {name: found for name, found in self._opened.items() if isinstance(found, str)}
        return Built(tuple(found for found in self._opened.values() if isinstance(found, Runtime)), missing)

    def _open(self, name: str) -> None:
        if name in self._opened:
            return
        assert self._given is not None
        runtime: Runtime = _KINDS[name](self.contract, self._paths()[name], self._given)
        try:
            runtime.open(self._module)
        except Exception as error:
            self._opened[name] = f"the file that was written does not load: {first_line(error)}"
        else:
            self._opened[name] = runtime

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in self._jobs.values():
            job.cancel()
        if self._own is not None:
            self._own.cleanup()


def _reason(outcome: Outcome) -> str:
    if outcome.ok:
        return str(outcome.value or "no file was written")
    return outcome.message if outcome.error_type == "NotAvailable" else outcome.describe()


@contextmanager
def built(
    module: torch.nn.Module, contract: Contract, kind: str, wanted: Iterable[str], seconds: float
) -> Iterator[Built]:
    """The runtimes, for as long as the context is open."""
    with Builder(module, contract, kind, wanted) as builder:
        yield builder.finish(seconds)
