"""Cases about what tensors hold: dtype, rank and value domains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

from contractgen.contract.decimals import is_decimal
from contractgen.contract.expression import render
from contractgen.contract.model import Bound, DType, EachRow, Values
from contractgen.verify.cases.model import Break, Claim, Ground, Met, there
from contractgen.verify.fill import Fill, bounds_of, is_floating, opposites
from contractgen.verify.places import Leaf
from contractgen.verify.recipe import Ceiling, Element, OtherDType, Rank, Recipe, Row, holds
from contractgen.verify.sizes import bound_value

VALUE = frozenset({"value"})


def element_claims(ground: Ground) -> Iterator[Claim]:
    """Everything that the contract says of tensors apart from their sizes."""
    base = ground.base()
    for leaf in ground.found.leaves:
        yield _dtype(leaf, base)
        yield _rank(leaf, base)
        values = leaf.tensor.values
        if values is None:
            continue
        yield from _domain(leaf, values, base, None)
        if values.attained and values.max is not None:
            yield _largest(ground, leaf, values, values.max)
        if values.each_row is not None:
            yield _each_row(leaf, values, values.each_row, base)
        for column, inner in enumerate(values.along_last or ()):
            yield from _domain(leaf, inner, base, column)


def _dtype(leaf: Leaf, base: Recipe | None) -> Claim:
    same_in_memory = {"bfloat16", "uint16"}  # numpy holds bfloat16 as uint16
    others: list[DType] = [
        dtype
        for dtype in get_args(DType)
        if dtype != leaf.tensor.dtype and not {dtype, leaf.tensor.dtype} <= same_in_memory
    ]
    breaks = [
        Break(dtype, replace(base, edit=OtherDType(leaf.name, dtype)), _dtype_codes(dtype), "dtype")
        for dtype in others
        if base is not None
    ]
    about = f"tensor:{leaf.name}"
    return Claim(
        f"{about}.dtype", about, "dtype", f"{leaf.name} is {leaf.tensor.dtype}", tuple(breaks), there(leaf.within)
    )


def _dtype_codes(dtype: str) -> frozenset[str]:
    """The protocol has no complex type: such a tensor travels as pairs of floats, which differ in rank as well."""
    return frozenset({"dtype", "rank"} if "complex" in dtype else {"dtype"})


def _rank(leaf: Leaf, base: Recipe | None) -> Claim:
    rank = len(leaf.tensor.shape)
    breaks: list[Break] = []
    if base is not None:
        if rank > 1:
            breaks.append(_break("first-dropped", replace(base, edit=Rank(leaf.name, "first-dropped")), "rank"))
        if rank > 0:
            breaks.append(_break("scalar", replace(base, edit=Rank(leaf.name, "scalar")), "rank"))
        breaks.append(_break("one-added", replace(base, edit=Rank(leaf.name, "one-added")), "rank"))
    about = f"tensor:{leaf.name}"
    return Claim(f"{about}.rank", about, "rank", f"{leaf.name} has {rank} axes", tuple(breaks), there(leaf.within))


def _break(label: str, recipe: Recipe, code: str) -> Break:
    return Break(label, recipe, frozenset({code}), "rank")


def _domain(leaf: Leaf, values: Values, base: Recipe | None, column: int | None) -> Iterator[Claim]:
    about = f"tensor:{leaf.name}"
    at = "" if column is None else f"[..., {column}]"
    name = f"{leaf.name}{at}"
    floating = is_floating(leaf.tensor.dtype)

    def met(*fills: Fill) -> Met:
        return lambda r: leaf.within <= r.on and r.fills.get(leaf.name, r.fill) in fills

    def breaks(*wrong: tuple[str, float]) -> tuple[Break, ...]:
        return tuple(_elements(leaf, base, column, wrong))

    nan = (("nan", math.nan),) if floating and not values.finite and not values.not_nan else ()
    if values.min is not None:
        low = bound_value(values.min, base.sizes) if base else None
        wrong = () if low is None else (("below", _beyond(low, -1, floating)), *nan)
        found = breaks(*wrong)
        yield Claim(f"{about}{at}.min", about, "min", f"{name} >= {_text(values.min)}", found, met("lowest", "edges"),
                    "both" if found else "inside")  # fmt: skip
    if values.max is not None:
        high = bound_value(values.max, base.sizes) if base else None
        wrong = () if high is None else (("above", _beyond(high, 1, floating)), *nan)
        found = breaks(*wrong)
        yield Claim(f"{about}{at}.max", about, "max", f"{name} <= {_text(values.max)}", found, met("highest", "edges"),
                    "both" if found else "inside")  # fmt: skip
    if values.one_of is not None:
        options = [float(option) for option in values.one_of]
        between = [o + 0.5 for o in options if o + 0.5 not in options] if floating else []
        gaps = [o + 1 for o in options if o + 1 not in options and o + 1 < max(options)]
        outside = [("above", max(options) + 1), ("below", min(options) - 1)]
        outside += [("between", v) for v in (between or gaps)[:1]]
        found = breaks(*outside)
        text = f"{name} is one of {', '.join(map(str, values.one_of))}"
        yield Claim(f"{about}{at}.one_of", about, "one_of", text, found, met("options", "edges", "random"),
                    "both" if found else "inside")  # fmt: skip
    if values.finite or values.not_nan:
        wrong = (
            (("nan", math.nan), ("inf", math.inf), ("minus-inf", -math.inf)) if values.finite else (("nan", math.nan),)
        )
        found = breaks(*wrong)
        kind = "finite" if values.finite else "not_nan"
        yield Claim(f"{about}{at}.{kind}", about, kind, f"{name} is {kind.replace('_', ' ')}", found, there(leaf.within),
                    "both" if found else "inside")  # fmt: skip
    if values.order is not None:
        found = _disorder(leaf, values, base)
        yield Claim(f"{about}{at}.order", about, "order", f"{name} is {values.order}", found, met("edges", "random"),
                    "both" if found else "inside")  # fmt: skip


def _largest(ground: Ground, leaf: Leaf, values: Values, bound: Bound) -> Claim:
    """At sizes of some more than 2: what is as long as the largest element may be 1 long, and then it broadcasts."""
    sizes = ground.sizes.solve(order="distinct", least=3) or ground.sizes.solve(order="distinct", least=2)
    breaks: tuple[Break, ...] = ()
    if sizes is not None:
        low, high = bounds_of(leaf.tensor.dtype, values, sizes)
        recipe = Recipe(sizes, ground.everything, seed=ground.seed, edit=Ceiling(leaf.name, int(high) - 1))
        breaks = (Break("all-below", recipe, VALUE),) if low < high else ()
    about = f"tensor:{leaf.name}"
    text = f"the largest element of {leaf.name} is {_text(bound)}"
    sides: Literal["both", "inside"] = "both" if breaks else "inside"
    return Claim(f"{about}.attained", about, "attained", text, breaks, there(leaf.within), sides)


def _each_row(leaf: Leaf, values: Values, needs: EachRow, base: Recipe | None) -> Claim:
    right, wrong = opposites(leaf.tensor.dtype, values, needs)
    breaks: tuple[Break, ...] = ()
    if base is not None and not math.isnan(wrong):
        rows: tuple[Literal["first", "last"], ...] = ("first", "last") if len(leaf.tensor.shape) > 1 else ("first",)
        edits = [(f"none-{row}", Row(leaf.name, wrong, row)) for row in rows]
        if needs.least > 1:
            edits.append(("fewer", Row(leaf.name, wrong, "first", needs.least - 1, right)))
        breaks = tuple(Break(label, replace(base, edit=edit), VALUE) for label, edit in edits)
    about = f"tensor:{leaf.name}"
    text = f"each row of {leaf.name} has {needs.text}"
    sides: Literal["both", "inside"] = "both" if breaks else "inside"
    return Claim(f"{about}.each_row", about, "each_row", text, breaks, there(leaf.within), sides)


def _elements(
    leaf: Leaf, base: Recipe | None, column: int | None, wrong: tuple[tuple[str, float], ...]
) -> Iterator[Break]:
    if base is None:
        return
    for label, value in wrong:
        if holds(value, leaf.tensor.dtype) and math.isfinite(value) | is_floating(leaf.tensor.dtype):
            number = value if is_floating(leaf.tensor.dtype) else int(value)
            for where in ("first", "last"):
                edit = Element(leaf.name, number, where, column)
                yield Break(f"{label}-{where}", replace(base, edit=edit), VALUE)


def _disorder(leaf: Leaf, values: Values, base: Recipe | None) -> tuple[Break, ...]:
    last = leaf.tensor.shape[-1] if leaf.tensor.shape else 1
    if base is None or (last if isinstance(last, int) else base.sizes[last]) < 2:
        return ()
    low, high = bounds_of(leaf.tensor.dtype, values, base.sizes)
    if low >= high:
        return ()
    if values.order == "descending" and values.attained:
        # One element is at the top whatever fills the others.
        edit = Element(leaf.name, low, "first")
        return (Break("first", replace(base, fills={leaf.name: "highest"}, edit=edit), VALUE),)
    fills: dict[str, Fill] = {leaf.name: "lowest" if values.order == "descending" else "highest"}
    value = high if values.order == "descending" else low
    return (Break("last", replace(base, fills=fills, edit=Element(leaf.name, value, "last")), VALUE),)


def _beyond(bound: float, sign: int, floating: bool) -> float:
    """The nearest value outside of a bound that a float of 16 bits still tells apart."""
    if isinstance(bound, int) and not floating:
        return bound + sign
    if not floating:
        return math.floor(bound) + 1 if sign > 0 else math.ceil(bound) - 1
    return float(bound) + sign * 0.02 * max(1.0, abs(bound))


def _text(bound: Bound) -> str:
    return str(bound) if isinstance(bound, int) or is_decimal(bound) else render(bound)
