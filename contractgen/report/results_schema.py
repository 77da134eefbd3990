"""The JSON Schema of a verification, read off its dataclasses so that the two cannot disagree."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from contractgen.report.results import FORMAT, Verification

URN = "urn:contractgen:verification:1"


def verification_schema() -> dict[str, Any]:
    """The schema (2020-12) of `Verification.to_json`."""
    definitions: dict[str, Any] = {}
    body = _object(Verification, definitions)
    body["properties"] = {"format": {"const": FORMAT}, "ok": {"type": "boolean"}, **body["properties"]}
    body["required"] = ["format", "ok", *body["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": URN, **body, "$defs": definitions}


def _object(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    fields = [field.name for field in dataclasses.fields(cls)]
    return {
        "type": "object",
        "properties": {name: _type(hints[name], definitions) for name in fields},
        "required": fields,
        "additionalProperties": False,
    }


_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},  # null stands for what JSON has no number for
    type(None): {"type": "null"},
}


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 (annotations have no type of their own)
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type(argument, definitions) for argument in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1], definitions)}
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}  # taken before its members are read
        definitions[hint.__name__] = _object(hint, definitions)
    return {"$ref": f"#/$defs/{hint.__name__}"}
