"""The pages about serving, from top to bottom, as a reader would type them."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.integration.servers import free_port
from tests.serve.command import ROOT, START_SECONDS, Served
from tests.serve.conftest import CONTRACT
from tests.serve.live import TIMEOUT, Site

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def folder(tmp_path: Path, graph: Path) -> Path:
    """A repository with the linear sample's contract, class and weights, and its graph."""
    (tmp_path / "contracts/linear").mkdir(parents=True)
    shutil.copy(CONTRACT, tmp_path / "contracts/linear")
    shutil.copy(ROOT / "sample_models/linear/model.py", tmp_path)
    shutil.copy(graph, tmp_path / "model.onnx")
    subprocess.run([sys.executable, str(ROOT / "sample_models/linear/save.py")], cwd=tmp_path, check=True, timeout=120)
    return tmp_path


class Reader:
    """Types what a page shows; a command that ends with ``&`` goes on until the next one does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": f"{ROOT}:{folder}", "OMP_NUM_THREADS": "1"}
        self.server: subprocess.Popen[str] | None = None

    def type(self, command: str, wanted: str) -> None:
        text = command.replace("8080", str(self.port))
        if text.endswith(" &"):
            self.stop()
            self.start(text.removesuffix(" &"), wanted)
            return
        done = subprocess.run(
            text, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT
        )
        self.compare(command, done.stdout + "\n", wanted)

    def compare(self, command: str, said: str, wanted: str) -> None:
        said = said.replace(str(self.port), "8080")
        assert doctest.OutputChecker().check_output(wanted, said, OPTIONS), f"$ {command}\n{said}"

    def start(self, command: str, wanted: str) -> None:
        extra = " --port 8080".replace("8080", str(self.port)) if "--port" not in command else ""
        with (self.folder / "log").open("w") as log:
            self.server = subprocess.Popen(
                f"exec {command}{extra}", shell=True, cwd=self.folder, env=self.environment, text=True,
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.server.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            try:
                if Site(self.port).get("/v2/health/ready").status == 200:
                    break
            except OSError:
                time.sleep(0.05)
        if wanted:
            assert self.server.stdout is not None
            self.compare(command, self.server.stdout.readline(), wanted)

    def stop(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.communicate(timeout=TIMEOUT)
            self.server = None

    def run(self, code: str) -> None:
        text = code.replace("8080", str(self.port))
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder)
    try:
        yield reader
        reader.stop()
    finally:
        if reader.server is not None:
            reader.server.kill()
            reader.server.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["asgi", "serve"])
def test_a_page_is_true(page: str, folder: Path) -> None:
    text = (ROOT / f"docs/targets/{page}.md").read_text(encoding="utf-8")
    typed = 0
    with reading(folder) as reader:
        for kind, block in re.findall(r"^```(\S.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
            if kind == "console":
                for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                    command, _, output = part.partition("\n")
                    reader.type(command, output)
                    typed += 1
            elif kind.startswith("python title="):
                (folder / kind.removeprefix("python title=").strip('"')).write_text(block)
            elif kind == "python":
                reader.run(block)
            elif kind == "dockerfile":
                made = (folder / "contracts/linear/Dockerfile").read_text()
                assert all(line in made.splitlines() for line in block.splitlines())
    assert typed >= 4


def test_each_option_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "contractgen.cli", "serve", "--help"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200", "NO_COLOR": "1"}, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    page = (ROOT / "docs/targets/serve.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help", "--traceback", "--request-log"}
    assert options >= {"--batch", "--runtime", "--no-request-log"}
    assert {option for option in options if f"`{option}" not in page} == set()


def test_each_metric_is_told(served: Served, client: ModuleType) -> None:
    assert served.send(client.serialize(np.ones((1, 20), np.float32))).status == 200
    assert served.post("/invocations", b"{}").status == 400
    page = (ROOT / "docs/targets/serve.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^# HELP (contractgen_\w+)", served.get("/metrics").body.decode(), re.MULTILINE))
    told = set(re.findall(r"^\| `(contractgen_\w+)`", page, re.MULTILINE))
    assert {name for name in names if not name.endswith("_created")} == told
