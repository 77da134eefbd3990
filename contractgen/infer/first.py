"""The first input that the model runs on: the user's or the artifact's example, or one that is searched for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from contractgen.errors import InferenceError
from contractgen.infer.alongside import alongside
from contractgen.infer.dtypes import usual_dtypes
from contractgen.infer.example import from_example
from contractgen.infer.hypothesis import Axis, Fixed, Group, Hypothesis, Leaf, Node, Path, Unknown, is_mask
from contractgen.infer.longest import with_longest
from contractgen.infer.priors import Prior
from contractgen.infer.probe import Observed, Prober
from contractgen.infer.ranks import at_sizes, groups_of
from contractgen.infer.repeats import without_ones, without_repeats
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.signature import Signature
from contractgen.infer.values import Plan


def first_input(search: Search, given: Any, *, spread_out: bool = True) -> Found:
    """A first input that the model runs on: the example at sizes that tell axes apart, or one that is searched for."""
    if given is None:
        found = search.find(search.signature.hypothesis)
        if found is None:
            raise InferenceError(_failure(search), hint="give a first input with --example FILE.npz or module:function")
        found = without_ones(search, without_repeats(search, _with_room(search, smaller(search, found))))
        found = without_spare(search, usual_dtypes(search, found))
        return alongside(search, found, [path for path in found.hypothesis.leaves() if is_mask(path)])
    hypothesis, plan = from_example(search.signature, given)
    hypothesis = _without_optional(search, hypothesis, plan)
    outcome = Prober(search.runner, hypothesis, plan).at([{}])[0]
    if not outcome.ok:
        raise InferenceError(f"the model fails on the example: {outcome.describe()}")
    ranks = {path: len(leaf.sizes) for path, leaf in hypothesis.leaves().items()}
    everywhere = hypothesis
    for path, rank in ranks.items():
        everywhere = everywhere.with_node(path, search.fresh(everywhere, path, hypothesis.leaves()[path].dtype, rank))
    first_axes = {axis: size for axis, size in everywhere.sizes().items() if axis[1] == 0}
    frozen = frozenset(ranks)
    for start in (everywhere, hypothesis.with_sizes(first_axes)) if spread_out else ():
        found = search.find(start, frozen=frozen, limits=Limits(trials=80, confirmations=12))
        if found is not None and ranks == {path: len(leaf.sizes) for path, leaf in found.hypothesis.leaves().items()}:
            found = _with_room(search, found)
            tiled = Prober(search.runner, found.hypothesis, plan)
            return replace(found, plan=with_longest(search.runner, found.hypothesis, plan)) if tiled.ok({}) else found
    trial = search.tracer.run(hypothesis)
    return Found(hypothesis, with_longest(search.runner, hypothesis, plan), trial)


def _with_room(search: Search, found: Found) -> Found:
    """The input at larger sizes where the outputs are numbers, if they are none at those that were found.

    The spread of a single step is no number, and then nothing can be told from the outputs.
    """
    prober = Prober(search.runner, found.hypothesis, found.plan)
    if _is_told(prober.base()):
        return found
    sizes, groups = found.hypothesis.sizes(), groups_of(prober, found)
    changes = [{axis: factor * sizes[axis] for axis in group} for factor in _ROOMS for group in groups]
    change = _first_told(prober, changes)
    return found if change is None else at_sizes(search, found, change)


def smaller(search: Search, found: Found) -> Found:
    """The input with few pictures of a fraction of their sizes, where they are large for want of a smaller step.

    Everything that follows runs the model many times. The conditions of the symbolic run say the same of other sizes.
    """
    large = [path for path, leaf in found.hypothesis.leaves().items() if _is_large(leaf)]
    sizes = found.hypothesis.sizes()
    sides = {axis: size for axis, size in sizes.items() if axis[0] in large and axis[1] and size >= _SIDE}
    parts = [part for part in _PARTS if all(size % part == 0 and size // part >= _SIDE // 2 for size in sides.values())]
    fractions = [{axis: size // part for axis, size in sides.items()} for part in parts if sides]
    change = _first_told(Prober(search.runner, found.hypothesis, found.plan), fractions) or {}
    hypothesis = found.hypothesis.with_sizes(change)
    few = next(size for size in itertools.count(3) if size not in sizes.values())
    if any(_is_large(leaf) and leaf.sizes[0] > few for leaf in hypothesis.leaves().values()):
        rows = {axis: few for axis, size in sizes.items() if size == sizes[(large[0], 0)]}
        change = _first_told(Prober(search.runner, hypothesis, found.plan), [rows]) or {}
        hypothesis = hypothesis.with_sizes(change)
    return replace(found, hypothesis=hypothesis)


def _is_large(leaf: Leaf) -> bool:
    return len(leaf.sizes) >= _OF_PICTURES and prod(leaf.sizes) >= _ELEMENTS


def _first_told(prober: Prober, changes: Sequence[dict[Axis, int]]) -> dict[Axis, int] | None:
    """The first of some sizes at which the model runs and its outputs are numbers."""
    for change in changes:
        outcome = prober.at([change])[0]
        if outcome.ok and _is_told(outcome.value):
            return change
    return None


_OF_PICTURES, _ELEMENTS, _SIDE, _PARTS = 4, 1 << 17, 128, (6, 4, 3, 2)
_ROOMS = (2, 4, 8)


def _is_told(observed: Observed) -> bool:
    """Whether all outputs are finite, and none is empty."""
    return observed.finite and not observed.empty


def without_spare(search: Search, found: Found) -> Found:
    """The input without parameters that the search gave and the model runs without: they are optional."""
    for name in search.signature.optional:
        if not isinstance(found.hypothesis.param(name).node, Fixed):
            bare = found.hypothesis.with_node((name,), search.signature.hypothesis.param(name).node)
            if bare.leaves() and Prober(search.runner, bare, found.plan).at([{}])[0].ok:
                found = Found(bare, found.plan, search.tracer.run(bare))
    return found


def _without_optional(search: Search, hypothesis: Hypothesis, plan: Plan) -> Hypothesis:
    """The example without what it gives for parameters that may be None, where the model runs so: they are optional."""
    for param in hypothesis.params:
        default = search.signature.hypothesis.param(param.name).node
        if default == Fixed(None) and param.node != default:
            bare = hypothesis.with_node((param.name,), default)
            if Prober(search.runner, bare, plan).at([{}])[0].ok:
                hypothesis = bare
                search.signature.optional[param.name] = _to_be_found((param.name,), param.node, search.signature)
    return hypothesis


def _failure(search: Search) -> str:
    best = sorted(search.attempts, key=lambda attempt: -attempt.progress)
    shown = list({attempt.error: attempt for attempt in best}.values())[:5]
    lines = [f"  {attempt.inputs or 'no tensors'}\n    {attempt.error}" for attempt in shown]
    return f"no input was found that the model runs on, in {search.tracer.trials} attempts. The closest:\n" + "\n".join(
        lines
    )


def _to_be_found(path: Path, node: Node, signature: Signature) -> Node:
    """The node with its tensors open, of the dtypes and ranks that the example has: their sizes depend on the others'."""
    if isinstance(node, Leaf):
        signature.priors[path] = Prior((node.dtype,), (len(node.sizes),), declared=True)
        return Unknown()
    if isinstance(node, Group):
        children = tuple((key, _to_be_found((*path, key), child, signature)) for key, child in node.children)
        return replace(node, children=children)
    return node
