from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.decimals import decimal_text, is_decimal, shortest


@pytest.mark.parametrize("text", ["0", "-1", "0.5", "1e5", "-2.25e-12", "007"])
def test_decimals(text: str) -> None:
    assert is_decimal(text)


@pytest.mark.parametrize(
    "text", ["", "e5", ".5", "5.", "+1", "1E5", "1e+5", "1e1234", "0x1", "1_0", "nan", "inf", "1\n", "\u0661", 3]
)
def test_what_is_no_decimal(text: object) -> None:
    assert not is_decimal(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_has_a_text_that_reads_back_exactly(number: float) -> None:
    text = decimal_text(number)
    assert is_decimal(text)
    assert float(text) == number


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinities_have_no_decimal_text(number: float) -> None:
    with pytest.raises(ValueError, match="no decimal text"):
        decimal_text(number)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20), st.integers(0, 3))
def test_one_value_has_one_shortest_spelling(number: Decimal, zeros: int) -> None:
    text = f"{number:f}"
    padded = f"{text}{'0' * zeros}" if "." in text else text
    assert shortest(text) == shortest(padded)
    assert Decimal(shortest(text)) == number


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("0.50", "5e-1"),
        ("5e-1", "5e-1"),
        ("2.0", 2),
        ("-0", 0),
        ("0e5", 0),
        ("1e3", 1000),
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", "9007199254740992"),
        ("1e300", "1e300"),
    ],
)
def test_an_integer_is_spelled_as_one_where_a_contract_can_hold_it(text: str, spelling: int | str) -> None:
    assert shortest(text) == spelling
