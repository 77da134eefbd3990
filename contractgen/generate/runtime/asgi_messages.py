"""Requests and answers of the ASGI application, apart from any server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Response = Any
"""The validator's response."""


class Answer(NamedTuple):
    """A response, and the error that led to it."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    error: BaseException | None = None


class Inbox:
    """What a client sends, message by message."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.has_ended = False
        self.size = 0

    async def part(self) -> bytes:
        """The next part of the body. Raises `Gone`."""
        message = await self.receive()
        if message["type"] != "http.request":
            self.has_ended = True
            raise Gone
        self.has_ended = not message.get("more_body")
        part: bytes = message.get("body", b"")
        self.size += len(part)
        return part


class Request(NamedTuple):
    """A request whose body was not read yet."""

    inbox: Inbox
    content: dict[str, str]
    """The headers that say what the body is, as a validator takes them."""
    length: str = ""
    """What Content-Length says, if anything."""
    accept: str = ""


class Refused(Exception):
    """A request that is refused by status alone: not the contract's business."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = json_answer({"error": message, "violations": []}, status, headers, self)


class Gone(Exception):
    """The client went away."""


BUSY = {"Retry-After": "1"}


class Expired(Exception):
    """A deadline has passed."""


class Deadline:
    """Cancels what its block waits for after so many seconds, and makes that `Expired`: `asyncio.timeout`, on Python 3.9."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.has_passed = False

    def __enter__(self) -> None:
        self.task = asyncio.current_task()
        self.timer = asyncio.get_running_loop().call_later(self.seconds, self.expire)

    def expire(self) -> None:
        """Cancel the task that waits."""
        self.has_passed = True
        if self.task is not None:
            self.task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.timer.cancel()
        if self.has_passed and kind is asyncio.CancelledError:
            uncancel = getattr(self.task, "uncancel", None)  # Python 3.11 counts cancellations
            if uncancel is not None:
                uncancel()
            raise Expired


CONTENT = {
    b"content-type": "Content-Type",
    b"content-encoding": "Content-Encoding",
    b"inference-header-content-length": "Inference-Header-Content-Length",
}


def path_of(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def request_of(scope: Scope, inbox: Inbox) -> Request:
    """The request of a scope."""
    content: dict[str, str] = {}
    length = accept = ""
    for name, data in scope["headers"]:
        known = CONTENT.get(name)
        if known is not None:
            value = data.decode("latin-1")
            # The validator is shown both of two that differ, and refuses them.
            content[known if content.setdefault(known, value) == value else known.lower()] = value
        elif name == b"content-length":
            length = data.decode("latin-1")
        elif name == b"accept":
            value = data.decode("latin-1")
            accept = f"{accept}, {value}" if accept else value
    return Request(inbox, content, length, accept)


def answer_of(response: Response, error: BaseException | None = None) -> Answer:
    """A validator's response as an answer."""
    return Answer(response.status, response.body, response.headers, error)


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None, error: BaseException | None = None
) -> Answer:
    """A JSON document as an answer."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})}, error)
