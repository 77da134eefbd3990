"""Hints: what to write instead. One is given only if following it undoes its violation and brings no new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from contractgen.generate.runtime.dtypes import DTYPES, Array, from_bfloat16, numpy_code, to_bfloat16
from contractgen.generate.runtime.explain import allowed, claims, differences
from contractgen.generate.runtime.scans import PIECE, pieces
from contractgen.generate.runtime.spec import Spec
from contractgen.generate.runtime.violations import MAX_HINTED, ContractViolation, Violation
from contractgen.generate.runtime.walk import Found, Leaf, Walk

WHOLE = 16 * PIECE
"""Up to this many elements an array is cast as a whole to see what its cast would hold; beyond, piece by piece."""


def kept(spec: Spec, walk: Walk) -> dict[str, Array]:
    """The tensors of a walk by name. Raises `ContractViolation` with all that is wrong, each with a sound hint if any."""
    violations = differences(spec, walk.found)
    result: list[Violation] = []
    given: set[tuple[str, str]] = set()
    for one in violations:
        hint = hint_for(spec, walk, one, violations) if len(result) < MAX_HINTED else ""
        # What is wrong on several axes of a tensor is often one mistake: it is hinted at once.
        result.append(one if (one.path, hint) in given else replace(one, hint=hint))
        given.add((one.path, hint))
    if result:
        raise ContractViolation(result)
    return {leaf.name: leaf.array for leaf in walk.found.leaves}


def hint_for(spec: Spec, walk: Walk, one: Violation, violations: list[Violation]) -> str:
    """The hint for a violation, or nothing."""
    found = walk.found
    for repair in found.repairs:
        if repair.violation is one:
            again = replace(walk, found=Found())
            again.visit(repair.node, repair.value, repair.place)
            if undoes(spec, merged(found, again.found, repair.place.path), one, violations, at_sizes, bool):
                return repair.hint
    if one.code in ("dtype", "rank", "shape"):
        for position, leaf in enumerate(found.leaves):
            if leaf.place.path == one.path:
                for hint, changed in casts(leaf) if one.code == "dtype" else moves(leaf, found, one.code):
                    leaves = [*found.leaves[:position], changed, *found.leaves[position + 1 :]]
                    look = partial(is_affected, changed)
                    if undoes(spec, replace(found, leaves=leaves), one, violations, at_sizes, look):
                        return hint
    if one.code == "shape":  # only: limited
        return size_hint(spec, found, one, violations)
    return ""


def merged(found: Found, again: Found, path: str) -> Found:
    """What was found, with the part at and below a path replaced."""

    def outside(place: str) -> bool:
        return not (place == path or place.startswith((f"{path}.", f"{path}[")))

    result = Found(leaves=[leaf for leaf in found.leaves if outside(leaf.place.path)] + again.leaves)
    result.violations += [one for one in found.violations if outside(one.path)] + again.violations
    result.lengths += [length for length in found.lengths if outside(length.path)] + again.lengths  # only: lists
    return result


Look = Callable[[Leaf], bool]
"""Which tensors' elements are looked at."""


def undoes(spec: Spec, changed: Found, one: Violation, violations: list[Violation], *looks: Look) -> bool:
    """Whether a change leaves only what was wrong before, and not this violation, as far as each of the looks shows."""
    known = Counter((other.code, other.path) for other in violations if other is not one)
    return not any(
        Counter((other.code, other.path) for other in differences(spec, changed, look)) - known for look in looks
    )


def at_sizes(_: Leaf) -> bool:
    """A look at no elements, which costs nothing."""
    return False


def is_affected(changed: Leaf, leaf: Leaf) -> bool:
    """Whether the elements of a leaf may be wrong after a change of one."""
    if over_sizes(leaf):  # only: sized
        return True
    return leaf is changed


def over_sizes(leaf: Leaf) -> bool:
    """Whether the domain of a tensor depends on sizes."""
    values = leaf.tensor.values
    bounds = [values.min, values.max]
    for column in values.along_last:  # only: columns
        bounds += [column.min, column.max]
    return any(isinstance(bound, (str, tuple)) for bound in bounds)


def moves(leaf: Leaf, found: Found, code: str) -> Iterator[tuple[str, Leaf]]:
    """Other shapes that a user may have meant: hints with the leaf that each would make."""
    x, name, wanted = leaf.array, leaf.place.code, leaf.tensor.shape
    missing = len(wanted) - x.ndim
    changes: list[tuple[str, Array]] = []
    if code == "rank" and missing == 1:
        changes.append((f"add a batch dimension: {name}[None]", x[None]))
        if x.ndim > 1:
            hint = f"move the channels first, add a batch dimension: np.moveaxis({name}, -1, 0)[None]"
            changes.append((hint, np.moveaxis(x, -1, 0)[None]))
        changes.append((f"add an axis at the end: {name}[..., None]", x[..., None]))
    elif code == "rank" and missing == -1:
        if not wanted and x.size == 1:
            changes.append((f"drop the axis: {name}.reshape(())", x.reshape(())))
        elif x.shape[0] == 1:
            changes.append((f"drop the first axis: {name}[0]", x[0]))
        if x.shape[-1] == 1 and wanted:
            changes.append((f"drop the last axis: {name}[..., 0]", x[..., 0]))
    misplaced = code == "shape" and any(isinstance(size, int) and size != came for size, came in zip(wanted, x.shape))
    if misplaced and x.ndim > 2:  # only: planes
        changes.append((f"move the channels first: np.moveaxis({name}, -1, 1)", np.moveaxis(x, -1, 1)))
        changes.append((f"move the channels last: np.moveaxis({name}, 1, -1)", np.moveaxis(x, 1, -1)))
    if misplaced and x.ndim > 1:
        changes.append((f"swap the last two axes: np.swapaxes({name}, -1, -2)", np.swapaxes(x, -1, -2)))
    if code == "shape" and x.shape[:1] == (1,) and isinstance(wanted[0], str):  # only: several
        rows = [
            other.array.shape[0] for other in found.leaves if other.tensor.shape[:1] == wanted[:1] and other.array.ndim
        ]
        for times in [count for count in rows if count > 1][:1]:
            hint = f"repeat it for each of the {times}: np.repeat({name}, {times}, axis=0)"
            changes.append((hint, np.broadcast_to(x, (times, *x.shape[1:]))))
    return ((hint, replace(leaf, array=array)) for hint, array in changes)


def casts(leaf: Leaf) -> Iterator[tuple[str, Leaf]]:
    """The cast to the wanted dtype, where it keeps every number: integers and truth values exactly, floats nearly."""
    given, wanted, name = leaf.dtype, leaf.tensor.dtype, leaf.place.code
    if leaf.array.dtype.kind not in ("biufc" if wanted.startswith("complex") else "biuf"):
        return
    code = f"{name}.astype({numpy_code(wanted)})"
    if given == "bfloat16":  # only: bfloat16
        code = f"from_bfloat16({name})" + ("" if wanted == "float32" else code[len(name) :])
    if wanted == "bfloat16":  # only: bfloat16
        code = f"to_bfloat16({name})"
    array = sample = cast(leaf.array, given, wanted) if leaf.array.size <= WHOLE else None
    if leaf.array.size > WHOLE:
        if leaf.tensor.values.order:  # only: order
            return
        if leaf.tensor.values.along_last:  # only: columns
            return
        if over_sizes(leaf):  # only: sized
            return
        for piece in pieces(leaf.array, ""):
            sample = cast(piece, given, wanted)
            if sample is None:
                return
            if any(claims(replace(leaf, dtype=wanted), sample, leaf.tensor.values, {}, {})):  # only: values
                return
        array = np.broadcast_to(sample[0], leaf.array.shape) if sample is not None else None
    if array is not None:
        yield f"cast it: {code}", replace(leaf, array=array, dtype=wanted)


def cast(array: Array, given: str, wanted: str) -> Array | None:
    """An array in another dtype, or None where that loses more than the last digits of floats."""
    with np.errstate(all="ignore"):
        if given == "bfloat16":  # only: bfloat16
            array = from_bfloat16(array)
        if wanted == "bfloat16":  # only: bfloat16
            bits = to_bfloat16(array)
            return bits if keeps(from_bfloat16(bits), array) else None
        result: Array = array.astype(DTYPES[wanted])
        return result if keeps(result, array) else None


def keeps(cast: Array, array: Array) -> bool:
    """Whether a cast array holds the numbers that it was made of."""
    if cast.dtype.kind in "fc" and array.dtype.kind in "fc":
        return bool((np.isfinite(cast) == np.isfinite(array)).all())
    if cast.dtype.kind == "c":  # only: complex
        cast = cast.real
    return bool(((cast == array) & (cast.astype(array.dtype) == array)).all())


def size_hint(spec: Spec, found: Found, one: Violation, violations: list[Violation]) -> str:
    """The nearest sizes that a dim may have, where one out of its bounds is all that is wrong with it."""
    for leaf in found.leaves:
        for name, size in zip(leaf.tensor.shape, leaf.array.shape) if leaf.place.path == one.path else ():
            if isinstance(name, int) or f"({name})" not in one.expected or allowed(spec.dims[name], size) or not size:
                continue
            if any(length.wanted == name for length in found.lengths):  # only: lists
                continue
            dim = spec.dims[name]
            step = dim.multiple_of
            below = (size if dim.max is None else min(size, dim.max)) // step * step
            above = -(-max(size, dim.min) // step) * step
            fits = [near for near in dict.fromkeys((below, above)) if near > 0 and allowed(dim, near)]
            fits = [near for near in fits if undoes(spec, resized(found, name, near), one, violations, at_sizes)]
            if fits:
                return f"make {name} {' or '.join(map(str, fits))}"
    return ""


def resized(found: Found, name: str, size: int) -> Found:
    """What was found, as if each axis of a dim had another size."""
    leaves = []
    for leaf in found.leaves:
        shape = leaf.array.shape
        if len(shape) == len(leaf.tensor.shape):
            shape = tuple(size if wanted == name else had for wanted, had in zip(leaf.tensor.shape, shape))
        leaves.append(replace(leaf, array=np.broadcast_to(np.zeros((), leaf.array.dtype), shape)))
    return replace(found, leaves=leaves)
