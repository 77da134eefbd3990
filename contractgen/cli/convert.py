"""`contractgen convert CONTRACT --to FORMAT`: a contract in the format of another tool."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from contractgen.cli.failures import reported
from contractgen.cli.options import Traceback
from contractgen.contract.codec import load_contract


class Target(str, Enum):
    """Formats of other tools."""

    json_schema = "json-schema"
    openapi = "openapi"
    model_metadata = "model-metadata"


def convert(
    contract_file: Annotated[Path, typer.Argument(metavar="CONTRACT", help="The contract.json.", show_default=False)],
    to: Annotated[
        Target,
        typer.Option(
            "--to",
            help="json-schema: of the plain JSON request. openapi: 3.1, of a server that takes it. "
            "model-metadata: of the Open Inference Protocol.",
        ),
    ],
    path: Annotated[
        str, typer.Option("--path", help="With openapi: where the server takes requests.")
    ] = "/invocations",
    traceback: Traceback = False,
) -> None:
    """Print CONTRACT in another tool's format; its description says what that format cannot say."""
    with reported(traceback):
        from contractgen.report.formats.json_schema import request_schema
        from contractgen.report.formats.model_metadata import model_metadata
        from contractgen.report.formats.openapi import openapi

        contract = load_contract(contract_file)
        if to is Target.json_schema:
            made = request_schema(contract)
        elif to is Target.openapi:
            made = openapi(contract, path)
        else:
            made = model_metadata(contract)
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
