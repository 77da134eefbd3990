from __future__ import annotations

import sympy
from torch.utils._sympy.functions import FloorDiv, Mod, TruncToInt

from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis
from contractgen.infer.solve import FRESH, flips

A, B, C = (sympy.Symbol(name, integer=True, positive=True) for name in ("s0", "s1", "s2"))
X, Y, Z = (("x",), 0), (("x",), 1), (("y",), 0)
AXES: dict[sympy.Symbol, Axis] = dict(zip((A, B, C), (X, Y, Z), strict=True))


def guard(expr: sympy.Basic) -> Guard:
    found = Guard.over(expr, AXES)
    assert found is not None
    return found


def test_an_inequality_with_a_number_is_flipped_to_that_number() -> None:
    wrong = guard(sympy.Ne(A, 20))
    assert flips(wrong, [wrong], {X: 7, Y: 5}, [])[0] == {X: 20, Y: 5}


def test_a_tie_is_made_by_changing_either_side() -> None:
    wrong = guard(sympy.Ne(A, C))
    assert flips(wrong, [wrong], {X: 7, Z: 11}, [])[:2] == [{X: 11, Z: 11}, {X: 7, Z: 7}]


def test_axes_that_were_tied_before_change_together() -> None:
    tied, wrong = guard(sympy.Eq(A, B)), guard(sympy.Ne(A, 20))
    assert flips(wrong, [tied, wrong], {X: 7, Y: 7}, [])[0] == {X: 20, Y: 20}


def test_what_makes_an_earlier_equality_false_is_not_offered() -> None:
    even, wrong = guard(sympy.Eq(Mod(A, 2), 0)), guard(sympy.Lt(A, 100))
    assert all(sizes[X] % 2 == 0 and sizes[X] >= 100 for sizes in flips(wrong, [even, wrong], {X: 8}, []))


def test_a_size_of_the_weights_comes_before_a_power_of_two() -> None:
    wrong = guard(sympy.Ne(FloorDiv(A, 10), 3))
    assert [sizes[X] for sizes in flips(wrong, [wrong], {X: 7}, [37])][:2] == [37, 32]


def test_a_size_beyond_the_scan_is_found_among_the_weights() -> None:
    wrong = guard(sympy.Lt(A, 5000))
    assert flips(wrong, [wrong], {X: 7}, [8192])[0] == {X: 8192}


def test_an_inequality_gives_a_size_that_is_like_no_other() -> None:
    wrong = guard(sympy.Lt(A, 50))
    assert flips(wrong, [wrong], {X: 7}, [])[0] == {X: 53}


def test_two_axes_are_changed_at_once_where_neither_helps_alone() -> None:
    wrong = guard(sympy.Ne(A * 100 + B, 317))
    found = flips(wrong, [wrong], {X: 7, Y: 7}, [])
    assert {X: 3, Y: 17} in found


def test_no_sizes_are_offered_where_none_helps() -> None:
    wrong = guard(sympy.Ge(A + B, 2))
    assert flips(wrong, [wrong], {X: 7, Y: 5}, []) == []


def test_fresh_sizes_are_distinct_primes() -> None:
    assert FRESH[:4] == [5, 7, 11, 13]
    assert len(set(FRESH)) == len(FRESH) > 200


def test_of_many_multiples_one_with_room_is_offered_that_is_not_huge() -> None:
    wrong = guard(sympy.Ne(Mod(A, 32), 0))
    assert flips(wrong, [wrong], {X: 7}, [])[0] == {X: 256}


def test_what_int_made_of_a_quotient_holds_only_where_it_can() -> None:
    rows, columns = guard(sympy.Eq(TruncToInt(A / 8), 6)), guard(sympy.Eq(TruncToInt(B / 8), 7))
    assert rows.truncation
    assert columns.truncation
    wrong = guard(sympy.Ne(FloorDiv(A, 8) * FloorDiv(B, 8), 16))
    assert {X: 32, Y: 32} in flips(wrong, [rows, columns, wrong], {X: 53, Y: 59}, [])
    small = guard(sympy.Lt(A, 55))
    assert flips(small, [rows, small], {X: 53}, [])[0] == {X: 55}


def test_what_an_earlier_equality_computes_of_a_size_changes_with_it() -> None:
    widths, wrong = guard(sympy.Eq(A + B, 14)), guard(sympy.Ne(30 - B, 25))
    assert flips(wrong, [widths, wrong], {X: 7, Y: 7}, []) == [{X: 9, Y: 5}]


def test_nothing_is_offered_where_what_an_equality_computes_would_be_no_size() -> None:
    widths, wrong = guard(sympy.Eq(A + B, 14)), guard(sympy.Ne(B, 20))
    assert flips(wrong, [widths, wrong], {X: 7, Y: 7}, []) == []
