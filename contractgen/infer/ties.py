"""Which axes have the same size: what the symbolic run says, and what real runs say against it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import torch

from contractgen.infer.edits import Put
from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis, Hypothesis, Leaf, Path, is_mask, name_in
from contractgen.infer.neighbours import without_channels
from contractgen.infer.probe import Input, Prober
from contractgen.infer.reads import reads_last

Group = tuple[Axis, ...]
"""Axes of one size, in the order of the inputs."""


def tied_axes(hypothesis: Hypothesis, guards: Sequence[Guard]) -> list[Group]:
    """The axes, grouped by the equalities of a symbolic run."""
    sizes = hypothesis.sizes()
    owner = {axis: axis for axis in sizes}
    for guard in guards:
        if guard.tie and guard.equality and all(axis in sizes for axis in guard.axes):
            first, second = (_root(owner, axis) for axis in guard.axes)
            owner[max(first, second, key=list(sizes).index)] = min(first, second, key=list(sizes).index)
    groups: dict[Axis, list[Axis]] = {}
    for axis in sizes:
        groups.setdefault(_root(owner, axis), []).append(axis)
    return [tuple(group) for group in groups.values()]


def _root(owner: dict[Axis, Axis], axis: Axis) -> Axis:
    while owner[axis] != axis:
        axis = owner[axis]
    return axis


def changed(group: Group, size: int) -> dict[Axis, int]:
    """The sizes that give all of a group ``size``."""
    return dict.fromkeys(group, size)


def untie(prober: Prober, group: Group) -> list[Group]:
    """The group's parts that the model lets differ; the group itself where it does not.

    A size of 1 beside another broadcasts, which is no meaning of its own: only sizes of 2 and more count.
    """
    if len(group) < 2:
        return [group]
    size = prober.hypothesis.sizes()[group[0]]
    halves = _halves(prober, group, size)
    if halves:
        return [part for half in halves for part in untie(prober, half)]
    parts: list[list[Axis]] = []
    for axis in group:
        for part in parts:
            if not _may_differ(prober, group, (axis,), size):
                part.append(axis)
                break
        else:
            parts.append([axis])
    return [tuple(part) for part in parts]


def _halves(prober: Prober, group: Group, size: int) -> list[Group]:
    """Two parts of a group with several axes of one tensor, of which one may differ as a whole: time and batch that were alike."""
    paths = [path for path, _ in group]
    for place in sorted({axis for _, axis in group}) if len(set(paths)) < len(paths) else ():
        part = tuple(axis for axis in group if axis[1] == place)
        rest = tuple(axis for axis in group if axis[1] != place)
        if rest and _may_differ(prober, group, part, size):
            return [part, rest]
    return []


def _may_differ(prober: Prober, group: Group, part: Group, size: int) -> bool:
    """Whether the model runs with a part both smaller and larger than the rest of the group, at several sizes."""
    base = dict.fromkeys((axis for axis in group if axis not in part), size)
    others = [new for new in (size + 1, size + 2, max(2, size - 1), 2 * size) if new != size]
    alone = prober.at([base | dict.fromkeys(part, new) for new in others])
    return all(prober.means(outcome) for outcome in alone)


def merged(groups: Sequence[Group], some: Sequence[Group], sizes: Mapping[Axis, int]) -> list[Group]:
    """The groups with ``some`` of them as one, in the order of the inputs (which ``sizes`` has)."""
    order = list(sizes)
    rest = [group for group in groups if group not in some]
    one = _in_order([axis for group in some for axis in group], sizes)
    return sorted([*rest, one], key=lambda group: order.index(group[0]))


def _in_order(axes: Sequence[Axis], sizes: Mapping[Axis, int]) -> Group:
    return tuple(sorted(axes, key=list(sizes).index))


def bind(prober: Prober, groups: list[Group]) -> list[Group]:
    """Groups merged where they may change together, and none alone but by chance: ties that no condition named.

    By chance: a few rows more may give the same grid, and twice as many rows may be taken for another batch.
    """
    sizes = prober.hypothesis.sizes()
    for some in _alike(groups, sizes):
        together = _runs(prober, some, sizes)
        if together > 0 and all(2 * _runs(prober, [group], sizes) < together for group in some):
            return bind(prober, merged(groups, some, sizes))
    return groups


def _alike(groups: list[Group], sizes: dict[Axis, int]) -> Iterator[list[Group]]:
    """Groups of one size: two at a time, then all, then all but one."""
    by_size: dict[int, list[Group]] = {}
    for group in groups:
        by_size.setdefault(sizes[group[0]], []).append(group)
    yield from (list(pair) for same in by_size.values() for pair in itertools.combinations(same, 2))
    several = [same for same in by_size.values() if len(same) > 2]
    yield from several
    yield from ([one for one in same if one is not other] for same in several if len(same) > 3 for other in same)


def bind_members(prober: Prober, groups: list[Group], given: Mapping[Axis, int]) -> tuple[list[Group], Prober]:
    """Groups merged where an example has as many numbers as rows, and one of both may not be more: a number for each row.

    Which graph each node is of is said for every node, though a model may leave out the last ones. The prober that comes
    back has the sizes made equal.
    """
    sizes, leaves = prober.hypothesis.sizes(), prober.hypothesis.leaves()
    ids = [path for path, leaf in leaves.items() if len(leaf.sizes) == 1 and leaf.dtype in (torch.int64, torch.int32)]
    for first, second in itertools.permutations(groups, 2):
        counts = {given[axis] for axis in first if axis in given and axis[0] in ids}
        rows = {given[axis] for axis in second if axis in given and axis[1] == 0 and axis[0] not in ids}
        if not any(count > 2 for count in counts & rows):
            continue
        size = max(sizes[first[0]], sizes[second[0]])
        both = (*first, *second)
        larger = [size + 1, size + 2, 2 * size]
        together = prober.at([dict.fromkeys(both, new) for new in (size, *larger)])
        more = [prober.at([changed(both, size) | changed(group, new) for new in larger]) for group in (first, second)]
        one_sided = any(not any(prober.means(outcome) for outcome in outcomes) for outcomes in more)
        if one_sided and all(prober.means(outcome) for outcome in together):
            return bind_members(prober.resized(changed(both, size)), merged(groups, (first, second), sizes), given)
    return groups, prober


def unlike(groups: Sequence[Group], given: Mapping[Axis, int]) -> list[Group]:
    """The groups, without what an example that ran has at another size than the rest."""
    parts: list[Group] = []
    for group in groups:
        sizes = dict.fromkeys(given[axis] for axis in group if axis in given)
        first = next(iter(sizes), 0)
        parts += [tuple(axis for axis in group if given.get(axis, first) == size) for size in sizes or (first,)]
    return parts


def bind_masks(prober: Prober, groups: list[Group]) -> list[Group]:
    """Groups merged where a mask has the sizes of the tensor that it masks, and both may change together.

    What a mask is summed or indexed by is often content, which no condition over sizes shows. Where a condition ties it
    to another tensor already, it is that one's mask.
    """
    sizes, leaves = prober.hypothesis.sizes(), prober.hypothesis.leaves()
    masks = [path for path in leaves if is_mask(path)]
    pairs = [(path, other) for path in masks for other in sorted(leaves, key=lambda at: _unlike(path, at))]
    for path, other in pairs:
        if path == other:
            continue
        for axis, masked in enumerate(_masked_axes(leaves[path].sizes, leaves[other].sizes)):
            own, theirs = (next(g for g in groups if at in g) for at in ((path, axis), (other, masked)))
            if own == theirs or any(at not in masks for at, _ in own):
                continue
            if _moves(prober, [own, theirs], sizes):
                groups = merged(groups, (own, theirs), sizes)
    return groups


def _unlike(mask: Path, other: Path) -> tuple[int, int]:
    """How little the name of a mask has of that of another tensor: a decoder's mask is that of a decoder's ids."""
    own, theirs = (set(re.findall(r"[a-z]+", name_in(path).lower())) for path in (mask, other))
    return -len((own - _OF_MASKS) & theirs), len(theirs - own)


_OF_MASKS = {"mask", "attention", "padding"}


def _masked_axes(mask: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The axis of a tensor for each axis of a mask that has its sizes, all or those without its channels; else none."""
    axes = tuple(range(len(other)))
    kept = (axes, *(without_channels(axes) if len(other) > 2 else ()))
    return next((some for some in kept if mask == tuple(other[axis] for axis in some)), ())


def absorb(prober: Prober, groups: list[Group], guards: Sequence[Guard] = ()) -> tuple[list[Group], Prober]:
    """Groups merged where one may only be longer than another, and nothing reads what it has more: one size to its author.

    The prober that comes back has the sizes made equal. What an equality computes from the other's size is no such pair:
    a mask has as many columns as a picture has patches, and a few pixels beyond the last patch are read by nothing.
    """
    computed = [set(guard.axes) for guard in guards if guard.equality and not guard.tie]
    for first, second in itertools.permutations(groups, 2):
        sizes = prober.hypothesis.sizes()
        target = sizes[second[0]]
        if target < 3 or {path for path, _ in first} & {path for path, _ in second}:
            continue
        if sizes[first[0]] < target or any(axes & set(first) and axes & set(second) for axes in computed):
            continue
        if not _surplus_is_unread(prober, first, target):
            continue
        return absorb(prober.resized(dict.fromkeys(first, target)), merged(groups, (first, second), sizes), guards)
    return groups, prober


def twinned(prober: Prober, groups: list[Group]) -> tuple[list[Group], Prober]:
    """Groups merged that are one axis of two tensors of a kind, of which one may not be larger alone: two frames of a film.

    The prober that comes back has the sizes made equal.
    """
    sizes, leaves = prober.hypothesis.sizes(), prober.hypothesis.leaves()
    for first, second in itertools.combinations(groups, 2):
        if {path for path, _ in first} & {path for path, _ in second}:
            continue
        pairs = itertools.product(first, second)
        if not any(a == b and _are_twins(leaves, path, other) for (path, a), (other, b) in pairs):
            continue
        side = max(sizes[first[0]], sizes[second[0]])
        equal, both = (changed((*first, *second), size) for size in (side, 2 * side))
        alone = [equal | changed(group, 2 * side) for group in (first, second)]
        whole, large, *others = (prober.means(outcome) for outcome in prober.at([equal, both, *alone]))
        if whole and large and not all(others):
            return twinned(prober.resized(equal), merged(groups, (first, second), sizes))
    return groups, prober


def _are_twins(leaves: Mapping[Path, Leaf], path: Path, other: Path) -> bool:
    """Whether two tensors are alike but for a number or a side in their names."""
    names = [re.sub(_SIDES, "", name_in(one).lower()) for one in (path, other)]
    one, two = leaves[path], leaves[other]
    return names[0] == names[1] and one.dtype == two.dtype and len(one.sizes) == len(two.sizes)


_SIDES = r"\d+|left|right|first|second|before|after|prev(ious)?|next"


def squared(prober: Prober, groups: list[Group]) -> tuple[list[Group], Prober]:
    """Groups merged that are sides of one picture, and of unlike sizes only as far as both give the same grid.

    The prober that comes back has the sizes made equal.
    """
    sizes, leaves = prober.hypothesis.sizes(), prober.hypothesis.leaves()
    for first, second in itertools.combinations(groups, 2):
        sides = {(path, axis) for path, axis in first if axis >= 2 and len(leaves[path].sizes) >= 4}
        if sizes[first[0]] == sizes[second[0]] or not {path for path, _ in sides} & {path for path, _ in second}:
            continue
        alone = [dict.fromkeys(group, 2 * sizes[group[0]]) for group in (first, second)]
        if any(prober.means(outcome) for outcome in prober.at(alone)):
            continue
        side = max(sizes[first[0]], sizes[second[0]])
        square = prober.resized(dict.fromkeys((*first, *second), side))
        if square.at([{}])[0].ok and len(bind(square, [first, second])) == 1:
            return squared(square, merged(groups, (first, second), sizes))
    return groups, prober


def _surplus_is_unread(prober: Prober, group: Group, target: int) -> bool:
    """Whether the group fails below ``target``, is read to its end at it, and not beyond."""
    below, at, beyond = prober.at([dict.fromkeys(group, size) for size in (target - 1, target, target + 1)])
    if prober.means(below) or not (prober.means(at) and prober.means(beyond)):
        return False
    lively = prober.lively()
    return reads_last(lively, group, dict.fromkeys(group, target)) is True and (
        reads_last(lively, group, dict.fromkeys(group, target + 1)) is False
    )


def bind_indexed(prober: Prober, groups: list[Group]) -> tuple[list[Group], Prober, list[Group]]:
    """Groups merged that one id indexes both: rows of the same things, which no arithmetic between them ties.

    Beside the groups, and a prober at sizes that go with them, come those that were merged.
    """
    leaves = prober.hypothesis.leaves()
    ids = [path for path, leaf in leaves.items() if leaf.dtype in (torch.int64, torch.int32) and leaf.sizes]
    for first, second in itertools.combinations(groups, 2):
        tensors = [path for path, _ in (*first, *second)]
        if len(tensors) > len(set(tensors)):
            continue
        if any(path not in tensors and _indexes_both(prober, path, first, second) for path in ids):
            sizes = prober.hypothesis.sizes()
            both = _in_order((*first, *second), sizes)
            size = max(sizes[first[0]], sizes[second[0]])
            resized = prober.resized(dict.fromkeys(both, size))
            groups, prober, bound = bind_indexed(resized, merged(groups, (first, second), sizes))
            return groups, prober, [*bound, both]
    return groups, prober, []


def _indexes_both(prober: Prober, path: Path, first: Group, second: Group) -> bool:
    """Whether one id may be as large as both sizes allow, and no larger than either does."""
    sizes = prober.hypothesis.sizes()
    small = max(sizes[first[0]], sizes[second[0]])
    large = small + 3

    def runs(one: int, other: int, number: int, place: int) -> bool:
        change = dict.fromkeys(first, one) | dict.fromkeys(second, other)
        return prober.means(prober.run([Input(tuple(change.items()), ((path, Put(number, place)),))])[0])

    return any(
        not runs(small, large, small, place)
        and not runs(large, small, small, place)
        and runs(large, large, small, place)
        and runs(small, large, small - 1, place)
        and runs(large, small, small - 1, place)
        for place in (0, -1)
    )


def _moves(prober: Prober, groups: list[Group], sizes: dict[Axis, int]) -> bool:
    """Whether the model runs when these groups change together to some other size of at least 2."""
    return _runs(prober, groups, sizes) > 0


def _runs(prober: Prober, groups: list[Group], sizes: dict[Axis, int]) -> int:
    """At how many other sizes of at least 2 the model runs when these groups change together."""
    size = sizes[groups[0][0]]
    axes = [axis for group in groups for axis in group]
    news = [
        new
        for new in (size + 1, size + 2, size + 4, size + 8, size + 16, size + 32, 2 * size, size - 1, size // 2)
        if new > 1
    ]
    return sum(prober.means(outcome) for outcome in prober.at([dict.fromkeys(axes, new) for new in news]))
