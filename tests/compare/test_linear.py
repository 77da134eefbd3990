from __future__ import annotations

import itertools
import random

import pytest

from contractgen.contract.compare.linear import refuted
from contractgen.contract.expression import holds
from contractgen.contract.model import Dim, Expr
from contractgen.contract.solve import sizes_for

FREE = {"a": Dim(), "b": Dim(), "c": Dim(0)}
EVEN = {"a": Dim(16, None, 16), "b": Dim()}


@pytest.mark.parametrize(
    ("dims", "conditions"),
    [
        (FREE, [("<", "a", "a")]),
        (FREE, [("<=", "a", "b"), ("<", "b", "a")]),
        (FREE, [("<=", "a", "b"), ("<=", "b", "c"), ("<", "c", "a")]),
        (FREE, [("<", ("+", "a", "b"), 2)]),
        (EVEN, [("<=", 1, ("%", "a", 8))]),
        (EVEN, [("<", ("//", "a", 16), 1)]),
        (FREE, [("==", "a", ("*", 2, "b")), ("<=", 1, ("%", "a", 2))]),
        (FREE, [("==", ("*", 2, "a"), ("+", ("*", 2, "b"), 1))]),
        (FREE, [("<", ("max", "a", "b"), "a")]),
        (FREE, [("<", "b", ("min", "a", "b"))]),
        (FREE, [("<", ("*", "a", "b"), "a")]),
        (FREE, [("<", ("*", "a", "b"), ("*", "b", "a"))]),
        (FREE, [("==", ("//", ("*", 6, "a"), 3), ("+", ("*", 2, "a"), 1))]),
    ],
)
def test_what_holds_for_no_sizes_however_large_is_refuted(dims: dict[str, Dim], conditions: list[Expr]) -> None:
    assert refuted(dims, conditions)


def expression(chooser: random.Random, depth: int) -> Expr:
    if not depth or chooser.random() < 0.3:
        return chooser.choice(("a", "b", "c", 0, 1, 2, 3, -1))
    operator = chooser.choice(("+", "-", "*", "//", "%", "min", "max"))
    return (operator, expression(chooser, depth - 1), expression(chooser, depth - 1))


def test_nothing_is_refuted_that_some_sizes_meet() -> None:
    chooser = random.Random(0)
    refutations = 0
    for _ in range(400):
        dims = {
            name: Dim(chooser.choice((0, 1, 2)), chooser.choice((None, 4)), chooser.choice((1, 2))) for name in "abc"
        }
        conditions: list[Expr] = [
            (chooser.choice(("<", "<=", "==")), expression(chooser, 2), expression(chooser, 2))
            for _ in range(chooser.choice((1, 2, 3)))
        ]
        if refuted(dims, conditions):
            refutations += 1
            for sizes in itertools.product(range(7), repeat=3):
                size_of = dict(zip("abc", sizes, strict=True))
                fits = all(
                    size_of[name] >= dim.min
                    and (dim.max is None or size_of[name] <= dim.max)
                    and size_of[name] % dim.multiple_of == 0
                    for name, dim in dims.items()
                )
                assert not (fits and all(holds(condition, size_of) for condition in conditions)), conditions
    assert refutations > 30


def test_sizes_are_found_for_dims_alone() -> None:
    assert sizes_for({"a": Dim(1, None, 16)}, [("<", 224, "a")]) == {"a": 240}
    assert sizes_for({"a": Dim(1, 4)}, [("<", 4, "a")]) is None
