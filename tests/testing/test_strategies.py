"""The strategies give what the contract allows, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from contractgen.generate.render import render
from contractgen.testing import valid_inputs, violations
from contractgen.verify.exchange import Exchange, Refusal
from contractgen.verify.trees import same
from tests.verify.subjects import FRAMES, ORDERED, SUBJECTS, TEXT, Subject

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def exchange_of(subject: Subject) -> Exchange:
    sources = render(subject.contract)
    return Exchange.of(subject.contract, sources["client.py"], sources["validator.py"])


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_valid_inputs_pass_the_generated_validator_in_memory_and_on_the_wire(subject: Subject) -> None:
    exchange = exchange_of(subject)

    @QUICK
    @given(valid_inputs(subject.contract))
    def check(one: object) -> None:
        assert exchange.validate(one.arguments) is None  # type: ignore[attr-defined]
        parsed = exchange.parse(one.request())  # type: ignore[attr-defined]
        assert not isinstance(parsed, Refusal), parsed

    check()


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_violations_are_refused_on_the_wire(subject: Subject) -> None:
    exchange = exchange_of(subject)

    @QUICK
    @given(violations(subject.contract))
    def check(one: object) -> None:
        refusal = exchange.parse(one.request())  # type: ignore[attr-defined]
        assert isinstance(refusal, Refusal), one

    check()


def test_a_failing_input_shrinks_to_small_sizes_and_zeros() -> None:
    smallest = find(
        valid_inputs(TEXT.contract), lambda one: one.arguments["ids"].shape[1] >= 3, settings=settings(database=None)
    )
    assert smallest.arguments.keys() == {"ids"}
    assert smallest.arguments["ids"].shape == (1, 3)
    assert not smallest.arguments["ids"].any()


def test_relations_hold_whatever_is_drawn() -> None:
    @QUICK
    @given(valid_inputs(ORDERED.contract))
    def check(one: object) -> None:
        assert one.arguments["target"].shape[1] <= one.arguments["x"].shape[1]  # type: ignore[attr-defined]

    check()


def test_an_input_gives_the_call_and_the_request_that_say_the_same() -> None:
    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        one = data.draw(valid_inputs(FRAMES.contract))
        assert same(one.args, (one.arguments["frames"], one.arguments["pair"]))
        assert one.kwargs == {}
        args, _ = exchange_of(FRAMES).validator.parse(*one.request())
        assert all(isinstance(frame, np.ndarray) for frame in args[0])
        assert same(args, one.args)

    check()


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, contractgen.testing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
