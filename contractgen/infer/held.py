"""Sizes that the model's author wrote down: integers in its attributes and configuration, by the names that they have.

Where a model runs on several sizes and only one is meant, a number that it keeps for itself tells which. That is a
reading of names and no proof: what follows from it is assumed, and put to the user as a question.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from contractgen.infer.batch import prove_batch
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis, Hypothesis, dotted, name_in
from contractgen.infer.optional import Optionals
from contractgen.infer.probe import Prober
from contractgen.infer.ranks import at_sizes, groups_of
from contractgen.infer.search import Found, Search
from contractgen.infer.signature import Signature
from contractgen.infer.solve import flips
from contractgen.infer.ties import Group

_INPUTS = {
    "mel", "mels", "bin", "bins", "length", "len", "frame", "frames", "freq", "freqs", "frequency", "size", "dim", "dims",
    "height", "width", "feature", "features", "channel", "channels", "obs", "observation", "state", "act", "action",
    "input", "inputs", "sample", "samples", "step", "steps", "window", "fft", "image", "img", "time", "seq", "context",
    "in",
}  # fmt: skip
_INTERNAL = {
    "hidden", "intermediate", "layer", "layers", "head", "heads", "label", "labels", "class", "classes", "vocab", "id",
    "stride", "strides", "kernel", "patch", "padding", "dilation", "groups", "out", "output", "embed", "embedding", "model",
    "chunk", "batch", "conv", "num_layers", "depth", "seed", "version", "rate", "dropout", "type", "experts", "blocks",
}  # fmt: skip
_MOST = 24
_TRIED = 4
_ROUNDS, _WIDER = 3, 48


@dataclass(frozen=True)
class Held:
    """One such integer."""

    size: int
    name: str
    """The attribute, behind ``config.`` where a configuration has it."""

    @property
    def words(self) -> frozenset[str]:
        """The words of its name."""
        return frozenset(re.findall(r"[a-z]+", self.name.rsplit(".", maxsplit=1)[-1].lower()))


def held_sizes(module: torch.nn.Module) -> list[Held]:
    """The integers of the module and its parts that may be sizes of inputs; those of torch's own layers speak of weights."""
    found: dict[Held, None] = {}
    for submodule in module.modules():
        if type(submodule).__module__.startswith("torch.") or isinstance(submodule, torch.jit.ScriptModule):
            continue
        for name, value in vars(submodule).items():
            if hasattr(value, "to_dict") and hasattr(value, "model_type"):  # a transformers configuration
                found |= {
                    Held(size, f"{name}.{key}"): None for key, item in vars(value).items() for size in _sizes(item)
                }
            elif not name.startswith("_"):
                found |= {Held(size, name): None for size in _sizes(value)}
    told = [held for held in found if held.words & _INPUTS and not held.words & _INTERNAL]
    return list({held.size: held for held in reversed(told)}.values())[::-1][:_MOST]


def _sizes(value: object) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 < value < 1 << 20:
        yield value
    elif isinstance(value, (list, tuple)) and len(value) <= 4:
        for item in value:
            yield from _sizes(item)


def seat(search: Search, optionals: Optionals) -> tuple[Optionals, dict[Axis, Held]]:
    """The input with sizes of which the model binds only a sum or a product at numbers that it holds, and which they are."""
    optionals, seated = _columns_of_reshapes(search, optionals)
    if not seated:
        optionals, seated = _spanned_by_kernels(search, optionals)
    held = held_sizes(search.runner.module)
    for guard in optionals.found.trial.guards if held else ():
        if not guard.equality or guard.tie or guard.artefact or not 2 <= len(guard.axes) <= 3:
            continue
        found = optionals.found
        prober = Prober(search.runner, found.hypothesis, found.plan)
        groups = groups_of(prober, found)
        parts = [group for group in groups if set(group) & set(guard.axes)]
        if set(guard.axes) & set(seated) or any((path, 0) in group for group in parts for path, _ in group):
            continue  # the first axis is the batch
        if len(parts) < 2 or not _bound(prober, parts):
            continue
        for chosen in _seatings(prober, parts, found.trial.guards, held, search.signature):
            change = {axis: one.size for part, one in zip(parts, chosen, strict=True) for axis in part}
            if not prober.means(prober.at([change])[0]):
                continue
            seated |= {axis: one for part, one in zip(parts, chosen, strict=True) for axis in part}
            optionals = replace(optionals, found=at_sizes(search, found, change))
            break
    return optionals, seated


def _columns_of_reshapes(search: Search, optionals: Optionals) -> tuple[Optionals, dict[Axis, Held]]:
    """The input with as many columns as a reshape of a matrix asks for, where it takes any that come out even."""
    seated: dict[Axis, Held] = {}
    for guard in optionals.found.trial.guards:
        found = optionals.found
        columns = _asked_for(guard, found.hypothesis)
        if columns is None or columns[0] in seated:
            continue
        axis, wanted = columns
        prober = Prober(search.runner, found.hypothesis, found.plan)
        groups = groups_of(prober, found)
        part = next(group for group in groups if axis in group)
        change, more = dict.fromkeys(part, wanted), dict.fromkeys(part, 2 * wanted)
        if any(index == 0 for _, index in part) or prove_batch(prober, groups, optionals.names) is not None:
            continue
        if all(prober.means(outcome) for outcome in prober.at([change, more])):
            seated |= dict.fromkeys(part, Held(wanted, "the columns of a reshape"))
            optionals = replace(optionals, found=at_sizes(search, found, change))
    return optionals, seated


def _spanned_by_kernels(search: Search, optionals: Optionals) -> tuple[Optionals, dict[Axis, Held]]:
    """The input with a side that a kernel of one column spans, as electrodes, where only the product of two sides is bound."""
    found = optionals.found
    prober = Prober(search.runner, found.hypothesis, found.plan)
    spans = _spans(search.runner.module)
    pictures = [path for path, leaf in found.hypothesis.leaves().items() if len(leaf.sizes) == 4] if spans else []
    groups = groups_of(prober, found) if pictures else []
    for path, (axis, size) in itertools.product(pictures, spans):
        own, other = (next(group for group in groups if (path, at) in group) for at in (axis, 5 - axis))
        sizes = found.hypothesis.sizes()
        if own == other or sizes[own[0]] <= size or not _bound(prober, (own, other)):
            continue
        spanned = dict.fromkeys(own, size)
        wider = [spanned | dict.fromkeys(other, wide) for wide in _making_up(search, found, spanned, other)]
        change = next((c for c, ran in zip(wider, prober.at(wider), strict=True) if prober.means(ran)), None)
        if change is not None:
            name = "the height of a kernel that is one column wide" if axis == 2 else "a kernel's width"
            moved = replace(optionals, found=at_sizes(search, found, change))
            return moved, dict.fromkeys(own, Held(size, name))
    return optionals, {}


def _making_up(search: Search, found: Found, spanned: dict[Axis, int], other: Group) -> list[int]:
    """Sizes of another side that may make up for one that was set: by the conditions that fail then, and the multiples."""
    tried: list[int] = []
    start = found.hypothesis.with_sizes(spanned)
    for _ in range(_ROUNDS):  # of a side of which one column is left, no condition says what several would have to be
        trial, sizes = search.tracer.run(start, answer=found.trial.answer), start.sizes()
        conditions = [guard for guard in trial.guards if all(axis in sizes for axis in guard.axes)]
        solved = (sizes | new for guard in reversed(conditions) for new in flips(guard, conditions, sizes, search.pool))
        fitting = [new[other[0]] for new in solved if new == sizes | dict.fromkeys(other, new[other[0]])]
        if trial.ok or not fitting:
            break
        tried += fitting
        start = start.with_sizes(dict.fromkeys(other, fitting[0]))
    size = found.hypothesis.sizes()[other[0]]
    return list(dict.fromkeys((*reversed(tried), *(size * more for more in range(2, _WIDER)))))


def _spans(module: torch.nn.Module) -> list[tuple[int, int]]:
    """The axis of a picture and the size of each kernel that goes along that axis alone, and over no padding."""
    found: dict[tuple[int, int], None] = {}
    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d) and not isinstance(part.padding, str):
            for side in (0, 1):
                if part.kernel_size[side] > 1 == part.kernel_size[1 - side] and not part.padding[side]:
                    found[(2 + side, part.kernel_size[side])] = None
    return sorted(found)


def _asked_for(guard: Guard, hypothesis: Hypothesis) -> tuple[Axis, int] | None:
    """The columns of a matrix, and their number, where the condition is that its elements come out even in rows of that."""
    even = re.fullmatch(r"\(\(v\[0\]\*v\[1\]\) % (\d+)\) == 0", guard.source)
    paths = {path for path, _ in guard.axes}
    if even is None or len(paths) != 1:
        return None
    path = guard.axes[0][0]
    return ((path, 1), int(even[1])) if len(hypothesis.leaves()[path].sizes) == 2 else None


def keep_seated(extents: Sequence[Extent], seated: Mapping[Axis, Held]) -> None:
    """State the sizes that were chosen, as what they are."""
    for extent in extents:
        one = seated.get(extent.group[0])
        if one is not None:
            detail = f"the model binds this size only together with others, and holds {one.size} as {one.name}"
            extent.derived, extent.fixed = None, one.size
            extent.claims = [Claim("fixed", "assumed", f"{detail}: is it meant?")]


def ask_of_sums(sizes: Sizes) -> None:
    """Put a fixed size as a question where another one runs too, if a size of another tensor makes up for the difference."""
    own = sizes.prober.hypothesis.sizes()
    for extent in sizes.extents:
        if extent.fixed is None or extent.batch or extent.fixed != own[extent.group[0]]:
            continue
        if any(claim.source in ("declared", "assumed") for claim in extent.claims):
            continue
        more = dict.fromkeys(extent.group, extent.fixed + 1)
        tensors = {path for path, _ in extent.group}
        for other in sizes.extents:
            less = dict.fromkeys(other.group, own[other.group[0]] - 1)
            if other.batch or min(less.values()) < 2 or tensors & {path for path, _ in other.group}:
                continue
            alone, together = sizes.prober.at([more, more | less])
            if sizes.prober.means(alone) or not sizes.prober.means(together):
                continue
            path, axis = other.group[0]
            detail = (
                f"{extent.fixed} ran, and {extent.fixed + 1} with {less[other.group[0]]} on axis {axis} of "
                f"{dotted(path)}: the model binds only their sum; which sizes are meant?"
            )
            extent.claims = [Claim("fixed", "assumed", detail)]
            break


def _bound(prober: Prober, parts: Sequence[Group]) -> bool:
    """Whether none of these groups can change much alone, and they are no square, which is what one means of an image."""
    own = prober.hypothesis.sizes()
    sizes = [own[part[0]] for part in parts]
    alone = [dict.fromkeys(part, 2 * size + 1) for part, size in zip(parts, sizes, strict=True)]
    square = len(set(sizes)) == 1 and len({path for part in parts for path, _ in part}) == 1
    return not square and not any(prober.means(outcome) for outcome in prober.at(alone))


def _seatings(
    prober: Prober, parts: Sequence[Group], guards: Sequence[Guard], held: Sequence[Held], signature: Signature
) -> list[tuple[Held, ...]]:
    """Numbers for each of these groups that have fitting names or satisfy all conditions, the likeliest first.

    The conditions are those of the way that one run went: what they exclude may run another way.
    """
    own = prober.hypothesis.sizes()
    conditions = [guard for guard in guards if not guard.artefact and all(axis in own for axis in guard.axes)]
    conditions.sort(key=lambda guard: not guard.equality)  # what refuses most is asked first
    found: list[tuple[int, tuple[Held, ...]]] = []
    for chosen in itertools.permutations(held, len(parts)):
        pairs = list(zip(parts, chosen, strict=True))
        fits = [_fit(part[0], one, signature) for part, one in pairs]
        sizes = own | {axis: one.size for part, one in pairs for axis in part}
        if all(fits) or all(guard.holds(sizes) for guard in conditions):
            found.append((sum(fits), chosen))
    ranked = sorted(found, key=lambda item: (-item[0], [-one.size for one in item[1]]))
    return [chosen for _, chosen in ranked[:_TRIED]]


def _fit(axis: Axis, held: Held, signature: Signature) -> int:
    """How well a name goes with an axis: the documentation has it there, or the input is called alike."""
    path, index = axis
    name = name_in(path)
    written = re.search(rf"\b{re.escape(name)}\b[^\n]{{0,80}}?\(([\w, ]+,[\w, ]+)\)", signature.documentation)
    dims = [dim.strip() for dim in written[1].split(",")] if written else []
    if index < len(dims) and dims[index] == held.name.rsplit(".", maxsplit=1)[-1]:
        return 3
    words = re.findall(r"[a-z]{3,}", name.lower())
    alike = any(a.startswith(b) or b.startswith(a) for a in words for b in held.words if len(b) >= 3)
    return 2 if alike else 0


def in_band(band: Sequence[int], held: Sequence[Held]) -> Held | None:
    """The one number of a band that the model holds."""
    inside = [one for one in held if one.size in band]
    return inside[0] if len(inside) == 1 else None
