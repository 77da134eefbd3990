"""The cases of a contract: each valid one keeps it, each broken one breaks it and is told why."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor, Values
from contractgen.generate.render import render
from contractgen.verify.admitted import admit
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import plan
from contractgen.verify.cases.valid import random_cases
from contractgen.verify.exchange import Exchange
from contractgen.verify.recipe import arguments
from contractgen.verify.refused import refuse
from contractgen.verify.tally import Tally
from contractgen.verify.trees import same
from tests.verify.subjects import FRAMES, LINEAR, MASKED, ORDERED, PADDED, SUBJECTS, TEXT, Subject


def exchange_of(contract: Contract) -> Exchange:
    sources = render(contract)
    return Exchange.of(contract, sources["client.py"], sources["validator.py"])


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_client_and_validator_let_every_valid_case_through_in_every_format(subject: Subject) -> None:
    cases = plan(subject.contract)
    exchange, tally = exchange_of(subject.contract), Tally(subject.contract, 0)
    for turn, case in enumerate((*cases.valid, *cases.random(30))):
        assert admit(exchange, tally, case, turn) is not None, case.id
    assert not tally.cases_found


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_client_and_validator_refuse_every_broken_case_with_its_code(subject: Subject) -> None:
    cases = plan(subject.contract)
    exchange, tally = exchange_of(subject.contract), Tally(subject.contract, 0)
    for turn, case in enumerate(cases.broken):
        refuse(exchange, tally, case, turn)
    assert [finding.message for finding, _ in tally.cases_found.values()] == []
    assert tally.client[0] == tally.validator[0] == len(cases.broken)


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_every_claim_is_met_by_some_valid_case_and_broken_by_some_other(subject: Subject) -> None:
    cases = plan(subject.contract)
    for claim in cases.claims:
        if claim.sides != "outside":
            assert any(claim.met(case.recipe) for case in cases.valid), claim.id
        assert bool(claim.breaks) == (claim.sides != "inside"), claim.id


def test_the_same_seed_gives_the_same_inputs_and_another_seed_others() -> None:
    def first(seed: int) -> list[dict[str, object]]:
        return [arguments(TEXT.contract, case.recipe) for case in plan(TEXT.contract, seed).random(5)]

    assert all(same(a, b) for a, b in zip(first(3), first(3), strict=True))
    assert not all(same(a, b) for a, b in zip(first(3), first(4), strict=True))


def test_case_ids_are_unique_and_find_their_case() -> None:
    cases = plan(FRAMES.contract)
    ids = [case.id for case in (*cases.valid, *cases.broken)]
    assert len(ids) == len(set(ids))
    assert all((found := cases.find(one)) is not None and found.id == one for one in ids)
    assert all(cases.find(case.id) == case for case in cases.random(8))
    assert cases.find("nonsense") is None


def test_random_cases_come_back_to_what_was_exercised_least() -> None:
    cases = plan(TEXT.contract)

    def least(chosen: list[Case]) -> int:
        met = Counter(claim.id for case in chosen for claim in cases.claims if claim.met(case.recipe))
        return min(met[claim.id] for claim in cases.claims if claim.sides != "outside" and met[claim.id])

    unguided = list(itertools.islice(random_cases(cases.ground), 100))
    assert least([*cases.valid, *cases.random(100)]) > least([*cases.valid, *unguided])


def test_a_dim_with_a_huge_maximum_stays_within_the_elements_allowed() -> None:
    contract = replace(LINEAR.contract, dims={"batch": Dim(max=1 << 40)})
    cases = plan(contract, max_elements=10_000)
    assert all(case.recipe.sizes["batch"] * 20 <= 10_000 for case in (*cases.valid, *cases.broken))
    above = next(claim for claim in cases.claims if claim.id == "dim:batch.max")
    assert not above.breaks  # shown as not exercised, never silently dropped
    assert above.sides == "both"


def test_a_broken_relation_keeps_every_bound() -> None:
    case = plan(ORDERED.contract).find("relation:0/broken")
    assert case is not None
    assert case.recipe.sizes["target"] > case.recipe.sizes["source"] >= 1


def test_a_tie_is_broken_in_one_tensor_only() -> None:
    case = plan(TEXT.contract).find("dim:seq.tie@mask[1]/larger")
    assert case is not None
    given = arguments(TEXT.contract, case.recipe)
    assert given["mask"].shape[1] == given["ids"].shape[1] + 1
    assert given["mask"].shape[0] == given["ids"].shape[0]


def test_one_element_outside_of_a_domain_is_all_that_differs() -> None:
    case = plan(TEXT.contract).find("tensor:ids.max/above-last")
    assert case is not None
    ids = arguments(TEXT.contract, case.recipe)["ids"]
    assert ids.ravel()[-1] == 50
    assert np.count_nonzero(ids > 49) == 1


def test_a_largest_element_is_at_its_maximum_in_each_valid_input_and_below_it_in_a_broken_one() -> None:
    cases = plan(PADDED.contract)

    def largest(case: Case) -> tuple[int, int]:
        given = arguments(PADDED.contract, case.recipe)
        return given["lengths"].max(), given["x"].shape[1]

    for case in (*cases.valid, *cases.random(20)):
        longest, size = largest(case)
        assert longest == size
    case = cases.find("tensor:lengths.attained/all-below")
    assert case is not None
    longest, size = largest(case)
    assert longest == size - 1 >= 2


def test_each_row_has_what_it_needs_in_each_valid_input_and_one_has_not_in_a_broken_one() -> None:
    cases = plan(MASKED.contract)

    def lacking(case: Case) -> tuple[int, int]:
        given = arguments(MASKED.contract, case.recipe)
        return int((~given["shown"].any(1)).sum()), int(given["hidden"].all(1).sum())

    assert {case.id for case in cases.valid} >= {"valid/fill:zeros", "valid/fill:highest"}
    assert {lacking(case) for case in (*cases.valid, *cases.random(20))} == {(0, 0)}
    for name, found in (("shown", (1, 0)), ("hidden", (0, 1))):
        for where in ("first", "last"):
            case = cases.find(f"tensor:{name}.each_row/none-{where}")
            assert case is not None
            assert lacking(case) == found


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_numbers_out_of_order_still_hold_the_largest_one(order: Any) -> None:
    values = Values(min=1, max="n", order=order, attained=True)
    tensor = Tensor("x", "int64", ("n",), values)
    contract = Contract("sorted", (Parameter("x", tensor),), (Output("output", tensor),), {"n": Dim()})
    breaks = [case for case in plan(contract).broken if case.id.startswith("tensor:x.order")]
    assert breaks
    for case in breaks:
        numbers = arguments(contract, case.recipe)["x"]
        assert numbers.max() == len(numbers)
        assert (np.diff(numbers) < 0).any() if order == "ascending" else (np.diff(numbers) > 0).any()


def test_a_bound_that_the_dtype_cannot_pass_is_claimed_from_inside_alone() -> None:
    tensor = Tensor("x", "uint8", ("n",), Values(min=0, max=255))
    contract = Contract("bytes", (Parameter("x", tensor),), (Output("output", tensor),), {"n": Dim()})
    sides = {claim.property: claim.sides for claim in plan(contract).claims}
    assert sides["min"] == sides["max"] == "inside"


def test_a_contract_that_contradicts_itself_has_no_valid_case() -> None:
    contract = replace(LINEAR.contract, relations=(("<", "batch", "batch"),))
    assert plan(contract).valid == ()
