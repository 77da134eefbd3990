"""`contractgen explain CODE`: what an error, a violation or a rule means, from the same text as the documentation."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from contractgen.cli.failures import reported
from contractgen.cli.options import Traceback
from contractgen.errors import UsageError


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="A code; all are listed unless given.", show_default=False)
    ] = None,
    traceback: Traceback = False,
) -> None:
    """Explain the code of an error, of a violation or of a rule of `diff`."""
    with reported(traceback):
        from contractgen.report.explanations import codes, explanation

        if code is None:
            typer.echo("\n".join(codes()))
        elif code in codes():
            typer.echo(explanation(code), nl=False)
        else:
            near = difflib.get_close_matches(code, codes(), n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "`contractgen explain` lists them."
            raise UsageError(f"{code} is no code", hint=hint)
