"""OpenAPI 3.1 of the ASGI application: plain JSON and the Open Inference Protocol, health, metadata, and refusals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from contractgen.contract.model import Contract
from contractgen.report.formats.model_metadata import model_metadata
from contractgen.report.formats.openapi import openapi

Document = dict[str, Any]

BINARY_TYPES = (
    "application/octet-stream",
    "application/vnd.sagemaker-triton.binary+json",
    "application/x-npy",
    "application/x-npz",
)
"""What requests and responses may be besides JSON; a schema cannot say what is in them."""


def document(contract: Contract) -> Document:
    """The document of all paths."""
    made = openapi(contract)
    schemas = made["components"]["schemas"]
    schemas.update(_protocol_schemas(contract))
    invoke = made["paths"]["/invocations"]["post"]
    model = f"/v2/models/{quote(contract.name, safe='')}"
    made["paths"] = {
        "/ping": operation("ping", "Whether the server runs; SageMaker's health check", {"status": _of("string")}),
        "/invocations": {"post": _inference(invoke, "invoke", ["Request", "InferRequest"], ["Response", "InferResponse"])},
        f"{model}/infer": {"post": _inference(invoke, "infer", ["InferRequest", "Request"], ["InferResponse", "Response"])},
        model: operation("model_metadata", "The names, datatypes and shapes of the model's tensors", None, "ModelMetadata"),
        f"{model}/ready": operation(
            "model_ready", "Whether the model takes requests", {"name": _of("string"), "ready": _of("boolean")}
        ),
        "/v2": operation("server_metadata", "The server, and the contract as its version", {
            "name": _of("string"), "version": _of("string"), "extensions": {"type": "array", "items": _of("string")},
        }),
        "/v2/health/live": operation("live", "Whether the server runs", {"live": _of("boolean")}),
        "/v2/health/ready": operation("ready", "Whether the server takes requests", {"ready": _of("boolean")}),
        "/openapi.json": operation("openapi", "This document", {"openapi": _of("string")}),
    }  # fmt: skip
    return made


def _inference(plain: Document, name: str, requests: list[str], responses: list[str]) -> Document:
    """The operation that runs the model. ``plain`` is the one of plain JSON alone."""
    refusals = {status: each for status, each in plain["responses"].items() if status != "200"}
    refused = refusals["400"]
    return {
        "operationId": name,
        "summary": plain["summary"],
        "requestBody": {"required": True, "content": _content(requests)},
        "responses": {
            "200": {"description": "What the model returns, in the format of the request or of its Accept.", "content": _content(responses)},
            **refusals,
            "408": {**refused, "description": "The body did not arrive in time."},
            "500": {**refused, "description": "The model failed."},
            "503": {**refused, "description": "The server is busy.", "headers": {
                "Retry-After": {"description": "Seconds to wait.", "schema": _of("integer")},
            }},
        },
    }  # fmt: skip


def _content(schemas: list[str]) -> Document:
    either = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in schemas]}
    return {"application/json": {"schema": either}, **{media: {} for media in BINARY_TYPES}}


def operation(name: str, summary: str, members: Document | None, schema: str = "") -> Document:
    """A path that answers GET with a JSON object of these members, or of a schema by its name."""
    inner = {"$ref": f"#/components/schemas/{schema}"} if members is None else _object(members)
    answer = {"description": summary + ".", "content": {"application/json": {"schema": inner}}}
    return {"get": {"operationId": name, "summary": summary, "responses": {"200": answer}}}


def _protocol_schemas(contract: Contract) -> dict[str, Document]:
    """The messages of the Open Inference Protocol in JSON."""
    metadata = model_metadata(contract)
    tensor = {"name": _of("string"), "datatype": _of("string"), "shape": {"type": "array", "items": _of("integer")}}
    return {
        "InferRequest": {
            "description": "A request of the Open Inference Protocol: each tensor with its elements in C order.",
            **_object({
                "id": _of("string"),
                "parameters": _of("object"),
                "inputs": {"type": "array", "items": {"oneOf": [_tensor(entry) for entry in metadata["inputs"]]}},
                "outputs": {"type": "array", "items": _object({"name": _of("string"), "parameters": _of("object")}, ["name"])},
            }, ["inputs"]),
        },
        "InferResponse": {
            "description": "A response of the Open Inference Protocol.",
            **_object({
                "model_name": {"const": contract.name},
                "id": _of("string"),
                "parameters": _of("object"),
                "outputs": {"type": "array", "items": _object({**tensor, "data": _of("array")}, list(tensor))},
            }, ["model_name", "outputs"]),
        },
        "ModelMetadata": {
            "description": "Metadata of the Open Inference Protocol; -1 is a size that varies.",
            **_object({
                "name": {"const": contract.name},
                "versions": {"type": "array", "items": _of("string")},
                "platform": _of("string"),
                "description": _of("string"),
                "inputs": {"type": "array", "items": _object(tensor, list(tensor))},
                "outputs": {"type": "array", "items": _object(tensor, list(tensor))},
            }, ["name", "platform", "inputs", "outputs"]),
        },
    }  # fmt: skip


def _tensor(entry: Document) -> Document:
    """A tensor of the metadata as a request has it."""
    sizes = [{"const": size} if size >= 0 else {"type": "integer", "minimum": 0} for size in entry["shape"]]
    shape: Document = {"type": "array", "minItems": len(sizes), "maxItems": len(sizes)}
    if sizes:
        shape["prefixItems"] = sizes
    name = {"const": entry["name"]} if "*" not in entry["name"] else _of("string")
    members = {"name": name, "datatype": {"const": entry["datatype"]}, "shape": shape, "data": _of("array")}
    return _object({**members, "parameters": _of("object")}, list(members))


def _object(members: Document, required: list[str] | None = None) -> Document:
    return {"type": "object", "properties": members, "required": list(members) if required is None else required}


def _of(kind: str) -> Document:
    return {"type": kind}
