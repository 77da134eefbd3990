"""`contractgen serve CONTRACT MODEL`: a reference server that enforces the contract."""

from __future__ import annotations

from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from contractgen.cli import options
from contractgen.cli.console import stderr
from contractgen.cli.export import asking
from contractgen.cli.failures import reported
from contractgen.cli.progress import Stages
from contractgen.config import read_config
from contractgen.contract.codec import load_contract
from contractgen.errors import UsageError

NEEDS = ("uvicorn", "httptools", "prometheus_client")


class Runtime(str, Enum):
    """What runs the model."""

    onnx = "onnx"
    eager = "eager"
    torchscript = "torchscript"


def serve(
    contract_file: Annotated[Path, typer.Argument(metavar="CONTRACT", help="The contract.json.", show_default=False)],
    artifact: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.", show_default=False)],
    model: options.ModelFactory = None,
    arg: options.Arguments = None,
    trust: options.Trust = False,
    runtime: Annotated[
        Runtime, typer.Option("--runtime", help="What runs the model; onnx and torchscript are made from it.")
    ] = Runtime.onnx,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8080,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Processes; one that dies is replaced.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, help="Threads that run the model, in each process; one per core unless given."
        ),
    ] = None,
    queue: Annotated[
        int, typer.Option("--queue", min=0, help="Requests that may wait for a thread; the next gets status 503.")
    ] = 128,
    batch: Annotated[
        int,
        typer.Option("--batch", min=1, metavar="ROWS", help="Run waiting requests together, up to so many rows."),
    ] = 1,
    max_body: Annotated[
        int, typer.Option("--max-body", min=1, metavar="BYTES", help="A larger body gets status 413.")
    ] = 64 << 20,
    read_timeout: Annotated[
        float,
        typer.Option("--read-timeout", min=0.1, metavar="SECONDS", help="A slower request gets status 408."),
    ] = 30.0,
    write_timeout: Annotated[
        float,
        typer.Option("--write-timeout", min=0.1, metavar="SECONDS", help="How long a client may take over an answer."),
    ] = 30.0,
    drain_timeout: Annotated[
        float,
        typer.Option(
            "--drain-timeout", min=1.0, metavar="SECONDS", help="How long accepted requests may take after SIGTERM."
        ),
    ] = 30.0,
    request_log: Annotated[
        bool, typer.Option("--request-log/--no-request-log", help="Log a line of JSON for each request on stderr.")
    ] = True,
    traceback: options.Traceback = False,
) -> None:
    """Serve MODEL behind CONTRACT: Open Inference Protocol v2, SageMaker's /ping and /invocations, /contract.json, /metrics."""
    with reported(traceback):
        missing = [name for name in NEEDS if find_spec(name) is None]
        if missing:
            raise UsageError(f"serving needs {', '.join(missing)}", hint="pip install 'contractgen[serve]'")
        contract = load_contract(contract_file)
        said = options.model_settings(
            model=model, arguments=arg, example=None, budget=None, dims=None, tensors=None
        ).over(read_config(Path.cwd()).settings(artifact))
        from contractgen.serve.api import serve as run
        from contractgen.serve.settings import Settings

        run(
            Settings(
                contract=contract,
                artifact=artifact,
                factory=said.model,
                arguments=said.arguments,
                trust=trust,
                runtime=runtime.value,
                host=host,
                port=port,
                workers=workers,
                threads=threads,
                waiting=queue,
                batch=batch,
                max_body_bytes=max_body,
                read_seconds=read_timeout,
                write_seconds=write_timeout,
                drain_seconds=drain_timeout,
                log_requests=request_log,
            ),
            confirm=asking(Stages(stderr(), None)),
            say=typer.echo,
        )
