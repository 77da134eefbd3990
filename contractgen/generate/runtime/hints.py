"""Hints: what to write instead. One is given only if following it undoes its violation and brings no new one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from contractgen.generate.runtime.dtypes import DTYPES, Array, from_bfloat16, to_bfloat16
from contractgen.generate.runtime.explain import allowed, claims, differences
from contractgen.generate.runtime.scans import PIECE, pieces
from contractgen.generate.runtime.spec import Dim, Spec
from contractgen.generate.runtime.violations import Violation
from contractgen.generate.runtime.walk import Found, Leaf, Length, Walk

MAX_HINTED = 12
WHOLE = 16 * PIECE
"""Up to this many elements an array is cast as a whole to see what its cast would hold; beyond, piece by piece."""


def explained(spec: Spec, walk: Walk) -> list[Violation]:
    """All violations of a walk's findings, each with its hint if there is a sound one."""
    violations = differences(spec, walk.found)
    result: list[Violation] = []
    given: set[tuple[str, str]] = set()
    for one in violations:
        hint = hint_for(spec, walk, one, violations) if len(result) < MAX_HINTED else ""
        # What is wrong on several axes of a tensor is often one mistake: it is hinted at once.
        result.append(one if (one.path, hint) in given else replace(one, hint=hint))
        given.add((one.path, hint))
    return result


def hint_for(spec: Spec, walk: Walk, one: Violation, violations: list[Violation]) -> str:
    """The hint for a violation, or nothing."""
    found = walk.found
    for repair in found.repairs:
        if repair.violation is one:
            again = Walk(walk.read, walk.strict, walk.max_items, walk.unfold)
            again.visit(repair.node, repair.value, repair.path, repair.code, repair.index)
            if undoes(spec, merged(found, again.found, repair.path), one, violations):
                return repair.hint
    for position, leaf in enumerate(found.leaves):
        if leaf.path == one.path and one.code in ("dtype", "rank", "shape"):
            for hint, changed in changes(found, leaf, one):
                leaves = [*found.leaves[:position], changed, *found.leaves[position + 1 :]]
                if undoes(spec, replace(found, leaves=leaves), one, violations, changed):
                    return hint
    return size_hint(spec, found, one, violations) if one.code == "shape" else ""


def merged(found: Found, again: Found, path: str) -> Found:
    """What was found, with the part at and below a path replaced."""

    def outside(place: str) -> bool:
        return not (place == path or place.startswith((f"{path}.", f"{path}[")))

    return Found(
        [leaf for leaf in found.leaves if outside(leaf.path)] + again.leaves,
        [length for length in found.lengths if outside(length.path)] + again.lengths,
        [one for one in found.violations if outside(one.path)] + again.violations,
    )


def undoes(spec: Spec, changed: Found, one: Violation, violations: list[Violation], leaf: Leaf | None = None) -> bool:
    """Whether a change leaves only violations that were there before, and not this one.

    Sizes are looked at first: they cost nothing. Then the elements, of the changed leaf alone where there is one.
    """
    before = [(other.code, other.path) for other in violations if other is not one]
    for looked_at in (lambda _: False, bool if leaf is None else lambda other: other is leaf or over_sizes(other)):
        left = before.copy()
        for other in differences(spec, changed, looked_at):
            if (other.code, other.path) not in left:
                return False
            left.remove((other.code, other.path))
    return True


def over_sizes(leaf: Leaf) -> bool:
    """Whether the domain of a tensor depends on sizes."""
    domains = (leaf.tensor.values, *leaf.tensor.values.along_last)
    return any(isinstance(bound, (str, tuple)) for values in domains for bound in (values.min, values.max))


def changes(found: Found, leaf: Leaf, one: Violation) -> Iterator[tuple[str, Leaf]]:
    """What a user may have meant: hints with the leaf that each would make."""
    x, code = leaf.array, leaf.code
    missing = len(leaf.tensor.shape) - x.ndim
    if one.code == "dtype":
        yield from casts(leaf)
    elif one.code == "rank" and missing == 1:
        yield f"add a batch dimension: {code}[None]", replace(leaf, array=x[None])
        if x.ndim > 1:
            moved = np.moveaxis(x, -1, 0)[None]
            yield (
                f"move the channels first, add a batch dimension: np.moveaxis({code}, -1, 0)[None]",
                replace(leaf, array=moved),
            )
        yield f"add an axis at the end: {code}[..., None]", replace(leaf, array=x[..., None])
    elif one.code == "rank" and x.ndim == 1 and x.size == 1:
        yield f"drop the axis: {code}.reshape(())", replace(leaf, array=x.reshape(()))
    elif one.code == "rank" and missing == -1 and x.ndim > 1:
        if x.shape[0] == 1:
            yield f"drop the first axis: {code}[0]", replace(leaf, array=x[0])
        if x.shape[-1] == 1:
            yield f"drop the last axis: {code}[..., 0]", replace(leaf, array=x[..., 0])
    elif one.code == "shape" and x.ndim == len(leaf.tensor.shape):
        yield from moves(leaf)
        yield from repeats(found, leaf)


def moves(leaf: Leaf) -> Iterator[tuple[str, Leaf]]:
    """Other orders of the axes, where one of them should have another fixed size."""
    x, code = leaf.array, leaf.code
    if any(isinstance(wanted, int) and wanted != size for wanted, size in zip(leaf.tensor.shape, x.shape)):
        if x.ndim > 2:
            yield f"move the channels first: np.moveaxis({code}, -1, 1)", replace(leaf, array=np.moveaxis(x, -1, 1))
            yield f"move the channels last: np.moveaxis({code}, 1, -1)", replace(leaf, array=np.moveaxis(x, 1, -1))
        if x.ndim > 1:
            swapped = np.swapaxes(x, -1, -2)
            yield f"swap the last two axes: np.swapaxes({code}, -1, -2)", replace(leaf, array=swapped)


def repeats(found: Found, leaf: Leaf) -> Iterator[tuple[str, Leaf]]:
    """One row given once where another tensor has several."""
    first = leaf.tensor.shape[0] if leaf.tensor.shape else 1
    if isinstance(first, str) and leaf.array.shape[0] == 1:
        for other in found.leaves:
            if other.tensor.shape[:1] == (first,) and other.array.ndim and other.array.shape[0] > 1:
                times = other.array.shape[0]
                array = np.broadcast_to(leaf.array, (times, *leaf.array.shape[1:]))
                yield (
                    f"repeat it for each of the {times}: np.repeat({leaf.code}, {times}, axis=0)",
                    replace(leaf, array=array),
                )
                return


def casts(leaf: Leaf) -> Iterator[tuple[str, Leaf]]:
    """The cast to the wanted dtype, where it keeps every number: integers and truth values exactly, floats nearly."""
    wanted, given = leaf.tensor.dtype, leaf.dtype
    if leaf.array.dtype.kind not in "biufc" or (leaf.array.dtype.kind == "c" and "complex" not in wanted):
        return
    name = f"np.{wanted}{'_' if wanted == 'bool' else ''}"
    code = f"{leaf.code}.astype({name})"
    if wanted == "bfloat16":
        code = f"to_bfloat16({leaf.code})"
    elif given == "bfloat16":
        code = f"from_bfloat16({leaf.code})" + ("" if wanted == "float32" else f".astype({name})")
    values = leaf.tensor.values
    if leaf.array.size <= WHOLE:
        array = cast(leaf.array, given, wanted)
        if array is not None:
            yield f"cast it: {code}", replace(leaf, array=array, dtype=wanted)
    elif not values.order and not values.along_last and not over_sizes(leaf):
        for piece in pieces(leaf.array):
            array = cast(piece, given, wanted)
            if array is None or claims(replace(leaf, dtype=wanted), array, values, {}, {}):
                return
        shape = np.broadcast_to(np.asarray(array).reshape(-1)[:1].reshape((1,) * leaf.array.ndim), leaf.array.shape)
        yield f"cast it: {code}", replace(leaf, array=shape, dtype=wanted)


def cast(array: Array, given: str, wanted: str) -> Array | None:
    """An array in another dtype, or None where that loses more than the last digits of floats."""
    numbers = from_bfloat16(array) if given == "bfloat16" else array
    with np.errstate(all="ignore"):
        result = to_bfloat16(numbers) if wanted == "bfloat16" else numbers.astype(DTYPES[wanted])
        back = from_bfloat16(result) if wanted == "bfloat16" else result
        if back.dtype.kind in "fc" and numbers.dtype.kind in "fc":
            kept = bool((np.isfinite(back) == np.isfinite(numbers)).all())
        else:
            kept = bool((back.astype(numbers.dtype) == numbers).all() and (back == numbers).all())
    return result if kept else None


def size_hint(spec: Spec, found: Found, one: Violation, violations: list[Violation]) -> str:
    """The nearest sizes that a dim may have, where one out of its bounds is all that is wrong with it."""
    for name, dim in spec.dims.items():
        size = next((size for path, wanted, size in extents(found) if wanted == name and path == one.path), None)
        if dim.equals is not None or not size or any(length.wanted == name for length in found.lengths):
            continue
        if allowed(dim, size) or f"({name})" not in one.expected:
            continue
        fits = [
            near for near in neighbours(dim, size) if undoes_sizes(spec, resized(found, name, near), one, violations)
        ]
        if fits:
            return f"make {name} {' or '.join(map(str, fits))}"
    return ""


def undoes_sizes(spec: Spec, changed: Found, one: Violation, violations: list[Violation]) -> bool:
    """`undoes`, of sizes alone."""
    before = {(other.code, other.path) for other in violations if other is not one}
    return all((other.code, other.path) in before for other in differences(spec, changed, lambda _: False))


def extents(found: Found) -> Iterator[tuple[str, Any, int]]:
    """The axes and lists with what the contract says of their sizes."""
    for leaf in found.leaves:
        if leaf.array.ndim == len(leaf.tensor.shape):
            for wanted, size in zip(leaf.tensor.shape, leaf.array.shape):
                yield leaf.path, wanted, size
    for length in found.lengths:
        yield length.path, length.wanted, length.size


def neighbours(dim: Dim, size: int) -> list[int]:
    """The nearest allowed sizes at or below, and at or above."""
    step, least = dim.multiple_of, max(dim.min, 1)
    below = (size if dim.max is None else min(size, dim.max)) // step * step
    above = -(-max(size, least) // step) * step
    return [near for near in dict.fromkeys((below, above)) if near > 0 and allowed(dim, near)]


def resized(found: Found, name: str, size: int) -> Found:
    """What was found, as if each axis and list of a dim had another size."""
    leaves = []
    for leaf in found.leaves:
        if leaf.array.ndim == len(leaf.tensor.shape) and name in leaf.tensor.shape:
            shape = [size if wanted == name else had for wanted, had in zip(leaf.tensor.shape, leaf.array.shape)]
            leaves.append(replace(leaf, array=np.broadcast_to(np.zeros((), leaf.array.dtype), shape)))
        else:
            leaves.append(leaf)
    lengths = [Length(part.path, part.wanted, size if part.wanted == name else part.size) for part in found.lengths]
    return replace(found, leaves=leaves, lengths=lengths)
