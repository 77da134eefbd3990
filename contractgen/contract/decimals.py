"""Decimals as a contract writes them: strings, so that no reader rounds them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from contractgen.contract.model import MAX_INTEGER

PATTERN: Final = r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]{1,3})?"
"""A decimal. Three digits of exponent hold every float there is (float64 ends at 1e308), and keep arithmetic cheap."""

_DECIMAL: Final = re.compile(PATTERN)


def is_decimal(text: object) -> bool:
    """Whether a value is the text of a decimal, and so not the name of a dim."""
    return isinstance(text, str) and _DECIMAL.fullmatch(text) is not None


def decimal_text(number: float | Decimal) -> str:
    """The text of a finite number: ``0.1`` is ``"0.1"``, ``1e+16`` is ``"1e16"``. Raises `ValueError` for NaN and infinities."""
    text = str(number).lower().replace("e+", "e")
    if not is_decimal(text):
        raise ValueError(f"{number} has no decimal text")
    return text


def shortest(text: str) -> int | str:
    """One spelling for each value: an integer where a contract can hold it as one, else a decimal without padding.

    ``"0.50"`` and ``"5e-1"`` are ``"0.5"``; ``"2.0"`` is ``2``.
    """
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).lstrip("0")
    trimmed = shown.rstrip("0")
    exponent += len(shown) - len(trimmed)
    if not trimmed:
        return 0
    minus = "-" if sign else ""
    if exponent >= 0 and len(trimmed) + exponent <= 16:
        whole = int(minus + trimmed + "0" * exponent)
        if abs(whole) <= MAX_INTEGER:
            return whole
    return f"{minus}{trimmed}e{exponent}" if exponent else minus + trimmed
