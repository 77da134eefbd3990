"""Completeness: what the model does with an input that the contract refuses, and which policy accounts for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from contractgen.contract.model import Contract
from contractgen.contract.solve import sizes_near
from contractgen.verify.cases.model import Case
from contractgen.verify.compare import output_problem, widest
from contractgen.verify.fill import Array, from_bits, is_floating
from contractgen.verify.places import extents, places
from contractgen.verify.recipe import Axis, Element, Length, Recipe, arguments, domain
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.sizes import Sizes, bound_value, greatest_size, sizes_of_inputs
from contractgen.verify.trees import OutputMismatch, output_tensors

POLICIES = {
    "declared": "the user declared it",
    "rank": "one rank per tensor",
    "dtype": "one dtype per tensor",
    "broadcast": "sizes that mean the same are equal, also where a 1 would broadcast",
    "empty": "every dim is at least 1",
    "unexpected": "keys and parameters that the model never reads",
    "structure": "one structure per parameter",
    "constant": "Python flags stay at their defaults",
    "finite": "the value, or the size, spoils the output",
    "remainder": "elements that cannot influence any output",
    "grid": "several sizes end in the same grid, one of them is meant",
    "wrapped": "a negative id counts from the end, and is refused as the id that it is not",
    "saturated": "the number acts as an allowed one does: a length counts no elements that are not there, a flag is set or not, "
    "a category is cut to a whole number",
    "optional": "the model fails on it without one of the optional inputs: a size has one bound, whatever is given",
    "reshaped": "the result is not of the shape that the contract states: the sizes lose their meaning",
}
"""Why an input is refused although the model runs on it."""


_SEEDS = 6


@dataclass(frozen=True)
class Attempt:
    """What the model did with a refused input."""

    ran: bool
    error: str = ""
    policy: str = ""
    """The policy that accounts for it, if it ran and one does."""
    result: str = ""
    """What came out, for a reader."""


@dataclass(frozen=True)
class Attempting:
    """A job for a runner: run the model on a refused input and judge what it does."""

    contract: Contract
    eager: Eager
    case: Case
    declared: bool

    def __call__(self, _module: torch.nn.Module) -> Attempt:
        """What the model did."""
        return attempt(self.contract, self.eager, self.case, declared=self.declared)


def attempt(contract: Contract, eager: Eager, case: Case, *, declared: bool) -> Attempt:
    """Run the model on a refused input and judge what it does."""
    recipe = case.recipe
    try:
        tree, outputs = eager.run_broken(arguments(contract, recipe), recipe)
    except OutputMismatch as error:
        return Attempt(True, policy=case.policy or "reshaped", result=str(error))
    except Exception as error:
        return Attempt(False, error=f"{type(error).__name__}: {error}"[:500])
    result = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in outputs.items())
    return Attempt(True, policy=_policy(contract, eager, case, tree, outputs, declared=declared), result=result)


def _policy(
    contract: Contract, eager: Eager, case: Case, tree: Any, outputs: Mapping[str, Array], *, declared: bool
) -> str:
    if declared:
        return "declared"
    if case.policy:
        return case.policy
    recipe, edit = case.recipe, case.recipe.edit
    if isinstance(edit, Element) and not math.isfinite(edit.value):
        return "finite" if _spoils(contract, eager, recipe, edit, tree) else ""
    if isinstance(edit, Element):
        if _non_finite(contract, tree):
            return "finite"
        floats = [name for name, (tensor, _) in output_tensors(contract, tree).items() if is_floating(tensor.dtype)]
        if _saturates(contract, eager, recipe, edit, {name: outputs[name] for name in floats}):
            return "saturated"
        return "wrapped" if _wraps(contract, eager, recipe, edit, outputs) else ""
    known = sizes_of_inputs(contract, recipe.sizes)
    problem = output_problem(output_tensors(contract, tree), known, _other_sizes(contract, recipe))
    if problem is not None and problem[2] and case.claim is not None and case.claim.property != "required":
        return "reshaped"
    if _non_finite(contract, tree) and _is_finite_when_allowed(contract, eager, recipe):
        return "finite"
    if _drops_a_remainder(contract, eager, recipe, outputs):
        return "remainder"
    if _ends_in_the_same_grid(contract, eager, case):
        return "grid"
    return "optional" if _fails_with_less(contract, eager, case) else ""


def _other_sizes(contract: Contract, recipe: Recipe) -> dict[str, int] | None:
    """Where a tie is broken, the sizes as the one tensor that differs has them: a result may follow those, too."""
    edit = recipe.edit
    if not isinstance(edit, (Axis, Length)):
        return None
    place = next((e for e in extents(places(contract)) if (e.owner, e.axis) == _owner(edit)), None)
    if place is None or not isinstance(place.size, str) or contract.dims[place.size].equals is not None:
        return None
    return Sizes(contract).resolve({**recipe.sizes, place.size: edit.size})


def _owner(edit: Axis | Length) -> tuple[str, int | None]:
    return (edit.tensor, edit.axis) if isinstance(edit, Axis) else (edit.path, None)


def _spoils(contract: Contract, eager: Eager, recipe: Recipe, edit: Element, tree: Any) -> bool:
    """Whether a non-finite value in one place, or in all, makes the output non-finite."""
    if _non_finite(contract, tree):
        return True
    everywhere = replace(recipe, edit=replace(edit, where="all"))
    # A model that keeps only some rows may have kept none of this one: other contents of the rest keep others. A mask
    # hides nothing where it is full.
    for other in (
        everywhere,
        replace(everywhere, fill="highest"),
        *(replace(everywhere, seed=seed) for seed in range(1, _SEEDS)),
    ):
        ran = _run(contract, eager, other)
        if ran is None or _non_finite(contract, ran[0]):
            return True
    return False


def _non_finite(contract: Contract, tree: Any) -> bool:
    for tensor, array in output_tensors(contract, tree).values():
        numbers = from_bits(array) if tensor.dtype == "bfloat16" else array
        if numbers.dtype.kind in "fc" and not bool(np.isfinite(numbers).all()):
            return True
    return False


def _drops_a_remainder(contract: Contract, eager: Eager, recipe: Recipe, outputs: Mapping[str, Array]) -> bool:
    """Whether the input cut down to sizes that the contract allows gives the same result, or other contents beyond them.

    A picture of classes is as large as the input, and has results for what nothing reads, too.
    """
    candidates = (_allowed_sizes(contract, recipe), _all_as_small(contract, recipe))
    return any(
        _same_when_cut(contract, eager, recipe, smaller, outputs)
        or _same_beyond(contract, eager, recipe, smaller, outputs)
        for smaller in candidates
        if smaller is not None
    )


def _same_beyond(
    contract: Contract, eager: Eager, recipe: Recipe, smaller: Recipe, outputs: Mapping[str, Array]
) -> bool:
    """Whether other floats beyond the sizes that the contract allows give the same result."""
    whole = arguments(contract, recipe)
    changed = _changed_beyond(whole, arguments(contract, smaller))
    if changed is None:
        return False
    return _gives(contract, eager, changed, recipe, outputs)


def _changed_beyond(whole: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments with other floats in what one array has more than another one; None where none has more of them."""
    changed: dict[str, Any] = {}
    for name, value in whole.items():
        other = target.get(name)
        if not isinstance(value, np.ndarray) or not isinstance(other, np.ndarray) or value.dtype.kind != "f":
            continue
        if value.ndim == other.ndim and value.shape != other.shape:
            beyond = np.ones(value.shape, bool)
            beyond[tuple(slice(0, size) for size in other.shape)] = False
            changed[name] = np.where(beyond, 1 - value, value).astype(value.dtype)
    return {**whole, **changed} if changed else None


def _all_as_small(contract: Contract, recipe: Recipe) -> Recipe | None:
    """Where one tensor of a tie is smaller, the recipe with all of them as small: the others' rest may not matter."""
    if not isinstance(recipe.edit, Axis):
        return None
    sizes = _other_sizes(contract, recipe)
    return None if sizes is None else replace(recipe, sizes=sizes, edit=None)


def _same_when_cut(
    contract: Contract, eager: Eager, recipe: Recipe, smaller: Recipe, outputs: Mapping[str, Array]
) -> bool:
    whole = arguments(contract, recipe)
    target = arguments(contract, smaller)
    # Of a history the last steps are kept.
    cuts = (_cut(whole, target), _cut(whole, target, at_start=True))
    return any(cut is not None and _gives(contract, eager, cut, smaller, outputs) for cut in cuts)


def _gives(
    contract: Contract, eager: Eager, given: Mapping[str, Any], recipe: Recipe, outputs: Mapping[str, Array]
) -> bool:
    """Whether the model runs on these arguments, and gives the same result."""
    try:
        tree, same = eager.run_broken(given, recipe)
    except Exception:
        return False
    tensors = {name: tensor for name, (tensor, _) in output_tensors(contract, tree).items()}
    return widest(outputs, same, tensors).ratio <= 1


def _wraps(contract: Contract, eager: Eager, recipe: Recipe, edit: Element, outputs: Mapping[str, Array]) -> bool:
    """Whether a negative number gives what the one that it counts to from the end of the table gives."""
    values = domain(places(contract).leaf(edit.tensor).tensor, edit.column)
    high = None if values.min != 0 else bound_value(values.max, recipe.sizes)
    if high is None or not -high - 1 <= edit.value < 0:
        return False
    return _same_with(contract, eager, recipe, replace(edit, value=int(edit.value) + int(high) + 1), outputs)


def _saturates(contract: Contract, eager: Eager, recipe: Recipe, edit: Element, outputs: Mapping[str, Array]) -> bool:
    """Whether a number that is not allowed gives the floats (``outputs``) that an allowed one gives: of a bound, or a flag.

    Lengths may be returned as they came.
    """
    values = domain(places(contract).leaf(edit.tensor).tensor, edit.column)
    if not outputs:
        return False
    low, high = bound_value(values.min, recipe.sizes), bound_value(values.max, recipe.sizes)
    allowed = [float(option) for option in values.one_of or ()]
    allowed += [low] if low is not None and edit.value < low else []
    allowed += [high] if high is not None and edit.value > high else []
    return any(_same_with(contract, eager, recipe, replace(edit, value=number), outputs) for number in allowed)


def _same_with(contract: Contract, eager: Eager, recipe: Recipe, edit: Element, outputs: Mapping[str, Array]) -> bool:
    """Whether the same input with another element there gives the same result."""
    ran = _run(contract, eager, replace(recipe, edit=edit))
    if ran is None:
        return False
    tree, same = ran
    tensors = {name: tensor for name, (tensor, _) in output_tensors(contract, tree).items() if name in outputs}
    return widest(outputs, {name: same[name] for name in outputs}, tensors).ratio <= 1


def _ends_in_the_same_grid(contract: Contract, eager: Eager, case: Case) -> bool:
    """Whether a fixed size is one of a narrow range that strides map to one grid.

    Then the model runs at that size, and fails at half of it and at twice its size. A model that takes any larger size,
    or this one alone, is another matter.
    """
    edit = case.recipe.edit
    if not isinstance(edit, Axis) or case.claim is None or case.claim.property != "shape":
        return False
    size = places(contract).leaf(edit.tensor).tensor.shape[edit.axis]
    if not isinstance(size, int) or not size // 2 < edit.size < 2 * size:
        return False
    return _runs(contract, eager, replace(case.recipe, edit=None)) and not any(
        _runs(contract, eager, replace(case.recipe, edit=replace(edit, size=s))) for s in (max(1, size // 2), 2 * size)
    )


def _fails_with_less(contract: Contract, eager: Eager, case: Case) -> bool:
    """Whether a size beyond the bounds of a dim fails where something optional is left out.

    A table of places bounds the length of a sequence, unless the places are given.
    """
    recipe = case.recipe
    if recipe.edit is not None or case.claim is None or case.claim.property not in ("min", "max", "multiple_of"):
        return False
    fewer = dict.fromkeys((frozenset[str](), *(recipe.on - {switch} for switch in sorted(recipe.on))))
    return any(not _runs(contract, eager, replace(recipe, on=on)) for on in fewer if on != recipe.on)


def _runs(contract: Contract, eager: Eager, recipe: Recipe) -> bool:
    return _run(contract, eager, recipe) is not None


def _run(contract: Contract, eager: Eager, recipe: Recipe) -> tuple[Any, dict[str, Array]] | None:
    """What the model gives for a recipe, as a tree and by name; None where it fails."""
    try:
        return eager.run_broken(arguments(contract, recipe), recipe)
    except Exception:
        return None


def _is_finite_when_allowed(contract: Contract, eager: Eager, recipe: Recipe) -> bool:
    """Whether the nearest sizes that the contract allows give a finite output: no spread of one element, no mean of none.

    A model whose outputs are never finite has no such excuse for a bound.
    """
    sizes = sizes_near(contract, recipe.sizes)
    if sizes is None:
        return False
    ran = _run(contract, eager, replace(recipe, sizes=sizes, edit=None))
    return ran is not None and not _non_finite(contract, ran[0])


def _allowed_sizes(contract: Contract, recipe: Recipe) -> Recipe | None:
    """The recipe with each size cut down to the next one that its dim allows."""
    if isinstance(recipe.edit, Axis):
        return replace(recipe, edit=None)
    free: dict[str, int] = {}
    for name, dim in contract.dims.items():
        if dim.equals is None:
            most, size = greatest_size(dim), recipe.sizes[name]
            size = size if most is None else min(size, most)
            free[name] = size // dim.multiple_of * dim.multiple_of
            if free[name] < dim.min:
                return None
    sizes = Sizes(contract).resolve(free)
    return None if sizes is None or sizes == recipe.sizes else replace(recipe, sizes=sizes)


def _cut(value: Any, target: Any, *, at_start: bool = False) -> Any:
    """A tree of arrays, each cut to the shape of the array at its place in ``target``; None where one is too small."""
    if isinstance(value, np.ndarray):
        if not isinstance(target, np.ndarray) or value.ndim != target.ndim:
            return None
        if any(a < b for a, b in zip(value.shape, target.shape, strict=True)):
            return None
        starts = [a - b if at_start else 0 for a, b in zip(value.shape, target.shape, strict=True)]
        slices = (slice(start, start + size) for start, size in zip(starts, target.shape, strict=True))
        return np.ascontiguousarray(value[tuple(slices)])
    if isinstance(value, dict):
        parts = {key: _cut(item, target[key], at_start=at_start) for key, item in value.items() if key in target}
        return (
            None
            if len(parts) != len(value) or any(p is None and value[k] is not None for k, p in parts.items())
            else parts
        )
    if isinstance(value, (list, tuple)):
        if len(value) < len(target):
            return None
        items = [_cut(item, other, at_start=at_start) for item, other in zip(value, target, strict=False)]
        if any(item is None and value[i] is not None for i, item in enumerate(items)):
            return None
        return items if isinstance(value, list) else tuple(items)
    return value


def tensor_paths(contract: Contract, dtype: str) -> frozenset[str]:
    """The paths of the tensors of a dtype."""
    return frozenset(leaf.path for leaf in places(contract).leaves if leaf.tensor.dtype == dtype)
