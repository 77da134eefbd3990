"""Value domains against the dtype, the rank and the dims: what no tensor, or every tensor, would meet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import COMPARISONS, names_in_order, operators
from contractgen.contract.model import Bound, Contract, DType, EachRow, Tensor, Values
from contractgen.contract.problem import Problem

_INTEGERS: Final[dict[str, tuple[int, int]]] = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
# The largest finite numbers: IEEE 754 binary16, binary32, binary64, and bfloat16's 8 bits of significand.
_LARGEST: Final[dict[str, Decimal]] = {
    "float16": Decimal(65504),
    "bfloat16": Decimal((2**8 - 1) * 2**120),
    "float32": Decimal((2**24 - 1) * 2**104),
    "float64": Decimal((2**53 - 1) * 2**971),
}


def value_problems(tensor: Tensor, path: str, contract: Contract, known: frozenset[str]) -> Iterator[Problem]:
    """Problems of a tensor's value domain. ``known`` are the dims that its bounds may name."""
    values = tensor.values
    if values is None:
        return
    yield from _domain(values, tensor.dtype, path, contract, known)
    if values.order is not None and tensor.dtype.startswith("complex"):
        yield Problem(f"{path}.order", "orders complex numbers, which have no order")
    if values.order is not None and not tensor.shape:
        yield Problem(f"{path}.order", "orders the elements along the last axis of a tensor that has no axis")
    if values.attained:
        yield from _attained(values, tensor.dtype, f"{path}.attained")
    if values.each_row is not None:
        yield from _each_row(values, values.each_row, tensor, f"{path}.each_row", contract)
    if values.along_last is None:
        return
    path = f"{path}.along_last"
    if not tensor.shape:
        yield Problem(path, "is about the last axis of a tensor that has no axis")
    elif isinstance(last := tensor.shape[-1], int) and last != len(values.along_last):
        yield Problem(path, f"has {len(values.along_last)} domains for a last axis of {last}")
    elif (least := _least_size(last, contract)) < len(values.along_last):
        yield Problem(path, f"has {len(values.along_last)} domains for a last axis of {last!r}, which may be {least}")
    for index, column in enumerate(values.along_last):
        if column != (alone := replace(column, order=None, attained=False, each_row=None, along_last=None)):
            yield Problem(f"{path}[{index}]", "says something about a whole last axis, but is about one index of it")
        yield from _domain(alone, tensor.dtype, f"{path}[{index}]", contract, known)


def _attained(values: Values, dtype: DType, path: str) -> Iterator[Problem]:
    """Problems of a claim that the largest element is the max."""
    if dtype not in _INTEGERS:
        yield Problem(path, f"claims the largest of {dtype} numbers; it is for lengths, which are integers")
    if values.max is None or not names_in_order(values.max) or _number(values.max) is not None:
        yield Problem(path, "needs a max that follows from a dim")
    if values.one_of is not None or values.along_last is not None:
        yield Problem(path, "has no place beside one_of or along_last")


def _each_row(values: Values, needs: EachRow, tensor: Tensor, path: str, contract: Contract) -> Iterator[Problem]:
    """Problems of a claim about what each row has."""
    if tensor.dtype.startswith("complex"):
        yield Problem(path, f"is about {tensor.dtype} numbers; it is for masks, which are bools, integers or floats")
    if not tensor.shape:
        yield Problem(path, "is about the rows of a tensor that has no axis")
    if values.order is not None or values.attained or values.along_last is not None:
        yield Problem(path, "has no place beside order, attained or along_last")
    if any(bound is not None and _number(bound) is None for bound in (values.min, values.max)):
        yield Problem(path, "has no place beside a bound that follows from a dim")
    low, high = _number(values.min), _number(values.max)
    if needs.kind == "zero":
        excluded = (low is not None and low > 0) or (high is not None and high < 0)
        if excluded or (values.one_of is not None and all(map(Decimal, values.one_of))):
            yield Problem(path, "needs zero, which the other members exclude")
    elif low == high == 0 or (values.one_of is not None and not any(map(Decimal, values.one_of))):
        yield Problem(path, "needs a number that is not zero, which the other members exclude")
    width = math.prod(_least_size(size, contract) for size in tensor.shape[1:] or tensor.shape)
    if needs.least > max(1, width):
        yield Problem(path, f"needs {needs.least} elements in each row, of which the smallest has {width}")


def _least_size(size: int | str, contract: Contract) -> int:
    """The least that an axis is sure to have; of one that follows from others, nothing is sure."""
    dim = contract.dims.get(size) if isinstance(size, str) else None
    return size if isinstance(size, int) else dim.min if dim is not None and dim.equals is None else 0


def _domain(values: Values, dtype: DType, path: str, contract: Contract, known: frozenset[str]) -> Iterator[Problem]:
    if dtype == "bool" or dtype.startswith("complex"):
        for name in ("min", "max", "one_of"):
            if getattr(values, name) is not None:
                yield Problem(
                    f"{path}.{name}",
                    f"bounds {dtype}, which " + ("has two values" if dtype == "bool" else "has no order"),
                )
    if dtype == "bool" or dtype in _INTEGERS:
        for name in ("finite", "not_nan"):
            if getattr(values, name):
                yield Problem(f"{path}.{name}", f"says what is true of every {dtype}")
    for name, bound in (("min", values.min), ("max", values.max)):
        if bound is not None:
            yield from _bound(bound, dtype, f"{path}.{name}", contract, known)
    low, high = _number(values.min), _number(values.max)
    if low is not None and high is not None and low > high:
        yield Problem(path, f"has min {values.min}, which is more than its max {values.max}")
    if values.one_of is not None:
        yield from _one_of(values, dtype, f"{path}.one_of")


def _bound(bound: Bound, dtype: DType, path: str, contract: Contract, known: frozenset[str]) -> Iterator[Problem]:
    number = _number(bound)
    if number is not None:
        yield from _literal(number, dtype, path)
        return
    for operator in sorted(operators(bound) & COMPARISONS):
        yield Problem(path, f"compares with {operator} where a number belongs")
    for name in names_in_order(bound):
        if name not in contract.dims:
            yield Problem(path, f"names {name!r}, which is not in dims")
        elif name not in known:
            yield Problem(path, f"names {name!r}, whose size no request tells")


def _one_of(values: Values, dtype: DType, path: str) -> Iterator[Problem]:
    low, high = _number(values.min), _number(values.max)
    seen: set[Decimal] = set()
    if not values.one_of:
        yield Problem(path, "is empty, so that no value would be accepted")
    for index, literal in enumerate(values.one_of or ()):
        number, at = Decimal(literal), f"{path}[{index}]"
        yield from _literal(number, dtype, at)
        if number in seen:
            yield Problem(at, f"repeats {literal}")
        if (low is not None and number < low) or (high is not None and number > high):
            yield Problem(at, f"is {literal}, which min or max excludes")
        seen.add(number)


def _literal(number: Decimal, dtype: DType, path: str) -> Iterator[Problem]:
    """Whether a tensor of the dtype can hold a number at all."""
    if dtype in _INTEGERS:
        low, high = _INTEGERS[dtype]
        if not low <= number <= high:
            yield Problem(path, f"is {number}, which {dtype} cannot hold ({low} to {high})")
        elif number % 1:
            yield Problem(path, f"is {number}, but {dtype} holds integers")
    elif dtype in _LARGEST and abs(number) > _LARGEST[dtype]:
        yield Problem(path, f"is {number}, beyond the largest {dtype} ({_LARGEST[dtype]:.5g})")


def _number(bound: Bound | None) -> Decimal | None:
    """The value of a bound that names no dim; None for one that does."""
    if isinstance(bound, int):
        return Decimal(bound)
    return Decimal(bound) if isinstance(bound, str) and is_decimal(bound) else None
