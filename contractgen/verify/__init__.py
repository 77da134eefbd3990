"""Proving a contract, and the code made from it, against the model."""

from __future__ import annotations

from contractgen.verify.api import verify

__all__ = ["verify"]
