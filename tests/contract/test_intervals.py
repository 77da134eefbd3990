from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.expression import evaluate, holds
from contractgen.contract.intervals import can_hold, interval
from contractgen.contract.model import Expr
from tests.contract.test_expression import arithmetic, relations

ranges: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {name: st.tuples(st.integers(-4, 6), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair))) for name in "abc"}
)


def points(box: dict[str, tuple[int, int]]) -> list[dict[str, int]]:
    return [
        dict(zip(box, point, strict=True)) for point in product(*(range(low, high + 1) for low, high in box.values()))
    ]


@given(arithmetic, ranges)
def test_every_value_lies_in_the_interval(expr: Expr, box: dict[str, tuple[int, int]]) -> None:
    bounds = interval(expr, box)
    for sizes in points(box):
        try:
            value = evaluate(expr, sizes)
        except ZeroDivisionError:
            continue
        assert bounds is not None
        assert bounds[0] <= value <= bounds[1]


@given(relations, ranges)
def test_a_relation_that_cannot_hold_holds_nowhere(relation: Expr, box: dict[str, tuple[int, int]]) -> None:
    if not can_hold(relation, box):
        assert not any(holds(relation, sizes) for sizes in points(box))


@given(arithmetic)
def test_the_interval_of_one_point_is_its_value(expr: Expr) -> None:
    sizes = {"a": 7, "b": 2, "c": 1}
    try:
        value = evaluate(expr, sizes)
    except ZeroDivisionError:
        assert interval(expr, {name: (size, size) for name, size in sizes.items()}) is None
    else:
        assert interval(expr, {name: (size, size) for name, size in sizes.items()}) == (value, value)
