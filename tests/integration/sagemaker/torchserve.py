"""The real TorchServe, on loopback, with everything that it writes in a folder of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.integration.servers import free_port, running

JAVA = shutil.which("java")
LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration><Appenders><Console name="out"/></Appenders>
<Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


@contextlib.contextmanager
def torchserve(folder: Path, settings: Mapping[str, str], models: str, environment: Mapping[str, str]) -> Iterator[int]:
    """The port of the inference API of a server with one worker."""
    assert JAVA is not None, "TorchServe needs java 17: apt-get install openjdk-17-jre-headless"
    for name in ("store", "tmp", "logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    port = free_port()
    lines = {
        "inference_address": f"http://127.0.0.1:{port}",
        "management_address": f"http://127.0.0.1:{free_port()}",
        "metrics_address": f"http://127.0.0.1:{free_port()}",
        "grpc_inference_port": str(free_port()),
        "grpc_management_port": str(free_port()),
        "grpc_inference_address": "127.0.0.1",
        "grpc_management_address": "127.0.0.1",
        "disable_token_authorization": "true",
        "decode_input_request": "false",
        "default_workers_per_model": "1",
        "model_store": str(folder / "store"),
        "load_models": models,
        "vmargs": f"-Djava.io.tmpdir={folder / 'tmp'} -Xmx512m",
        **settings,
    }
    config = folder / "config.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (folder / "log4j2.xml").write_text(LOGGING)
    command = [
        sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ts-config", str(config),
        "--model-store", str(folder / "store"), "--log-config", str(folder / "log4j2.xml"), "--models", models,
    ]  # fmt: skip
    own = {
        "TMPDIR": str(folder / "tmp"),
        "LOG_LOCATION": str(folder / "logs"),
        "METRICS_LOCATION": str(folder / "logs"),
    }
    with running(command, port, "/ping", folder, {**own, **environment}):
        yield port


def archive(folder: Path, generated: Path, artifact: Path, source: Path) -> Path:
    """`model.mar` of the generated handler, made by torch-model-archiver."""
    folder.mkdir(parents=True, exist_ok=True)
    extra = ",".join(str(path) for path in (generated / "validator.py", generated / "contract_model.py", source))
    command = [
        sys.executable, "-m", "model_archiver.model_packaging", "--model-name", "model", "--version", "1.0", "--force",
        "--handler", str(generated / "torchserve_handler.py"), "--serialized-file", str(artifact), "--extra-files", extra,
        "--export-path", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=120)
    return folder / "model.mar"
