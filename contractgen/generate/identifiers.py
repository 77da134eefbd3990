"""Python names for a contract's names: the only way in which text of a contract becomes code."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable


def identifiers(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """An ASCII identifier for each name, all different and none of `taken`; a plain identifier stays as it is.

    Others become readable ones, where those are free: `0` is `input_0`, `a:b` is `a_b`, `class` is `class_`.
    """
    used = set(taken)
    result: dict[str, str] = {}
    wanted = list(names)
    for name in sorted(wanted, key=lambda one: not is_plain(one)):
        candidate = identifier(name)
        while candidate in used:
            candidate += "_"
        used.add(candidate)
        result[name] = candidate
    return {name: result[name] for name in wanted}


def identifier(name: str) -> str:
    """A readable ASCII identifier for any text; no keyword, no double underscore in front."""
    if is_plain(name):
        return name
    words = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    if not words or not words[0].isalpha():
        words = f"input_{words}".rstrip("_")
    return words if is_plain(words) else f"{words}_"


def is_plain(name: str) -> bool:
    """Whether a name can stand in code as it is."""
    usable = name.isascii() and name.isidentifier() and not name.startswith("__")
    return usable and not keyword.iskeyword(name) and name not in {"_", "__debug__"}
