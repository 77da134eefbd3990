"""`contractgen serve` in the environment of a client, and the same server behind a SageMaker gateway."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from tests.integration.gateway import Gateway, gateway
from tests.integration.samples import ARGUMENTS, Deployed
from tests.integration.servers import ask, free_port, running


@contextlib.contextmanager
def reference_server(deployed: Deployed) -> Iterator[int]:
    """The port of a server of a sample."""
    port = free_port()
    command = [
        sys.executable, "-m", "contractgen.cli", "serve", str(deployed.contract / "contract.json"), str(deployed.artifact),
        "--model", f"{deployed.source}:{deployed.class_name}", "--runtime", "eager", "--port", str(port),
    ]  # fmt: skip
    for name, value in ARGUMENTS.get(deployed.name, {}).items():
        command += ["--arg", f"{name}={value}"]
    with running(command, port, "/v2/health/ready", deployed.root):
        yield port


@contextlib.contextmanager
def endpoint_of(port: int) -> Iterator[Gateway]:
    """A gateway in front of the server's `/invocations`."""

    def container(body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        answer = ask(port, "POST", "/invocations", body, headers)
        return answer.status, answer.body, answer.headers["content-type"]

    with gateway(container) as running_gateway:
        yield running_gateway
