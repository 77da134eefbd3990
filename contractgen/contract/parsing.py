"""From text to plain JSON data, strictly: what two readers could understand differently is refused, with its path."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from contractgen.contract.model import MAX_INTEGER
from contractgen.errors import UsageError

MAX_DEPTH: Final = 64
"""How deep a contract may nest; deeper than any model, and shallow enough for every reader's stack."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class ContractError(UsageError):
    """A contract that cannot be used. The message starts with the file, where there is one, and the JSON path.

    What keeps a file from being JSON at all has an empty ``path``.
    """

    code = "contract-file"

    def __init__(self, path: str, problem: str, *, hint: str = "", file: str = "") -> None:
        super().__init__(": ".join(part for part in (file, path, problem) if part), hint=hint)
        self.path = path
        self.problem = problem


@dataclass(frozen=True)
class _Refused:
    """Stands in the data for what the text should not have had, until its path is known."""

    problem: str


def parse_json(text: str) -> object:
    """The data of a JSON text of integers, strings, booleans, null, arrays and objects.

    Raises `ContractError` for text that is not JSON, a member that occurs twice, NaN, a number that is not an integer
    or not one of magnitude 2^53 - 1 at most, half of a surrogate pair, and nesting beyond `MAX_DEPTH`.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=lambda number: _Refused(
                f"{_short(number)} is not an integer; a decimal is written as a string"
            ),
            parse_constant=lambda number: _Refused(f"{number} is not JSON"),
        )
    except json.JSONDecodeError as error:
        raise ContractError("", f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ContractError("$", f"nested more than {MAX_DEPTH} deep") from error
    _refuse(data, "$", 0)
    return data


def key_path(path: str, key: str) -> str:
    """The JSON path of a member: ``$.dims.batch``, ``$["x-a.b"]``."""
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{json.dumps(key)}]"


def _object(pairs: list[tuple[str, object]]) -> object:
    members: dict[str, object] = {}
    for key, value in pairs:
        # The first one that is wrong takes the member's place, so that its path can be told.
        members[key] = _Refused(f"the member {json.dumps(key)} occurs twice") if key in members else value
    return members


def _integer(digits: str) -> object:
    # The length is looked at first: Python refuses to convert thousands of digits with an error of its own.
    if len(digits) <= 17 and abs(int(digits)) <= MAX_INTEGER:
        return int(digits)
    return _Refused(f"{_short(digits)} is beyond 2^53 - 1, where JSON readers begin to round")


def _short(number: str) -> str:
    return number if len(number) <= 40 else f"{number[:40]}..."


def _refuse(value: object, path: str, depth: int) -> None:
    if isinstance(value, _Refused):
        raise ContractError(path, value.problem)
    if depth > MAX_DEPTH:
        raise ContractError(path, f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        _refuse_surrogates(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_surrogates(key, path)
            _refuse(item, key_path(path, key), depth + 1)


def _refuse_surrogates(text: str, path: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ContractError(path, "a text with half of a surrogate pair, which no UTF-8 can hold")
