"""Lays out nested calls and literals as the formatter would: on one line where they fit, else one item a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, Union


def literal(value: object) -> str:
    """`repr` with the formatter's quotes: double ones, unless that takes more escapes."""
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner}{',' if len(value) == 1 else ''})"
    text = repr(value)
    if not isinstance(value, str) or '"' in text or text[0] == '"':
        return text
    inner = text[1:-1].replace("\\'", "'")
    return f'"{inner}"'


LINE = 120
INDENT = "    "


@dataclass(frozen=True)
class Group:
    """Something in brackets: `opening item, item closing`. A tuple of one keeps its comma."""

    opening: str
    items: tuple[Code, ...]
    closing: str


Code: TypeAlias = Union[str, Group]


def group(opening: str, items: list[Code], closing: str) -> Group:
    """A group of items."""
    return Group(opening, tuple(items), closing)


def keyword(name: str, value: Code) -> Code:
    """`name=value`."""
    if isinstance(value, str):
        return f"{name}={value}"
    return Group(f"{name}={value.opening}", value.items, value.closing)


def one_line(code: Code) -> str:
    """The code without a break."""
    if isinstance(code, str):
        return code
    inner = ", ".join(one_line(item) for item in code.items)
    single = len(code.items) == 1 and code.opening.endswith("(") and (code.opening[:-1] or " ")[-1] in "= "
    return f"{code.opening}{inner}{',' if single else ''}{code.closing}"


def laid_out(code: Code, depth: int = 0, before: str = "", after: str = "") -> str:
    """The code at a depth of indentation, after `before` on its first line and with `after` behind it."""
    flat = f"{INDENT * depth}{before}{one_line(code)}{after}"
    if isinstance(code, str) or len(flat) <= LINE or not code.items:
        return flat
    lines = [f"{INDENT * depth}{before}{code.opening}"]
    lines += [laid_out(item, depth + 1, after=",") for item in code.items]
    return "\n".join([*lines, f"{INDENT * depth}{code.closing}{after}"])


def labelled(label: str, value: Code) -> Code:
    """`label: value`."""
    return (
        f"{label}: {value}"
        if isinstance(value, str)
        else Group(f"{label}: {value.opening}", value.items, value.closing)
    )


def statement(code: Code, depth: int, before: str = "", after: str = "") -> list[str]:
    """The lines of a statement in a function's body, which will itself be indented once."""
    return [line[len(INDENT) :] for line in laid_out(code, depth + 1, before, after).split("\n")]


def condition(word: str, tests: list[str], depth: int, operator: str = "or") -> list[str]:
    """The lines of an `if` or `while` over tests, in a function's body that will itself be indented once."""
    line = f"{INDENT * depth}{word} {f' {operator} '.join(tests)}:"
    if len(line) + len(INDENT) <= LINE or len(tests) == 1:
        return [line]
    first, *rest = tests
    inner = INDENT * (depth + 1)
    opened = [f"{INDENT * depth}{word} (", inner + first, *(f"{inner}{operator} {test}" for test in rest)]
    return [*opened, f"{INDENT * depth}):"]
