"""What answers in place of processes: while none serves (alive, not ready, 503 for all else), and for one that has died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

from contractgen.serve.guard import ANSWERING, ASKED, CLOSED, RESTING, Orphan

HEAD_SECONDS = 5.0
LINGER_SECONDS = 1.0
MOST_HEAD_BYTES = 64 * 1024
UNAVAILABLE = b"503 Service Unavailable"


class Fallback:
    """Takes connections from a listening socket that it shares with others, while it is open."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._is_open = False
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Take connections."""
        if not self._is_open:
            self._is_open = True
            self._listening.setblocking(False)
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Leave them to the others. What was taken is answered: `asyncio.Server` would forget what it has just accepted."""
        if self._is_open:
            self._is_open = False
            asyncio.get_running_loop().remove_reader(self._listening)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # another process was quicker, or the client has gone
            taken, _ = self._listening.accept()
            self._start(Orphan(taken, RESTING), HEAD_SECONDS)

    def _start(self, orphan: Orphan, seconds: float) -> None:
        task = asyncio.create_task(_finish(orphan, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def adopt(self, orphans: list[Orphan]) -> int:
        """Answer the requests in the connections of a process that has died; how many there were at least."""
        asked = 0
        for one in orphans:
            asked += one.state == ASKED
            self._start(one, LINGER_SECONDS)
        return asked

    async def end(self) -> None:
        """Wait until those are answered, which has a bound."""
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _finish(orphan: Orphan, seconds: float) -> None:
    """Answer what an orphan was asked, or is within so many seconds, and close it; one whose answer had begun is closed."""
    if orphan.state == CLOSED:
        orphan.socket.close()
        return
    try:
        reader, writer = await asyncio.open_connection(sock=orphan.socket, limit=MOST_HEAD_BYTES)
    except OSError:
        orphan.socket.close()
        return
    if orphan.state == ANSWERING:
        await _end(reader, writer, b"")
    elif orphan.state == ASKED:
        await _end(reader, writer, _refusal("what had this request has died; try again"))
    else:
        await _answer(reader, writer, seconds)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Answer the one request of a connection that is closed after it."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), seconds)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        writer.close()
        return
    await _end(reader, writer, _response(head))


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    """Send the last of a connection and close it."""
    try:
        with contextlib.suppress(asyncio.TimeoutError, OSError):
            writer.write(answer)
            writer.write_eof()
            # Closing while the client still sends could destroy the answer.
            await asyncio.wait_for(_discard(reader), LINGER_SECONDS)
    finally:
        writer.close()


async def _discard(reader: asyncio.StreamReader) -> None:
    """Read until the client says no more."""
    while await reader.read(MOST_HEAD_BYTES):
        pass


def _response(head: bytes) -> bytes:
    """What a request gets by its head."""
    _, target, *_ = [*head.split(b"\r\n", 1)[0].split(b" "), b"", b""]
    if target == b"/v2/health/live":
        return _message(b"200 OK", {"live": True})
    if target == b"/v2/health/ready":
        return _message(UNAVAILABLE, {"ready": False})
    return _refusal("the model is being opened; try again")


def _refusal(error: str) -> bytes:
    return _message(UNAVAILABLE, {"error": error, "violations": []})


def _message(status: bytes, document: dict[str, object]) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nretry-after: 1\r\nconnection: close\r\n\r\n%s" % (
        status, len(body), body,
    )  # fmt: skip
