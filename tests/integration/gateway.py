"""A stand-in for SageMaker's runtime: passes requests on, and turns a container's error into the real client's `ModelError`."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

Container = Callable[[bytes, dict[str, str]], tuple[int, bytes, str]]
"""Body and headers to status, body and content type."""


class Gateway(http.server.ThreadingHTTPServer):
    """Counts the requests that reach it."""

    daemon_threads = True

    def __init__(self, container: Container) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.container = container
        self.received = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    """`POST /endpoints/NAME/invocations`."""

    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received += 1
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if self.headers[name]}
        status, answer, content_type = self.server.container(body, headers)
        if status == 200:
            self.respond(200, answer, {"Content-Type": content_type})
            return
        error = {
            "Message": f"Received client error ({status}) from primary with message",
            "OriginalStatusCode": status,
            "OriginalMessage": answer.decode(),
            "LogStreamArn": "arn:aws:logs:us-east-1:0:log-group:none",
        }
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}
        self.respond(424, json.dumps(error).encode(), headers)

    def respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def gateway(container: Container) -> Iterator[Gateway]:
    """The runtime in front of a container."""
    server = Gateway(container)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
