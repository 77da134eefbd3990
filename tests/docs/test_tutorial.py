"""The tutorial, from top to bottom, as a reader would type it."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks() -> Iterator[tuple[str, str]]:
    """Each fenced block: what stands behind the fence, and its text."""
    for found in re.finditer(r"^```(\S.*)\n((?:.*\n)*?)```$", TUTORIAL, re.MULTILINE):
        yield found[1], found[2]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console with the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run(command: str, folder: Path) -> str:
    """What a command prints on stdout, with its exit code where that is not 0."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)
    return done.stdout + (f"[exit {done.returncode}]\n" if done.returncode else "")


def same(said: str, told: str) -> bool:
    """Whether an output is as it is told, where ``...`` stands for anything."""
    return doctest.OutputChecker().check_output(told, said, OPTIONS)


SESSION = """
import doctest, sys
test = doctest.DocTestParser().get_doctest(open(sys.argv[1]).read(), {"__name__": "__main__"}, "session", sys.argv[1], 0)
results = doctest.DocTestRunner(optionflags=int(sys.argv[2])).run(test)
sys.exit(1 if results.failed or not results.attempted else 0)
"""


@pytest.mark.slow
def test_the_tutorial_is_true(tmp_path: Path) -> None:
    kinds: list[str] = []
    typed = ""
    for kind, text in blocks():
        kinds.append(kind.split()[0])
        if kind.startswith("python title="):
            (tmp_path / kind.split('"')[1]).write_text(text)
        elif kind == "console":
            for command, told in commands(text):
                said = run(command, tmp_path)
                assert same(said, told), f"$ {command}\n{said}"
        else:
            assert kind == "pycon", f"nothing runs a block of {kind}"
            # One interpreter for all that was typed so far, in a process that ends before the files change.
            typed += text + "\n"
            (tmp_path / "session.txt").write_text(typed)
            said = run(f"{sys.executable} -c '{SESSION}' session.txt {OPTIONS}", tmp_path)
            assert not said, said
    assert {"python", "console", "pycon"} == set(kinds)


def test_an_output_that_is_not_as_told_would_be_seen() -> None:
    assert same("2 files up to date\n", "2 files up to date\n")
    assert same("sound  210/210  ran\n", "sound ...  ran\n")
    assert not same("2 files up to date\n", "3 files up to date\n")
    assert not same("1 file stale\n[exit 1]\n", "1 file stale\n")
