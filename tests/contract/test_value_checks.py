from __future__ import annotations

from typing import Any

import pytest

from contractgen.contract.checks import problems
from contractgen.contract.model import Dim, EachRow, Values
from tests.contract.examples import of_values

PATH = "$.inputs[0].node.values"


def found(
    values: Values, dtype: str = "int64", shape: tuple[int | str, ...] = ("n", 2), **dims: Dim
) -> list[tuple[str, str]]:
    contract = of_values(values, dtype, shape, **dims)
    return [(problem.path.removeprefix(PATH), problem.message) for problem in problems(contract)]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (Values(min=0, max=255), "uint8"),
        (Values(max="18446744073709551615"), "uint64"),
        (Values(min=1, max="n", order="ascending"), "int32"),
        (Values(max=("-", "n", 1)), "int64"),
        (Values(max="n", attained=True), "int32"),
        (Values(one_of=(0, 1), each_row=EachRow("nonzero")), "int64"),
        (Values(min=0, max=1, finite=True, each_row=EachRow("nonzero")), "bfloat16"),
        (Values(each_row=EachRow("zero")), "bool"),
        (Values(min=1, max=("*", 2, "n"), order="descending", attained=True), "uint8"),
        (Values(min="2.0"), "int64"),
        (Values(min="-0.5", max="1e38", finite=True), "float32"),
        (Values(one_of=(0, "0.5"), not_nan=True), "bfloat16"),
        (Values(finite=True), "complex64"),
        (Values(order="descending"), "bool"),
        (Values(along_last=(Values(max=3), Values())), "int8"),
    ],
)
def test_domains_that_a_dtype_can_have(values: Values, dtype: str) -> None:
    assert found(values, dtype) == []


@pytest.mark.parametrize(
    ("values", "dtype", "problem"),
    [
        (Values(max=256), "uint8", (".max", "is 256, which uint8 cannot hold (0 to 255)")),
        (Values(min=-1), "uint32", (".min", "is -1, which uint32 cannot hold (0 to 4294967295)")),
        (
            Values(max="1e300"),
            "int64",
            (".max", "is 1E+300, which int64 cannot hold (-9223372036854775808 to 9223372036854775807)"),
        ),
        (Values(max="0.5"), "int64", (".max", "is 0.5, but int64 holds integers")),
        (Values(max=70000), "float16", (".max", "is 70000, beyond the largest float16 (65504)")),
        (Values(min="-3.5e38"), "float32", (".min", "is -3.5E+38, beyond the largest float32 (3.4028e+38)")),
        (Values(max="1e309"), "float64", (".max", "is 1E+309, beyond the largest float64 (1.7977e+308)")),
        (Values(min=0), "bool", (".min", "bounds bool, which has two values")),
        (Values(one_of=(1,)), "complex64", (".one_of", "bounds complex64, which has no order")),
        (Values(finite=True), "int64", (".finite", "says what is true of every int64")),
        (Values(not_nan=True), "bool", (".not_nan", "says what is true of every bool")),
        (Values(order="ascending"), "complex128", (".order", "orders complex numbers, which have no order")),
        (Values(min=3, max=2), "int64", ("", "has min 3, which is more than its max 2")),
        (Values(min="0.30", max="0.3"), "float32", None),
        (Values(min="0.31", max="0.3"), "float32", ("", "has min 0.31, which is more than its max 0.3")),
        (Values(one_of=(1, 2, 3), max=2), "int64", (".one_of[2]", "is 3, which min or max excludes")),
        (Values(one_of=("0.5", 1), min=1), "float32", (".one_of[0]", "is 0.5, which min or max excludes")),
        (Values(one_of=(1, "1.0")), "float32", (".one_of[1]", "repeats 1.0")),
        (Values(one_of=()), "float32", (".one_of", "is empty, so that no value would be accepted")),
        (Values(one_of=(300,)), "int8", (".one_of[0]", "is 300, which int8 cannot hold (-128 to 127)")),
        (Values(max="m"), "int64", (".max", "names 'm', which is not in dims")),
        (Values(max=("+", "n", ("<", "n", 3))), "int64", (".max", "compares with < where a number belongs")),
        (Values(along_last=(Values(),)), "int64", (".along_last", "has 1 domains for a last axis of 2")),
        (
            Values(along_last=(Values(), Values(min=1, max=0))),
            "int64",
            (".along_last[1]", "has min 1, which is more than its max 0"),
        ),
        (Values(max=7, attained=True), "int64", (".attained", "needs a max that follows from a dim")),
        (Values(attained=True), "int64", (".attained", "needs a max that follows from a dim")),
        (
            Values(max="n", one_of=(1, 2), attained=True),
            "int64",
            (".attained", "has no place beside one_of or along_last"),
        ),
        (
            Values(one_of=(0,), each_row=EachRow("nonzero")),
            "int8",
            (".each_row", "needs a number that is not zero, which the other members exclude"),
        ),
        (
            Values(min=0, max="0.0", each_row=EachRow("nonzero")),
            "float32",
            (".each_row", "needs a number that is not zero, which the other members exclude"),
        ),
        (
            Values(min=1, each_row=EachRow("zero")),
            "int64",
            (".each_row", "needs zero, which the other members exclude"),
        ),
        (
            Values(max="n", each_row=EachRow("nonzero")),
            "int64",
            (".each_row", "has no place beside a bound that follows from a dim"),
        ),
        (
            Values(order="ascending", each_row=EachRow("nonzero")),
            "int64",
            (".each_row", "has no place beside order, attained or along_last"),
        ),
        (
            Values(each_row=EachRow("nonzero")),
            "complex64",
            (".each_row", "is about complex64 numbers; it is for masks, which are bools, integers or floats"),
        ),
        (
            Values(along_last=(Values(each_row=EachRow("nonzero")), Values())),
            "int64",
            (".along_last[0]", "says something about a whole last axis, but is about one index of it"),
        ),
        (
            Values(max="n", attained=True),
            "float32",
            (".attained", "claims the largest of float32 numbers; it is for lengths, which are integers"),
        ),
        (
            Values(along_last=(Values(max="n", attained=True), Values())),
            "int64",
            (".along_last[0]", "says something about a whole last axis, but is about one index of it"),
        ),
        (
            Values(along_last=(Values(order="ascending"), Values())),
            "int64",
            (".along_last[0]", "says something about a whole last axis, but is about one index of it"),
        ),
        (
            Values(along_last=(Values(along_last=()), Values())),
            "int64",
            (".along_last[0]", "says something about a whole last axis, but is about one index of it"),
        ),
    ],
)
def test_domains_that_contradict_the_dtype_or_themselves(
    values: Values, dtype: Any, problem: tuple[str, str] | None
) -> None:
    assert found(values, dtype) == ([problem] if problem else [])


def test_columns_need_a_last_axis_that_always_has_them() -> None:
    columns = Values(along_last=(Values(min=0), Values(min=1)))
    assert found(columns, shape=(2, "n")) == [(".along_last", "has 2 domains for a last axis of 'n', which may be 1")]
    assert found(columns, shape=()) == [(".along_last", "is about the last axis of a tensor that has no axis")]
    assert found(Values(along_last=(Values(max=0),)), shape=(2, "n")) == []


def test_an_order_needs_an_axis() -> None:
    assert found(Values(order="ascending"), shape=()) == [
        (".order", "orders the elements along the last axis of a tensor that has no axis")
    ]


def test_bounds_that_leave_no_value_for_any_size() -> None:
    contract = of_values(Values(min=10, max="n"), n=Dim(max=9))
    assert [problem.path for problem in problems(contract)] == ["$.dims"]
