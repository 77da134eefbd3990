"""Where in the contract's file the claim of a finding stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARAMETER, _FIELD = r'"name": "{}", "kind"', r'"key": "{}"'


def line_of(claim: str, text: str) -> int:
    """The line of a claim (``dim:seq.max``, ``tensor:ids.dtype``, ``inputs.ids:shape``); 1 where it has none of its own."""
    lines = text.splitlines()
    for pattern in _patterns(claim):
        for number, line in enumerate(lines, 1):
            if re.search(pattern, line):
                return number
    return 1


def _patterns(claim: str) -> Iterator[str]:
    about, _, rest = claim.partition(":")
    if about == "dim":
        yield rf'^\s*"{re.escape(rest.split(".")[0])}":'
    elif about == "relation":
        yield r'^\s*"relations":'
    elif about == "tensor":
        name = re.sub(r"(\[\.\.\., \d+\])?\.[^.]*$", "", rest)
        yield f'"wire_name": "{re.escape(name)}"'
    elif about in ("input", "list", "output"):
        yield from _path(rest.rpartition(".")[0] or rest)
        yield from _path(rest)
    elif about.startswith("inputs"):
        yield from _path(about.removeprefix("inputs").lstrip("."))


def _path(path: str) -> Iterator[str]:
    """A place in the tree of inputs or outputs, then what it is in."""
    first, *rest = [part for part in re.split(r"[.\[]", path) if part]
    for key in reversed(rest):
        yield _FIELD.format(re.escape(key))
    yield _PARAMETER.format(re.escape(first))
    yield f'"name": "{re.escape(first)}"'
