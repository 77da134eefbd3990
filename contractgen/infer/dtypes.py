"""One dtype per tensor: the likeliest of those that the model runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contractgen.infer.hypothesis import Hypothesis, Path
from contractgen.infer.probe import ProbeJob
from contractgen.infer.search import Found, Search
from contractgen.infer.trial import is_beyond_symbols
from contractgen.infer.values import Plan, fills


def usual_dtypes(search: Search, found: Found, paths: Sequence[Path] | None = None) -> Found:
    """The same input with the likelier dtype for each tensor, where the model runs on it too."""
    for path, leaf in list(found.hypothesis.leaves().items()):
        if paths is not None and path not in paths:
            continue
        for dtype in dict.fromkeys(dtype for (dtype, _), _ in search.shapes(path)):
            if dtype == leaf.dtype:
                break
            other = found.hypothesis.with_node(path, replace(leaf, dtype=dtype))
            trial = search.tracer.run(other)
            may_run = trial.ok or (trial.error is not None and is_beyond_symbols(trial.error))
            outcome = search.runner.run([ProbeJob(other, _plan_for(other, found.plan, path))])[0] if may_run else None
            if outcome is not None and outcome.ok:
                found = Found(other, _plan_for(other, found.plan, path), trial)
                break
    return found


def _plan_for(hypothesis: Hypothesis, plan: Plan, path: Path) -> Plan:
    """The plan with the first fill for the dtype that the tensor at ``path`` has now."""
    return {**plan, path: fills(path, hypothesis.leaves()[path])[0]}
