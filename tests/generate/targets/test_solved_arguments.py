"""What loading solved from the weights reaches the generated files, whichever command writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sample_models.catalogue import SAMPLES
from tests.cli.command import contractgen


@pytest.mark.slow
def test_export_and_generate_agree_on_a_model_whose_arguments_were_solved(tmp_path: Path) -> None:
    sample = SAMPLES[0]
    sample.save(tmp_path)
    shutil.copy(sample.folder / "model.py", tmp_path / "net.py")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.contractgen.models."model.pth"]\nmodel = "net.py:MyModel"\ntargets = ["sagemaker"]\n'
    )
    exported = contractgen("export", "model.pth", cwd=tmp_path)
    assert exported.code == 0, exported.both
    folder = tmp_path / "contracts/model"
    assert "made = factory(input_size=20)" in (folder / "contract_model.py").read_text()
    assert '"arguments": ["input_size=20"]' in (folder / "contract.json").read_text()
    assert str(tmp_path) not in "".join(path.read_text() for path in folder.iterdir()), "it holds on any machine"
    checked = contractgen("generate", "--all", "--check", cwd=tmp_path)
    assert checked.code == 0, checked.both
