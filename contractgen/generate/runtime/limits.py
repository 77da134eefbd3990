"""What bounds the work that a body can cause, and how a body's headers are read."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.violations import Refused, listed, quoted

BINARY = "application/octet-stream"
SAGEMAKER_BINARY = "application/vnd.sagemaker-triton.binary+json"
JSON = "application/json"
NPY = "application/x-npy"
NPZ = "application/x-npz"
LENGTH_HEADER = "Inference-Header-Content-Length"
MEDIA = (BINARY, SAGEMAKER_BINARY, JSON, NPY, NPZ)


@dataclass(frozen=True)
class Limits:
    """Bounds on a body, all of them in bytes or counts.

    `max_expanded_bytes` is what compressed data may unpack to beyond twice the size of the body.
    """

    max_body_bytes: int = 64 * 2**20
    max_expanded_bytes: int = 6 * 2**20
    max_header_bytes: int = 2**20
    max_json_depth: int = 32
    max_members: int = 1024


DEFAULT_LIMITS = Limits()
STEP = 2**18


class Message(NamedTuple):
    """A body with what its headers say: the layout, and the length of the JSON before binary tensors, if any."""

    media: str
    json_length: int | None
    body: memoryview

    def text(self) -> bytes | bytearray:
        """The JSON: a copy, unless it is all of the body."""
        whole = self.body.obj
        if self.json_length is None and isinstance(whole, (bytes, bytearray)) and len(whole) == len(self.body):
            return whole
        return bytes(self.body if self.json_length is None else self.body[: self.json_length])

    def binary(self) -> memoryview:
        """What follows the JSON."""
        return self.body[len(self.body) if self.json_length is None else self.json_length :]


def read_headers(body: Buffer, headers: Mapping[str, str], limits: Limits) -> Message:
    """Tell the layout of a body. Raises `Refused`."""
    lower: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        if key in ("content-type", "content-encoding", LENGTH_HEADER.lower()) and lower.setdefault(key, value) != value:
            raise Refused("body", wanted="each header once", got=quoted(name))
    if len(body) > limits.max_body_bytes:
        raise Refused("too-large", limit=limits.max_body_bytes, parameter="max_body_bytes", got=f"{len(body)}")
    data = unpacked(memoryview(body).cast("B"), lower.get("content-encoding", "").strip().lower(), limits)
    media, parameters = media_type(lower.get("content-type", ""))
    if media not in ("", *MEDIA) or parameters.get("charset", "utf-8").lower() != "utf-8":
        raise Refused("media-type", wanted=listed(MEDIA), got=quoted(media))
    length = lower.get(LENGTH_HEADER.lower())
    if media == SAGEMAKER_BINARY:
        length = parameters.get("json-header-size", length)
    if length is None:
        return Message(media, None, data)
    if media in (NPY, NPZ):
        raise Refused("body", wanted="no length of a JSON header with this content type", got=quoted(media))
    if not (length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= len(data)):
        raise Refused("body", wanted=f"a JSON header of 0 to {len(data)} bytes", got=quoted(length))
    if int(length) > limits.max_header_bytes and int(length) < len(data):
        raise Refused("too-large", limit=limits.max_header_bytes, parameter="max_header_bytes", got=length)
    return Message(SAGEMAKER_BINARY if media == SAGEMAKER_BINARY else BINARY, int(length), data)


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """A content type in lower case, and its parameters. Raises `Refused`."""
    media, *rest = (part.strip() for part in value.split(";"))
    parameters: dict[str, str] = {}
    for part in rest:
        key, _, text = part.partition("=")
        text = text.strip().strip('"')
        if parameters.setdefault(key.strip().lower(), text) != text:
            raise Refused("body", wanted="each parameter of the content type once", got=quoted(key))
    return media.lower(), parameters


def unpacked(data: memoryview, encoding: str, limits: Limits) -> memoryview:
    """A body without its content encoding. Raises `Refused`."""
    if encoding in ("identity", ""):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Refused("media-type", wanted="gzip, deflate", got=f"content encoding {quoted(encoding)}")
    limit = min(limits.max_body_bytes, 2 * len(data) + limits.max_expanded_bytes)
    unpacker = zlib.decompressobj(15 if encoding == "deflate" else 31)
    plain = bytearray()
    ended = False
    while not (unpacker.eof or ended):
        # Piece by piece: unpacked at once, it would be there twice.
        piece = unpacker.unconsumed_tail or data[:STEP]
        data = data if unpacker.unconsumed_tail else data[STEP:]
        try:
            more = unpacker.decompress(piece, STEP)
        except zlib.error as error:
            raise Refused("body", wanted="compressed data", got="damaged data") from error
        plain += more
        ended = not piece and not more
        if len(plain) > limit:
            raise Refused("too-large", limit=limit, parameter="twice the body and max_expanded_bytes", got="more")
    if not unpacker.eof or data or unpacker.unused_data:
        raise Refused("body", wanted="one whole compressed stream", got="a part of one, or more than one")
    return memoryview(plain)
