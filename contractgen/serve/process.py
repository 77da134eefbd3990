"""One process that serves: opens the model, tries it, listens, and drains when it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import NoReturn

import uvicorn

from contractgen.errors import LoadError
from contractgen.generate.render import render_validator
from contractgen.generate.runtime.asgi_threads import cores
from contractgen.generate.sources import load_source
from contractgen.serve.application import ServerApplication
from contractgen.serve.connection import Connection
from contractgen.serve.guard import Guard
from contractgen.serve.logs import event
from contractgen.serve.metrics import Metrics
from contractgen.serve.models import Model, open_model
from contractgen.serve.settings import Prepared, Settings
from contractgen.verify.trees import output_tensors

KEEP_ALIVE_SECONDS = 75
"""How long a connection may wait for its next request: longer than the proxies in front of it, who else meet a closed one."""


def application(prepared: Prepared) -> ServerApplication:
    """The application before its model, which has answered a request already. Raises a `ContractgenError`."""
    settings = prepared.settings
    validator = load_source(render_validator(settings.contract), "validator")
    model = open_model(prepared, validator)
    _try(model, validator, prepared)
    return ServerApplication(
        settings.contract,
        validator,
        model,
        Metrics(settings.contract.name, settings.contract.fingerprint),
        limits=validator.Limits(max_body_bytes=settings.max_body_bytes),
        threads=settings.threads or max(1, cores() // settings.workers),
        waiting=settings.waiting,
        read_seconds=settings.read_seconds,
        log_requests=settings.log_requests,
        batch=settings.batch,
    )


def _try(model: Model, validator: ModuleType, prepared: Prepared) -> None:
    """Run the model once, so that one that does not fit its contract is found before anyone is served."""
    if prepared.warm_up is None:
        return
    body, headers = prepared.warm_up
    tensors, reply = validator.decode_request(
        validator.SPEC, validator.is_valid, body, headers, validator.Limits(max_body_bytes=len(body))
    )
    try:
        outputs = model(tensors)
        validator.respond(outputs, reply=reply)
        for name, (tensor, array) in output_tensors(prepared.settings.contract, outputs).items():
            held = "uint16" if tensor.dtype == "bfloat16" else tensor.dtype
            sizes = zip(tensor.shape, array.shape, strict=False)
            if (
                array.dtype != held
                or array.ndim != len(tensor.shape)
                or any(a != b for a, b in sizes if isinstance(a, int))
            ):
                raise TypeError(f"{name} is {array.dtype}{list(array.shape)}, not {tensor.dtype}{list(tensor.shape)}")
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise LoadError(
            f"the model does not answer a request within its contract: {type(error).__name__}: {lines[0]}",
            hint="`contractgen check CONTRACT MODEL` says more.",
        ) from error


class Server(uvicorn.Server):
    """Ends with the process instead of killing it by the signal that asked for the end."""

    def __init__(
        self, config: uvicorn.Config, app: ServerApplication, write_seconds: float, started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._write_seconds = write_seconds
        self._says = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._says()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; each second leave those who do not take their answers."""
        if counter % 10 == 0:
            now = time.monotonic()
            # Of a set that loses whom it closes.
            for one in list(self.server_state.connections):
                if isinstance(one, Connection) and one.take_or_leave(now, self._write_seconds):
                    event("answer not taken", level=logging.WARNING, seconds=self._write_seconds)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was accepted, within a bound."""
        event("draining", requests=len(self.server_state.tasks))
        await super().shutdown(sockets)
        cut = self._app.cut
        event("drained", level=logging.ERROR if cut else logging.INFO, cut=cut)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask for the end."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def serve_on(
    listening: socket.socket, app: ServerApplication, settings: Settings, guard: Guard, started: Callable[[], None]
) -> int:
    """Serve until a signal; how many requests were cut off at the end."""
    app.guard = guard
    config = uvicorn.Config(
        app, http=Connection, ws="none", lifespan="on", loop="auto", access_log=False, log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=False, server_header=False, backlog=2048,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )  # fmt: skip
    server = Server(config, app, settings.write_seconds, started)
    server.run([listening])
    return app.cut


def leave(code: int) -> NoReturn:
    """End the process while the model may still run in a thread.

    Nothing stops that, and the interpreter's own end would pull the memory away from under it.
    """
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def bound(settings: Settings) -> socket.socket:
    """The socket to listen on. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    return listening
