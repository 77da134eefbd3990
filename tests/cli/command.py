"""The command line as a user runs it: a process, its two streams and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def both(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def contractgen(*arguments: str | Path, cwd: Path, stdin: str | None = None, **environment: str) -> Ran:
    """Run the command line in ``cwd``, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "contractgen.cli", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100", **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def forked(*arguments: str | Path, cwd: Path) -> Ran:
    """The same as `contractgen`, in a child of this process, which has imported the framework already."""

    import contractgen.pipeline  # noqa: F401 (what the fork saves)

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(list(map(str, arguments)), cwd, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return Ran(os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode())


def _become(arguments: list[str], cwd: Path, out: int, err: int) -> NoReturn:
    """Run the command line with these streams, and end the process whatever happens."""
    code: object = 99
    try:
        os.chdir(cwd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        sys.argv = ["contractgen", *arguments]
        sys.path = [entry for entry in sys.path if entry]
        sys.dont_write_bytecode = True
        from contractgen.cli.main import run

        run()
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def everything(leader: int) -> str:
    """All that is written to a terminal until its last writer has gone. Closes it."""
    seen = ""
    while part := part_of(leader):
        seen += part
    os.close(leader)
    return seen


def part_of(leader: int) -> str:
    """What was written to a terminal since the last look, or nothing once its last writer has gone."""
    try:
        return os.read(leader, 65536).decode(errors="replace")
    except OSError:  # how Linux says that the other end was closed
        return ""
