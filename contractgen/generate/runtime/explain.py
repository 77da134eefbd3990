"""The explaining checker: every way in which tensors differ from the contract.

It runs only where the straight-line checks did not say yes, and it has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16
from contractgen.generate.runtime.number_lists import place
from contractgen.generate.runtime.scans import disorder, is_among, pieces, row_without
from contractgen.generate.runtime.spec import Dim, Spec, Values, evaluate, expression_text, names_in
from contractgen.generate.runtime.violations import Violation, violation
from contractgen.generate.runtime.walk import Found, Leaf


class Extent(NamedTuple):
    """The size of an axis, or of a list where `axis` is None, and what the contract says of it."""

    path: str
    axis: int | None
    wanted: int | str
    size: int


def differences(spec: Spec, found: Found, looked_at: Callable[[Leaf], bool] = bool) -> list[Violation]:
    """All violations of a walk's findings, in the order: structure, types, sizes, values.

    The elements are read of those leaves that `looked_at` says.
    """
    typed: list[Violation] = []
    extents: list[Extent] = []
    extents += [Extent(length.path, None, length.wanted, length.size) for length in found.lengths]  # only: lists
    for leaf in found.leaves:
        path, wanted, shape = leaf.place.path, leaf.tensor, leaf.array.shape
        if leaf.dtype != wanted.dtype:
            typed.append(violation("dtype", path, wanted=wanted.dtype, got=leaf.dtype))
        if len(shape) != len(wanted.shape):
            typed.append(violation("rank", path, wanted=axes_text(wanted.shape), got=axes_text(shape)))
        else:
            extents += [Extent(path, i, *pair) for i, pair in enumerate(zip(wanted.shape, shape))]
    first: dict[str, Extent] = {}
    for extent in extents:
        if isinstance(extent.wanted, str):
            if spec.dims[extent.wanted].equals is not None:  # only: derived
                continue
            first.setdefault(extent.wanted, extent)
    sizes = {name: extent.size for name, extent in first.items()}
    shaped = [one for extent in extents for one in size_violations(spec, extent, first, sizes)]
    shaped += relation_violations(spec, sizes)  # only: relations
    values: list[Violation] = []
    with np.errstate(all="ignore"):  # only: values
        for leaf in found.leaves:
            if looked_at(leaf):
                values += value_violations(leaf, sizes, spec.dims)
    return found.violations + typed + shaped + values


def axes_text(shape: tuple[int | str, ...]) -> str:
    """`2 axes [batch, 20]`."""
    return f"{len(shape)} {'axis' if len(shape) == 1 else 'axes'} [{', '.join(map(str, shape[:32]))}]"


def size_violations(spec: Spec, extent: Extent, first: dict[str, Extent], sizes: dict[str, int]) -> Iterator[Violation]:
    """What is wrong with one size. `first` has the first axis of each dim, which says what the others must be."""
    path, axis, wanted, size = extent
    facts: dict[str, Any] = {"axis": axis, "got": size}
    kind = "size"
    if isinstance(wanted, int):
        facts["wanted"] = wanted
        wrong = size != wanted
    elif spec.dims[wanted].equals is not None:  # only: derived
        value = evaluate(wanted, sizes, spec.dims)
        facts["wanted"] = sizes.setdefault(wanted, size) if value is None else value
        kind, facts["formula"] = "derived", expression_text(spec.dims[wanted].equals)
        wrong = size != facts["wanted"]
    elif first[wanted] is not extent:
        kind, facts["other"] = "tie", first[wanted].path
        facts["wanted"] = sizes[wanted]
        wrong = size != sizes[wanted]
    else:
        kind, facts["wanted"] = "bounds", bounds_text(spec.dims[wanted])
        wrong = not allowed(spec.dims[wanted], size)
    if wrong:
        facts["dim"] = wanted
        if axis is None:  # only: lists
            kind = "length"
            facts["wanted"] = f"{facts['wanted']} ({wanted})" if isinstance(wanted, str) else wanted
        yield violation(kind, path, **facts)


def relation_violations(spec: Spec, sizes: dict[str, int]) -> Iterator[Violation]:
    """The relations that do not hold; one over a size that is not known says nothing."""
    for relation in spec.relations:
        if evaluate(relation, sizes, spec.dims) not in (None, True):
            got = ", ".join(f"{name} = {evaluate(name, sizes, spec.dims)}" for name in names_in(relation))
            yield violation("relation", "inputs", wanted=expression_text(relation), got=got)


def allowed(dim: Dim, size: int) -> bool:
    """Whether a size is within the bounds of its dim."""
    return size >= dim.min and (dim.max is None or size <= dim.max) and size % dim.multiple_of == 0


def bounds_text(dim: Dim) -> str:
    """`1 to 512`, `at least 16, a multiple of 16`."""
    text = f"at least {dim.min}" if dim.max is None else f"{dim.min} to {dim.max}"
    return text if dim.multiple_of == 1 else f"{text}, a multiple of {dim.multiple_of}"


def value_violations(leaf: Leaf, sizes: dict[str, int], dims: dict[str, Dim]) -> Iterator[Violation]:
    """What is wrong with the elements of a tensor, whatever its dtype and shape."""
    array, values = leaf.array, leaf.tensor.values
    kinds = "biuf"
    if leaf.tensor.dtype.startswith("complex"):  # only: complex
        kinds = "c"
    if array.dtype.kind in kinds:
        yield from claims(leaf, array, values, sizes, dims)
        count, last = (len(values.along_last),), leaf.tensor.shape[-1:]  # only: columns
        if array.shape[-1:] == count or (last != count and array.shape[-1:] > count):  # only: columns
            for i, column in enumerate(values.along_last):
                yield from claims(leaf, array[..., i], column, sizes, dims, i)


def claims(
    leaf: Leaf, array: Array, values: Values, sizes: dict[str, int], dims: dict[str, Dim], *column: int
) -> Iterator[Violation]:
    """The violations of one domain by a tensor, or by one `column` of its last axis."""
    low: Any = None
    high: Any = None
    low, high = values.min, values.max  # only: bounds
    low, high = evaluate(low, sizes, dims), evaluate(high, sizes, dims)  # only: sized
    tests: list[tuple[str, str, Callable[[Array], Array]]] = []
    no_nan = low is not None or high is not None
    no_nan = no_nan or values.not_nan  # only: not_nan
    no_nan = no_nan or values.finite  # only: finite
    if no_nan:
        tests.append(("nan", "", np.isnan))
    if values.finite:  # only: finite
        tests.append(("infinite", "", np.isinf))
    if low is not None:  # only: bounds
        tests.append(("below", str(low), lambda piece: piece < low))
    if high is not None:  # only: bounds
        tests.append(("above", str(high), lambda piece: piece > high))
    if values.one_of is not None:  # only: one_of
        options = values.one_of
        shown = ", ".join(map(str, options[:12])) + (" ..." if len(options) > 12 else "")
        tests.append(("among", shown, lambda piece: ~is_among(piece, options)))
    for kind, wanted, test in tests:
        count, first = offending(array, leaf.dtype, test)
        if count:
            facts = {"index": place(first, array.shape, *column), "count": count, "total": array.size}
            got = element_text(array, leaf.dtype, first)
            yield violation(kind, leaf.place.path, wanted=wanted, got=got, **facts)
    if values.order:  # only: order
        first = disorder(array, leaf.dtype, values.order)
        if first >= 0:
            got, where = element_text(array, leaf.dtype, first), place(first, array.shape, *column)
            yield violation("order", leaf.place.path, wanted=values.order, got=got, index=where)
    if values.attained and high is not None and array.size:  # only: attained
        largest = max(piece.max() for piece in pieces(array, leaf.dtype))
        if largest < high:
            wanted = f"{high} ({expression_text(values.max)})"
            yield violation("attained", leaf.place.path, wanted=wanted, got=str(largest.item()))
    kind, least = values.each_row  # only: each_row
    if least:  # only: each_row
        row, count = row_without(array, leaf.dtype, kind, least)
        if row >= 0:
            wanted = f"at least {least} {kind} in each row"
            got = f"{count}" if array.ndim == 1 else f"{count} in [{row}]"
            yield violation("each_row", leaf.place.path, wanted=wanted, got=got)


def offending(array: Array, dtype: str, test: Callable[[Array], Array]) -> tuple[int, int]:
    """How many elements a test finds, and the position in C order of the first."""
    count, first, start = 0, -1, 0
    for piece in pieces(array, dtype):
        bad = test(piece)
        here = int(np.count_nonzero(bad))
        if here and first < 0:
            first = start + int(np.argmax(bad))
        count += here
        start += piece.size
    return count, first


def element_text(array: Array, dtype: str, position: int) -> str:
    """The one offending number that a message may show."""
    element = array[np.unravel_index(position, array.shape)].reshape(1)
    if dtype == "bfloat16":  # only: bfloat16
        element = from_bfloat16(element)
    return str(element[0].item())
