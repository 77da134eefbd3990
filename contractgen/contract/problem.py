"""What is wrong with a contract, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One contradiction or gap of a contract. ``path`` is the JSON path of its cause."""

    path: str
    message: str
