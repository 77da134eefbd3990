"""The real Triton Inference Server, out of the wheel that ships it, with its real Python backend."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytriton

from tests.integration.servers import free_port, running

SERVER = Path(pytriton.__file__).parent / "tritonserver"
LIBRARIES = SERVER.parents[1] / "nvidia_pytriton.libs"


@contextlib.contextmanager
def triton(repository: Path, folder: Path) -> Iterator[int]:
    """The HTTP port of a server before a model repository."""
    port = free_port()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    backend = folder / "backends/python"
    backend.mkdir(parents=True)
    stub = SERVER / f"python_backend_stubs/{version}/triton_python_backend_stub"
    for source in (*(SERVER / "backends/python").glob("*.*"), stub):
        if source.is_file():
            shutil.copy(source, backend)
    (backend / "triton_python_backend_stub").chmod(0o755)
    program = folder / "tritonserver"
    shutil.copy(SERVER / "bin/tritonserver", program)
    program.chmod(0o755)
    command = [
        str(program), f"--model-repository={repository}", f"--backend-directory={folder / 'backends'}",
        "--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false",
        f"--backend-config=python,shm-region-prefix-name=contractgen{os.getpid()}_{port}", "--exit-timeout-secs=5",
    ]  # fmt: skip
    environment = {
        "LD_LIBRARY_PATH": f"{sysconfig.get_config_var('LIBDIR')}:{LIBRARIES}",
        # The embedded interpreter takes after the first `python3` on the path, and so finds this environment.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with running(command, port, "/v2/health/ready", folder, environment):
        yield port
