"""What the README shows is what a user sees."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import contractgen
from tests.generated import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_refusal_on_the_first_screen_is_a_real_one() -> None:
    client = load(ROOT / "sample_models/linear/contract").client
    with pytest.raises(client.ContractViolation) as caught:
        client.serialize(np.zeros(20))
    assert f">>> serialize(np.zeros(20))\nContractViolation: {caught.value}\n" in README


def test_the_shown_contract_is_printed_so() -> None:
    shown = re.search(r"^\$ contractgen (show \S+ --why)\n(.*?)```", README, re.DOTALL | re.MULTILINE)
    assert shown is not None
    assert contractgen(*shown[1].split(), cwd=ROOT).out == shown[2]


def test_every_command_is_in_the_table() -> None:
    told = contractgen("--help", cwd=ROOT, TERM="dumb").out
    commands = set(re.findall(r"^│ (\w+)", told[told.index("Commands") :], re.MULTILINE))
    assert commands == set(re.findall(r"^\| `contractgen (\w+)", README, re.MULTILINE))


def test_every_exit_code_is_told() -> None:
    from contractgen.cli import failures
    from contractgen.errors import ContractgenError, InferenceError, LoadError, UsageError

    codes = {failures.FINDINGS, failures.INTERNAL, failures.INTERRUPTED, failures.USAGE}
    codes |= {error.exit_code for error in (ContractgenError, InferenceError, LoadError, UsageError)}
    told = README[README.index("Exit codes:") :].split("\n\n")[0]
    assert codes | {0} == set(map(int, re.findall(r"\b\d+\b", told)))
