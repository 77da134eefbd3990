"""OpenAPI 3.1 of a server that speaks plain JSON: one path, the request, the response, and the refusal."""

from __future__ import annotations

from typing import Any

from contractgen.contract.model import Contract
from contractgen.report.formats import losses
from contractgen.report.formats.json_schema import DIALECT, lost, request_schema, response_schema

CODES = (
    "malformed", "contract", "missing", "unexpected", "structure", "dtype", "rank", "shape", "relation", "value",
)  # fmt: skip
"""The codes of violations, a closed list."""


def openapi(contract: Contract, path: str = "/invocations") -> dict[str, Any]:
    """The document. ``path`` is where the server takes requests: SageMaker's unless given."""
    intro = f"{contract.name}, contract {contract.fingerprint}."
    everything = [*lost(contract, contract.inputs), *lost(contract, contract.outputs)]
    schemas = {"Request": request_schema(contract), "Response": response_schema(contract), "Refusal": _REFUSAL}
    for schema in schemas.values():
        schema.pop("$schema", None)
    refused = {
        "description": "The request breaks the contract; every violation is listed.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": contract.name,
            # A contract has no version of its own; its fingerprint is what tells two apart.
            "version": contract.fingerprint or "unsealed",
            "description": losses.described(intro, everything),
        },
        "paths": {
            path: {
                "post": {
                    "operationId": "infer",
                    "summary": f"Run {contract.name}",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}}},
                    },
                    "responses": {
                        "200": {
                            "description": "What the model returns.",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Response"}}},
                        },
                        "400": refused,
                        "413": {**refused, "description": "The request is larger than the server takes."},
                        "415": {**refused, "description": "The media type is not known."},
                    },
                }
            }
        },
        "components": {"schemas": schemas},
    }


_REFUSAL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "violations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"enum": list(CODES)},
                    "path": {"type": "string"},
                    "expected": {"type": "string"},
                    "actual": {"type": "string"},
                    "message": {"type": "string"},
                    "hint": {"type": "string"},
                },
                "required": ["code", "path", "message"],
            },
        },
    },
    "required": ["error", "violations"],
}
