from __future__ import annotations

import math

import numpy as np
import pytest

from contractgen.contract.compare.numbers import largest, nearest, neighbour, smallest

FLOATS = ("float16", "float32", "float64")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("text", ["0.1", "-0.3", "1e-7", "2049", "65504", "0"])
def test_a_decimal_is_the_nearest_number_of_the_dtype(dtype: str, text: str) -> None:
    assert nearest(text, dtype) == float(np.dtype(dtype).type(float(text)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("number", [0.0, 1.0, -1.0, 0.5, -0.1, 65504.0])
@pytest.mark.parametrize("up", [True, False])
def test_neighbours_are_those_of_numpy(dtype: str, number: float, up: bool) -> None:
    kind = np.dtype(dtype).type
    with np.errstate(over="ignore"):
        expected = float(np.nextafter(kind(number), kind(math.inf if up else -math.inf)))
    assert neighbour(float(kind(number)), dtype, up=up) == expected


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_ends_of_a_float_are_infinite_or_the_largest(dtype: str) -> None:
    assert largest(dtype, finite=False) == math.inf
    assert largest(dtype, finite=True) == float(np.finfo(dtype).max)
    assert smallest(dtype, finite=True) == float(np.finfo(dtype).min)


def test_bfloat16_rounds_as_generated_code_does() -> None:
    from contractgen.generate.spec_text import rounded

    for number in (0.1, 1 / 3, 1.00390625, 1.01171875, -2.7, 3e38):
        assert nearest(str(number), "bfloat16") == rounded(number, "bfloat16")
    assert neighbour(1.0, "bfloat16", up=True) == 1.0078125


def test_integers_step_by_one() -> None:
    assert (neighbour(127, "int8", up=True), smallest("int8", finite=False), largest("bool", finite=True)) == (
        128,
        -128,
        1,
    )
