"""One rank per tensor: the lowest that has a proven batch axis.

Kernels take many ranks (a Linear any, a convolution one without a batch). Around the first input that was found, inputs
of one rank less and one more are searched too, and the proof of a batch axis chooses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from contractgen.infer.batch import BatchProof, prove_batch
from contractgen.infer.hypothesis import Hypothesis, Path
from contractgen.infer.probe import Prober
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.solve import FRESH
from contractgen.infer.ties import Group, bind, tied_axes

_FEW = Limits(trials=12, confirmations=4)


def groups_of(prober: Prober, found: Found) -> list[Group]:
    """The tied axes of an input: from its symbolic run, or found by running where there is none."""
    if found.trial is not None:
        return tied_axes(found.hypothesis, found.trial.guards)
    return bind(prober, tied_axes(found.hypothesis, ()))


def proof_of(search: Search, found: Found) -> BatchProof | None:
    """The proof of a batch axis of an input, if it has one."""
    prober = Prober(search.runner, found.hypothesis, found.plan)
    return prove_batch(prober, groups_of(prober, found))


def choose_ranks(search: Search, found: Found) -> Found:
    """The input at the ranks that the contract states."""
    proof = proof_of(search, found)
    leaves = list(found.hypothesis.leaves())
    if proof is None:
        for changed in _subsets(leaves):
            higher = _at_other_ranks(search, found, changed, +1)
            if higher is not None and proof_of(search, higher) is not None:
                return choose_ranks(search, higher)
        return found
    for changed in _subsets(leaves):
        lower = _at_other_ranks(search, found, changed, -1)
        if lower is not None and proof_of(search, lower) is not None:
            return choose_ranks(search, lower)
    return found


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
