"""Python names for a contract's names: the only way in which text of a contract becomes code."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable


def identifiers(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """An ASCII identifier for each name, all different and none of `taken`; a plain identifier stays as it is.

    Others become readable ones: `0` is `input_0`, `a:b` is `a_b`, `class` is `class_`.
    """
    used = set(taken)
    result: dict[str, str] = {}
    for name in names:
        candidate = identifier(name)
        while candidate in used:
            candidate += "_"
        used.add(candidate)
        result[name] = candidate
    return result


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


BUILTINS = frozenset(dir(builtins))
