"""Targets as the commands see them: by name, in the contract's folder, fresh or stale with the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractgen.contract.codec import load_contract
from contractgen.errors import UsageError
from contractgen.generate.targets import TARGETS, Deployment, render_all
from tests.cli.command import contractgen

ROOT = Path(__file__).parents[3]
CONTRACT = ROOT / "sample_models/linear/contract/contract.json"


def test_an_unknown_target_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`sagemacker` is no target") as refusal:
        render_all(load_contract(CONTRACT), ["sagemacker"], Deployment(folder=tmp_path))
    assert refusal.value.hint is not None
    assert all(name in refusal.value.hint for name in TARGETS)


def test_targets_of_the_config_are_checked_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.contractgen.models."linear.pth"]\ntargets = ["pytest"]\nentry_point = "code/inference.py"\n'
    )
    folder = tmp_path / "contracts/linear"
    folder.mkdir(parents=True)
    (folder / "contract.json").write_text(CONTRACT.read_text())
    assert contractgen("generate", "contracts/linear/contract.json", cwd=tmp_path).code == 0
    text = (folder / "test_linear_inference.py").read_text()
    assert 'ROOT / "../../code/inference.py"' in text
    assert contractgen("generate", "--all", "--check", cwd=tmp_path).code == 0
    (folder / "test_linear_inference.py").unlink()
    stale = contractgen("generate", "--all", "--check", cwd=tmp_path)
    assert stale.code == 1
    assert "test_linear_inference.py" in stale.out


def test_a_target_of_the_command_line_joins_the_others(tmp_path: Path) -> None:
    (tmp_path / "inference.py").touch()
    done = contractgen(
        "generate", str(CONTRACT), "--out", "made", "--target", "pytest", "--entry-point", "inference.py", cwd=tmp_path
    )
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "made").iterdir()} == {
        "client.py",
        "validator.py",
        "test_linear_inference.py",
    }
    assert 'INFERENCE = ROOT / "../inference.py"' in (tmp_path / "made/test_linear_inference.py").read_text()
    assert contractgen("generate", str(CONTRACT), "--out", "made", "--target", "pytest", cwd=tmp_path).code == 0
    assert 'INFERENCE = ROOT / "inference.py"' in (tmp_path / "made/test_linear_inference.py").read_text()
