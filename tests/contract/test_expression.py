from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.expression import (
    bound_value,
    evaluate,
    holds,
    names,
    names_in_order,
    operators,
    rename,
    render,
)
from contractgen.contract.model import Expr

SIZES = {"a": 7, "b": 2, "c": 1}

arithmetic: st.SearchStrategy[Any] = st.recursive(
    st.integers(-20, 20) | st.sampled_from(sorted(SIZES)),
    lambda below: st.tuples(st.sampled_from(("+", "-", "*", "//", "%", "min", "max")), below, below),
    max_leaves=6,
)
relations: st.SearchStrategy[Any] = st.tuples(st.sampled_from(("==", "<=", "<")), arithmetic, arithmetic)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (3, 3),
        ("a", 7),
        (("+", "a", "b"), 9),
        (("-", "b", "a"), -5),
        (("*", "a", "b"), 14),
        (("//", ("-", 0, "a"), 2), -4),
        (("%", ("-", 0, "a"), 4), 1),
        (("min", "a", "b"), 2),
        (("max", "a", "b"), 7),
        (("==", ("//", "a", 2), 3), True),
        (("<=", "a", 7), True),
        (("<", "a", 7), False),
    ],
)
def test_evaluates_every_operator_as_python_does(expr: Expr, value: int | bool) -> None:
    assert evaluate(expr, SIZES) == value


def test_a_dim_without_a_size_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="d"):
        evaluate(("+", "a", "d"), SIZES)


def test_a_relation_that_divides_by_zero_does_not_hold() -> None:
    assert not holds(("==", ("%", "a", ("-", "b", 2)), 0), SIZES)


@given(arithmetic | relations)
def test_the_rendered_text_means_the_same_to_python(expr: Expr) -> None:
    text = render(expr)
    try:
        value = evaluate(expr, SIZES)
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            eval(text, {}, dict(SIZES))
    else:
        assert eval(text, {}, dict(SIZES)) == value


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (("*", 4, ("//", "h", 16)), "4 * (h // 16)"),
        (("//", ("*", 4, "h"), 16), "4 * h // 16"),
        (("-", "a", ("-", "b", "c")), "a - (b - c)"),
        (("<=", ("+", "a", "b"), ("max", "c", ("+", "a", 1))), "a + b <= max(c, a + 1)"),
        (("==", ("<", "a", "b"), "c"), "(a < b) == c"),
    ],
)
def test_renders_no_more_parentheses_than_needed(expr: Expr, text: str) -> None:
    assert render(expr) == text


@given(arithmetic)
def test_names_are_all_that_the_value_depends_on(expr: Expr) -> None:
    only = {name: size for name, size in SIZES.items() if name in names(expr)}
    with contextlib.suppress(ZeroDivisionError):
        evaluate(expr, only)
    assert set(names_in_order(expr)) == names(expr)


def test_names_come_from_left_to_right_and_a_decimal_is_none() -> None:
    assert names_in_order(("+", ("*", "b", "a"), "b")) == ("b", "a")
    assert names("1e5") == frozenset()
    assert names("e5") == {"e5"}


def test_operators_are_found_at_every_depth() -> None:
    assert operators(("<=", ("+", "a", ("//", "b", 2)), 3)) == {"<=", "+", "//"}


def test_renaming_swaps_names_at_once() -> None:
    assert rename(("-", "a", ("*", "b", 2)), {"a": "b", "b": "a"}) == ("-", "b", ("*", "a", 2))


@pytest.mark.parametrize(("bound", "value"), [(3, 3), ("a", 7), (("-", "a", 1), 6)])
def test_a_bound_is_an_expression(bound: Expr, value: int) -> None:
    assert bound_value(bound, SIZES) == value


def test_a_bound_is_an_exact_decimal() -> None:
    assert str(bound_value("0.1", SIZES)) == "0.1"
