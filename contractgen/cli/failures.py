"""From an exception to what a user sees of it and the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

import contractgen
from contractgen.cli.console import stderr
from contractgen.errors import ContractgenError, UsageError

FINDINGS = 1
USAGE = 2
INTERNAL = 70
INTERRUPTED = 130


@contextmanager
def reported(show_traceback: bool) -> Iterator[None]:
    """Run a command; on an exception print a one-screen message and raise `typer.Exit` with the exit code."""
    try:
        yield
    except ContractgenError as error:
        _trace(show_traceback)
        _say(error.message, error.hint, error.code)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        stderr().print("interrupted", style="yellow")
        raise typer.Exit(INTERRUPTED) from error
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError as error:
        # The reader of our output went away (`| head`): nothing is left to say, also not at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(INTERNAL) from error
    except Exception as error:
        _trace(show_traceback)
        if isinstance(error, OSError) and _is_the_users(error.filename):
            _say(f"{error.filename}: {error.strerror}", "", UsageError.code)
            raise typer.Exit(USAGE) from error
        _say(
            f"internal error: {type(error).__name__}: {error}",
            "This is a defect of contractgen, not of the model."
            if show_traceback
            else "Run again with --traceback and report it.",
            ContractgenError.code,
        )
        raise typer.Exit(INTERNAL) from error


def _is_the_users(path: object) -> bool:
    """Whether a path that the system refused is one that the user gave, rather than a file of this package."""
    return isinstance(path, (str, os.PathLike)) and not Path(path).is_relative_to(Path(contractgen.__file__).parent)


def _say(message: str, hint: str, code: str) -> None:
    from rich.markup import escape

    console = stderr()
    console.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if hint:
        console.print(f"[bold cyan]hint:[/] {escape(hint)}", soft_wrap=True)
    console.print(f"[dim]more: contractgen explain {escape(code)}[/]", soft_wrap=True)


def _trace(wanted: bool) -> None:
    if wanted:
        traceback.print_exc()
