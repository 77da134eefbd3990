"""A concrete request or response, as data that stays small however large its tensors are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

from contractgen.contract.model import Constant, DType

Element: TypeAlias = Union[int, float]
"""One number of a tensor; a bool is 0 or 1, and of a complex number it is the real part."""


@dataclass(frozen=True, slots=True)
class Array:
    """A tensor all of whose rows along the last axis are alike: ``fill``, but for the numbers ``at`` some indices of it."""

    name: str
    """Its wire name, with a ``*`` for each list around it."""
    dtype: DType
    shape: tuple[int, ...]
    fill: Element
    at: tuple[tuple[int, Element], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it has no elements."""
        return 0 in self.shape

    def row(self) -> tuple[tuple[int, int, Element], ...]:
        """The last axis in pieces of equal numbers: first index, index behind the last, number. A scalar is one piece."""
        length = self.shape[-1] if self.shape else 1
        special = dict(self.at)
        pieces: list[tuple[int, int, Element]] = []
        start = 0
        for index in (*sorted(index for index in special if index < length), length):
            if start < index:
                pieces.append((start, index, self.fill))
            if index < length:
                pieces.append((index, index + 1, special[index]))
            start = index + 1
        return tuple(pieces)


Value: TypeAlias = Union[Array, Constant, "dict[str, Value]", "list[Value]", "tuple[Value, ...]", None]
"""What a message holds. A `Constant` is one that was sent; ``None`` is Python's None and JSON's null."""


@dataclass(frozen=True)
class Witness:
    """A message that the one contract allows and the other refuses.

    For a finding about outputs there is the request that both accept, and the response to it. ``call`` is the Python
    call where only that breaks.
    """

    request: Value
    response: Value = None
    has_response: bool = False
    call: str | None = None


def message_json(value: Value) -> object:
    """A message as plain JSON data: a tensor is an object with its dtype, shape and numbers."""
    if isinstance(value, Array):
        shown: dict[str, object] = {"wire_name": value.name, "dtype": value.dtype, "shape": list(value.shape)}
        if not value.is_empty:
            shown["fill"] = _number(value.fill)
        if value.at and not value.is_empty:
            shown["at_last_index"] = {str(index): _number(element) for index, element in value.at}
        return shown
    if isinstance(value, Constant):
        return {"constant": value.value}
    if isinstance(value, Mapping):
        return {key: message_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [message_json(item) for item in value]
    return None


def message_text(value: Value) -> str:
    """A message in one line: ``ids = int64[1, 513] of 0``."""
    if isinstance(value, Array):
        shape = ", ".join(map(str, value.shape))
        if value.is_empty:
            return f"{value.dtype}[{shape}]"
        special = "".join(f", [..., {index}] = {_number(element)}" for index, element in value.at)
        return f"{value.dtype}[{shape}] of {_number(value.fill)}{special}"
    if isinstance(value, Constant):
        return repr(value.value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {message_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        opening, closing = "[]" if isinstance(value, list) else "()"
        if len(value) > 3 and all(item == value[0] for item in value):
            return f"{opening}{message_text(value[0])}, ... {len(value)} items{closing}"
        return opening + ", ".join(map(message_text, value)) + closing
    return "None"


def _number(element: Element) -> object:
    """A number as JSON can hold it: NaN and the infinities are words."""
    if isinstance(element, float) and not math.isfinite(element):
        return str(element)
    return element
