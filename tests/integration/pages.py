"""Types a page of docs/targets from top to bottom, in a repository as the pages have it."""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sample_models.catalogue import SAMPLES
from tests.integration.servers import free_port, running

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SECONDS = 120
CONFIG = (
    '[tool.contractgen.models."model.pth"]\nmodel = "net.py:MyModel"\nname = "linear"\narguments = {input_size = 20}\n'
)


def repository(folder: Path) -> Path:
    """The linear sample, its configuration and its contract."""
    sample = SAMPLES[0]
    sample.save(folder)
    shutil.copy(sample.folder / "model.py", folder / "net.py")
    (folder / "contracts/linear").mkdir(parents=True)
    shutil.copy(sample.contract / "contract.json", folder / "contracts/linear")
    (folder / "pyproject.toml").write_text(CONFIG)
    return folder


def type_page(name: str, folder: Path, ready: str = "", more: Mapping[str, str] | None = None) -> int:
    """Run every command and snippet of a page and compare what is printed. Returns how many commands there were.

    Titled blocks are files. A command with ``&`` is a server, which goes on to the end of the page from when ``ready`` is
    answered. Port 8080, and those after it, are free ones.
    """
    text = (ROOT / f"docs/targets/{name}.md").read_text(encoding="utf-8")
    repository(folder)
    ports = {str(port): str(free_port()) for port in (8080, 8081, 8082)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": f"{ROOT}:{folder}", "OMP_NUM_THREADS": "1", **(more or {})}
    typed = 0

    def moved(said: str) -> str:
        return re.sub(r"\b808[012]\b", lambda match: ports[match[0]], said)

    with contextlib.ExitStack() as servers:
        for kind, block in re.findall(r"^```(\S.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
            here = moved(block)
            title = re.search(r'title="(.*)"', kind)
            if title:
                (folder / title[1]).write_text(here)
            elif kind == "python":
                run([sys.executable, "-c", here], folder, environment)
            elif kind == "console":
                for part in re.split(r"^\$ ", here, flags=re.MULTILINE)[1:]:
                    command, _, wanted = part.partition("\n")
                    typed += 1
                    if command.endswith(" &"):
                        server = ["sh", "-c", f"exec env {command.removesuffix(' &')}"]
                        servers.enter_context(running(server, int(ports["8080"]), ready, folder, environment))
                        continue
                    # The command belongs to the project's own environment, which has no place on this one's path.
                    ours = re.sub(r"^contractgen ", "python -m contractgen.cli ", command)
                    said = moved(run(["sh", "-c", ours], folder, environment))
                    assert doctest.OutputChecker().check_output(wanted, said + "\n", OPTIONS), f"$ {command}\n{said}"
    return typed


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command prints; it has to succeed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
