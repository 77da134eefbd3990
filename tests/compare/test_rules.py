from __future__ import annotations

import json
from pathlib import Path

import pytest

from contractgen.contract.codec import load_contract
from contractgen.contract.compare.admits import refusals
from contractgen.contract.compare.api import compare
from contractgen.contract.compare.rules import CALL, NAMES, RULES, UNDECIDED
from contractgen.report.findings import example
from tests.compare.brute import message_of
from tests.compare.universe import RESPONSE, joined, takes

FOLDERS = sorted(path for path in (Path(__file__).parent / "rules").iterdir() if path.is_dir())


def test_each_rule_has_a_folder() -> None:
    assert {folder.name for folder in FOLDERS} == set(RULES)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_rule_finds_exactly_what_its_folder_expects(folder: Path) -> None:
    old, new = load_contract(folder / "old.json"), load_contract(folder / "new.json")
    result = compare(old, new)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert {"step": result.step, "findings": [finding.to_json() for finding in result.findings]} == expected
    gating = {finding.rule.id for finding in result.breaking}
    assert gating == {folder.name}
    assert result.step == "major"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_witness_is_allowed_by_one_contract_and_refused_by_the_other(folder: Path) -> None:
    old, new = load_contract(folder / "old.json"), load_contract(folder / "new.json")
    for finding in compare(old, new, "full").findings:
        if finding.rule in UNDECIDED.values():
            assert finding.witness is None
            continue
        assert finding.witness is not None
        assert example(finding)
        if finding.rule is CALL:
            assert finding.witness.call is not None
            continue
        client, server = (old, new) if finding.breaks == "backward" else (new, old)
        given, judge = (client, server) if finding.rule.side == "input" else (server, client)
        message = message_of(finding.witness)
        whole = finding.witness.has_response
        assert takes(joined(given, with_outputs=whole), message)
        assert not takes(joined(judge, with_outputs=whole), message)
        if whole:
            request = {name: value for name, value in message.items() if name != RESPONSE}
            assert takes(joined(judge, with_outputs=False), request)


def test_each_input_rule_has_its_mirror_or_says_why_not() -> None:
    for rule in RULES.values():
        if rule.mirror is None:
            assert rule.waiver, f"{rule.id} has neither a mirror nor a waiver"
        else:
            mirror = RULES[rule.mirror]
            assert (mirror.mirror, mirror.side) == (rule.id, "output" if rule.side == "input" else "input")
            assert not rule.waiver


def test_the_rules_are_the_ways_in_which_a_message_can_be_refused() -> None:
    import ast
    import inspect

    from contractgen.contract.compare import admits

    tree = ast.parse(inspect.getsource(admits))
    told = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert set(NAMES) <= told
    assert {rule.id.split("-", 1)[1] for rule in RULES.values()} == {*NAMES, "call", "undecided"}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_what_why_for_whom_and_what_to_do(rule: object) -> None:
    for text in (rule.what, rule.why, rule.whom, rule.fix):  # type: ignore[attr-defined]
        assert text
        assert not text.endswith(".")


def test_refusals_are_those_of_the_oracle_for_a_request_that_is_allowed() -> None:
    for folder in FOLDERS:
        contract = load_contract(folder / "old.json")
        for finding in compare(contract, load_contract(folder / "new.json"), "backward").findings:
            if finding.witness is not None and finding.breaks == "backward" and finding.rule.side == "input":
                assert finding.rule is CALL or not refusals(contract, finding.witness.request, with_response=False)
