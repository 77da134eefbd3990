"""`contractgen show CONTRACT`: read a contract in the terminal or on a page, without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contractgen.cli.console import stdout
from contractgen.cli.failures import reported
from contractgen.cli.options import Format, FormatOption, Traceback
from contractgen.contract.codec import load_contract, to_json
from contractgen.errors import UsageError

if TYPE_CHECKING:
    from contractgen.contract.model import Contract
    from contractgen.report.results import Verification


def show(
    contract_file: Annotated[Path, typer.Argument(metavar="CONTRACT", help="The contract.json.", show_default=False)],
    why: Annotated[bool, typer.Option("--why", help="Add the evidence of every claim.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page that needs nothing but itself.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="FILE", help="Add what `check --format json` printed into FILE."),
    ] = None,
    output: FormatOption = Format.text,
    traceback: Traceback = False,
) -> None:
    """Show what CONTRACT says: the signature, dims, relations and open questions."""
    with reported(traceback):
        contract = load_contract(contract_file)
        checked = None if results is None else _read(results, contract)
        if html is not None:
            from contractgen.report.html import page

            try:
                html.write_text(page(contract, checked), encoding="utf-8", newline="\n")
            except OSError as error:
                raise UsageError(f"{html} cannot be written: {error.strerror}") from error
            typer.echo(f"written  {html}")
        elif output is Format.json:
            typer.echo(json.dumps(to_json(contract), indent=2, ensure_ascii=False))
        else:
            from contractgen.report import text

            console = stdout()
            console.print(text.signature(contract))
            evidence = text.evidence(contract) if why else None
            for part in (text.questions(contract), evidence, None if checked is None else text.verification(checked)):
                if part is not None:
                    console.print()
                    console.print(part)


def _read(results: Path, contract: Contract) -> Verification:
    from contractgen.report.results_reading import load_results

    checked = load_results(results)
    if checked.fingerprint != contract.fingerprint:
        raise UsageError(f"{results} is about another contract ({checked.model}, {checked.fingerprint})")
    return checked
