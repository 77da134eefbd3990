"""uvicorn's HTTP/1.1 connection with what it lacks: limits of time and size for a request's head, errors as JSON."""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0
HIGH_WATER = 256 * 1024
"""How much of a body waits for the application before its client has to."""


class Connection(HttpToolsProtocol):
    """One connection. A head that does not arrive in time is answered with status 408, one without end with 431."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = True
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client is here: its first head is expected."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._timer is None:
                self._expect()
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MOST_HEAD_BYTES:
            self.refuse(431, f"a request's head has at most {MOST_HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._is_in_head = False
        self._head_bytes = 0
        self._expect_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body came: it is handed on as it is, where uvicorn copies it twice."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body = body if not cycle.body else cycle.body + body  # type: ignore[assignment]
        if len(cycle.body) > HIGH_WATER:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The body is whole; what comes next is another head."""
        super().on_message_complete()
        self._is_in_head = True

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self.refuse(400, msg.rstrip("."))

    def refuse(self, status: int, message: str) -> None:
        """Say what is wrong and close."""
        self._expect_no_more()
        if self.transport.is_closing():
            return
        body = json.dumps({"error": message, "violations": []}).encode()
        phrase = http.HTTPStatus(status).phrase
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        self.app.refused_connection(status, message)

    def _expect(self) -> None:
        seconds = getattr(self.app, "read_seconds", HEAD_SECONDS)
        self._timer = self.loop.call_later(
            seconds, self.refuse, 408, f"no whole head of a request within {seconds:g} s"
        )

    def _expect_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
