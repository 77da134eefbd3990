"""Cases as files: bodies that any client can send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contractgen.generate.render import render
from contractgen.verify.exchange import Exchange, Refusal
from contractgen.verify.saving import save_cases
from tests.verify.subjects import FRAMES, LINEAR, TEXT, Subject


@pytest.mark.parametrize("subject", [LINEAR, TEXT, FRAMES], ids=lambda subject: subject.contract.name)
def test_saved_bodies_are_accepted_or_refused_as_their_index_says(subject: Subject, tmp_path: Path) -> None:
    count = save_cases(subject.contract, tmp_path, random=3)
    index = json.loads((tmp_path / "cases.json").read_text())
    sources = render(subject.contract)
    exchange = Exchange.of(subject.contract, sources["client.py"], sources["validator.py"])
    assert len(index["cases"]) == count
    assert {case["valid"] for case in index["cases"]} == {True, False}
    for case in index["cases"]:
        assert case["requests"]
        for request in case["requests"]:
            answer = exchange.parse(((tmp_path / request["file"]).read_bytes(), request["headers"]))
            assert isinstance(answer, Refusal) != case["valid"], (case["id"], request)


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_cases(LINEAR.contract, tmp_path / name, formats=("application/octet-stream",))
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("a", "b"))
    assert first == second
