"""Reading a verification back from its JSON, by the same dataclasses that `results_schema` describes."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from contractgen.errors import UsageError
from contractgen.report.results import FORMAT, Verification


def load_results(path: Path) -> Verification:
    """The verification in a file that ``check --format json`` or ``export --format json`` wrote. Raises `UsageError`."""
    hint = "contractgen check CONTRACT MODEL --format json > results.json writes one"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}", hint=hint) from error
    if isinstance(body, dict) and "verification" in body:
        body = body["verification"]
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise UsageError(f"{path} holds no results of a check ({FORMAT})", hint=hint)
    try:
        read = _read(Verification, {name: body[name] for name in body if name not in ("format", "ok")}, "$")
    except ValueError as error:
        raise UsageError(f"{path}: {error}", hint=hint) from error
    assert isinstance(read, Verification)
    return read


def _read(hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401 (annotations and JSON have no type of their own)
    """A value as its annotation has it. Raises `ValueError` that says where it is not."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is float and value is None:
        return math.inf  # what JSON has no number for
    if origin in (Union, types.UnionType):
        return None if value is None else _read(next(each for each in arguments if each is not type(None)), value, path)
    if origin is Literal:
        fits = value in arguments
    elif origin is tuple:
        fits = isinstance(value, list)
    elif dataclasses.is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        fits = isinstance(value, dict)
    else:
        number = hint is float and isinstance(value, int) and not isinstance(value, bool)
        fits = number or (isinstance(value, hint) and (hint is bool or not isinstance(value, bool)))
    if not fits:
        raise ValueError(f"{path} cannot be {json.dumps(value)[:60]}")
    if origin is tuple:
        return tuple(_read(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _read(arguments[1], item, f"{path}.{name}") for name, item in value.items()}
    return _members(hint, value, path) if dataclasses.is_dataclass(hint) else value


def _members(cls: Any, value: dict[str, Any], path: str) -> Any:  # noqa: ANN401 (likewise)
    hints = get_type_hints(cls)
    names = {field.name for field in dataclasses.fields(cls)}
    for name in sorted(names ^ value.keys()):
        raise ValueError(f"{path}.{name} is {'missing' if name in names else 'unknown'}")
    return cls(**{name: _read(hints[name], value[name], f"{path}.{name}") for name in names})
