"""Violations: what a refusal says. Every text comes from the catalogue and none of them holds a payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import dtype_name

MAX_TEXT = 200
MAX_REPORTED = 32
MAX_HINTED = 12

CATALOGUE = {
    "body": ("malformed", "{wanted}", "{got}"),
    "media-type": ("malformed", "a content type out of {wanted}", "{got}"),
    "too-large": ("malformed", "at most {limit} bytes ({parameter})", "{got}"),
    "json-size": ("malformed", "tensors of at most {limit} bytes in this JSON; larger ones as binary", "{got} bytes"),
    "contract": ("contract", "contract {wanted}", "a request made for contract {got}"),
    "missing": ("missing", "{wanted}", "nothing"),
    "unexpected": ("unexpected", "only {wanted}", "{got}"),
    "structure": ("structure", "{wanted}", "{got}"),
    "constant": ("value", "{wanted}, the only value that the model was traced with", "{got}"),  # only: constants
    "ragged": ("structure", "rows of equal length", "{got}"),
    "dtype": ("dtype", "{wanted}", "{got}"),
    "number": ("dtype", "{wanted}", "{got} at {index}"),
    "inexact": ("value", "numbers that {wanted} holds exactly", "{got} at {index}"),
    "rank": ("rank", "{wanted}", "{got}"),
    "size": ("shape", "size {wanted} on axis {axis}", "{got}"),
    "tie": ("shape", "size {wanted} on axis {axis} ({dim}), as in {other}", "{got}"),
    "bounds": ("shape", "size {wanted} on axis {axis} ({dim})", "{got}"),
    "derived": ("shape", "size {wanted} on axis {axis} ({dim} = {formula})", "{got}"),  # only: derived
    "length": ("shape", "{wanted} items", "{got}"),  # only: lists, tuples
    "relation": ("relation", "{wanted}", "{got}"),  # only: relations
    "nan": ("value", "no NaN", "NaN at {index} ({count} of {total} elements)"),  # only: finite, not_nan, bounds
    "infinite": ("value", "finite numbers", "{got} at {index} ({count} of {total} elements)"),  # only: finite
    "below": ("value", "at least {wanted}", "{got} at {index} ({count} of {total} elements outside)"),  # only: bounds
    "above": ("value", "at most {wanted}", "{got} at {index} ({count} of {total} elements outside)"),  # only: bounds
    "among": ("value", "one of {wanted}", "{got} at {index} ({count} of {total} elements outside)"),  # only: one_of
    "order": ("value", "{wanted} numbers along the last axis", "{got} at {index}"),  # only: order
    "attained": ("value", "the largest element to be {wanted}", "{got}"),  # only: attained
    "each_row": ("value", "{wanted}", "{got}"),  # only: each_row
}
"""For each kind of violation its code, and the texts of what was expected and what came."""


@dataclass(frozen=True)
class Violation:
    """One way in which an input differs from the contract."""

    code: str
    path: str
    expected: str
    actual: str
    hint: str = ""

    @property
    def message(self) -> str:
        """The violation in one line."""
        return f"{self.path}: expected {self.expected}, got {self.actual}"

    def to_json(self) -> dict[str, str]:
        """The violation as it travels in an error response."""
        return {**asdict(self), "message": self.message}


class ContractViolation(ValueError):
    """The input differs from the contract. `violations` has every difference found, `status` the HTTP status."""

    def __init__(self, violations: Iterable[Violation], status: int = 400) -> None:
        self.violations = list(violations)
        self.status = status
        shown, more = self.violations[:MAX_REPORTED], len(self.violations) - MAX_REPORTED
        lines = [one.message + (f"\n    hint: {one.hint}" if one.hint else "") for one in shown]
        super().__init__("\n".join([*lines, f"and {more} more"] if more > 0 else lines))


class Refused(Exception):
    """A leaf or a body that cannot be read: the kind of violation and the facts for its text."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.facts = facts


def violation(kind: str, path: str, **facts: Any) -> Violation:
    """A violation with the catalogue's texts, each bounded in length."""
    code, expected, actual = CATALOGUE[kind]
    return Violation(code, shorten(path), shorten(expected.format(**facts)), shorten(actual.format(**facts)))


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Text of at most `limit` characters, its middle left out where it is longer."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def quoted(name: object, limit: int = 48) -> str:
    """A name that came from outside, made safe to print."""
    text = name if isinstance(name, str) else type(name).__name__
    return ascii(shorten(text, limit))


def listed(names: Iterable[object]) -> str:
    """Names for a message, as many as fit."""
    every = [quoted(name) for name in names]
    return ", ".join(every[:8]) + (f" and {len(every) - 8} more" if len(every) > 8 else "") or "nothing"


def plural(count: int, noun: str) -> str:
    """`1 item`, `2 items`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def described(value: Any) -> str:
    """What came, for a message: its kind, never its content."""
    if isinstance(value, np.ndarray):
        return f"an array of {dtype_name(value.dtype, '')}"
    if isinstance(value, Mapping):
        return f"a dict with the keys {listed(value)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {plural(len(value), 'item')}"
    names = {type(None): "None", bool: "a bool", int: "an integer", float: "a float", str: "a string", bytes: "bytes"}
    return names.get(type(value), f"an object of type {type(value).__name__[:40]}")
