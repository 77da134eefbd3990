"""What the words of a message, and of the source, say of ranks, dtypes and strings."""

from __future__ import annotations

import re

import torch

BEYOND = re.compile(r"too many indices for tensor of dimension (\d)|in range of \[-\d, (\d)\], but got -?\d")
"""How messages name an axis that a tensor does not have: the rank, or the last axis that there is."""


MULTIPLIED = r"shapes cannot be multiplied \(\d+x(?P<got>\d+) and (?P<want>\d+)x\d+\)"
"""How messages of a product of matrices name the width that came and the one that is wanted."""


def ranks_in_message(message: str) -> frozenset[int]:
    """The ranks that the message speaks of as wanted or got."""
    beyond = BEYOND.search(message)
    if beyond:  # an axis more than the last one that there is
        return frozenset((int(beyond[1]) + 1 if beyond[1] else int(beyond[2]) + 2,))
    batched = re.search(r"(\d)-?D \(batched\)", message)
    if batched:
        return frozenset((int(batched[1]),))
    stated = re.search(
        r"(?:should(?: also)? be|must be|has to be|[Ee]xpected [^.:;]{1,40}? to be) (?:a |of rank )?(\d)-?[dD]\b(?: or (\d)-?[dD]\b)?",
        message,
    )
    if stated:
        return frozenset(int(number) for number in stated.groups() if number)
    spelt = re.search(r"(?:be|to be|is|are) (?:a )?(zero|one|two|three|four|five)[- ]dimensional", message)
    if spelt:
        return frozenset((_SPELT.index(spelt[1]),))
    found = re.search(r"expected (\d+), got (\d+)|Expected (\d+)D?.*?but got.*?(\d+)|dimension (\d) or (\d)", message)
    words = {1: "to be a vector", 2: "to be a matrix", 0: "to be a scalar"}
    return (
        frozenset(int(number) for number in found.groups() if number)
        if found
        else frozenset(rank for rank, word in words.items() if word in message)
    )


_SPELT = ("zero", "one", "two", "three", "four", "five")


def names_dtype(message: str, dtype: torch.dtype) -> bool:
    """Whether the message speaks of the dtype, in C++'s words or in Python's."""
    names: dict[torch.dtype, tuple[str, ...]] = {}
    names |= {torch.int64: ("Long", "int64"), torch.bool: ("Bool", "bool"), torch.int32: ("Int", "int32")}
    names |= {torch.float32: ("Float", "float32", "(float)"), torch.float64: ("Double", "float64", "(double)")}
    names |= {torch.uint8: ("Byte", "uint8")}
    return any(name in message for name in names.get(dtype, (str(dtype).removeprefix("torch."),)))


def strings(source: str) -> tuple[object, ...]:
    """The strings that the source compares with: values that a string parameter may have."""
    return tuple(dict.fromkeys(re.findall(r"[=!]= *[\"'](\w+)[\"']", source))) or ("",)
