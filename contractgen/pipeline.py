"""The whole pipeline, once: artifact -> load -> infer -> generate -> verify -> files.

Nothing is written before every stage has passed; then all files are put in place one after the other, each atomically.
"""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contractgen.config import DEFAULT_OUT, Settings
from contractgen.contract.codec import dumps
from contractgen.contract.model import Contract
from contractgen.generate.files import Diff, Written, read_text, stale, write_file, write_files
from contractgen.generate.render import render
from contractgen.generate.targets import Deployment, known, render_all
from contractgen.generate.targets.factory import MEMBER, kept
from contractgen.infer.api import InferOptions, infer
from contractgen.load import LoadedModel, load_model
from contractgen.load.example import load_example
from contractgen.report.results import Verification
from contractgen.verify.api import verify
from contractgen.verify.drift import check_drift
from contractgen.verify.runtimes import FILES, not_available
from contractgen.verify.saving import save_cases

Progress = Callable[[str, str], None]
"""Called with the stage's name and what it does at the moment."""

CONTRACT_FILE = "contract.json"


@dataclass(frozen=True)
class Exported:
    """What an export came to."""

    contract: Contract
    folder: Path
    verification: Verification
    written: tuple[Written, ...]
    """What became of each file; empty where verification failed or only a check was asked for."""
    stale: tuple[Diff, ...]
    """Where the files on disk differ from what would be written; only filled in for a check."""
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether verification found nothing and nothing is stale."""
        return self.verification.ok and not self.stale


def run(
    artifact: Path,
    settings: Settings,
    *,
    parent: Path = Path(DEFAULT_OUT),
    trust: bool = False,
    force: bool = False,
    check: bool = False,
    confirm: Callable[[str], bool] | None = None,
    progress: Progress = lambda _stage, _detail: None,
) -> Exported:
    """Run every stage for ``artifact``. ``check`` compares with the files on disk instead of writing them."""
    for target in settings.targets:
        known(target)
    loaded = load(artifact, settings, trust=trust, confirm=confirm, progress=progress)
    inference = infer(loaded, _options(loaded, settings), progress)
    contract = inference.contract
    folder = settings.out or parent / contract.name
    progress("generate", ", ".join(("client", "validator", *settings.targets)))
    deployment = Deployment.said(settings, folder, artifact)
    if any(known(target).loads for target in settings.targets):
        deployment = replace(
            deployment,
            factory=deployment.factory or loaded.factory,
            arguments={**loaded.arguments, **deployment.arguments},
        )
        contract = replace(contract, extensions={**contract.extensions, MEMBER: kept(deployment, folder)})
    generated = render_all(contract, settings.targets, deployment)
    warnings = tuple(dict.fromkeys((*loaded.notes, *inference.warnings)))
    texts = {CONTRACT_FILE: dumps(contract), **generated}
    with _room(folder, wanted=bool(settings.artifacts) and not check) as room:
        verification = verify(
            contract,
            loaded,
            client_source=generated["client.py"],
            validator_source=generated["validator.py"],
            example=inference.example,
            artifacts=settings.artifacts,
            folder=room,
            progress=progress,
        )
        if check:
            return Exported(contract, folder, verification, (), tuple(stale(folder, texts)), warnings)
        if not verification.ok and not force:
            return Exported(contract, folder, verification, (), (), warnings)
        progress("write", str(folder))
        graphs = [] if room is None else _graphs(settings.artifacts, loaded, verification, room)
        written = write_files(folder, generated, force=force)
        written.insert(0, Written(folder / CONTRACT_FILE, write_file(folder / CONTRACT_FILE, texts[CONTRACT_FILE])))
        written += [_put(ready, folder / ready.name) for ready in graphs]
    return Exported(contract, folder, verification, tuple(written), (), warnings)


def load(
    artifact: Path,
    settings: Settings,
    *,
    trust: bool,
    confirm: Callable[[str], bool] | None,
    progress: Progress,
) -> LoadedModel:
    """Turn ``artifact`` into a runnable model, as ``settings`` say."""
    progress("load", str(artifact))
    return load_model(artifact, factory=settings.model, arguments=settings.arguments, trust=trust, confirm=confirm)


def check(
    contract: Contract,
    folder: Path | None,
    artifact: Path,
    settings: Settings,
    *,
    trust: bool = False,
    seed: int = 0,
    budget: float = 5.0,
    case: str | None = None,
    save: Path | None = None,
    reinfer: bool = True,
    confirm: Callable[[str], bool] | None = None,
    progress: Progress = lambda _stage, _detail: None,
) -> Verification:
    """Verify ``artifact`` against ``contract`` and the generated files in ``folder``, or fresh ones where there are none.

    ``budget`` is how many seconds random cases may go on; ``case`` runs the one with that id; ``save`` is a folder to write
    the cases to, as request bodies. ``reinfer`` also infers the model's contract again, and finds where the given one has
    drifted from it.
    """
    loaded = load(artifact, settings, trust=trust, confirm=confirm, progress=progress)
    sources = render(contract)
    if folder is not None:
        sources = {name: read_text(folder / name) or text for name, text in sources.items()}
    result = verify(
        contract,
        loaded,
        client_source=sources["client.py"],
        validator_source=sources["validator.py"],
        example=None if settings.example is None else load_example(settings.example),
        seed=seed,
        budget=budget,
        case=case,
        progress=progress,
    )
    if save is not None:
        progress("save", str(save))
        save_cases(contract, save, seed=seed, case_id=case)
    if not reinfer or case is not None:
        return result
    progress("infer", "the contract again, to find drift")
    drift = check_drift(contract, loaded, dims=settings.dims, tensors=settings.tensors, progress=progress)
    return replace(result, findings=(*result.findings, *drift))


def _options(loaded: LoadedModel, settings: Settings) -> InferOptions:
    example = None if settings.example is None else load_example(settings.example)
    options = InferOptions(
        name=settings.name or loaded.name, example=example, dims=settings.dims, tensors=settings.tensors
    )
    return options if settings.budget is None else replace(options, budget=settings.budget)


def _put(ready: Path, target: Path) -> Written:
    if not target.exists():
        ready.replace(target)
        return Written(target, "created")
    if filecmp.cmp(ready, target, shallow=False):
        return Written(target, "unchanged")
    ready.replace(target)
    return Written(target, "updated")


@contextmanager
def _room(folder: Path, *, wanted: bool) -> Iterator[Path | None]:
    """A folder for graphs from which putting one in place is a rename: ``folder`` itself may never have to be made."""
    if not wanted:
        yield None
        return
    nearest = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.is_dir())
    with tempfile.TemporaryDirectory(prefix=".contractgen-", dir=nearest) as room:
        yield Path(room)


def _graphs(kinds: Sequence[str], loaded: LoadedModel, verification: Verification, room: Path) -> list[Path]:
    """The files of the traced models that are wanted, as verification ran them. Raises `NotAvailable` for what it lacks."""
    found: list[Path] = []
    for kind in dict.fromkeys(kinds):
        path = room / FILES[kind]
        if loaded.kind == kind:
            shutil.copyfile(loaded.path, path)
        elif (ran := next((r for r in verification.runtimes if r.name == kind), None)) is None or not ran.available:
            raise not_available(kind, "there is no input to make it with" if ran is None else ran.reason)
        found += sorted(room.glob(f"{FILES[kind]}*"))  # large weights lie beside an ONNX graph
    return found
