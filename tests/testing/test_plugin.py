"""The pytest plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contractgen.contract.codec import dumps
from tests.verify.subjects import TEXT


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest as a user has it: the plugin comes with the installed package."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def test_a_marked_test_runs_once_for_each_case(tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_text(dumps(TEXT.contract))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.contract('contract.json', random=3)\n"
        "def test_shape(valid_input):\n    assert valid_input.args[0].shape[1] <= 12\n"
        "@pytest.mark.contract('contract.json')\n"
        "def test_broken(violation):\n    assert violation.claim and violation.codes\n"
    )
    listed = pytest_in(tmp_path, "--collect-only")
    assert "test_it.py::test_shape[valid/smallest]" in listed.stdout, listed.stdout + listed.stderr
    assert listed.stdout.count("test_it.py::test_shape[valid/random-") == 3
    assert "test_it.py::test_broken[dim:seq.max/above]" in listed.stdout
    assert pytest_in(tmp_path).returncode == 0


def test_a_test_without_the_mark_is_told_about_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_shape(valid_input):\n    pass\n")
    result = pytest_in(tmp_path)
    assert result.returncode != 0
    assert "mark it with contract(path)" in result.stdout + result.stderr


def test_a_run_that_asks_for_nothing_imports_nothing_heavy() -> None:
    code = "import sys, contractgen.testing.plugin; print(*{'torch', 'hypothesis', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
