"""What Prometheus is told.

With several processes each writes its numbers to files of a common folder (``PROMETHEUS_MULTIPROC_DIR``, which has to be
set before this is imported), and whichever process is asked adds them up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MOST_PATHS = 500
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Violation(Protocol):
    """What a refusal lists."""

    code: str
    path: str


class Metrics:
    """Counters of one process."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, model: str, contract: str) -> None:
        self._registry = CollectorRegistry()
        self._paths: set[str] = set()
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        registry = self._registry
        info = Gauge("contractgen_info", "The model that is served", ["model", "contract"],
                     registry=registry, multiprocess_mode="max")  # fmt: skip
        info.labels(model, contract).set(1)
        self._requests = Counter("contractgen_requests", "Requests answered", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "contractgen_request_seconds", "From a request's head to its answer", ["path"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._model_seconds = Histogram(
            "contractgen_model_seconds", "In the model alone", buckets=_SECONDS, registry=registry
        )
        self._rows = Histogram("contractgen_batch_requests", "Requests that one run of the model answers",
                               buckets=_ROWS, registry=registry)  # fmt: skip
        self._violations = Counter(
            "contractgen_violations", "Differences from the contract, by code and place", ["code", "path"],
            registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            "contractgen_in_flight",
            "Requests that have no answer yet, this one among them",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def arrived(self) -> None:
        """A request's head is here."""
        self._in_flight.inc()

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request has its answer."""
        self._in_flight.dec()
        known = self._known.get((path, status))
        if known is None:
            known = self._known[path, status] = self._requests.labels(path, str(status)), self._seconds.labels(path)
        known[0].inc()
        known[1].observe(seconds)

    def gave_up(self, status: int) -> None:
        """A connection was closed that made no request."""
        self._requests.labels("none", str(status)).inc()

    def refused(self, violations: Iterable[Violation]) -> None:
        """A request broke the contract."""
        for violation in violations:
            path = re.sub(r"\[\d+\]", "[*]", violation.path)
            if path not in self._paths:
                # Paths are the contract's own and thus few; a bound holds all the same.
                if len(self._paths) >= MOST_PATHS:
                    path = "other"
                self._paths.add(path)
            self._violations.labels(violation.code, path).inc()

    def ran(self, seconds: float, requests: int) -> None:
        """The model has run once."""
        self._model_seconds.observe(seconds)
        self._rows.observe(requests)

    def text(self) -> bytes:
        """The exposition."""
        if not os.environ.get(FOLDER):
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
