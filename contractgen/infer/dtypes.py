"""One dtype per tensor: the likeliest of those that the model runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from contractgen.infer.hypothesis import Hypothesis, Leaf, Path, is_mask
from contractgen.infer.priors import is_made_of_integers
from contractgen.infer.probe import ProbeJob, Prober
from contractgen.infer.recorder import Hint
from contractgen.infer.search import Found, Search
from contractgen.infer.values import Plan, fills


def usual_dtypes(search: Search, found: Found, paths: Sequence[Path] | None = None) -> Found:
    """The same input with the likelier dtype for each tensor, where the model runs on it too."""
    for path, leaf in list(found.hypothesis.leaves().items()):
        if paths is not None and path not in paths:
            continue
        read = [torch.uint8] * (path in found.trial.of_bytes) + [torch.int64] * (path in found.trial.whole)
        first = [] if search.signature.written(path).dtypes else read
        for dtype in dict.fromkeys((*first, *(dtype for (dtype, _), _ in search.shapes(path)))):
            if dtype == leaf.dtype:
                break
            other = found.hypothesis.with_node(path, replace(leaf, dtype=dtype))
            trial = search.tracer.run(other)
            plan = _plan_for(other, found.plan, path)
            if trial.may_run and search.runner.run([ProbeJob(other, plan)])[0].ok:
                found = Found(other, plan, trial)
                break
        found = _weighted(search, _measured(search, found, path), path)
    return found


def _measured(search: Search, found: Found, path: Path) -> Found:
    """Floats instead of the integers that a name alone suggests, where a fixed number of columns runs on them too.

    What is looked up takes no floats; what is multiplied is a one-hot row, or was measured.
    """
    leaf = found.hypothesis.leaves()[path]
    if is_mask(path) or len(leaf.sizes) < 2 or not _integers_by_name(search, leaf, path):
        return found
    other = found.hypothesis.with_node(path, replace(leaf, dtype=search.signature.floating))
    plan = _plan_for(other, found.plan, path)
    prober = Prober(search.runner, other, plan)
    columns = leaf.sizes[-1]
    alone = {(path, len(leaf.sizes) - 1)}
    together = {axis for axis, size in other.sizes().items() if size == columns}  # a length that it shares is not fixed
    changed = [dict.fromkeys(axes, size) for axes in (alone, together) for size in (columns + 1, 2 * columns)]
    runs, *wider = [outcome.ok for outcome in prober.at([{}, *changed])]
    return Found(other, plan, search.tracer.run(other)) if runs and not any(wider) else found


def _weighted(search: Search, found: Found, path: Path) -> Found:
    """A mask of floats where the model multiplies floats with it as it is, unless its name is one that tokenizers give."""
    leaf = found.hypothesis.leaves()[path]
    if not is_mask(path) or is_made_of_integers(path) or not _integers_by_name(search, leaf, path):
        return found
    other = found.hypothesis.with_node(path, replace(leaf, dtype=search.signature.floating))
    plan = _plan_for(other, found.plan, path)
    weighs = path in found.trial.weights
    return (
        Found(other, plan, search.tracer.run(other)) if weighs and Prober(search.runner, other, plan).ok({}) else found
    )


def _integers_by_name(search: Search, leaf: Leaf, path: Path) -> bool:
    """Whether nothing but its name says that the tensor is of integers, in a model of floats."""
    said = search.signature.written(path).dtypes or search.hints.get(path, Hint()).dtypes
    return leaf.dtype == torch.int64 and not said and search.signature.floating.is_floating_point


def _plan_for(hypothesis: Hypothesis, plan: Plan, path: Path) -> Plan:
    """The plan with the first fill for the dtype that the tensor at ``path`` has now."""
    return {**plan, path: fills(path, hypothesis.leaves()[path])[0]}
