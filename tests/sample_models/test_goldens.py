"""The checked-in contract and generated files of every sample are what an export writes today."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_models.catalogue import SAMPLES, Sample
from sample_models.goldens import BUDGET

FILES = ("contract.json", "client.py", "validator.py")


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_an_export_without_example_writes_what_is_checked_in(sample: Sample, tmp_path: Path) -> None:
    import contractgen

    exported = contractgen.export(
        sample.save(tmp_path), model=sample.factory, name=sample.name, out=tmp_path / "out", budget=BUDGET
    )
    assert [each for each in exported.verification.findings if each.severity == "error"] == []
    for name in FILES:
        assert (tmp_path / "out" / name).read_text() == (sample.contract / name).read_text(), "make goldens renews it"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_says_what_it_accepts(sample: Sample) -> None:
    text = (sample.folder / "README.md").read_text()
    assert "Accepts " in text
    assert sample.artifact in text
