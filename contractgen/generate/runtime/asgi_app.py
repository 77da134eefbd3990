"""The ASGI application that stands before a model: routes, limits, threads, and an answer to everything.

It needs the standard library alone and runs on any ASGI server. The target ``asgi`` copies it into `app.py`, and the
reference server is built on it, so what is tested of one holds for the other.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, NamedTuple

from contractgen.generate.runtime.asgi_messages import (
    BUSY,
    Answer,
    Deadline,
    Expired,
    Gone,
    Inbox,
    Receive,
    Refused,
    Request,
    Scope,
    Send,
    answer_of,
    json_answer,
    path_of,
    request_of,
)
from contractgen.generate.runtime.asgi_threads import Pool, cores

LOG = logging.getLogger(__name__)
Predict = Callable[..., Any]
"""The model: takes forward's arguments as numpy arrays, which may be read-only, and returns forward's result as arrays."""
Call = tuple[Any, ...]
"""What `receive` of the validator gives: `args`, `kwargs` and how to reply."""
Limits = Any
"""The validator's limits."""
Handler = Callable[[Request], Awaitable[Answer]]
SMALL_BODY = 16 * 1024
"""Up to this many bytes a request is checked at once, so that a bad one never waits for a thread."""
HELD_BODIES = 16
"""The bodies in memory at one time have at most as many bytes as so many of the largest ones."""
LINGER_SECONDS = 1.0
"""How long what a client still sends is thrown away after its refusal: closing at once could destroy the refusal too."""


class About(NamedTuple):
    """What the application tells of its model."""

    name: str
    contract: str
    metadata: dict[str, Any]
    """Model metadata of the Open Inference Protocol."""
    openapi: dict[str, Any]


class Application:
    """`/ping` and `/invocations` as SageMaker calls them, and the Open Inference Protocol v2, before one model.

    `predict` runs in `threads` threads (one per core unless given). As many requests as `waiting` may wait for one; the
    next is refused at once with status 503. `limits` are the validator's; a body has to arrive within `read_seconds`.
    """

    def __init__(
        self,
        validator: ModuleType,
        predict: Predict,
        about: About,
        *,
        limits: Limits | None = None,
        threads: int | None = None,
        waiting: int = 128,
        read_seconds: float = 30.0,
    ) -> None:
        self.validator = validator
        self.predict = predict
        self.limits = limits or validator.Limits()
        self.read_seconds = read_seconds
        self.pool = Pool(threads or cores(), waiting)
        self.held_bytes = 0
        model = f"/v2/models/{about.name}"
        server = {"name": "contractgen", "version": about.contract, "extensions": ["binary_tensor_data"]}
        self.routes: dict[str, dict[str, Handler]] = {
            "/ping": constant({"status": "ok"}),
            "/invocations": {"POST": self.infer},
            "/v2": constant(server),
            "/v2/health/live": constant({"live": True}),
            "/v2/health/ready": constant({"ready": True}),
            model: constant(about.metadata),
            f"{model}/ready": constant({"name": about.name, "ready": True}),
            f"{model}/infer": {"POST": self.infer},
            "/openapi.json": constant(about.openapi),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection of ASGI 3: a request, or the server's start and end."""
        if scope["type"] == "http":
            inbox = Inbox(receive)
            answer = await self.answer(scope, inbox)
            if answer is not None:
                await self.send(answer, scope, inbox, send)
        elif scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})

    async def live(self, receive: Receive, send: Send) -> None:
        """Follow the server's start and end."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                self.pool.close()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def answer(self, scope: Scope, inbox: Inbox) -> Answer | None:
        """The answer to a request, whatever happens; None where nobody waits for it any more."""
        try:
            handler = self.handler(path_of(scope), scope["method"])
            return await handler(request_of(scope, inbox))
        except Gone:
            return None
        except Refused as refused:
            return refused.answer
        except Exception as error:
            if not isinstance(error, self.validator.ContractViolation):
                LOG.exception("the model, or what prepares its answer, failed")
            return answer_of(self.validator.error_response(error), error)

    def handler(self, path: str, method: str) -> Handler:
        """What answers a method on a path. Raises `Refused`."""
        methods = self.routes.get(path)
        if methods is None:
            raise Refused(404, "there is nothing at this path")
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
            raise Refused(405, f"this path takes {', '.join(allowed)}", {"Allow": ", ".join(allowed)})
        return handler

    async def infer(self, request: Request) -> Answer:
        """Check a request and run the model on it."""
        body = await self.read(request)
        try:
            if is_small(body, request):
                return await self.pool.run(functools.partial(self.run, self.checked(body, request), request.accept))
            return await self.pool.run(lambda: self.run(self.checked(body, request), request.accept))
        finally:
            self.held_bytes -= len(body)

    def checked(self, body: bytes, request: Request) -> Call:
        """What the request asks for. Raises the validator's `ContractViolation`."""
        call: Call = self.validator.receive(body, request.content, limits=self.limits)
        return call

    def run(self, call: Call, accept: str) -> Answer:
        """The answer of the model to a request that was checked."""
        args, kwargs, reply = call
        return answer_of(self.validator.respond(self.predict(*args, **kwargs), accept=accept, reply=reply))

    async def read(self, request: Request) -> bytes:
        """The body, which counts as held from here on. Raises `Refused`, `Gone` or `ContractViolation`."""
        limit = self.limits.max_body_bytes
        length = request.length
        if length.isdecimal() and (len(length) > 18 or int(length) > limit):
            raise self.malformed(413, f"at most {limit} bytes (max_body_bytes)", length[:18])
        parts: list[bytes] = []
        try:
            with Deadline(self.read_seconds):
                while not request.inbox.has_ended:
                    part = await request.inbox.part()
                    self.held_bytes += len(part)
                    if request.inbox.size > limit:
                        raise self.malformed(413, f"at most {limit} bytes (max_body_bytes)", "more")
                    if self.held_bytes > HELD_BODIES * limit:
                        raise Refused(503, "too many bytes are waiting; try again", BUSY)
                    parts.append(part)
        except Expired:
            self.held_bytes -= request.inbox.size
            raise self.malformed(
                408, f"the whole body within {self.read_seconds:g} s", f"{request.inbox.size} bytes"
            ) from None
        except BaseException:
            self.held_bytes -= request.inbox.size
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def malformed(self, status: int, expected: str, actual: str) -> Exception:
        """The violation of a body that was not taken."""
        one = self.validator.Violation("malformed", "body", expected, actual)
        error: Exception = self.validator.ContractViolation([one], status)
        return error

    async def send(self, answer: Answer, scope: Scope, inbox: Inbox, send: Send) -> None:
        """Send an answer. Where the request was not read to its end, the connection is closed, gently."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        is_cut = not inbox.has_ended and scope["method"] not in ("GET", "HEAD")
        if is_cut and scope.get("http_version", "1.1").startswith("1"):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": is_cut})
        if is_cut:
            # A client that was too slow is not waited for again.
            with contextlib.suppress(Expired, Gone), Deadline(LINGER_SECONDS if answer.status != 408 else 0.0):
                while not inbox.has_ended:
                    await inbox.part()
            await send({"type": "http.response.body", "body": b""})


def is_small(body: bytes, request: Request) -> bool:
    """Whether checking a body takes no time worth a thread; a compressed one may unpack to much."""
    return len(body) <= SMALL_BODY and "Content-Encoding" not in request.content


def constant(value: object) -> dict[str, Handler]:
    """The handler of a path that always answers the same."""
    answer = json_answer(value)

    async def handle(_request: Request) -> Answer:
        return answer

    return {"GET": handle}


def predict_beside() -> Predict:
    """The function `predict` of the module `predict`."""
    predict: Predict = importlib.import_module("predict").predict
    return predict
