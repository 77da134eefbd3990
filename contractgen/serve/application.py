"""The ASGI application of the target ``asgi`` with what a server has besides: metrics, logs and request ids."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import time
from types import ModuleType
from typing import Any

from contractgen.contract.codec import dumps
from contractgen.contract.model import Contract
from contractgen.generate.runtime.asgi_app import About, Application, Call, is_small
from contractgen.generate.runtime.asgi_messages import (
    BUSY,
    Answer,
    Inbox,
    Refused,
    Request,
    Scope,
    Send,
    answer_of,
    path_of,
)
from contractgen.generate.targets.asgi_openapi import document, operation
from contractgen.report.formats.model_metadata import model_metadata
from contractgen.serve.batching import Batcher
from contractgen.serve.connection import ANSWERS
from contractgen.serve.guard import Guard
from contractgen.serve.logs import REQUEST_ID, RequestLog, event
from contractgen.serve.metrics import Metrics
from contractgen.serve.models import Model, Tensors

_ID = re.compile(rb"[A-Za-z0-9._:/=+-]{1,128}")

_PROCESS = secrets.token_hex(8)
_NUMBERS = itertools.count()


def openapi(contract: Contract) -> dict[str, Any]:
    """The document of the target ``asgi`` with what is answered here besides."""
    made = document(contract)
    made["paths"]["/contract.json"] = operation(
        "contract", "The contract", {"format": {"type": "string"}, "fingerprint": {"type": "string"}}
    )
    text = {"text/plain": {"schema": {"type": "string"}}}
    answer = {"description": "Counters and times in Prometheus' text format.", "content": text}
    made["paths"]["/metrics"] = {
        "get": {"operationId": "metrics", "summary": "Metrics for Prometheus", "responses": {"200": answer}}
    }
    return made


class ServerApplication(Application):
    """The application before one model."""

    def __init__(
        self,
        contract: Contract,
        validator: ModuleType,
        model: Model,
        metrics: Metrics,
        *,
        log_requests: bool = True,
        batch: int = 1,
        **options: Any,
    ) -> None:
        about = About(contract.name, contract.fingerprint, model_metadata(contract), openapi(contract))
        super().__init__(validator, model, about, **options)
        self.metrics = metrics
        self.guard: Guard | None = None
        """Who answers when this process dies, in one that has a supervisor."""
        self.cut = 0
        """Requests that were given up before their answer, at the end of the process."""
        self.request_log = RequestLog() if log_requests else None
        self.batcher = Batcher(contract, validator, self.model, self.pool, batch) if batch > 1 else None
        text = dumps(contract).encode()
        self.routes["/contract.json"] = {"GET": lambda _: _answered(text, "application/json")}
        self.routes["/metrics"] = {"GET": lambda _: _answered(metrics.text(), metrics.content_type)}

    def checked(self, body: bytes, request: Request) -> Call:
        """The request's tensors by wire name, and how to reply."""
        tensors, reply = self.validator.decode_request(
            self.validator.SPEC, self.validator.is_valid, body, request.content, self.limits
        )
        return tensors, reply

    async def infer(self, request: Request) -> Answer:
        """Check a request and run the model on it, with others where that is wanted."""
        if self.batcher is None:
            return await super().infer(request)
        body = await self.read(request)
        try:
            if is_small(body, request):
                call = self.checked(body, request)
            else:
                call = await self.pool.run(lambda: self.checked(body, request))
            return await self.batcher.answer(call, request.accept)
        finally:
            self.held_bytes -= len(body)

    def run(self, call: Call, accept: str) -> Answer:
        """The answer of the model to a request that was checked."""
        tensors, reply = call
        return answer_of(self.validator.respond(self.model(tensors, 1), accept=accept, reply=reply))

    def model(self, tensors: Tensors, requests: int) -> Any:
        """The result of the model, whose time is taken."""
        started = time.perf_counter()
        try:
            return self.predict(tensors)
        finally:
            self.metrics.ran(time.perf_counter() - started, requests)

    async def answer(self, scope: Scope, inbox: Inbox) -> Answer | None:
        """The answer, counted and logged."""
        started = time.perf_counter()
        identity = _identity(scope)
        self.metrics.arrived()
        token = REQUEST_ID.set(identity)
        try:
            answer = await super().answer(scope, inbox)
        except asyncio.CancelledError:
            # The drain's bound has passed; uvicorn cancels what is left, once.
            self.cut += 1
            answer = Refused(503, "the server has ended", BUSY).answer
        finally:
            REQUEST_ID.reset(token)
        path = path_of(scope)
        if path not in self.routes:
            path = "other"
        seconds = time.perf_counter() - started
        status = 499 if answer is None else answer.status  # the client went away; nginx's status for it
        violations = getattr(answer.error, "violations", ()) if answer is not None else ()
        self.metrics.answered(path, status, seconds)
        self.metrics.refused(violations)
        if self.request_log is not None:
            fields: dict[str, object] = {
                "id": identity, "method": scope["method"], "path": path, "status": status,
                "ms": round(1000 * seconds, 3), "bytes": inbox.size,
            }  # fmt: skip
            if violations:
                fields["codes"] = [one.code for one in violations]
            self.request_log.add(fields)
        return None if answer is None else answer._replace(headers={**answer.headers, "X-Request-Id": identity})

    async def send(self, answer: Answer, scope: Scope, inbox: Inbox, send: Send) -> None:
        """Send an answer, once the connection knows that there is one."""
        begin = scope.get(ANSWERS)
        if begin is not None:
            begin()
        await super().send(answer, scope, inbox, send)

    def refused_connection(self, status: int, reason: str) -> None:
        """The HTTP server gave up on a connection that made no request."""
        self.metrics.gave_up(status)
        event("no request", level=logging.WARNING, status=status, reason=reason)


def _identity(scope: Scope) -> str:
    """The request's id as its sender gave it, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            given: str = value.decode("ascii")
            return given
    return f"{_PROCESS}-{next(_NUMBERS):x}"


async def _answered(body: bytes, media: str) -> Answer:
    return Answer(200, body, {"Content-Type": media})
