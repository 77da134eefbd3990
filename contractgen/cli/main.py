"""The command line: what `contractgen` runs. Each command lives in its own module and is registered here."""

from __future__ import annotations

from typing import Annotated

import typer

import contractgen
from contractgen.cli import check, convert, diff, explain, export, generate, init, schema, show

app = typer.Typer(
    name="contractgen",
    help="The true input contract of a PyTorch model, with a client that cannot break it and a validator that enforces it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("export")(export.export)
app.command("generate")(generate.generate)
app.command("check")(check.check)
app.command("diff")(diff.diff)
app.command("convert")(convert.convert)
app.command("explain")(explain.explain)
app.command("init")(init.init)
app.command("show")(show.show)
app.command("schema")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"contractgen {contractgen.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find out what a PyTorch model accepts, write it down, and generate the client and validator that hold to it."""


def run() -> None:
    """Run the command line: 0 ok, 1 findings, 2 usage, 3 no model, 70 internal error, 130 interrupted."""
    app()
