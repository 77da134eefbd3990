"""`contractgen export MODEL`: the main job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from contractgen.cli import options
from contractgen.cli.console import near, stderr, stdout
from contractgen.cli.failures import FINDINGS, reported
from contractgen.cli.progress import Stages, shown
from contractgen.cli.results import ResultsFormat, ResultsOption, print_results
from contractgen.config import read_config

if TYPE_CHECKING:
    from contractgen.pipeline import Exported


def export(
    artifact: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.", show_default=False)],
    model: options.ModelFactory = None,
    arg: options.Arguments = None,
    example: options.Example = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The contract's name; the artifact's stem unless given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to; contracts/NAME unless given.")
    ] = None,
    trust: options.Trust = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--artifact",
            metavar="onnx|pt2|torchscript",
            help="Write the traced model too; repeat for several. The weights of a large ONNX graph lie beside it.",
        ),
    ] = None,
    targets: options.TargetOption = None,
    entry_point: options.EntryPoint = None,
    dim: options.DimOption = None,
    tensor: options.TensorOption = None,
    budget: options.Budget = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 with a diff where the files on disk differ.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite hand-edited files, and write even where verification finds something."),
    ] = False,
    output: ResultsOption = ResultsFormat.text,
    traceback: options.Traceback = False,
) -> None:
    """Find out what MODEL accepts; write its contract, client and validator; verify them against it."""
    with reported(traceback):
        config = read_config(Path.cwd())
        settings = options.model_settings(
            model=model, arguments=arg, example=example, name=name, out=out, artifacts=kinds or (), budget=budget,
            dims=dim, tensors=tensor, targets=targets or (), entry_point=entry_point,
        ).over(config.settings(artifact))  # fmt: skip
        with shown(stderr()) as stages:
            stages("import", "torch")
            from contractgen import pipeline

            exported = pipeline.run(
                artifact,
                settings,
                parent=near(config.out),
                trust=trust,
                force=force,
                check=check,
                confirm=asking(stages),
                progress=stages,
            )
        for warning in exported.warnings:
            stderr().print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
        if output is ResultsFormat.json:
            _print_json(exported, check)
        elif output is ResultsFormat.text:
            _print_text(exported, check)
        else:
            _print_findings(exported, output)
        if not exported.ok:
            raise typer.Exit(FINDINGS)


def asking(stages: Stages) -> Callable[[str], bool] | None:
    """A question put to the user, where there is a terminal to put it on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def confirm(question: str) -> bool:
        with stages.paused():
            # Not typer's own prompt: it leaves a space on stdout, where results belong.
            stderr().print(f"{question} [y/N]: ", end="", markup=False, soft_wrap=True)
            return sys.stdin.readline().strip().lower() in {"y", "yes"}

    return confirm


def _print_text(exported: Exported, check: bool) -> None:
    from contractgen.report import text

    console = stdout()
    parts = [
        text.signature(exported.contract),
        text.questions(exported.contract),
        text.evidence(exported.contract),
        text.verification(exported.verification),
    ]
    for part in parts:
        if part is not None:
            console.print(part)
            console.print()
    for diff in exported.stale:
        console.print(text.diff(diff.text))
    if exported.written:
        console.print(text.files((str(file.path), file.change) for file in exported.written))
    elif check:
        console.print(f"{len(exported.stale)} stale" if exported.stale else Text("Up to date", style="bold"))
    else:
        console.print(
            "Nothing was written, since verification found something. --force writes all the same; then "
            "`contractgen check CONTRACT MODEL --case ID` runs a case again.",
            soft_wrap=True,
        )


def _print_findings(exported: Exported, output: ResultsFormat) -> None:
    """The verification for build servers; a stale file is a finding like any other."""
    from contractgen.contract.codec import dumps
    from contractgen.report.results import Finding

    stale = [Finding("drift", "", f"{diff.path.as_posix()} is stale: export renews it") for diff in exported.stale]
    result = replace(exported.verification, findings=(*exported.verification.findings, *stale))
    print_results(result, output, exported.folder / "contract.json", dumps(exported.contract))


def _print_json(exported: Exported, check: bool) -> None:
    import json

    from contractgen.contract.codec import to_json

    document = {
        "ok": exported.ok,
        "contract": to_json(exported.contract),
        "warnings": list(exported.warnings),
        "verification": exported.verification.to_json(),
        "files": [{"path": file.path.as_posix(), "change": file.change} for file in exported.written],
    }
    if check:
        document["stale"] = [diff.path.as_posix() for diff in exported.stale]
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
