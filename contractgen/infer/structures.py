"""What a failed run suggests of structure: keys that are missing, and how many items a list has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from contractgen.infer.hypothesis import Group, Hypothesis, Path, Unknown
from contractgen.infer.messages import MULTIPLIED
from contractgen.infer.neighbours import Neighbours


def keys_from_message(hypothesis: Hypothesis, message: str) -> Neighbours:
    """Keyword arguments and further positional ones that the message says are missing."""
    for param in hypothesis.params:
        if param.kind == "keywords":
            found = re.search(r"KeyError: '(\w+)'", message)
            names = [found.group(1)] if found else re.findall(r"'(\w+)'", message) if "missing" in message else []
            assert isinstance(param.node, Group)
            for name in names:
                if name not in dict(param.node.children) and all(name != other.name for other in hypothesis.params):
                    yield hypothesis.with_node((param.name, name), Unknown()), 0.05


def other_lengths(hypothesis: Hypothesis, path: Path, node: Group, message: str) -> Neighbours:
    """The same list with one item more, or one less; a tuple, where the message speaks of what only one of them can do."""
    if re.search(_MISSES_KIND.format(node.kind), message):
        yield hypothesis.with_node(path, replace(node, kind="tuple" if node.kind == "list" else "list")), 0.1
    count = len(node.children)
    for wanted in _counts_for(message, count):
        items = [(index, dict(node.children).get(index, node.children[-1][1])) for index in range(wanted)]
        yield hypothesis.with_node(path, replace(node, children=tuple(items))), 0.1
    shortage = re.search(r"not enough values|out of range|missing \d+ required", message) is not None
    if count < 8:
        yield (
            hypothesis.with_node(path, replace(node, children=(*node.children, (count, Unknown())))),
            0.2 if shortage else 1.0,
        )
    if count > 1:
        yield (
            hypothesis.with_node(path, replace(node, children=node.children[:-1])),
            0.5 if "too many" in message else 1.5,
        )


_PRODUCTS = (MULTIPLIED, r"but got \[\d+, (?P<got>\d+)\] X \[(?P<want>\d+), \d+\]")


def _counts_for(message: str, count: int) -> Iterator[int]:
    """So many items of a list as bring what is joined of them to the width that a layer wants."""
    found = next(filter(None, (re.search(pattern, message) for pattern in _PRODUCTS)), None)
    got, want = (int(found["got"]), int(found["want"])) if found else (0, 0)
    each = got // count if count and got % count == 0 else 0
    if each and got != want and want % each == 0 and 0 < want // each <= _MOST_ITEMS:
        yield want // each


_MOST_ITEMS = 16

_MISSES_KIND = (
    r"'{0}' object (?:does not support item|has no attribute '(?:append|extend|insert|pop|remove|reverse|sort|copy)')"
    r"|can only concatenate (?:list|tuple)|instead found type '{0}'"
)
