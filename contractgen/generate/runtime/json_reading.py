"""JSON, read strictly: UTF-8, each key once, a bound on the depth."""

from __future__ import annotations

import json
import re
from typing import Any

from contractgen.generate.runtime.limits import Limits
from contractgen.generate.runtime.numpy_files import Buffer
from contractgen.generate.runtime.violations import Refused, quoted

STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class DuplicateKey(ValueError):
    """A JSON object with the same key twice."""


def read_json(text: Buffer, limits: Limits) -> Any:
    """The value of a JSON text; `NaN` and infinities are read as Python writes them. Raises `Refused`."""
    data = bytes(text)
    if is_deep(data, limits.max_json_depth):
        raise Refused("body", wanted=f"JSON at most {limits.max_json_depth} levels deep (max_json_depth)", got="more")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique)
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
        seen: set[str] = set()
        raise DuplicateKey(quoted(next(key for key, _ in pairs if key in seen or seen.add(key))))  # type: ignore[func-returns-value]
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
    return len(brackets) > limit and bool(brackets)
