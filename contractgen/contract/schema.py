"""The JSON Schema of the format, which ships beside this module as ``contract.schema.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def contract_schema_text() -> str:
    """The JSON Schema (2020-12) of a contract as it ships."""
    return files("contractgen.contract").joinpath("contract.schema.json").read_text(encoding="utf-8")


def contract_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a contract, ``urn:contractgen:contract:1``, as data that the caller may change."""
    schema: dict[str, Any] = json.loads(contract_schema_text())
    return schema
