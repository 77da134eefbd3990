"""Bounds that hold whatever another tensor holds: of ids that are added to another one's before a table is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from contractgen.infer.contents import Contents
from contractgen.infer.domain import Domain
from contractgen.infer.extents import Claim, Sizes
from contractgen.infer.hypothesis import Path, dotted
from contractgen.infer.probe import Prober


def keep_beside_others(sizes: Sizes, domains: Mapping[Path, Domain], pool: Sequence[int]) -> None:
    """Narrow one bound where the largest numbers of all tensors fail together, so that they run.

    Of a question's number and whether it was answered well, which are one id, it is the wider that was taken too wide.
    """
    tops = {path: top for path, domain in domains.items() if (top := _top(domain)) is not None}
    if len(tops) < 2 or _run(sizes, tops):
        return
    for path in sorted(tops, key=lambda path: -tops[path]):
        others = {other: top for other, top in tops.items() if other != path}
        beside = Sizes(_holding(sizes, others), sizes.extents, sizes.oracle)
        if domains[path].one_of is not None or not beside.prober.at([{}])[0].ok:
            continue
        most = Contents(beside, pool).of(path, beside.prober.hypothesis.leaves()[path]).max
        if isinstance(most, int) and 0 <= most < tops[path] and _run(sizes, {**others, path: most}):
            shown = ", ".join(f"{top} in {dotted(other)}" for other, top in others.items())
            told = f"{most} ran, {most + 1} failed, beside {shown}; alone it would run up to {tops[path]}"
            domains[path].settle("max", most, [Claim("max", "probed", told)])
            return


def _top(domain: Domain) -> int | None:
    """The largest number of a domain that bounds it by no size."""
    if domain.columns is not None or domain.each_row is not None:
        return None
    return max(domain.one_of) if domain.one_of else domain.max if isinstance(domain.max, int) else None


def _run(sizes: Sizes, numbers: Mapping[Path, int]) -> bool:
    """Whether the model runs with each of these tensors full of its number."""
    return _holding(sizes, numbers).at([{}])[0].ok


def _holding(sizes: Sizes, numbers: Mapping[Path, int]) -> Prober:
    """A prober of the same input, with each of these tensors full of its number."""
    prober, leaves = sizes.prober, sizes.prober.hypothesis.leaves()
    full = {path: torch.full(leaves[path].sizes, top, dtype=leaves[path].dtype) for path, top in numbers.items()}
    return Prober(prober.runner, prober.hypothesis, {**prober.plan, **full}, sizes_vary=prober.sizes_vary)
