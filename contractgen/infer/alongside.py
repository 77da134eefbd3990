"""Tensors that lie beside another one: a mask has the sizes of what it masks, also where the model would take others.

A mask of one row broadcasts, one of more rows than the ids is cut, and one of which only the end is read may have any
length: none of these is what its author means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from contractgen.infer.extents import Claim, Sizes
from contractgen.infer.hypothesis import Hypothesis, Leaf, Path, dotted, is_mask, name_in
from contractgen.infer.neighbours import without_channels
from contractgen.infer.probe import Prober
from contractgen.infer.search import Found, Search


def alongside(search: Search, found: Found, paths: Sequence[Path]) -> Found:
    """The same input where the tensors at ``paths`` have another tensor's sizes in whole, as far as the model runs so."""
    for path in paths:
        leaf = found.hypothesis.leaves()[path]
        for sizes in dict.fromkeys(_fitting(found.hypothesis, path)):
            if sizes == leaf.sizes:
                break
            wider = found.hypothesis.with_node(path, replace(leaf, sizes=sizes))
            trial = search.tracer.run(wider, answer=found.trial.answer)
            if trial.ok == found.trial.ok and Prober(search.runner, wider, found.plan).at([{}])[0].ok:
                found = Found(wider, found.plan, trial)
                break
    return found


def _fitting(hypothesis: Hypothesis, path: Path) -> Iterator[tuple[int, ...]]:
    """The sizes of other tensors that the one at ``path`` has in part; of a mask those of the tensor with the nearest name."""
    leaves = hypothesis.leaves()
    sizes = leaves[path].sizes
    others = {other: leaf.sizes for other, leaf in leaves.items() if other != path and leaf.sizes}
    if is_mask(path):
        nearest = sorted(((_shared_words(path, other), other) for other in others), key=lambda pair: -pair[0])
        masked = [(words, _masked(sizes, leaves[other])) for words, other in nearest]
        known = max((words for words, wanted in masked if sizes in wanted), default=-1)
        yield from (one for words, wanted in masked if words > known for one in wanted)
    yield from (theirs for theirs in others.values() if _resembles(sizes, theirs))
    if sizes[:1] == (1,):
        yield from ((theirs[0], *sizes[1:]) for theirs in others.values())


def _masked(sizes: tuple[int, ...], other: Leaf) -> list[tuple[int, ...]]:
    """The sizes that a mask of as many axes as ``sizes`` has beside a tensor.

    Ids have no channels: a mask of an axis less has all of theirs, or is one of rows.
    """
    if len(other.sizes) == len(sizes):
        return [other.sizes]
    if len(other.sizes) != len(sizes) + 1 or len(sizes) < 2:
        return []
    if other.dtype in (torch.int64, torch.int32):
        return [sizes] if sizes == other.sizes[:-1] else [other.sizes, other.sizes[:-1]]
    return without_channels(other.sizes)


def _shared_words(first: Path, second: Path) -> int:
    """How many words two names begin with alike: a decoder's mask is of the decoder's ids."""
    pairs = zip(*(re.findall(r"[a-z]+", name_in(path).lower()) for path in (first, second)), strict=False)
    alike = [one == other for one, other in pairs]
    return next((index for index, same in enumerate(alike) if not same), len(alike))


def _resembles(sizes: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether these sizes are another tensor's but for a first axis, and axes of 1."""
    if len(sizes) > len(other):
        return False
    aligned = (1,) * (len(other) - len(sizes)) + sizes
    pairs = list(zip(aligned, other, strict=True))
    return all(own in (1, size) for own, size in pairs[1:]) and any(own == size for own, size in pairs)


def ask_of_ties(sizes: Sizes) -> None:
    """Put a size that several tensors share as a question where the model also takes one of them at another size."""
    for extent in sizes.extents:
        size, step = sizes.size(extent), extent.multiple_of
        if extent.derived is not None or extent.fixed is not None or size < 2:
            continue
        for path, axis in extent.group[1:]:
            others = [other for other in (size + step, size - step, 2 * size) if other > 1]
            outcomes = sizes.prober.at([{(path, axis): other} for other in others])
            ran = [other for other, outcome in zip(others, outcomes, strict=True) if sizes.prober.means(outcome)]
            if ran:
                told = f"{ran[0]} beside {size} ran too; is it the size of what it goes with?"
                extent.claims.append(Claim(f"tie@{dotted(path)}[{axis}]", "assumed", told))
