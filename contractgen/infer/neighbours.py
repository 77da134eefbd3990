"""What a failed run suggests instead: other sizes, ranks and dtypes, read from its conditions and its message."""

from __future__ import annotations

import math
import re
from collections import ChainMap, Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis, Hypothesis, Leaf, Path, is_mask
from contractgen.infer.messages import BEYOND, MULTIPLIED
from contractgen.infer.solve import FRESH, next_prime
from contractgen.infer.trial import Trial

Neighbours = Iterator[tuple[Hypothesis, float]]
"""Hypotheses to try next, with the cost of each."""


_MUST_MATCH = r"size of tensor a \((?P<want>\d+)\) must match the size of tensor b \((?P<got>\d+)\)"
_WANTED = (
    r"to have (?P<want>\d+) channels, but got (?P<got>\d+)",
    MULTIPLIED,
    _MUST_MATCH,
    r"[Gg]ot:? (?P<got>\d+),? [Ee]xpected:? (?P<want>\d+)",
    r"[Ee]xpected:? (?P<want>\d+),? (?:but )?got:? (?P<got>\d+)",
    r"batch_size, but got (?P<got>\d+) \(batch_size=(?P<want>\d+)\)",
)
"""How messages name a size and the one that they want instead."""


def after_symbolic_failure(
    hypothesis: Hypothesis, trial: Trial, conditions: Sequence[Guard], frozen: frozenset[Path]
) -> Neighbours:
    """Other sizes and ranks of the tensors that the failing operator saw, where its conditions do not say them all."""
    message, suspects = trial.message, trial.suspects
    yield from viewed(hypothesis, message)
    yield from special_sizes(hypothesis, trial, conditions)
    yield from shapes_from_message(hypothesis, message)
    yield from mirrors(hypothesis, suspects)
    yield from whole_masks(hypothesis, trial, conditions, frozen)
    yield from larger(hypothesis, message, suspects)
    yield from rounded(hypothesis, message, suspects)
    yield from divisible(hypothesis, message)
    yield from met(hypothesis, message, suspects, conditions)
    yield from levelled(hypothesis, trial, frozen)
    yield from led(hypothesis, message, suspects, frozen)
    yield from shifted(hypothesis, message, suspects, frozen)
    yield from ranks_together(hypothesis, suspects, frozen)


def channels_from_message(hypothesis: Hypothesis, message: str) -> Neighbours:
    """The channels that a convolution says it wants, for an axis that has as many as it says it got."""
    found = re.search(r"to have (\d+) channels, but got (\d+(?: \+ \d+)*) channels", message)
    if not found:
        return
    want, parts = int(found[1]), [int(part) for part in found[2].split(" + ")]
    if want % len(parts) == 0:  # joined tensors have an equal share of them
        axes = [axis for axis, size in hypothesis.sizes().items() if size in parts]
        together = len(parts) > 1 and len(axes) == len(parts)
        for some in [axes] if together else [[axis] for axis in axes if len(parts) == 1]:
            yield hypothesis.with_sizes(dict.fromkeys(some, want // len(parts))), 0.05


def sizes_from_message(hypothesis: Hypothesis, message: str) -> Neighbours:
    """A size that the message names, replaced by another one that it names."""
    last = message.strip().split("\n")[-1] if "interpreter" in message else message
    sizes = hypothesis.sizes()
    for found in (match for pattern in _WANTED for match in re.finditer(pattern, last)):
        got, want = int(found["got"]), int(found["want"])
        for axis, size in sizes.items():
            if size in (got, want) and got != want:
                yield hypothesis.with_sizes({axis: want if size == got else got}), 0.05 if size == got else 0.1
    numbers = list(dict.fromkeys(int(number) for number in re.findall(r"\d+", last) if len(number) < 7))[:8]
    for axis, size in sizes.items():
        if size in numbers:
            for other in numbers:
                if other != size and other > 0:
                    yield hypothesis.with_sizes({axis: other}), 0.3 if other > 1 else 0.8


def met(hypothesis: Hypothesis, message: str, suspects: Sequence[Path], conditions: Sequence[Guard]) -> Neighbours:
    """The size that a failing operator names beside one of an axis that no condition leaves another size to.

    Where a layer works out its result in whole numbers, the symbolic run takes the size for the only one.
    """
    found = re.search(_MUST_MATCH, message)
    pair = {int(found["want"]), int(found["got"])} if found else set()
    settled = {guard.axes[0] for guard in conditions if guard.settles}
    for axis, size in hypothesis.sizes().items():
        if axis in settled and axis[0] in suspects and size in pair and len(pair) == 2:
            yield hypothesis.with_sizes({axis: next(iter(pair - {size}))}), 0.05


def shapes_from_message(hypothesis: Hypothesis, message: str) -> Neighbours:
    """A whole shape that the message names, replaced by another one that it names; in a list, for all of its items."""
    of_inputs = re.sub(r"weight of (size|shape) \[[^\]]*\]", "", message)
    named = [
        tuple(int(n) for n in re.findall(r"\d+", text)) for text in re.findall(r"[\[(]((?:\d+, ?)+\d*)[\])]", of_inputs)
    ]
    shapes = list(dict.fromkeys(shape for shape in named if 0 not in shape))[:4]
    for path, leaf in hypothesis.leaves().items():
        for shape in shapes if leaf.sizes in shapes else ():
            if shape == leaf.sizes or len(shape) != len(leaf.sizes):
                continue
            items = [at for at in hypothesis.leaves() if at[:-1] == path[:-1] and isinstance(at[-1], int)]
            if len(items) > 1:
                together = hypothesis
                for at in items:
                    together = together.with_node(at, replace(together.leaves()[at], sizes=shape))
                yield together, 0.07
            yield hypothesis.with_node(path, replace(leaf, sizes=shape)), 0.08


_VIEW = re.compile(r"shape '\[-1((?:, \d+)+)\]' is invalid for input of size ([\d*]+)")


def viewed(hypothesis: Hypothesis, message: str) -> Neighbours:
    """The last axes as a view of a whole input has them: it folds what is in front, and rarely parts of a row."""
    found = _VIEW.search(message)
    if not found:
        return
    last = tuple(int(size) for size in found[1].split(", ")[1:])
    count = math.prod(int(size) ** int(power or 1) for size, power in re.findall(r"(\d+)(?:\*\*(\d+))?", found[2]))
    forms = (last, tuple(size for size in last if size > 1), (math.prod(last),))
    for path, leaf in hypothesis.leaves().items():
        rank = len(leaf.sizes)
        sizes = next((form for form in forms if 0 < len(form) < rank), ())
        if math.prod(leaf.sizes) == count and sizes and 0 not in sizes:
            yield hypothesis.with_node(path, replace(leaf, sizes=(*leaf.sizes[: rank - len(sizes)], *sizes))), 0.03


_TOO_SMALL = re.compile(
    r"Kernel size can't be greater|[Oo]utput size.*(too small|: 0$)|[Pp]adding size should be less|greater than actual input"
)


def larger(hypothesis: Hypothesis, message: str, suspects: Sequence[Path]) -> Neighbours:
    """Much larger grids, where windows of windows do not fit: growing to each one's own size takes a step for each."""
    if not _TOO_SMALL.search(message):
        return
    for path, leaf in hypothesis.leaves().items():
        if suspects and path not in suspects:
            continue
        axes = range(min(2, len(leaf.sizes) - 1), len(leaf.sizes))
        for factor, cost in ((3, 0.1), (12, 0.2)):
            yield hypothesis.with_sizes({(path, axis): next_prime(factor * leaf.sizes[axis]) for axis in axes}), cost


def rounded(hypothesis: Hypothesis, message: str, suspects: Sequence[Path]) -> Neighbours:
    """Grids of round sizes, where what was halved and doubled does not meet what was not: each level asks for a factor 2."""
    if "must match" not in message:
        return
    grids = {path: leaf for path, leaf in hypothesis.leaves().items() if len(leaf.sizes) >= 4}
    if grids and (not suspects or set(suspects) & set(grids)):
        for step in (16, 32):
            sizes = [_rounded_up(path, leaf, step) for path, leaf in grids.items()]
            yield hypothesis.with_sizes(dict(ChainMap(*sizes))), 0.15


def _rounded_up(path: Path, leaf: Leaf, step: int) -> dict[Axis, int]:
    """The next multiples for the sizes of a grid, whose channels come before it, or of a sequence."""
    first = 2 if len(leaf.sizes) > 3 else 1
    return {(path, axis): size + -size % step for axis, size in enumerate(leaf.sizes) if axis >= first}


_DIVISOR = re.compile(r"(?:divisible by|multiples? of) (\d+)")


def divisible(hypothesis: Hypothesis, message: str) -> Neighbours:
    """All sizes of a grid, or of a sequence, that the number divides which a message of the author's own asks for."""
    found = _DIVISOR.search(message)
    step = int(found[1]) if found else 1
    for path, leaf in hypothesis.leaves().items() if 1 < step <= 512 else ():
        yield hypothesis.with_sizes(_rounded_up(path, leaf, step)), 0.05


def ranks_together(hypothesis: Hypothesis, suspects: Sequence[Path], frozen: frozenset[Path]) -> Neighbours:
    """Tensors that met before a failure with an axis less each, or one more: what is joined has ranks that go together."""
    leaves = {path: leaf for path, leaf in hypothesis.leaves().items() if path not in frozen and leaf.sizes}
    used = set(hypothesis.sizes().values())
    fresh = next(size for size in FRESH if size not in used)
    alike = [[path for path, other in leaves.items() if other == leaf] for leaf in dict.fromkeys(leaves.values())]
    groups = [group for group in alike if not suspects or set(group) & set(suspects)]
    met = [path for path in suspects if path in leaves]
    if len({len(leaves[path].sizes) for path in met}) == 2:
        groups.append(met)  # one was given an axis on the way
    for group in groups:
        fewer, more = hypothesis, hypothesis
        for path in group if len(group) > 1 else ():
            leaf = leaves[path]
            fewer = fewer.with_node(path, replace(leaf, sizes=leaf.sizes[:-1]))
            more = more.with_node(path, replace(leaf, sizes=(*leaf.sizes, fresh)))
        ranks = [len(leaves[path].sizes) for path in group]
        if fewer is not hypothesis and min(ranks) > 1:
            yield fewer, 0.2
        if more is not hypothesis and max(ranks) < 5:
            yield more, 0.3


_RANKS = re.compile(r"[Ee]xpected[^\n]*?\d-?D[^\n]*?got ")
"""What comes before the rank that an operator was given, where its message names those that it takes."""


def shifted(hypothesis: Hypothesis, message: str, suspects: Sequence[Path], frozen: frozenset[Path]) -> Neighbours:
    """One of the tensors that a failing operand was computed from, with as many axes more or less as the operand has wrong."""
    stated = _RANKS.search(message)
    found = re.match(r"[^\n]*?(?:(\d)-?D\b|\[([\d, ]*)\])", message[stated.end() :]) if stated else None
    if not stated or not found:
        return
    got = int(found[1]) if found[1] else found[2].count(",") + 1
    wanted = re.findall(r"(\d)-?D \(batched\)", stated[0]) or re.findall(r"\b(\d)-?D\b", stated[0])
    steps = sorted({int(rank) - got for rank in wanted} - {0}, key=abs)
    fresh = next(size for size in FRESH if size not in set(hypothesis.sizes().values()))
    group = [path for path in suspects if path in hypothesis.leaves() and path not in frozen]
    for index, step in enumerate(steps):
        if step > 0 and len(group) > 1 and len({len(hypothesis.leaves()[path].sizes) for path in group}) == 1:
            together = hypothesis
            for path in group:
                leaf = hypothesis.leaves()[path]
                together = together.with_node(path, replace(leaf, sizes=(*leaf.sizes, *(fresh,) * step)))
            yield together, 0.05 + 0.1 * index
        for path, leaf in hypothesis.leaves().items():
            if (
                path not in frozen
                and (not suspects or path in suspects)
                and 0 < len(leaf.sizes) + step <= 5
                and abs(step) <= 3
            ):
                more = (fresh,) * step  # behind, or in front of a grid whose sizes are found
                parts = (
                    (leaf.sizes[-step:], leaf.sizes[:step])
                    if step < 0
                    else ((*leaf.sizes, *more), (*more, *leaf.sizes))
                )
                for sizes in parts:
                    yield hypothesis.with_node(path, replace(leaf, sizes=sizes)), 0.1 + 0.1 * index


def smaller(hypothesis: Hypothesis, message: str) -> Neighbours:
    """A third of a size, where a real run looked up what a table does not have: positions end with it."""
    if "out of range" in message or "out of bounds" in message:
        sizes = hypothesis.sizes()
        for size in sorted({size for size in sizes.values() if size > 5}, reverse=True):
            axes = [axis for axis, other in sizes.items() if other == size]
            yield hypothesis.with_sizes(dict.fromkeys(axes, max(2, size // 3))), 0.15


def led(hypothesis: Hypothesis, message: str, suspects: Sequence[Path], frozen: frozenset[Path]) -> Neighbours:
    """A tensor that lacks an axis, with one in front that is as long as the others' first: rows that it should have too."""
    found = BEYOND.search(message)
    if not found:
        return
    rank = int(found[1]) if found[1] else int(found[2]) + 1
    leaves = hypothesis.leaves()
    firsts = Counter(leaf.sizes[0] for leaf in leaves.values() if leaf.sizes)
    for path, leaf in leaves.items():
        if path not in frozen and len(leaf.sizes) == rank < 5 and (not suspects or path in suspects):
            has_rows = 0.3 if rank and firsts[leaf.sizes[0]] > 1 else 0.0
            for index, first in enumerate(list(firsts)[:3]):
                yield (
                    hypothesis.with_node(path, replace(leaf, sizes=(first, *leaf.sizes))),
                    0.1 + 0.05 * index + has_rows,
                )


def levelled(hypothesis: Hypothesis, trial: Trial, frozen: frozenset[Path]) -> Neighbours:
    """All operands of a failing concatenation brought to one rank at once: columns of ids beside columns of numbers."""
    leaves = hypothesis.leaves()
    used = set(hypothesis.sizes().values())
    for wanted in sorted({rank for rank, _ in trial.joined}) if len({rank for rank, _ in trial.joined}) > 1 else ():
        changed, fresh = hypothesis, (size for size in FRESH if size not in used)
        for rank, paths in trial.joined:
            for path in paths if rank != wanted and len(paths) == 1 and paths[0] not in frozen else ():
                sizes = leaves[path].sizes
                more = tuple(next(fresh) for _ in range(wanted - rank))
                changed = changed.with_node(
                    path, replace(leaves[path], sizes=(*sizes[: len(sizes) + min(0, wanted - rank)], *more))
                )
        if changed != hypothesis and all(
            leaf.sizes or not leaves[path].sizes for path, leaf in changed.leaves().items()
        ):
            yield changed, 0.1


_USUAL_IMAGES = (224, 256, 32, 28, 64, 128, 96, 48, 112, 160, 192, 227, 299, 320, 384, 512)


def squares(hypothesis: Hypothesis, pool: Sequence[int]) -> Neighbours:
    """Images of usual sizes, where nothing says which: a flattened grid tells only its product."""
    for path, leaf in hypothesis.leaves().items():
        if len(leaf.sizes) == 4:
            for index, size in enumerate(dict.fromkeys((*_USUAL_IMAGES, *(n for n in pool if 16 <= n <= 512)))):
                if size != leaf.sizes[2]:
                    yield hypothesis.with_sizes({(path, 2): size, (path, 3): size}), 0.5 + 0.02 * index


def weight_sizes(hypothesis: Hypothesis, pool: Sequence[int]) -> Neighbours:
    """Sizes that the model's weights have, where no condition and no message says which one is wanted."""
    for axis, size in reversed(hypothesis.sizes().items()):  # features come last
        for index, other in enumerate(pool[:24]):
            if other != size:
                yield hypothesis.with_sizes({axis: other}), 0.3 + 0.02 * index


def special_sizes(hypothesis: Hypothesis, trial: Trial, guards: Sequence[Guard]) -> Neighbours:
    """Sizes that no condition names: a count of values to unpack, and 1, which symbols never are."""
    unpacked = re.search(r"values to unpack \(expected (\d+)", trial.message)
    sizes = hypothesis.sizes()
    recent = list(dict.fromkeys(axis for guard in reversed(guards[-4:]) for axis in guard.axes))
    if unpacked:
        axes = recent or [axis for axis in sizes if axis[1] == 0]
        for index, axis in enumerate(axes):
            yield hypothesis.with_sizes({axis: int(unpacked.group(1))}), 0.05 + 0.1 * index
    for axis in sizes:
        if axis[0] in trial.suspects and sizes[axis] != 1:
            yield hypothesis.with_sizes({axis: 1}), 0.25


def mirrors(hypothesis: Hypothesis, suspects: Sequence[Path]) -> Neighbours:
    """A tensor that the failing operator saw, with the sizes of another one: a mask beside its ids, or beside a picture."""
    leaves = hypothesis.leaves()
    for path, leaf in leaves.items():
        for other, like in leaves.items():
            if other == path or not leaf.sizes or (suspects and path not in suspects):
                continue
            late = list(leaves).index(path) > list(leaves).index(other)
            if len(like.sizes) == len(leaf.sizes):
                pair = late and len(leaf.sizes) > 2 and like.dtype == leaf.dtype  # pictures to compare are of one size
                yield (
                    hypothesis.with_node(path, replace(leaf, sizes=like.sizes)),
                    0.08 if pair else 0.12 if late else 0.4,
                )
            elif len(like.sizes) == len(leaf.sizes) + 1 > 2 and is_mask(path):  # no channels: second or last
                for index, sizes in enumerate(without_channels(like.sizes)):
                    yield hypothesis.with_node(path, replace(leaf, sizes=sizes)), (0.15 if late else 0.5) + 0.1 * index


_OTHER_RANK = re.compile(r"must have same number of dimensions|Number of dimensions of tensors must match")


def whole_masks(
    hypothesis: Hypothesis, trial: Trial, conditions: Sequence[Guard], frozen: frozenset[Path]
) -> Neighbours:
    """Where ranks do not go together, flags that broadcast until then, of the shape of the numbers that they are about.

    Their own sizes are no longer told from those of the tensor that they met.
    """
    if not _OTHER_RANK.search(trial.message):
        return
    near = {axis[0] for guard in conditions if guard.equality for axis in guard.axes} | set(trial.suspects)
    leaves = hypothesis.leaves()
    for path, leaf in leaves.items():
        if path in near - frozen and (leaf.dtype == torch.bool or is_mask(path)):
            for like in dict.fromkeys(other.sizes for other in leaves.values() if other.dtype.is_floating_point):
                if len(like) != len(leaf.sizes):
                    yield hypothesis.with_node(path, replace(leaf, sizes=like)), 0.1


def without_channels(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The sizes (or axes) of a mask of such a tensor: a picture's channels are its second axis, a sequence's the last."""
    placed = [sizes[:1] + sizes[2:], sizes[:-1]]
    return placed if len(sizes) > 3 else placed[::-1]
