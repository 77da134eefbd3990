"""JSON, read strictly: UTF-8, each key once, a bound on the depth, and large arrays of numbers without Python objects."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.json_blocks import NOT_STRUCTURE, Block
from contractgen.generate.runtime.limits import Limits
from contractgen.generate.runtime.number_lists import Special
from contractgen.generate.runtime.violations import Refused, quoted

SMALL_JSON = 2**16
"""Up to this many bytes a text is read at once; of a larger one only so much may be other than arrays of numbers."""
BLOCK = 256
"""From this many bytes on, what holds nothing but an array is read as a block in a larger text."""
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class DuplicateKey(ValueError):
    """A JSON object with the same key twice."""


def read_json(text: Buffer, limits: Limits) -> Any:
    """The value of a JSON text, large arrays in it as blocks. `NaN` and infinities are read. Raises `Refused`."""
    data = text if isinstance(text, bytes) else bytes(text)
    blocks: list[Block] = []
    mark = ""
    if len(data) > SMALL_JSON:
        mark = f"0.{int.from_bytes(os.urandom(8), 'big')}1"
        data, blocks = without_blocks(data, mark)
    if is_deep(data, limits.max_json_depth):
        raise Refused("body", wanted=f"JSON at most {limits.max_json_depth} levels deep (max_json_depth)", got="more")

    def number(token: str) -> Any:
        return blocks[int(token[len(mark) + 1 :])] if token.startswith(mark) else float(token)

    try:
        plain = data.decode("utf-8")
        return json.loads(
            plain, object_pairs_hook=unique, parse_float=number if blocks else None, parse_constant=Special
        )
    except DuplicateKey as error:
        raise Refused("body", wanted="each key of a JSON object once", got=f"{error} twice") from error
    except UnicodeDecodeError as error:
        raise Refused("body", wanted="UTF-8", got=f"another byte at {error.start}") from error
    except json.JSONDecodeError as error:
        raise Refused("body", wanted="JSON", got=f"an error at character {error.pos}") from error
    except (RecursionError, ValueError) as error:
        raise Refused("body", wanted="JSON with numbers of a sensible length", got="more") from error


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, its keys all different."""
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise DuplicateKey(quoted(next(key for i, key in enumerate(keys) if key in keys[:i])))
    return result


def is_deep(text: bytes, limit: int) -> bool:
    """Whether brackets are nested more than `limit` levels; strings are not looked into."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = STRING.sub(b"", text).translate(None, NOT_BRACKETS)
    for _ in range(limit):
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return len(brackets) > limit


def without_blocks(text: bytes, mark: str) -> tuple[bytes, list[Block]]:
    """The text with each large array replaced by a number that nobody can guess, and those arrays. Raises `Refused`."""
    blocks: list[Block] = []
    parts: list[bytes] = []
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


def string_end(text: bytes, quote: int) -> int:
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


def block_in(text: bytes, start: int, end: int) -> Block | None:
    """The block in a run without strings and objects, if its only value is a whole array."""
    while start < end and text[start] in b" \t\r\n":
        start += 1
    while start < end and text[end - 1] in b" \t\r\n,":
        end -= 1
    if text[start : start + 1] != b"[" or text[end - 1 : end] != b"]":
        return None
    parts = (text[place : min(place + 2**20, end)] for place in range(start, end, 2**20))
    structure = b"".join(part.translate(None, NOT_STRUCTURE) for part in parts)
    return Block(text, start, end, structure) if structure.count(b"[") == structure.count(b"]") else None
