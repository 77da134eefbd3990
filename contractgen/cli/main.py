"""The command line: what `contractgen` runs. Each command lives in a module of its own name, imported when it is asked for."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

import contractgen

COMMANDS: Final = ("export", "generate", "check", "diff", "convert", "explain", "init", "show", "serve", "schema")
"""In the order of `--help`. ``contractgen.cli.NAME`` has a function of that name."""

_SETTINGS: Final = {"help_option_names": ["-h", "--help"]}


class _Lazy(UserDict[str, Any]):
    """The commands by name, each made when it is looked up: one command need not pay for the imports of all."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 (typer's own class of commands)
        if self.data[name] is None:
            alone = typer.Typer(add_completion=False, rich_markup_mode="markdown", context_settings=_SETTINGS)
            alone.command(name)(getattr(import_module(f"contractgen.cli.{name}"), name))
            self.data[name] = typer.main.get_command(alone)
        return self.data[name]


class _Group(TyperGroup):
    """The root command."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 (typer's own)
        super().__init__(**settings)
        self.commands = _Lazy(dict.fromkeys(COMMANDS))


app = typer.Typer(
    name="contractgen",
    cls=_Group,
    help="The true input contract of a PyTorch model, with a client that cannot break it and a validator that enforces it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings=_SETTINGS,
)


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
