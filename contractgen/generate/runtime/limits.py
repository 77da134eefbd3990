"""What bounds the work that a body can cause, and how a body's headers are read."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from contractgen.generate.runtime.numpy_files import Buffer
from contractgen.generate.runtime.violations import Refused, quoted

BINARY = "application/octet-stream"
SAGEMAKER_BINARY = "application/vnd.sagemaker-triton.binary+json"
JSON = "application/json"
NPY = "application/x-npy"
NPZ = "application/x-npz"
LENGTH_HEADER = "inference-header-content-length"


@dataclass(frozen=True)
class Limits:
    """Bounds on a body, all of them in bytes or counts.

    `max_expanded_bytes` is what compressed data may unpack to beyond the size of the body itself.
    """

    max_body_bytes: int = 64 * 2**20
    max_expanded_bytes: int = 8 * 2**20
    max_header_bytes: int = 2**20
    max_json_depth: int = 32
    max_members: int = 1024


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Message:
    """A body with what its headers say: the layout, and the length of the JSON before binary tensors, if any."""

    media: str
    parameters: dict[str, str]
    json_length: int | None
    body: memoryview


def read_headers(body: Buffer, headers: Mapping[str, str], limits: Limits) -> Message:
    """Tell the layout of a body. Raises `Refused`."""
    lower: dict[str, str] = {}
    for name, value in headers.items():
        if lower.setdefault(name.lower(), value) != value:
            raise Refused("body", wanted="each header once", got=quoted(name))
    if len(body) > limits.max_body_bytes:
        raise Refused("too-large", limit=limits.max_body_bytes, parameter="max_body_bytes", got=f"{len(body)}")
    encoding = lower.get("content-encoding", "identity").strip().lower()
    data = memoryview(body)
    if encoding in ("gzip", "x-gzip", "deflate"):
        limit = min(limits.max_body_bytes, len(body) + limits.max_expanded_bytes)
        data = memoryview(unpacked(data, 31 if "gzip" in encoding else 15, limit))
    elif encoding not in ("identity", ""):
        raise Refused("media-type", wanted="gzip, deflate", got=f"content encoding {quoted(encoding)}")
    media, *rest = (part.strip() for part in lower.get("content-type", "").split(";"))
    parameters: dict[str, str] = {}
    for part in rest:
        key, _, value = part.partition("=")
        if parameters.setdefault(key.strip().lower(), value.strip().strip('"')) != value.strip().strip('"'):
            raise Refused("body", wanted="each parameter of the content type once", got=quoted(key))
    length = lower.get(LENGTH_HEADER)
    if media.lower() == SAGEMAKER_BINARY:
        length = parameters.get("json-header-size", length)
    if length is None:
        return Message(media.lower(), parameters, None, data)
    if media.lower() not in ("", BINARY, SAGEMAKER_BINARY, JSON):
        raise Refused("body", wanted="no length of a JSON header with this content type", got=quoted(media))
    if not (length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= len(data)):
        raise Refused("body", wanted=f"a JSON header of 0 to {len(data)} bytes", got=quoted(length))
    if int(length) > limits.max_header_bytes and int(length) < len(data):
        raise Refused("too-large", limit=limits.max_header_bytes, parameter="max_header_bytes", got=length)
    return Message(BINARY, parameters, int(length), data)


def unpacked(data: Buffer, window: int, limit: int) -> bytes:
    """A compressed body as it was, of at most `limit` bytes. Raises `Refused`."""
    unpacker = zlib.decompressobj(window)
    try:
        plain: bytes = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise Refused("body", wanted="compressed data", got="damaged data") from error
    if len(plain) > limit:
        raise Refused("too-large", limit=limit, parameter="max_expanded_bytes beyond the body", got="more")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused("body", wanted="one whole compressed stream", got="a part of one, or more than one")
    return plain
