"""One rank per tensor: the lowest that has a proven batch axis.

Kernels take many ranks (a Linear any, a convolution one without a batch). Around the first input that was found, inputs
of one rank less and one more are searched too, and the proof of a batch axis chooses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from contractgen.infer.batch import prove_batch, tensors_with_rows
from contractgen.infer.hypothesis import Hypothesis, Path
from contractgen.infer.probe import Prober
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.solve import FRESH
from contractgen.infer.ties import Group, bind, tied_axes

_FEW = Limits(trials=12, confirmations=4, fill=False)


def groups_of(prober: Prober, found: Found) -> list[Group]:
    """The tied axes of an input: from its symbolic run, and from real ones where that says nothing."""
    return bind(prober, tied_axes(found.hypothesis, found.trial.guards))


def choose_ranks(search: Search, found: Found) -> Found:
    """The input at the ranks that the contract states."""
    full, rows = _proofs(search, found)
    proven = full or bool(rows)
    for changed in _subsets(list(found.hypothesis.leaves())):
        other = _at_other_ranks(search, found, changed, -1 if proven else +1)
        if other is None:
            continue
        other_full, other_rows = _proofs(search, other)
        if other_full and (proven or _leads(search, other)):
            return choose_ranks(search, other)
        if not full and rows and other_rows >= set(changed):
            return choose_ranks(search, other)
    return found


def _proofs(search: Search, found: Found) -> tuple[bool, set[Path]]:
    """Whether one batch axis is proven for all tensors, and which tensors have an axis of independent rows."""
    prober = Prober(search.runner, found.hypothesis, found.plan)
    groups = groups_of(prober, found)
    return prove_batch(prober, groups) is not None, tensors_with_rows(prober, groups)


def _leads(search: Search, found: Found) -> bool:
    """Whether the proven batch axis is the first axis of every tensor: an axis that was added is nothing else."""
    prober = Prober(search.runner, found.hypothesis, found.plan)
    proof = prove_batch(prober, groups_of(prober, found))
    return proof is not None and all(axis == 0 for _, axis in proof.group)


def _subsets(leaves: list[Path]) -> Iterable[list[Path]]:
    """All tensors together, then one at a time."""
    yield leaves
    if 1 < len(leaves) <= 6:
        yield from ([path] for path in leaves)


def _at_other_ranks(search: Search, found: Found, paths: list[Path], step: int) -> Found | None:
    """An input that differs in the rank of some tensors, and runs."""
    hypothesis: Hypothesis = found.hypothesis
    used = set(hypothesis.sizes().values())
    fresh = iter(size for size in FRESH if size not in used)
    for path in paths:
        leaf = hypothesis.leaves()[path]
        if not 0 < len(leaf.sizes) + step <= 5 or search.signature.prior(path).exact_rank:
            return None
        sizes = leaf.sizes[1:] if step < 0 else (next(fresh), *leaf.sizes)
        hypothesis = hypothesis.with_node(path, replace(leaf, sizes=sizes))
    return search.find(hypothesis, frozen=frozenset(hypothesis.leaves()), limits=_FEW)
