"""The SARIF of a comparison is what the standard's own schema wants, for each rule."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contractgen.contract.codec import load_contract
from contractgen.contract.compare.allow import Allowance, forgiven
from contractgen.contract.compare.api import compare
from contractgen.report import findings_sarif
from contractgen.report.findings import Compared

HERE = Path(__file__).parent
RULES = sorted(path for path in (HERE.parent / "compare/rules").iterdir())
# The schema of the OASIS standard, as the JSON Schema Store has it.
SCHEMA: dict[str, Any] = json.loads((HERE / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def log(folder: Path, *allowances: Allowance) -> dict[str, Any]:
    """The log of a rule's folder, as it is after printing and reading."""
    new = folder / "new.json"
    found = compare(load_contract(folder / "old.json"), load_contract(new), "full")
    kept, allowed, _ = forgiven(found, new.name, allowances)
    one = Compared("old.json", "new.json", "a folder/ñ#new.json", new.read_text(encoding="utf-8"), kept, allowed)
    made: dict[str, Any] = json.loads(json.dumps(findings_sarif.report([one, one], "0.1.0")))
    return made


@pytest.mark.parametrize("folder", RULES, ids=lambda folder: folder.name)
def test_the_log_of_each_rule_keeps_the_schema(folder: Path) -> None:
    for made in (log(folder), log(folder, Allowance(folder.name, "a reason"))):
        VALIDATOR.validate(made)
        assert made["runs"][0]["results"]


def test_an_allowed_finding_is_suppressed_and_no_other() -> None:
    results = log(HERE.parent / "compare/rules/input-max", Allowance("input-max", "nobody does"))["runs"][0]["results"]
    suppressed = {one["ruleId"]: one.get("suppressions") for one in results}
    assert suppressed["input-max"] == [{"kind": "external", "status": "accepted", "justification": "nobody does"}]


def test_a_path_is_a_uri() -> None:
    (place,) = log(RULES[0])["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "a%20folder/%C3%B1%23new.json"


@pytest.mark.parametrize("member", ["version", "tool", "message", "level"])
def test_the_schema_would_see_a_mistake(member: str) -> None:
    made = copy.deepcopy(log(RULES[0]))
    (run,) = made["runs"]
    if member == "level":
        run["results"][0]["level"] = "severe"
    else:
        del {"version": made, "tool": run, "message": run["results"][0]}[member][member]
    assert not VALIDATOR.is_valid(made)
