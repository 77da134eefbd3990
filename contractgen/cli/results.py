"""Printing a verification in the format that was asked for."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contractgen.cli.console import near, stdout

if TYPE_CHECKING:
    from contractgen.report.results import Verification


class ResultsFormat(str, Enum):
    """How a verification is printed."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"
    junit = "junit"


ResultsOption = Annotated[ResultsFormat, typer.Option("--format", help="How results are printed on stdout.")]


def print_results(result: Verification, output: ResultsFormat, contract_file: Path, text: str) -> None:
    """Print a verification on stdout. ``text`` is what the contract's file says: findings name its lines."""
    file = near(contract_file.resolve()).as_posix()
    if output is ResultsFormat.json:
        typer.echo(json.dumps(result.to_json(), indent=2, ensure_ascii=False))
    elif output is ResultsFormat.github:
        from contractgen.report import results_github

        typer.echo(results_github.report(result, file, text), nl=False)
    elif output is ResultsFormat.sarif:
        import contractgen
        from contractgen.report import results_sarif

        log = results_sarif.report(result, contractgen.__version__, file, text)
        typer.echo(json.dumps(log, indent=2, ensure_ascii=False))
    elif output is ResultsFormat.junit:
        from contractgen.report.junit import junit

        typer.echo(junit(result), nl=False)
    else:
        from contractgen.report import text as printed

        stdout().print(printed.verification(result))
