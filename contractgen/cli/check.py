"""`contractgen check CONTRACT MODEL`: verify a model against an existing contract and its generated code."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from contractgen.cli import options
from contractgen.cli.console import stderr, stdout
from contractgen.cli.export import asking
from contractgen.cli.failures import FINDINGS, reported
from contractgen.cli.progress import shown
from contractgen.cli.results import ResultsFormat, ResultsOption, print_results
from contractgen.config import read_config
from contractgen.contract.codec import load_contract


def check(
    contract_file: Annotated[Path, typer.Argument(metavar="CONTRACT", help="The contract.json.", show_default=False)],
    artifact: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.", show_default=False)],
    model: options.ModelFactory = None,
    arg: options.Arguments = None,
    example: options.Example = None,
    trust: options.Trust = False,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same cases.")] = 0,
    budget: Annotated[
        float,
        typer.Option(
            "--budget", metavar="SECONDS", min=0.0, help="How long random cases go on; directed ones run in any case."
        ),
    ] = 5.0,
    no_infer: Annotated[
        bool, typer.Option("--no-infer", help="Do not look for drift by inferring the model's contract again.")
    ] = False,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Run only the case of a finding.")] = None,
    save_cases: Annotated[
        Path | None,
        typer.Option(
            "--save-cases",
            metavar="DIR",
            help="Write the cases as request bodies of every wire format, for other tools.",
        ),
    ] = None,
    output: ResultsOption = ResultsFormat.text,
    traceback: options.Traceback = False,
) -> None:
    """Verify MODEL against CONTRACT, through the client and validator beside it where there are any."""
    with reported(traceback):
        contract = load_contract(contract_file)
        settings = options.model_settings(
            model=model, arguments=arg, example=example, budget=None, dims=None, tensors=None
        ).over(read_config(Path.cwd()).settings(artifact))
        with shown(stderr()) as stages:
            stages("import", "torch")
            from contractgen import pipeline

            result = pipeline.check(
                contract,
                contract_file.parent,
                artifact,
                settings,
                trust=trust,
                seed=seed,
                budget=budget,
                case=case,
                save=save_cases,
                reinfer=not no_infer,
                confirm=asking(stages),
                progress=stages,
            )
        if save_cases is not None:
            stderr().print(f"cases written to {escape(str(save_cases))}", soft_wrap=True)
        print_results(result, output, contract_file, contract_file.read_text(encoding="utf-8"))
        replayable = next((finding.case for finding in result.findings if finding.case), None)
        if output is ResultsFormat.text and replayable and case is None:
            again = [*sys.argv[1:], "--case", replayable]
            stdout().print(f"\nReplay one: {escape(shlex.join(['contractgen', *again]))}", soft_wrap=True)
        if not result.ok:
            raise typer.Exit(FINDINGS)
