"""A largest element that has to be the maximum: what adding it, changing it and other claims beside it break."""

from __future__ import annotations

import pytest

from contractgen.contract.compare.api import compare
from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor, Values

WHOLE = Values(min=1, max="time", attained=True)


def lengths(values: Values, *shape: int | str) -> Contract:
    inputs = (
        Parameter("x", Tensor("x", "float32", ("batch", "time", "more"))),
        Parameter("lengths", Tensor("lengths", "int64", shape or ("batch",), values)),
    )
    output = Output("output", Tensor("output", "float32", ("batch",)))
    return Contract("padded", inputs, (output,), {"batch": Dim(), "time": Dim(), "more": Dim()})


def breaking(old: Contract, new: Contract) -> set[str]:
    return {finding.rule.id for finding in compare(old, new).breaking}


def test_adding_it_breaks_and_removing_it_does_not() -> None:
    free = lengths(Values(min=1, max="time"))
    assert breaking(free, lengths(WHOLE)) == {"input-attained"}
    assert breaking(lengths(WHOLE), free) == set()


def test_it_is_kept_where_it_is_said_of_the_same_size() -> None:
    assert breaking(lengths(WHOLE), lengths(Values(min=0, max="time", attained=True))) == set()


def test_it_breaks_where_it_is_said_of_another_size() -> None:
    other = lengths(Values(min=1, max="more", attained=True))
    assert breaking(lengths(WHOLE), other) == {"input-attained", "input-value-max"}


@pytest.mark.parametrize("shape", [("batch",), ("batch", 2)])
def test_a_smaller_number_beside_the_largest_is_found(shape: tuple[int | str, ...]) -> None:
    old = lengths(Values(min=0, max="time", attained=True), *shape)
    assert breaking(old, lengths(WHOLE, *shape)) == {"input-value-min"}


def test_one_number_alone_is_the_largest_so_that_its_least_does_not_matter() -> None:
    old = lengths(Values(min=0, max="time", attained=True), 1)
    assert breaking(old, lengths(WHOLE, 1)) == set()


def test_a_smaller_number_in_another_row_is_not_taken_for_none() -> None:
    old = lengths(Values(min=0, max="time", attained=True), "batch", 1)
    assert breaking(old, lengths(WHOLE, "batch", 1)) == {"input-undecided"}


def test_an_order_beside_it_is_found_broken_with_the_largest_in_it() -> None:
    ordered = Values(min=1, max="time", order="descending", attained=True)
    assert breaking(lengths(WHOLE, 2), lengths(ordered, 2)) == {"input-order"}
    assert breaking(lengths(ordered, 2), lengths(WHOLE, 2)) == set()
