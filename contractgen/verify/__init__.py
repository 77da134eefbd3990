"""Proving a contract, and the code made from it, against the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contractgen.verify.api import verify

__all__ = ["verify"]


def __getattr__(name: str) -> Any:
    """Import `verify`, and torch with it, when it is asked for: the cases of a contract need numpy alone."""
    if name != "verify":
        raise AttributeError(name)
    from contractgen.verify.api import verify

    return verify
