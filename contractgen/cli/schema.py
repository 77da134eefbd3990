"""`contractgen schema`: the JSON Schemas of what contractgen writes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from contractgen.cli.failures import reported
from contractgen.cli.options import Traceback


class Document(str, Enum):
    """What has a schema."""

    contract = "contract"
    verification = "verification"


def schema(
    document: Annotated[
        Document,
        typer.Argument(help="contract: contract.json. verification: the results of `check --format json`."),
    ] = Document.contract,
    traceback: Traceback = False,
) -> None:
    """Print the JSON Schema (2020-12) of what contractgen writes."""
    with reported(traceback):
        from contractgen.contract.schema import contract_schema
        from contractgen.report.results_schema import verification_schema

        made = contract_schema() if document is Document.contract else verification_schema()
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
