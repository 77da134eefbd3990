"""Environments of their own for the serving stacks, and one pytest run in each: `python -m tests.integration.environments`.

Each environment stands in `.venvs/<name>` and holds what `requirements/<name>.txt` pins, on top of the packages of the project's own
environment: torch, numpy and pytest are there once. It is made anew when its requirements or the interpreter change.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".venvs"
VARIABLE = "CONTRACTGEN_INTEGRATION"
"""Set to the environment's name while its tests run; without it they are not collected."""
INSTALL_SECONDS = 900
RUN_SECONDS = 1200
AT_ONCE = 2
SYSTEM = {"sagemaker": ("java", "openjdk-17-jre-headless")}
"""A program that an environment needs beyond Python's packages, and Debian's package of it."""


@dataclass(frozen=True)
class Outcome:
    """What became of one environment."""

    name: str
    code: int
    install_seconds: float
    seconds: float
    output: str


def names() -> list[str]:
    """Every environment that has requirements."""
    return sorted(path.stem for path in (HERE / "requirements").glob("*.txt"))


def install_program(name: str) -> None:
    """Install what an environment needs of the system, where it is absent and this may be done. Raises SystemExit."""
    program, package = SYSTEM.get(name, ("", ""))
    if not program or shutil.which(program):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        bounded(["apt-get", "update"], quiet, INSTALL_SECONDS)
        bounded(["apt-get", "install", "--yes", "--no-install-recommends", package], quiet, INSTALL_SECONDS)
    if not shutil.which(program):
        raise SystemExit(f"{name}: its tests need {program}; on Debian: apt-get install {package}")


def interpreter(name: str) -> Path:
    """The Python of an environment, which is made where it is not there or stale."""
    install_program(name)
    folder, requirements = ENVIRONMENTS / name, HERE / "requirements" / f"{name}.txt"
    python, stamp = folder / "bin/python", folder / ".made-from"
    shared = sysconfig.get_paths()["purelib"]
    wanted = hashlib.sha256(f"{requirements.read_text()}\n{sys.version}\n{shared}".encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    purelib = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # Behind the environment's own packages, so that what it pins goes first; `addsitedir` follows editable installs.
    (purelib / "project.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-warn-script-location", "-r", str(requirements)]
    code, output = bounded(command, dict(os.environ), INSTALL_SECONDS)
    if code:
        raise SystemExit(f"{name}: its packages could not be installed\n{output}")
    stamp.write_text(wanted)
    return python


def bounded(command: list[str], environment: dict[str, str], seconds: float) -> tuple[int, str]:
    """The exit code and output of a command, which is killed with its whole process group when its time is over."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 1, f"{output}\nkilled after {seconds} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, output


def run(name: str, arguments: list[str]) -> Outcome:
    """Make an environment and run its tests in it."""
    start = time.monotonic()
    try:
        python = interpreter(name)
    except (SystemExit, subprocess.SubprocessError, OSError) as error:
        return Outcome(name, 1, time.monotonic() - start, 0.0, str(error))
    ready = time.monotonic()
    environment = {**os.environ, VARIABLE: name, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", str(HERE / name), *arguments]
    code, output = bounded(command, environment, RUN_SECONDS)
    return Outcome(name, code, ready - start, time.monotonic() - ready, output)


def say(line: str) -> None:
    """Print for a person who waits."""
    print(line, flush=True)  # noqa: T201


def main() -> int:
    """Run the environments that were asked for, or all; arguments from the first that starts with `-` are pytest's."""
    words = sys.argv[1:]
    cut = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    chosen = words[:cut] or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        say(f"no such environment: {', '.join(unknown)}; known: {', '.join(names())}")
        return 2
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(lambda name: run(name, words[cut:]), chosen):
            say(f"--- {outcome.name}\n{outcome.output}")
            outcomes.append(outcome)
    for outcome in outcomes:
        word = "ok" if outcome.code == 0 else f"FAILED ({outcome.code})"
        say(f"{outcome.name:<14} {word:<11} install {outcome.install_seconds:4.0f} s, tests {outcome.seconds:4.0f} s")
    failed = sum(outcome.code != 0 for outcome in outcomes)
    say(f"environments: {len(outcomes) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
