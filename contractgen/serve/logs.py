"""Logs as JSON, one object a line, on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import datetime, timezone

LOG = logging.getLogger("contractgen.serve")

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered."""

ATOMIC = 4096
"""Up to this many bytes (PIPE_BUF) are written in one piece, so that the lines of several processes do not mix."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON; what is below ``fields`` of its ``extra`` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        made: dict[str, object] = {
            "time": stamp(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        identity = REQUEST_ID.get()
        if identity:
            made.setdefault("id", identity)
        if record.exc_info and record.exc_info[0] is not None:
            made["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(made)


class RequestLog:
    """A line for each request: those of one turn of the event loop are written together."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, fields: dict[str, object]) -> None:
        """Log a request."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(json.dumps({"time": stamp(time.time()), "level": "info", "event": "request", **fields}))

    def flush(self) -> None:
        """Write what was added."""
        data = b""
        for line in self._lines:
            one = line.encode() + b"\n"
            if len(data) + len(one) > ATOMIC:
                _write(data)
                data = b""
            data += one
        self._lines.clear()
        _write(data)


def _write(data: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody reads the log any more: no reason not to serve
        os.write(sys.stderr.fileno(), data)


def stamp(seconds: float) -> str:
    """A time as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def log_to_stderr() -> None:
    """Send everything of ours, and warnings of the HTTP server, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("contractgen", logging.INFO), ("uvicorn", logging.WARNING), ("asyncio", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


def event(text: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log something that happened, with facts about it."""
    LOG.log(level, text, extra={"fields": fields})
