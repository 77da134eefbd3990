"""One rank per tensor: the lowest that has a proven batch axis.

Kernels take many ranks (a Linear any, a convolution one without a batch). Around the first input that was found, inputs
of one rank less and one more are searched too, and the proof of a batch axis chooses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from contractgen.infer.batch import prove_batch, tensors_with_rows
from contractgen.infer.hypothesis import Axis, Hypothesis, Path
from contractgen.infer.mixing import unmixed
from contractgen.infer.probe import Prober
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.solve import FRESH
from contractgen.infer.ties import Group, bind, tied_axes

_FEW = Limits(trials=12, confirmations=4, fill=False, patience=3)


def groups_of(prober: Prober, found: Found) -> list[Group]:
    """The tied axes of an input: from its symbolic run, and from real ones where that says nothing."""
    return bind(prober, tied_axes(found.hypothesis, found.trial.guards))


def at_sizes(search: Search, found: Found, sizes: dict[Axis, int]) -> Found:
    """The same input at other sizes of some axes, with the symbolic run there."""
    hypothesis = found.hypothesis.with_sizes(sizes)
    return Found(hypothesis, found.plan, search.tracer.run(hypothesis, answer=found.trial.answer))


def choose_ranks(search: Search, found: Found) -> Found:
    """The input at the ranks that the contract states."""
    batch, rows = _proofs(search, found)
    if not batch:
        other = unmixed(search, found, groups_of(Prober(search.runner, found.hypothesis, found.plan), found))
        if other is not None:
            return choose_ranks(search, other)
    leaves = list(found.hypothesis.leaves())
    rowless = [path for path in leaves if path not in rows]
    higher: Found | None = None
    if any(batch.values()):  # a batch that is not the first axis: perhaps the first one is missing
        higher = _higher(search, found, leaves, set(batch))
    elif not batch and rowless:  # an image without its batch axis beside a step per image, which arithmetic repeats
        higher = _higher(search, found, rowless, rows, leading=False)
    return higher or _lower(search, found, batch, rows) or found


def _higher(
    search: Search, found: Found, leaves: list[Path], covered: set[Path], *, leading: bool = True
) -> Found | None:
    """The input with a new first axis for some of ``leaves`` with which all tensors have a batch, if there is one.

    The batch is their first axis if it is ``leading``: states of recurrent layers have it behind the layers.
    """
    for changed in _subsets(leaves):
        other = _at_other_ranks(search, found, changed, +1)
        if other is not None:
            batch, _ = _proofs(search, other)
            if batch and not (leading and any(batch.values())) and covered <= set(batch):
                return choose_ranks(search, other)
    return None


def _lower(search: Search, found: Found, batch: dict[Path, int], rows: set[Path]) -> Found | None:
    """The input with an axis less, whose batch is proven as well as this one's."""
    for changed in _subsets(list(found.hypothesis.leaves())):
        other = _at_other_ranks(search, found, changed, -1)
        if other is None:
            continue
        other_batch, other_rows = _proofs(search, other)
        same_axes = bool(other_batch) and all(
            axis == batch.get(path, 0) or (path in changed and axis == batch.get(path, 0) - 1)
            for path, axis in other_batch.items()
        )
        unproven = not batch and not rows and not other_batch and _leads_freely(search, other, changed)
        if same_axes or unproven or (not batch and bool(rows) and other_rows >= set(changed)):
            return choose_ranks(search, other)
    return None


def _leads_freely(search: Search, found: Found, paths: list[Path]) -> bool:
    """Whether the first axis of each of these tensors may have other sizes: it is no row of features or channels."""
    prober = Prober(search.runner, found.hypothesis, found.plan, sizes_vary=True)
    sizes = found.hypothesis.sizes()
    owner = {axis: group for group in groups_of(prober, found) for axis in group}
    return all(
        found.hypothesis.leaves()[path].sizes and prober.ok(dict.fromkeys(owner[(path, 0)], sizes[(path, 0)] + 1))
        for path in paths
    )


def _proofs(search: Search, found: Found) -> tuple[dict[Path, int], set[Path]]:
    """The proven batch axis of each tensor, empty if there is none; and the tensors with an axis of independent rows."""
    prober = Prober(search.runner, found.hypothesis, found.plan)
    groups = groups_of(prober, found)
    proof = prove_batch(prober, groups)
    return dict(proof.group) if proof is not None else {}, tensors_with_rows(prober, groups)


def _subsets(leaves: list[Path]) -> Iterable[list[Path]]:
    """All tensors together, then one at a time, then all but one: ids beside vectors have an axis less."""
    if leaves:
        yield leaves
    if 1 < len(leaves) <= 6:
        yield from ([path] for path in leaves)
    if 2 < len(leaves) <= 6:
        yield from ([path for path in leaves if path != other] for other in leaves)


def _at_other_ranks(search: Search, found: Found, paths: list[Path], step: int) -> Found | None:
    """An input that differs in the rank of some tensors, and runs."""
    hypothesis: Hypothesis = found.hypothesis
    used = set(hypothesis.sizes().values())
    fresh = iter(size for size in FRESH if size not in used)
    for path in paths:
        leaf, prior = hypothesis.leaves()[path], search.signature.prior(path)
        if not max(1, prior.fewest_axes) <= len(leaf.sizes) + step <= 5 or prior.exact_rank:
            return None
        fewer = leaf.sizes[:-1] if leaf.sizes[-1:] == (1,) else leaf.sizes[1:]  # a step per row, of one column
        sizes = fewer if step < 0 else (next(fresh), *leaf.sizes)
        hypothesis = hypothesis.with_node(path, replace(leaf, sizes=sizes))
    return search.find(hypothesis, frozen=frozenset(hypothesis.leaves()), limits=_FEW)
