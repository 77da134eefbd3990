"""Servers over loopback: a real uvicorn around an application, in a thread of the test's own process."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

TIMEOUT = 60.0
"""How long a test waits for anything, at most."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of a refusal, whose form is checked: one line of text, and its violations."""
        document = self.json
        assert set(document) == {"error", "violations"}
        assert isinstance(document["error"], str)
        assert document["error"].count("\n") == 0
        assert "Traceback" not in document["error"]
        return [violation["code"] for violation in document["violations"]]


@dataclass(frozen=True)
class Site:
    """Where a server listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: bytes, **headers: str) -> Reply:
        return self.ask("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, request: Any, path: str = "/invocations", **headers: str) -> Reply:
        """A request that a generated client made."""
        return self.ask("POST", path, request.body, {**request.headers, **headers})

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)


def rest_of(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def last_answer(raw: bytes) -> Reply:
    """The one answer on a connection that was closed after it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    return Reply(int(status.split()[1]), headers, body)


def in_background(site: Site, request: object, count: int) -> tuple[list[Reply], list[threading.Thread]]:
    """So many requests at once, and where their answers go."""
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda: replies.append(site.send(request)), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return replies, threads


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the server does by itself; fail where it does not come."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextmanager
def running(app: Any, **options: Any) -> Iterator[Site]:
    """The application on a free port of the loopback."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=5, **options)
    server = _Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert server.listens.wait(TIMEOUT)
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        assert not thread.is_alive()
