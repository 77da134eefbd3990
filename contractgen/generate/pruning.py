"""Leaves out of the runtime's source what a contract cannot need."""

from __future__ import annotations

import re
from functools import cache

MARK = re.compile(r"  # only: ([a-z0-9_, ]+)$", re.MULTILINE)


@cache
def mentioned(source: str) -> frozenset[str]:
    """The features that a source has marks for; no others matter to it."""
    return frozenset(feature for listed in MARK.findall(source) for feature in listed.split(", "))


def pruned(source: str, features: frozenset[str]) -> str:
    """The source without what is marked as only for other features, and without the marks.

    `# only: lists, tuples` at the end of a line marks that line and the block that it opens: a statement, a branch, an
    item of a table. Comments and decorators right above go with it; an `elif` takes the place of an `if` that goes.
    """
    kept: list[str] = []
    dropped_at: int | None = None
    """The indentation of the line whose block is being left out."""
    headless_at: int | None = None
    """The indentation of an `if` that was left out, until its chain of branches ends."""
    for line in source.splitlines():
        text = line.lstrip()
        indentation = len(line) - len(text)
        if dropped_at is not None and (not text or indentation > dropped_at):
            continue
        if dropped_at is not None and kept[-1] and text.startswith(("def ", "@", "class ")):
            kept.append("")
        dropped_at = None
        mark = MARK.search(line)
        if mark and features.isdisjoint(mark[1].split(", ")):
            while kept and kept[-1].lstrip().startswith(("# ", "@")):
                kept.pop()
            dropped_at = indentation
            if text.startswith("if "):
                headless_at = indentation
            continue
        plain = MARK.sub("", line)
        if text and headless_at is not None and indentation <= headless_at:
            if indentation == headless_at and text.startswith("elif "):
                plain = plain.replace("elif ", "if ", 1)
            headless_at = None
        kept.append(plain)
    return "\n".join(kept) + "\n"
