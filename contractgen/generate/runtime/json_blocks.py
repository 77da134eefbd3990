"""Large arrays in JSON texts: read in segments, so that no list of Python numbers is ever as long as the array."""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from contractgen.generate.runtime.arrays import read_list
from contractgen.generate.runtime.dtypes import DTYPES, Array
from contractgen.generate.runtime.json_writing import ORJSON
from contractgen.generate.runtime.number_lists import INTEGERS, Special, array_of_numbers, kind_of, narrowed
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused

NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"[],")
BRACKETS_TO_SPACES = bytes(32 if byte in b"[]" else byte for byte in range(256))
BRACKET = re.compile(rb"[\[\]]")
SEGMENT = 2**16
SPARE = 12 * 2**20
"""An array may be larger than its text by this many bytes; beyond, it must travel as binary."""


@dataclass(frozen=True)
class Block:
    """An array in a JSON text that is not read yet: no strings or objects are in it."""

    text: bytes | bytearray
    start: int
    end: int

    def structure(self) -> bytes:
        """Its brackets and commas."""
        steps = range(self.start, self.end, 2**20)
        parts = (self.text[step : min(step + 2**20, self.end)].translate(None, NOT_STRUCTURE) for step in steps)
        return b"".join(parts)


def read_numbers(tensor: Tensor, value: Any) -> tuple[Array, str]:
    """A tensor out of a JSON text: a block, a list of them (rows of a batch), or nested lists. Raises `Refused`."""
    if isinstance(value, list) and any(isinstance(row, Block) for row in value):
        rows = [read_numbers(tensor, row)[0] for row in value]
        if len({row.shape for row in rows}) != 1:
            raise Refused("ragged", got="other lengths")
        return np.stack(rows), tensor.dtype
    if not isinstance(value, Block):
        return read_list(tensor, value)
    if tensor.dtype.startswith("complex"):  # only: complex
        pairs = block_array(value, "float32" if tensor.dtype == "complex64" else "float64")
        if pairs.shape[-1] != 2:
            raise Refused("ragged", got=f"{pairs.shape[-1]} numbers where pairs are wanted")
        return pairs.view(DTYPES[tensor.dtype])[..., 0], tensor.dtype
    return block_array(value, tensor.dtype), tensor.dtype


def block_array(block: Block, dtype: str) -> Array:
    """The array of a block; see `array_of_lists`. Raises `Refused`."""
    text, start, end = block.text, block.start, block.end
    shape = block_shape(block.structure())
    count = math.prod(shape)
    if count * DTYPES[dtype].itemsize > len(text) + SPARE:
        raise Refused("json-size", limit=len(text) + SPARE, got=count * DTYPES[dtype].itemsize)
    result: Array = np.empty(count, DTYPES[dtype])
    filled = 0
    while start < end:
        stop = text.find(b",", start + SEGMENT, end)
        stop = end if stop < 0 else stop
        flat = segment_array(b"[" + text[start:stop].translate(BRACKETS_TO_SPACES) + b"]", dtype, shape, filled)
        if filled + flat.size > count:
            break
        result[filled : filled + flat.size] = flat
        filled, start = filled + flat.size, stop + 1
    if filled != count or start < end:
        raise Refused("ragged", got="another number of elements")
    return result.reshape(shape)


def block_shape(structure: bytes) -> tuple[int, ...]:
    """The shape that nested lists have, from their brackets and commas alone. Raises `Refused` where it is not regular."""
    depth = len(structure) - len(structure.lstrip(b"["))
    unit = structure[depth - 1 : structure.find(b"]") + 1]
    shape = [max(len(unit) - 1, 0)]
    regular = depth <= 32 and unit.count(b",") == len(unit) - 2
    for level in range(2, depth + 1 if regular else 0):
        # The first list of this level ends with that many brackets: so many units, with commas between them.
        size = structure.find(b"]" * level) + 2 * level - depth
        times, rest = divmod(size - 1, len(unit) + 1)
        regular = not rest and times > 0 and size <= len(structure)
        if not regular:
            break
        unit = b"[" + b",".join([unit] * times) + b"]"
        shape.insert(0, times)
    if not regular or unit != structure:
        raise Refused("ragged", got="other lengths")
    return tuple(shape)


def segment_array(text: bytes | bytearray, dtype: str, shape: tuple[int, ...], start: int) -> Array:
    """The numbers of a flat JSON list, of which the first is the one at `start`. Raises `Refused`."""
    loads = json.loads if ORJSON is None else ORJSON.loads
    with contextlib.suppress(ValueError, OverflowError, Refused):
        if kind_of(dtype) != "f" or b"u" in text or b"s" in text:
            # orjson makes floats of integers beyond 64 bits: they are refused here, and then told from floats below.
            return array_of_numbers(loads(text), dtype, shape, start)
        # Without true, false and null there are floats and integers. Up to this size none of them needs a closer look.
        wide = np.array(loads(text), np.float64)
        if not wide.size or np.abs(wide).max() < INTEGERS[dtype][0]:
            return narrowed(wide, dtype)
    return array_of_numbers(read_list_of_numbers(text), dtype, shape, start)


def read_list_of_numbers(text: bytes | bytearray) -> list[Any]:
    """A flat JSON list. Raises `Refused`."""
    try:
        flat: list[Any] = json.loads(text.decode("utf-8"), parse_constant=Special)
    except ValueError as error:
        raise Refused("body", wanted="numbers separated by commas", got="something else") from error
    return flat


def block_items(block: Any, most: int) -> Any:
    """The items of the list that a block is, lists as blocks of their own; any other value as it is. Raises `Refused`."""
    if not isinstance(block, Block):
        return block
    text = block.text
    if text.find(b"[", block.start + 1, block.end) < 0:
        if text.count(b",", block.start, block.end) >= most:
            raise Refused("length", wanted=f"at most {most}", got="more")
        return read_list_of_numbers(text[block.start : block.end])
    depth, found, first = 0, [], block.start + 1
    for bracket in BRACKET.finditer(text, block.start, block.end):
        depth += 1 if text[bracket.start()] == 91 else -1
        if depth == 2 and text[bracket.start()] == 91:
            first = bracket.start()
        elif depth == 1 and text[bracket.start()] == 93:
            found.append(Block(text, first, bracket.end()))
            if len(found) > most:
                raise Refused("length", wanted=f"at most {most}", got="more")
    return found
