"""uvicorn's HTTP/1.1 connection with what it lacks.

That is limits of time and size for a request's head, a limit of time for its answer, errors as JSON, and a guard for
when this process dies.
"""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contractgen.serve.guard import ANSWERING, ASKED, RESTING, UNGUARDED, Guard

ANSWERS = "contractgen.answers"
MOST_HEAD_BYTES = 64 * 1024
HIGH_WATER = 256 * 1024
"""How much of a body waits for the application before its client has to."""


class Connection(HttpToolsProtocol):
    """One connection. A head that does not arrive in time is answered with status 408, one without end with 431.

    The application knows the `guard` of its process, `read_seconds` and `refused_connection`, and calls what a request's
    scope has below `ANSWERS` before it sends the first byte of the answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = True
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._guard: Guard = self.app.guard
        self._file = UNGUARDED
        self._is_answering = False
        self._answers = 0
        self._untaken = (0, 0.0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client is here: its first head is expected."""
        super().connection_made(transport)
        self._file = self._guard.opened(transport.get_extra_info("socket").fileno())
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._expect_no_more()
        self._guard.closed(self._file)
        self._file = UNGUARDED
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._is_in_head:
            self._stands(ASKED)
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
        self.scope[ANSWERS] = self.answers  # type: ignore[literal-required]
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

    def answers(self) -> None:
        """The answer to a request is about to be written."""
        self._is_answering = True
        self._answers += 1
        self._guard.states[self._file] = ANSWERING

    def on_response_complete(self) -> None:
        """An answer was written, which leaves this process now, at the end of this turn of the loop, or later."""
        self._is_answering = False
        if self.transport.get_write_buffer_size():
            self.loop.call_soon(self._rest)
        else:
            self._rest()
        super().on_response_complete()

    def _rest(self) -> None:
        is_asked = self._head_bytes > 0 or not self.cycle.response_complete
        self._stands(ASKED if is_asked else RESTING)

    def _stands(self, state: int) -> None:
        """Note where the connection stands, once no answer is under way any more."""
        if not self._is_answering and not self.transport.get_write_buffer_size() and not self.transport.is_closing():
            self._guard.states[self._file] = state

    def take_or_leave(self, now: float, seconds: float) -> bool:
        """Close the connection where its client has not taken an answer for so many seconds; whether that was so."""
        answers, since = self._untaken
        if not self.transport.get_write_buffer_size():
            self._untaken = (0, 0.0)
        elif answers != self._answers:
            self._untaken = (self._answers, now)
        elif now - since > seconds:
            self.transport.abort()
            return True
        return False

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
        self.answers()
        self.transport.write(head.encode() + body)
        self.transport.close()
        self.app.refused_connection(status, message)

    def _expect(self) -> None:
        seconds = self.app.read_seconds
        self._timer = self.loop.call_later(
            seconds, self.refuse, 408, f"no whole head of a request within {seconds:g} s"
        )

    def _expect_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
