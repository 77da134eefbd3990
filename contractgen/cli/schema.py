"""`contractgen schema`: the JSON Schema of a contract."""

from __future__ import annotations

import json

import typer

from contractgen.cli.failures import reported
from contractgen.cli.options import Traceback


def schema(traceback: Traceback = False) -> None:
    """Print the JSON Schema (2020-12) of contract.json."""
    with reported(traceback):
        from contractgen.contract.schema import contract_schema

        typer.echo(json.dumps(contract_schema(), indent=2, ensure_ascii=False))
