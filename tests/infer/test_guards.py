from __future__ import annotations

from typing import Any

import pytest
import sympy
from torch.utils._sympy.functions import FloorDiv, Mod

from contractgen.infer.guards import Guard, axis_expression, divided, evaluate
from contractgen.infer.hypothesis import Axis

A, B, C = (sympy.Symbol(name, integer=True, positive=True) for name in ("s0", "s1", "s2"))
AXES: dict[sympy.Symbol, Axis] = {A: (("x",), 0), B: (("x",), 1), C: (("y",), 0)}


def guard(expr: sympy.Basic) -> Guard:
    found = Guard.over(expr, AXES)
    assert found is not None
    return found


def at(a: int = 1, b: int = 1, c: int = 1) -> dict[Axis, int]:
    return dict(zip(AXES.values(), (a, b, c), strict=True))


@pytest.mark.parametrize(
    ("expr", "holds", "fails"),
    [
        (sympy.Eq(A, B), at(3, 3), at(3, 4)),
        (sympy.Eq(Mod(A, 4), 0), at(8), at(9)),
        (sympy.Eq(FloorDiv(A - 1, 2) + 1, C), at(7, c=4), at(7, c=3)),
        (sympy.Le(A, 512), at(512), at(513)),
        (sympy.Ne(A * B, 12), at(3, 5), at(3, 4)),
        (sympy.Lt(sympy.Max(A, B), C), at(2, 3, 4), at(2, 5, 4)),
    ],
)
def test_a_condition_is_evaluated_over_axes(expr: sympy.Basic, holds: dict[Axis, int], fails: dict[Axis, int]) -> None:
    assert guard(expr).holds(holds)
    assert not guard(expr).holds(fails)


def test_a_condition_that_cannot_be_evaluated_does_not_hold() -> None:
    assert not guard(sympy.Eq(FloorDiv(A, B), 1)).holds(at(1, 0))
    assert not guard(sympy.Eq(A, B)).holds({})


def test_a_condition_over_anything_but_input_sizes_is_none() -> None:
    assert Guard.over(sympy.Eq(A, sympy.Symbol("u0")), AXES) is None
    assert Guard.over(sympy.true, AXES) is None


def test_ties_are_equalities_of_two_axes() -> None:
    assert guard(sympy.Eq(A, B)).tie
    assert guard(sympy.Ne(A, C)).tie
    assert not guard(sympy.Eq(A, B + 1)).tie
    assert not guard(sympy.Eq(A, 5)).tie


def test_an_equality_with_a_size_that_is_computed_first_is_no_tie() -> None:
    half = sympy.Symbol("u0", integer=True)
    found = Guard.over(sympy.Eq(A, half), AXES, {half: FloorDiv(A + 3, 2)})
    assert found is not None
    assert found.axes == (AXES[A],)
    assert (found.equality, found.tie) == (True, False)
    assert (found.holds(at(3)), found.holds(at(8))) == (True, False)


def test_conditions_that_come_of_the_symbols_never_being_0_or_1_are_artefacts() -> None:
    for expr in (sympy.Ne(A, 1), sympy.Ne(FloorDiv(A, 2), 1), sympy.Ne(Mod(A, 4), 0), sympy.Ge(A, 2)):
        assert guard(expr).artefact, expr
    for expr in (sympy.Eq(A, 1), sympy.Ge(A, 8), sympy.Eq(Mod(A, 4), 0), sympy.Ne(A, 7)):
        assert not guard(expr).artefact, expr


def test_an_equality_is_solved_for_each_axis_that_stands_alone() -> None:
    solutions = dict(guard(sympy.Eq(A, 2 * B + 1)).solutions)
    assert list(solutions) == [AXES[A]]
    assert evaluate(solutions[AXES[A]], at(b=5)) == 11
    both = dict(guard(sympy.Eq(A + B, C)).solutions)
    assert {axis: evaluate(expr, at(2, 3, 9)) for axis, expr in both.items()} == {
        AXES[A]: 6,
        AXES[B]: 7,
        AXES[C]: 5,
    }


def test_an_equality_with_a_number_has_no_solutions() -> None:
    assert guard(sympy.Eq(A, 5)).solutions == ()
    assert guard(sympy.Le(A, B)).solutions == ()


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (A + B + C, 12),
        (A * B, 15),
        (FloorDiv(A, 2), 1),
        (Mod(C, 3), 1),
        (sympy.Max(A, B), 5),
        (sympy.Min(A, C), 3),
        (A**3, 27),
        (sympy.Integer(4), 4),
    ],
)
def test_a_symbolic_size_becomes_an_expression_over_axes(expr: sympy.Basic, value: int) -> None:
    found = axis_expression(expr, AXES)
    assert found is not None
    assert evaluate(found, at(3, 5, 4)) == value


def test_a_size_that_the_operators_cannot_say_is_none() -> None:
    assert axis_expression(sympy.sqrt(A), AXES) is None
    assert axis_expression(A + sympy.Symbol("u0"), AXES) is None
    assert axis_expression(A ** sympy.Integer(9), AXES) is None


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (FloorDiv(A * B + B - 1, B), A),
        (FloorDiv(A * B, B), A),
        (FloorDiv(A * B + 2 * B - 1, B) + 1, A + 2),
        (FloorDiv(A * B + 1, B), FloorDiv(A * B + 1, B)),
        (FloorDiv(A + 1, 2), FloorDiv(A + 1, 2)),
        (FloorDiv(FloorDiv(A + C, A + 2) + B, A), FloorDiv(FloorDiv(A + C, A + 2) + B, A)),
    ],
)
def test_a_count_of_steps_is_divided_where_it_comes_out_even_or_rounded_up(expr: Any, expected: Any) -> None:
    done = divided(expr)
    assert sympy.expand(done - expected) == 0
    for a, b in ((1, 1), (3, 1), (2, 7), (5, 4)):
        assert done.subs({A: a, B: b, C: 3}) == expr.subs({A: a, B: b, C: 3})
