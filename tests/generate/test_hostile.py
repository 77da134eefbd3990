"""Bodies that once were, or easily would be, a defect: each is refused or read right, in little memory and without a hang."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fuzz.__main__ import Target, outcome_of, wrong_with
from benchmarks.fuzz.contracts import contracts

_HANGS = 60
"""Seconds of computing that no body of this size takes on any machine, unless the work grows faster than the body."""
HOSTILE = Path(__file__).parents[1] / "hostile"
RECORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(HOSTILE.glob("*.json"))}


@cache
def target(name: str) -> Target:
    return next(Target(contract) for contract in contracts() if contract.name == name)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_a_hostile_body_is_refused_or_read_right(record: dict[str, Any]) -> None:
    body, headers = base64.b64decode(record["body"]), record["headers"]
    model = target(record["contract"])
    tracemalloc.start()
    start = time.process_time()
    outcome, wrong, call = outcome_of(model, body, headers)
    took = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not wrong
    assert outcome.partition(":")[0] == record.get("expect", outcome.partition(":")[0])
    assert call is None or not wrong_with(model, call, body, headers)
    assert peak <= 2 * len(body) + 16 * 2**20
    assert took < _HANGS
