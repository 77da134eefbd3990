"""`contractgen explain`, and the pointer to it below each error."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractgen.contract.codec import ContractError
from contractgen.errors import ContractgenError, DeclarationRefuted, InferenceError, LoadError, UsageError
from contractgen.report.explanations import ERRORS, VIOLATIONS, codes, explanation
from tests.cli.command import ROOT, contractgen


def test_each_error_has_an_explanation() -> None:
    errors = (ContractgenError, UsageError, LoadError, InferenceError, DeclarationRefuted, ContractError)
    assert {error.code for error in errors} == set(ERRORS)
    for error in errors:
        assert f"(exit {error.exit_code})" in ERRORS[error.code][0]


def test_each_violation_has_an_explanation() -> None:
    from contractgen.generate.runtime.violations import CATALOGUE

    assert {entry[0] for entry in CATALOGUE.values()} == set(VIOLATIONS)


@pytest.mark.parametrize("code", codes())
def test_an_explanation_begins_with_its_code(code: str) -> None:
    assert explanation(code).startswith(f"{code}: ")


def test_an_error_points_to_its_explanation(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for arguments, code in ((["generate"], "usage"), (["show", "broken.json"], "contract-file")):
        ran = contractgen(*arguments, cwd=tmp_path)
        assert ran.err.splitlines()[-1] == f"more: contractgen explain {code}"
        assert contractgen("explain", code, cwd=tmp_path).out.startswith(f"{code}: ")


def test_a_code_that_is_none_is_told_with_the_nearest(tmp_path: Path) -> None:
    ran = contractgen("explain", "input-maximum", cwd=tmp_path)
    assert ran.code == 2
    assert "Did you mean `input-max`?" in ran.err


def test_all_codes_are_listed() -> None:
    assert contractgen("explain", cwd=ROOT).out.split() == list(codes())
