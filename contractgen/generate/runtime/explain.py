"""The explaining checker: every way in which the tensors differ from the contract.

It runs only after the generated `_is_valid` did not say yes, and it has the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import Array, from_bfloat16
from contractgen.generate.runtime.scans import all_ordered, pieces, pieces_of_rows
from contractgen.generate.runtime.spec import Dim, Spec, Tensor, Values, evaluate, expression_text, names_in
from contractgen.generate.runtime.violations import Violation, plural, violation
from contractgen.generate.runtime.walk import Found, Leaf


def differences(spec: Spec, found: Found, looked_at: Callable[[Leaf], bool] = bool) -> list[Violation]:
    """All violations of a walk's findings, in the order: structure, types and sizes, relations, values.

    The elements are read of those leaves that `looked_at` says.
    """
    sizes = Sizes(spec)
    for length in found.lengths:
        sizes.add(length.path, None, length.wanted, length.size)
    typed: list[Violation] = []
    for leaf in found.leaves:
        if leaf.dtype != leaf.tensor.dtype:
            typed.append(violation("dtype", leaf.path, wanted=leaf.tensor.dtype, got=leaf.dtype))
        if leaf.array.ndim != len(leaf.tensor.shape):
            typed.append(violation("rank", leaf.path, wanted=axes(leaf.tensor), got=came(leaf.array)))
        else:
            for axis, wanted in enumerate(leaf.tensor.shape):
                sizes.add(leaf.path, axis, wanted, leaf.array.shape[axis])
    shaped = sizes.violations()
    values = [one for leaf in found.leaves if looked_at(leaf) for one in offences(leaf, sizes.known, spec.dims)]
    return found.violations + typed + shaped + values


def axes(tensor: Tensor) -> str:
    """`2 axes [batch, 20]`."""
    return f"{plural(len(tensor.shape), 'axis').replace('axiss', 'axes')} [{', '.join(map(str, tensor.shape))}]"


def came(array: Array) -> str:
    """`1 axis [20]`."""
    return f"{plural(array.ndim, 'axis').replace('axiss', 'axes')} [{', '.join(map(str, array.shape[:16]))}]"


class Sizes:
    """The sizes that came, held against each other and against their bounds."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.known: dict[str, int] = {}
        self.first: dict[str, tuple[str, int | None]] = {}
        self.extents: list[tuple[str, int | None, int | str, int]] = []

    def add(self, path: str, axis: int | None, wanted: int | str, size: int) -> None:
        """Note the size of an axis, or of a list where `axis` is None."""
        self.extents.append((path, axis, wanted, size))
        if isinstance(wanted, str) and self.spec.dims[wanted].equals is None and wanted not in self.known:
            self.known[wanted] = size
            self.first[wanted] = (path, axis)

    def violations(self) -> list[Violation]:
        """What is wrong with them."""
        result: list[Violation] = []
        for path, axis, wanted, size in self.extents:
            if isinstance(wanted, int):
                if size != wanted:
                    result.append(sized("size", path, axis, wanted=wanted, got=size))
                continue
            dim = self.spec.dims[wanted]
            if dim.equals is not None:
                right = evaluate(dim.equals, self.known, self.spec.dims)
                right = self.known.setdefault(wanted, size) if right is None else right
                if size != right:
                    formula = expression_text(dim.equals)
                    result.append(sized("derived", path, axis, wanted=right, got=size, dim=wanted, formula=formula))
            elif self.first[wanted] != (path, axis):
                if size != self.known[wanted]:
                    other = self.first[wanted][0]
                    right = self.known[wanted]
                    result.append(sized("tie", path, axis, wanted=right, got=size, dim=wanted, other=other))
            elif not allowed(dim, size):
                result.append(sized("bounds", path, axis, wanted=bounds_text(dim), got=size, dim=wanted))
        for relation in self.spec.relations:
            holds = evaluate(relation, self.known, self.spec.dims)
            if holds is not None and holds is not True:
                names = names_in(relation)
                got = ", ".join(f"{name} = {evaluate(name, self.known, self.spec.dims)}" for name in names)
                result.append(violation("relation", "inputs", wanted=expression_text(relation), got=got))
        return result


def sized(kind: str, path: str, axis: int | None, **facts: Any) -> Violation:
    """A violation about a size: of an axis, or of a list."""
    if axis is None:
        dim = f" ({facts['dim']})" if "dim" in facts else ""
        return violation("length", path, wanted=f"{facts['wanted']}{dim}", got=facts["got"])
    return violation(kind, path, axis=axis, **facts)


def allowed(dim: Dim, size: int) -> bool:
    """Whether a size is within the bounds of its dim."""
    return size >= dim.min and (dim.max is None or size <= dim.max) and size % dim.multiple_of == 0


def bounds_text(dim: Dim) -> str:
    """`1 to 512`, `at least 16, a multiple of 16`."""
    text = f"at least {dim.min}" if dim.max is None else f"{dim.min} to {dim.max}"
    return text if dim.multiple_of == 1 else f"{text}, a multiple of {dim.multiple_of}"


def offences(leaf: Leaf, sizes: dict[str, int], dims: dict[str, Dim]) -> list[Violation]:
    """What is wrong with the elements of a tensor, whatever its dtype and shape; each claim is looked at once."""
    values = leaf.tensor.values
    if (
        leaf.dtype.startswith("complex") != leaf.tensor.dtype.startswith("complex")
        or leaf.array.dtype.kind not in "biufc"
    ):
        return []
    found = list(claims(leaf, leaf.array, values, sizes, dims))
    if values.along_last and leaf.array.ndim and leaf.array.shape[-1] == len(values.along_last):
        for i, column in enumerate(values.along_last):
            found += claims(leaf, leaf.array[..., i], column, sizes, dims, (i,))
    return found


def claims(
    leaf: Leaf, array: Array, values: Values, sizes: dict[str, int], dims: dict[str, Dim], last: tuple[int, ...] = ()
) -> list[Violation]:
    """The violations of one domain by the elements it is about; `last` is the index along the last axis, if any."""
    low, high = evaluate(values.min, sizes, dims), evaluate(values.max, sizes, dims)
    tests: list[tuple[str, Any, Any]] = []
    if values.finite:
        tests += [("nan", "", np.isnan), ("infinite", "", np.isinf)]
    elif values.not_nan or low is not None or high is not None:
        tests.append(("nan", "", np.isnan))
    if low is not None:
        tests.append(("below", low, lambda piece: piece < low))
    if high is not None:
        tests.append(("above", high, lambda piece: piece > high))
    if values.one_of is not None:
        tests.append(("among", listed_values(values.one_of), lambda piece: ~is_among(piece, values.one_of or ())))
    found = []
    for kind, wanted, test in tests:
        count, first = offending(array, leaf.dtype, test)
        if count:
            facts = {"index": index_text(array, first, last), "count": count, "total": array.size}
            found.append(violation(kind, leaf.path, wanted=wanted, got=element_text(array, leaf.dtype, first), **facts))
    if values.order and not all_ordered(array, leaf.dtype, values.order):
        found.append(disorder(leaf, array, values.order, last))
    return found


def offending(array: Array, dtype: str, test: Any) -> tuple[int, int]:
    """How many elements a test finds, and the position in C order of the first."""
    count, first, start = 0, -1, 0
    if test in (np.isnan, np.isinf) and dtype != "bfloat16" and array.dtype.kind in "biu":
        return 0, -1
    for piece in pieces(array):
        if dtype == "bfloat16":
            bad = test(from_bfloat16(piece))
        elif piece.dtype.kind == "c":
            bad = test(piece.real) | test(piece.imag)
        else:
            bad = test(piece)
        here = int(np.count_nonzero(bad))
        if here and first < 0:
            first = start + int(np.argmax(bad))
        count += here
        start += piece.size
    return count, first


def is_among(piece: Array, options: tuple[Any, ...]) -> Array:
    """Which elements are one of the options."""
    found: Array = np.zeros(piece.shape, bool)
    for option in options:
        found |= piece == option
    return found


def disorder(leaf: Leaf, array: Array, order: str, last: tuple[int, ...]) -> Violation:
    """The first place where the order along the last axis breaks."""
    start = 0
    for row in pieces_of_rows(array):
        if not all_ordered(row, leaf.dtype, order):
            numbers = from_bfloat16(row) if leaf.dtype == "bfloat16" else row
            earlier, later = numbers[..., :-1], numbers[..., 1:]
            kept = earlier <= later if order == "ascending" else earlier >= later
            place = np.unravel_index(int(np.argmin(kept)), kept.shape)
            first = start + int(np.ravel_multi_index((*place[:-1], place[-1] + 1), row.shape))
            break
        start += row.size
    text = index_text(array, first, last)
    return violation("order", leaf.path, wanted=order, got=element_text(array, leaf.dtype, first), index=text)


def index_text(array: Array, position: int, last: tuple[int, ...] = ()) -> str:
    """`[0, 3]` for a position in C order."""
    return str([*(int(i) for i in np.unravel_index(position, array.shape)), *last])


def element_text(array: Array, dtype: str, position: int) -> str:
    """The one offending number that a message may show."""
    element = array[np.unravel_index(position, array.shape)]
    if dtype == "bfloat16":
        element = from_bfloat16(np.asarray(element).reshape(1))[0]
    return str(element.item())


def listed_values(options: tuple[Any, ...]) -> str:
    """Numbers for a message, as many as fit."""
    return ", ".join(map(str, options[:12])) + (" ..." if len(options) > 12 else "")
