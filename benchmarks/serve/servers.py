"""Each server as a process with two workers of one thread, and the format in which it takes arrays most cheaply."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serve.load import Shot
from benchmarks.serve.subjects import Subject, npy, valid_shots
from tests.integration.environments import interpreter
from tests.integration.servers import free_port, running

RIVALS = Path(__file__).with_name("rivals")
ROOT = Path(__file__).parents[2]
WORKERS = 2


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    shots: list[Shot]


Start = Callable[[Subject, Path, int], Any]


@contextlib.contextmanager
def ours(of: Subject, folder: Path, count: int, *options: str, kind: str = "BINARY") -> Iterator[Running]:
    """`contractgen serve`."""
    port = free_port()
    command = [
        sys.executable, "-m", "contractgen.cli", "serve", str(of.contract), str(of.model), "--port", str(port),
        "--no-request-log", *options,
    ]  # fmt: skip

    def encode(x: Any) -> tuple[bytes, dict[str, str]]:
        request = of.client.serialize(x, content_type=getattr(of.client, kind))
        return request.body, request.headers

    with running(
        command, port, "/v2/health/ready", folder, {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ) as process:
        yield Running(port, process, valid_shots(of, "/invocations", encode, count))


def with_workers(of: Subject, folder: Path, count: int) -> Any:
    """Two processes."""
    return ours(of, folder, count, "--workers", str(WORKERS), "--threads", "1")


def with_json(of: Subject, folder: Path, count: int) -> Any:
    """The same with what MLServer is sent."""
    return ours(of, folder, count, "--workers", str(WORKERS), "--threads", "1", kind="OPEN_INFERENCE_JSON")


def one_process(of: Subject, folder: Path, count: int) -> Any:
    """One process, as it is without options."""
    return ours(of, folder, count)


def with_batches(of: Subject, folder: Path, count: int) -> Any:
    """Two processes that run what waits together."""
    return ours(of, folder, count, "--workers", str(WORKERS), "--threads", "1", "--batch", "32")


@contextlib.contextmanager
def mlserver(of: Subject, folder: Path, count: int) -> Iterator[Running]:
    """MLServer with parallel workers; it takes JSON alone."""
    python, port = interpreter("mlserver"), free_port()
    (folder / "settings.json").write_text(json.dumps({
        "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None,
        "parallel_workers": WORKERS, "environments_dir": str(folder / "environments"), "debug": False,
    }))  # fmt: skip
    (folder / "model-settings.json").write_text(
        json.dumps({"name": of.name, "implementation": "mlserver_model.OnnxModel"})
    )
    shutil.copy(RIVALS / "mlserver_model.py", folder)
    # MLServer 1.7.1's parallel workers die under later versions.
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        "uvloop==0.21.0",
    ]
    subprocess.run(install, check=True, timeout=120)

    def encode(x: Any) -> tuple[bytes, dict[str, str]]:
        return of.client.serialize(x, content_type=of.client.OPEN_INFERENCE_JSON).body, {
            "Content-Type": "application/json"
        }

    command = [str(python.with_name("mlserver")), "start", "."]
    environment = {"MODEL": str(of.model), "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    with running(command, port, f"/v2/models/{of.name}/ready", folder, environment) as process:
        yield Running(port, process, valid_shots(of, f"/v2/models/{of.name}/infer", encode, count))


@contextlib.contextmanager
def torchserve(of: Subject, folder: Path, count: int) -> Iterator[Running]:
    """TorchServe with two workers, npy in and out."""
    python, port = interpreter("sagemaker"), free_port()
    if shutil.which("java") is None:
        raise RuntimeError("java is needed: apt-get install openjdk-17-jre-headless")
    for name in ("store", "tmp", "logs"):
        (folder / name).mkdir(exist_ok=True)
    subprocess.run(
        [str(python), "-m", "model_archiver.model_packaging", "--model-name", "model", "--version", "1.0", "--force",
         "--handler", str(RIVALS / "torchserve_handler.py"), "--export-path", str(folder / "store")],
        check=True, timeout=120,
    )  # fmt: skip
    lines = {
        "inference_address": f"http://127.0.0.1:{port}", "management_address": f"http://127.0.0.1:{free_port()}",
        "metrics_address": f"http://127.0.0.1:{free_port()}", "grpc_inference_port": free_port(),
        "grpc_management_port": free_port(), "grpc_inference_address": "127.0.0.1", "grpc_management_address": "127.0.0.1",
        "disable_token_authorization": "true", "decode_input_request": "false", "default_workers_per_model": WORKERS,
        "model_store": folder / "store", "load_models": "model.mar", "job_queue_size": 1000,
        "max_request_size": 100 << 20, "max_response_size": 100 << 20,
        "vmargs": f"-Djava.io.tmpdir={folder / 'tmp'} -Xmx1g",
    }  # fmt: skip
    (folder / "config.properties").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (folder / "log4j2.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Configuration><Appenders><Console name="out"/></Appenders>'
        '<Loggers><Root level="error"><AppenderRef ref="out"/></Root></Loggers></Configuration>\n'
    )
    command = [
        str(python), "-m", "ts.model_server", "--start", "--foreground", "--ts-config", str(folder / "config.properties"),
        "--model-store", str(folder / "store"), "--log-config", str(folder / "log4j2.xml"), "--models", "model.mar",
    ]  # fmt: skip
    environment = {
        "MODEL": str(of.model), "TMPDIR": str(folder / "tmp"), "LOG_LOCATION": str(folder / "logs"), "OMP_NUM_THREADS": "1",
        "METRICS_LOCATION": str(folder / "logs"), "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with running(command, port, "/ping", folder, environment) as process:
        yield Running(port, process, valid_shots(of, "/predictions/model", npy, count))


@contextlib.contextmanager
def ray(of: Subject, folder: Path, count: int) -> Iterator[Running]:
    """Ray Serve with two replicas, npy in and out."""
    python, port = interpreter("ray"), free_port()
    command = [str(python), str(RIVALS / "ray_app.py"), str(port)]
    environment = {"MODEL": str(of.model), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    with running(command, port, "/-/healthz", folder, environment) as process:
        yield Running(port, process, valid_shots(of, "/invocations", npy, count))


SERVERS: dict[str, Start] = {
    "contractgen serve": with_workers,
    "contractgen serve, one process": one_process,
    "contractgen serve --batch 32": with_batches,
    "contractgen serve, JSON": with_json,
    "Ray Serve": ray,
    "TorchServe": torchserve,
    "MLServer, JSON": mlserver,
}
OWN = "contractgen serve"
OTHERS = ("Ray Serve", "TorchServe", "MLServer, JSON")
