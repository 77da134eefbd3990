"""Members of JSON data, taken out one by one with their types checked; what nobody took is unknown and an error."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_args

from contractgen.contract.decimals import is_decimal
from contractgen.contract.model import MAX_INTEGER, Bound, Expr, Operator, Scalar
from contractgen.contract.parsing import ContractError, key_path

IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
"""The name of a dim or a role: what every language can call a variable."""

_MISSING: Final = object()

T = TypeVar("T", bound=str)


def shown(value: object) -> str:
    """A JSON value in a message, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass
class Reader:
    """An object of the data with its path. ``what`` names it in messages; ``key`` is its name where it is a member."""

    data: Any
    path: str
    what: str
    key: str = ""
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not isinstance(self.data, dict):
            raise ContractError(self.path, f"is {shown(self.data)} where {self.what} (an object) belongs")

    def member(self, name: str, default: object = _MISSING) -> object:
        """The value of a member. Raises `ContractError` where it is absent and has no default."""
        self.used.add(name)
        value = self.data.get(name, default)
        if value is _MISSING:
            raise ContractError(self.path, f"has no {name!r}, which {self.what} needs")
        return value

    def done(self, why: str = "") -> None:
        """Raise `ContractError` for a member that was not taken."""
        for name in self.data:
            if name not in self.used:
                meant = difflib.get_close_matches(name, self.used - self.data.keys(), 1)
                hint = f"did you mean {meant[0]!r}?" if meant else ""
                raise ContractError(key_path(self.path, name), f"is no member of {self.what}{why}", hint=hint)

    def text(self, name: str) -> str:
        """A string that is not empty."""
        value = self.member(name)
        if not isinstance(value, str) or not value:
            raise ContractError(f"{self.path}.{name}", f"is {shown(value)} where a text that is not empty belongs")
        return value

    def optional_text(self, name: str, *, pattern: str = r"(?s:.+)") -> str | None:
        """A string that is absent or matches a pattern."""
        if name not in self.data:
            self.used.add(name)
            return None
        value = self.text(name)
        if not re.fullmatch(pattern, value):
            raise ContractError(f"{self.path}.{name}", f"is {shown(value)}, which does not match {pattern}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self.member(name, default)
        if not isinstance(value, bool):
            raise ContractError(f"{self.path}.{name}", f"is {shown(value)} where true or false belongs")
        return value

    def integer(self, name: str, *, default: int, least: int) -> int:
        """An integer of at least ``least``."""
        return read_integer(self.member(name, default), f"{self.path}.{name}", least)

    def optional_integer(self, name: str, *, least: int) -> int | None:
        """An integer of at least ``least``, or None for null or where it is absent."""
        value = self.member(name, None)
        return None if value is None else read_integer(value, f"{self.path}.{name}", least)

    def choice(self, name: str, choices: Sequence[T], default: T | None = None) -> T:
        """One of a few strings."""
        value = self.member(name, _MISSING if default is None else default)
        for choice in choices:
            if value == choice:
                return choice
        meant = difflib.get_close_matches(str(value), choices, 1)
        hint = f"did you mean {meant[0]!r}?" if meant else ""
        raise ContractError(f"{self.path}.{name}", f"is {shown(value)}, not one of {', '.join(choices)}", hint=hint)

    def scalar(self, name: str) -> Scalar:
        """A boolean, an integer, a string or null."""
        value = self.member(name)
        if not isinstance(value, (bool, int, str, type(None))):
            raise ContractError(
                f"{self.path}.{name}", f"is {shown(value)} where a boolean, integer, string or null belongs"
            )
        return value

    def items(self, name: str, default: object = _MISSING) -> Iterator[tuple[str, object]]:
        """The items of an array with their paths."""
        value = self.member(name, default)
        if not isinstance(value, (list, tuple)):
            raise ContractError(f"{self.path}.{name}", f"is {shown(value)} where an array belongs")
        return ((f"{self.path}.{name}[{index}]", item) for index, item in enumerate(value))

    def reader(self, name: str, what: str) -> Reader:
        """A member that is an object."""
        return Reader(self.member(name), f"{self.path}.{name}", what)

    def readers(self, name: str, what: str, default: object = _MISSING) -> Iterable[Reader]:
        """The items of an array of objects."""
        return (Reader(item, path, what) for path, item in self.items(name, default))

    def named(self, name: str, pattern: str, what: str) -> Iterator[Reader]:
        """The members of an object of objects, which is empty where it is absent."""
        group = Reader(self.member(name, {}), f"{self.path}.{name}", f"the object of {name}")
        for key, value in group.data.items():
            path = key_path(group.path, key)
            if not re.fullmatch(pattern, key):
                raise ContractError(path, f"is named {shown(key)}, which is no identifier ({pattern})")
            yield Reader(value, path, what, key)

    def extensions(self) -> dict[str, object]:
        """The members that start with ``x-``, as they are."""
        found = {name: value for name, value in self.data.items() if name.startswith("x-")}
        self.used |= found.keys()
        return found


def read_integer(value: object, path: str, least: int = -MAX_INTEGER) -> int:
    """An integer within bounds. Raises `ContractError`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ContractError(path, f"is {shown(value)} where an integer belongs")
    if not least <= value <= MAX_INTEGER:
        raise ContractError(path, f"is {value}, not between {least} and 2^53 - 1")
    return value


def read_size(value: object, path: str) -> int | str:
    """An entry of a shape, or a list's length: an integer or the name of a dim."""
    return read_name(value, path) if isinstance(value, str) else read_integer(value, path, 0)


def read_name(value: str, path: str) -> str:
    """The name of a dim."""
    if not re.fullmatch(IDENTIFIER, value):
        raise ContractError(path, f"is {shown(value)} where the name of a dim belongs, an identifier ({IDENTIFIER})")
    return value


def read_expr(value: object, path: str) -> Expr:
    """An expression: an integer, the name of a dim, or ``[operator, left, right]``."""
    if isinstance(value, str):
        return read_name(value, path)
    if not isinstance(value, list):
        return read_integer(value, path)
    if len(value) != 3:
        raise ContractError(path, f"has {len(value)} items; an expression is [operator, left, right]")
    operator: Operator | None = next((one for one in get_args(Operator) if one == value[0]), None)
    if operator is None:
        raise ContractError(f"{path}[0]", f"is {shown(value[0])}, not one of {' '.join(get_args(Operator))}")
    return (operator, read_expr(value[1], f"{path}[1]"), read_expr(value[2], f"{path}[2]"))


def read_bound(value: object, path: str) -> Bound:
    """A bound of a value domain: an integer, a decimal string, or an expression over dims."""
    return value if isinstance(value, str) and is_decimal(value) else read_expr(value, path)


def read_literal(value: object, path: str, *, infinite: bool = False) -> int | str:
    """An integer or a decimal string; with ``infinite`` also what Python calls ``inf``, ``-inf`` and ``nan``."""
    if isinstance(value, str):
        if not (is_decimal(value) or (infinite and value in ("inf", "-inf", "nan"))):
            raise ContractError(path, f'is {shown(value)} where a decimal such as "0.5" or "-1e-6" belongs')
        return value
    return read_integer(value, path)
