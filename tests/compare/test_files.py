from __future__ import annotations

from pathlib import Path

from contractgen.contract.codec import load_contract
from contractgen.contract.compare.files import diff

FOLDER = Path(__file__).parent / "rules/input-max"


def test_contracts_are_compared_as_they_are_or_by_their_files() -> None:
    old, new = FOLDER / "old.json", FOLDER / "new.json"
    by_file = diff(old, str(new))
    assert by_file == diff(load_contract(old), load_contract(new))
    assert [(finding.rule.id, finding.about) for finding in by_file.breaking] == [
        ("input-max", "dim seq at inputs.value axis 1")
    ]
    assert diff(new, old).breaking == ()
    assert diff(new, old, "full").breaking
