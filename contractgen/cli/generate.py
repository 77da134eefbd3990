"""`contractgen generate CONTRACT`: the client and validator from a contract alone, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contractgen.cli.console import near, stdout
from contractgen.cli.failures import FINDINGS, reported
from contractgen.cli.options import EntryPoint, TargetOption, Traceback
from contractgen.config import Config, Settings, read_config
from contractgen.contract.codec import dumps, load_contract, loads
from contractgen.errors import UsageError
from contractgen.generate.files import Written, stale, write_file, write_files
from contractgen.generate.targets import Deployment, render_all
from contractgen.generate.targets.factory import remembered


def generate(
    contracts: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CONTRACT]...", help="One or more contract.json.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every contract that [tool.contractgen] names, or contracts/*/contract.json.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to; the contract's own unless given.")
    ] = None,
    targets: TargetOption = None,
    entry_point: EntryPoint = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 with a diff where files are stale.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite generated files that were edited by hand.")] = False,
    traceback: Traceback = False,
) -> None:
    """Write the client and validator of CONTRACT, and what its targets need. Imports no torch, so that any build step can run it."""
    with reported(traceback):
        config = read_config(Path.cwd())
        chosen = _chosen(contracts or [], config, everything)
        if out is not None and len(chosen) > 1:
            raise UsageError("--out takes one contract", hint="Without --out each contract's files stand beside it.")
        # Every contract is read and rendered before anything is written.
        said = Settings(targets=tuple(targets or ()), entry_point=entry_point)
        work = [_files(path, out or path.parent, config, said) for path in chosen]
        if check:
            _check(work)
            return
        for folder, files, sealed in work:
            written = write_files(folder, files, force=force)
            written += [Written(path, write_file(path, text)) for path, text in sealed.items()]
            for file in written:
                typer.echo(f"{file.change:<9}  {file.path}")


def _chosen(contracts: list[Path], config: Config, everything: bool) -> list[Path]:
    if everything == bool(contracts):
        raise UsageError(
            "give contracts or --all", hint="For example: contractgen generate contracts/model/contract.json"
        )
    if contracts:
        return contracts
    found = list(config.contract_files())
    if not found:
        raise UsageError(
            f"no contract found below {config.root}", hint='Name them: [tool.contractgen] contracts = ["GLOB"]'
        )
    return [near(path) for path in found]


def _files(path: Path, folder: Path, config: Config, said: Settings) -> tuple[Path, dict[str, str], dict[Path, str]]:
    """The folder, the generated files, and the contract itself where its author left the fingerprint to us."""
    contract = load_contract(path)
    unsealed = not loads(path.read_text(encoding="utf-8")).fingerprint
    artifact = config.artifact_of(path)
    settings = said.over(config.common if artifact is None else config.settings(artifact))
    deployment = Deployment.said(settings, folder, None if artifact is None else near(artifact))
    deployment = remembered(deployment, contract, path.parent)
    files = render_all(contract, settings.targets, deployment)
    return folder, files, {path: dumps(contract)} if unsealed else {}


def _check(work: list[tuple[Path, dict[str, str], dict[Path, str]]]) -> None:
    from contractgen.report.phrases import count

    differing = [diff for folder, files, _ in work for diff in stale(folder, files)]
    differing += [
        diff for _, _, sealed in work for path, text in sealed.items() for diff in stale(path.parent, {path.name: text})
    ]
    if not differing:
        typer.echo(f"{count(sum(len(files) for _, files, _ in work), 'file')} up to date")
        return
    from contractgen.report import text  # rich takes time to import, which most runs need not

    console = stdout()
    for diff in differing:
        console.print(text.diff(diff.text))
    console.print(f"{count(len(differing), 'file')} stale; contractgen generate renews them")
    raise typer.Exit(FINDINGS)
