"""Hostile bodies: what a client would send, and what became of it."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zlib
from typing import Any

import numpy as np

NUMBERS = (
    -1,
    0,
    1,
    2,
    3,
    19,
    20,
    21,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
    10**400,
    -(2**62),
    0.5,
    1e39,
    1e308,
    True,
    None,
)
TEXTS = (
    "",
    "x",
    "../x",
    "x\0",
    "\ud800",
    "é",
    "FP32",
    "FP64",
    "INT64",
    "BYTES",
    "BF16",
    "BOOL",
    "batch.ids",
    "rest.0",
    "p1",
    "a" * 300,
)
MEDIA = (
    "application/octet-stream", "application/json", "application/x-npy", "application/x-npz", "text/plain", "",
    "application/vnd.sagemaker-triton.binary+json", "application/vnd.sagemaker-triton.binary+json;json-header-size=9",
    "application/json; charset=utf-16", "application/json;a=1;a=2", "APPLICATION/JSON", "application/x-npz;x", ";;;",
)  # fmt: skip
TOKENS = (
    b"[", b"]", b"{", b"}", b",", b":", b'"', b"NaN", b"-Infinity", b"1e400", b"null", b"true", b"\xff", b"\xed\xa0\x80",
    b"[" * 40, b"[" * 3000, b"9" * 400, b'"x":1,"x":2', b"\\ud800", b"0x1", b"1_0", b"-0", b" \n",
)  # fmt: skip
ZIP_MARKS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")

Sent = tuple[bytes, dict[str, str]]


class Mutator:
    """Changes bodies at random, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def hostile(self, body: bytes, headers: dict[str, str]) -> Sent:
        """One body out of one that was fine, or out of nothing."""
        rng = self.random
        if rng.random() < 0.02:
            return rng.randbytes(rng.randrange(200)), {"Content-Type": rng.choice(MEDIA)}
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            change = rng.choice(
                (self.bytes_, self.headers_, self.json_, self.json_, self.json_, self.numpy_, self.length_)
            )
            body, headers = change(body, dict(headers))
        if rng.random() < 0.03:
            body, headers = self.compressed(body, dict(headers))
        return body, headers

    def bytes_(self, body: bytes, headers: dict[str, str]) -> Sent:
        """Bytes changed, cut, doubled, or put in."""
        rng = self.random
        kind = rng.randrange(6)
        a, b = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
        if kind == 0 and body:
            place = rng.randrange(len(body))
            return body[:place] + bytes([body[place] ^ (1 << rng.randrange(8))]) + body[place + 1 :], headers
        if kind == 1:
            return body[:a], headers
        if kind == 2:
            return body[:a] + body[b:], headers
        if kind == 3:
            return body[:b] + body[a:b] + body[b:], headers
        if kind == 4:
            return body[:a] + rng.choice(TOKENS) + body[a:], headers
        return body + rng.randbytes(rng.choice((1, 4, 64))), headers

    def headers_(self, body: bytes, headers: dict[str, str]) -> Sent:
        """Other headers."""
        rng = self.random
        kind = rng.randrange(5)
        if kind == 0:
            headers["Content-Type"] = rng.choice(MEDIA)
        elif kind == 1:
            headers = {name.lower(): value for name, value in headers.items()}
        elif kind == 2:
            headers["content-type"] = rng.choice(MEDIA)
        elif kind == 3:
            headers["Content-Encoding"] = rng.choice(("gzip", "deflate", "br", "identity", "", "gzip, gzip"))
        else:
            headers.pop(rng.choice(list(headers) or [""]), None)
        return body, headers

    def length_(self, body: bytes, headers: dict[str, str]) -> Sent:
        """Another length of the JSON."""
        rng = self.random
        value = rng.choice(
            ("0", "-1", "1", str(len(body)), str(len(body) + 1), "9" * 30, "1e2", " 12", "+5", "٣", "", "0x10")
        )
        if rng.random() < 0.5:
            headers["Inference-Header-Content-Length"] = value
        else:
            headers["Content-Type"] = f"application/vnd.sagemaker-triton.binary+json;json-header-size={value}"
        return body, headers

    def json_(self, body: bytes, headers: dict[str, str]) -> Sent:
        """The JSON of a body, one member of it changed; its length kept right most of the time."""
        rng = self.random
        stated = headers.get("Inference-Header-Content-Length", "")
        size = int(stated) if stated.isdecimal() else len(body)
        _, _, inside = headers.get("Content-Type", "").partition("json-header-size=")
        size = int(inside) if inside.isdecimal() else size
        try:
            value = json.loads(body[:size])
        except (ValueError, RecursionError):
            return self.bytes_(body, headers)
        value = self.changed(value, 0)
        text = json.dumps(value, ensure_ascii=rng.random() < 0.9).encode("utf-8", "surrogatepass")
        if "Inference-Header-Content-Length" in headers and rng.random() < 0.95:
            headers["Inference-Header-Content-Length"] = str(len(text))
        elif inside:
            headers["Content-Type"] = f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(text)}"
        return text + body[size:], headers

    def changed(self, value: Any, depth: int) -> Any:
        """A JSON value with one thing in it changed."""
        rng = self.random
        if isinstance(value, dict) and value and rng.random() < 0.9:
            key = rng.choice(list(value))
            kind = rng.randrange(8)
            if kind == 0:
                return {name: one for name, one in value.items() if name != key}
            if kind == 1:
                return {(rng.choice(TEXTS) if name == key else name): one for name, one in value.items()}
            if kind == 2:
                return {**value, rng.choice((*TEXTS, "data", "parameters", "outputs", "id")): self.leaf()}
            return {**value, key: self.changed(value[key], depth + 1)}
        if isinstance(value, list) and value and rng.random() < 0.9:
            place = rng.randrange(len(value))
            kind = rng.randrange(8)
            if kind == 0:
                return value[:place] + value[place + 1 :]
            if kind == 1:
                return [*value[:place], value[place], *value[place:]]
            if kind == 2:
                return [value] if rng.random() < 0.5 else value[place]
            if kind == 3:
                return value[::-1]
            return [*value[:place], self.changed(value[place], depth + 1), *value[place + 1 :]]
        return self.leaf()

    def leaf(self) -> Any:
        """Something that seldom belongs there."""
        rng = self.random
        return rng.choice(
            (*NUMBERS, *TEXTS, [], {}, [[]], [1, [2]], {"x": 1}, float("nan"), float("inf"), [1] * 20, "NaN")
        )

    def numpy_(self, body: bytes, headers: dict[str, str]) -> Sent:
        """npy headers and zip directories with other claims."""
        rng = self.random
        at = body.find(b"\x93NUMPY")
        if at < 0:
            return self.bytes_(body, headers)
        kind = rng.randrange(7)
        if kind == 0:
            stream = io.BytesIO()
            array = rng.choice(
                (
                    np.array([{}], object),
                    np.zeros((2, 20), ">f4"),
                    np.asfortranarray(np.ones((3, 20), np.float32)),
                    np.zeros(2, "S3"),
                    np.zeros(2, [("a", "f4")]),
                    np.zeros(2, "M8[s]"),
                )
            )
            np.save(stream, array, allow_pickle=True)
            return (stream.getvalue(), headers) if at == 0 else (body[:at] + stream.getvalue() + body[at:], headers)
        if kind == 1:
            return body[: at + 6] + bytes((rng.choice((0, 1, 2, 3, 255)), rng.choice((0, 1)))) + body[at + 8 :], headers
        if kind == 2:
            return body[: at + 8] + struct.pack("<H", rng.choice((0, 1, 118, 65535))) + body[at + 10 :], headers
        if kind == 3:
            pairs = (
                (b"'<f4'", b"'|O8'"),
                (b"'<f4'", b"'>f4'"),
                (b"(1,", b"(-1,"),
                (b"20)", b"99)"),
                (b"False", b"True "),
                (b"shape", b"shap\\"),
                (b"'<", b"'|"),
                (b"(", b"(1" + b"0" * 30 + b","),
            )
            old, new = rng.choice(pairs)
            return body.replace(old, new, 1), headers
        mark = rng.choice(ZIP_MARKS)
        place = body.find(mark)
        if place < 0:
            return self.bytes_(body, headers)
        place += rng.randrange(4, 46)
        value = rng.choice((0, 1, 2**16 - 1, 2**32 - 1, len(body)))
        return body[:place] + struct.pack("<I", value)[: rng.choice((1, 2, 4))] + body[
            place + rng.choice((1, 2, 4)) :
        ], headers

    def compressed(self, body: bytes, headers: dict[str, str]) -> Sent:
        """gzip and deflate, whole, cut, doubled, or a bomb."""
        rng = self.random
        kind = rng.randrange(6)
        headers["Content-Encoding"] = "deflate" if kind == 4 else "gzip"
        if kind == 0:
            return gzip.compress(b"[" * rng.choice((100, 2**20, 2**25)), 1), headers
        if kind == 1:
            return gzip.compress(body)[:-3], headers
        if kind == 2:
            return gzip.compress(body) * 2, headers
        if kind == 4:
            return zlib.compress(body), headers
        return gzip.compress(body), headers
