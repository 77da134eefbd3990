"""The hooks, by the real pre-commit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contractgen.contract.codec import load_contract
from contractgen.generate.files import write_files
from contractgen.generate.render import render

ROOT = Path(__file__).parent.parent
HOOKS = ("contractgen-generate", "contractgen-generate-all", "contractgen-diff")
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PRE_COMMIT_HOME": str(cwd.parent / "cache")}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one contract and its files, that takes its hooks from a clone of ours."""
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    (project / "contracts/text").mkdir(parents=True)
    shutil.copy(ROOT / "sample_models/text/contract/contract.json", project / "contracts/text")
    write_files(project / "contracts/text", render(load_contract(project / "contracts/text/contract.json")))
    for folder in (hooks, project):
        run("git", "init", "--quiet", cwd=folder)
        run("git", "add", "--all", cwd=folder)
        run("git", *IDENTITY, "commit", "--quiet", "--message", "first", cwd=folder)
    revision = run("git", "rev-parse", "HEAD", cwd=hooks).stdout.strip()
    listed = "\n".join(f"      - id: {hook}" for hook in HOOKS)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hooks}\n    rev: {revision}\n    hooks:\n{listed}\n"
    )
    run("git", "add", "--all", cwd=project)
    return project


def results(project: Path) -> dict[str, str]:
    ran = run(sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose", cwd=project)
    # `name of the hook....Passed` and below it `- hook id: ...`.
    assert "hook id" in ran.stdout, ran
    found = re.findall(r"\.\.(Passed|Failed|Skipped)\n- hook id: (\S+)", ran.stdout)
    sys.stdout.write(ran.stdout)
    return {hook: status for status, hook in found}


def test_the_hooks_pass_fail_and_pass_again(project: Path) -> None:
    assert results(project) == dict.fromkeys(HOOKS, "Passed")

    contract = project / "contracts/text/contract.json"
    document = json.loads(contract.read_text())
    del document["fingerprint"]
    document["dims"]["seq"]["max"] = 256
    contract.write_text(json.dumps(document))
    run("git", "add", "--all", cwd=project)
    assert results(project) == dict.fromkeys(HOOKS, "Failed")

    assert run(sys.executable, "-m", "contractgen.cli", "generate", str(contract), cwd=project).returncode == 0
    run("git", "add", "--all", cwd=project)
    assert results(project) == {**dict.fromkeys(HOOKS, "Passed"), "contractgen-diff": "Failed"}


def test_the_hooks_are_the_ones_that_are_documented() -> None:
    ids = re.findall(r"^- id: (\S+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)
    assert tuple(ids) == HOOKS
    recipes = (ROOT / "docs/recipes.md").read_text()
    assert all(hook in recipes for hook in HOOKS)
