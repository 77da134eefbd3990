"""JSON, read strictly: UTF-8, each key once, a bound on the depth, and large arrays of numbers without Python objects."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from contractgen.generate.runtime.json_blocks import Block
from contractgen.generate.runtime.limits import Limits
from contractgen.generate.runtime.number_lists import Special
from contractgen.generate.runtime.violations import Refused, quoted

SMALL_JSON = 2**16
"""Up to this many bytes a text is read at once; of a larger one only so much may be other than arrays of numbers."""
BLOCK = 256
"""From this many bytes on, what holds nothing but an array is read as a block in a larger text."""
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def read_json(text: bytes | bytearray, limits: Limits) -> Any:
    """The value of a JSON text, large arrays in it as blocks. `NaN` and infinities are read. Raises `Refused`."""
    blocks: list[Block] = []
    mark = ""
    if len(text) > SMALL_JSON:
        mark = f"0.{int.from_bytes(os.urandom(8), 'big')}1"
        text, blocks = without_blocks(text, mark)
    if is_deep(text, limits.max_json_depth):
        raise Refused("body", wanted=f"JSON at most {limits.max_json_depth} levels deep (max_json_depth)", got="more")

    def number(token: str) -> Any:
        return blocks[int(token[len(mark) + 1 :])] if token.startswith(mark) else float(token)

    parse_float = number if blocks else None
    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=unique, parse_float=parse_float, parse_constant=Special
        )
    except UnicodeDecodeError as error:
        raise Refused("body", wanted="UTF-8", got=f"another byte at {error.start}") from error
    except json.JSONDecodeError as error:
        raise Refused("body", wanted="JSON", got=f"an error at character {error.pos}") from error
    except (RecursionError, ValueError) as error:
        raise Refused("body", wanted="JSON with numbers of a sensible length", got="more") from error


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, its keys all different. Raises `Refused`."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise Refused("body", wanted="each key of a JSON object once", got=f"{quoted(key)} twice")
        result[key] = value
    return result


def is_deep(text: bytes | bytearray, limit: int) -> bool:
    """Whether brackets are nested more than `limit` levels; strings are not looked into."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = STRING.sub(b"", text).translate(None, NOT_BRACKETS)
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return len(brackets) > limit


def without_blocks(text: bytes | bytearray, mark: str) -> tuple[bytes, list[Block]]:
    """The text with each large array replaced by a number that nobody can guess, and those arrays. Raises `Refused`."""
    blocks: list[Block] = []
    parts: list[bytes | bytearray] = []
    kept = done = start = 0
    ahead = dict.fromkeys(b'"{}:', -1)
    while start < len(text):
        for mark_byte, place in ahead.items():
            if place < start:
                found = text.find(mark_byte, start)
                ahead[mark_byte] = len(text) if found < 0 else found
        stop = min(ahead.values())
        if stop - start >= BLOCK and (block := block_in(text, start, stop)):
            parts += [text[done : block.start], f"{mark}e{len(blocks)}".encode()]
            blocks.append(block)
            kept, done = kept + block.start - done, block.end
        start = string_end(text, stop) if stop == ahead[34] else stop + 1
        if kept + min(start, len(text)) - done > 2 * SMALL_JSON:
            raise Refused("body", wanted=f"at most {2 * SMALL_JSON} bytes of JSON beside arrays of numbers", got="more")
    return b"".join([*parts, text[done:]]), blocks


def string_end(text: bytes | bytearray, quote: int) -> int:
    """The position behind the string that starts at a quote."""
    end = text.find(b'"', quote + 1)
    while end > 0:
        before = end
        while text[before - 1] == 92:
            before -= 1
        if (end - before) % 2 == 0:
            return end + 1
        end = text.find(b'"', end + 1)
    return len(text)


def block_in(text: bytes | bytearray, start: int, end: int) -> Block | None:
    """The block in a run without strings and objects, if its only value is a whole array."""
    while start < end and text[start] in b" \t\r\n":
        start += 1
    while start < end and text[end - 1] in b" \t\r\n,":
        end -= 1
    is_array = text[start : start + 1] == b"[" and text[end - 1 : end] == b"]"
    is_array = is_array and text.count(b"[", start, end) == text.count(b"]", start, end)
    return Block(text, start, end) if is_array else None
