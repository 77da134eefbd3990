"""What answers while no process serves: alive, not ready, and 503 for everything else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

HEAD_SECONDS = 5.0
LINGER_SECONDS = 1.0
MOST_HEAD_BYTES = 64 * 1024
MOST_DISCARDED = 1 << 20


class Fallback:
    """Takes connections from a listening socket that it shares with others, while it is open."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        if self._server is None:
            self._server = await asyncio.start_server(_answer, sock=self._listening.dup(), limit=MOST_HEAD_BYTES)

    async def close(self) -> None:
        """Leave them to the others."""
        if self._server is not None:
            self._server.close()
            self._server = None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the one request of a connection that is closed after it."""
    failures = (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError)
    try:
        with contextlib.suppress(*failures):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
            writer.write(_response(head))
            writer.write_eof()
            # Closing while the client still sends could destroy the answer.
            await asyncio.wait_for(reader.read(MOST_DISCARDED), LINGER_SECONDS)
    finally:
        writer.close()


def _response(head: bytes) -> bytes:
    _, target, *_ = [*head.split(b"\r\n", 1)[0].split(b" "), b"", b""]
    document: dict[str, object]
    if target == b"/v2/health/live":
        status, document = b"200 OK", {"live": True}
    elif target == b"/v2/health/ready":
        status, document = b"503 Service Unavailable", {"ready": False}
    else:
        status = b"503 Service Unavailable"
        document = {"error": "the model is being opened; try again", "violations": []}
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nretry-after: 1\r\nconnection: close\r\n\r\n%s" % (
        status, len(body), body,
    )  # fmt: skip
