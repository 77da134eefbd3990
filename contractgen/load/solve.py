"""Finding the arguments of a constructor from the shapes of the weights that its model had.

The constructor is called with candidate values on the meta device, where building costs little, until the names and
shapes of its state are those of the file. One argument is changed at a time: two builds show how each size depends on it
and so which value would give the size in the file; where that does not help, all candidates are tried. The number of
builds is bounded, so the outcome never depends on a machine's speed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import torch

from contractgen.load.behaviour import behaviour_of
from contractgen.load.candidates import candidates, silent
from contractgen.load.constructor import Slot
from contractgen.load.layout import Difference, Layout, changed_axes, compare, counts_of, layout_of_module

_MOST_STARTS: Final = 120
_FEW: Final = ("head", "group", "layer", "depth", "block")
"""Words in the names of arguments that count something; large values of them are slow to build or cannot be."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What one set of values gave: a module's difference from the file, or an error."""

    values: Values
    difference: Difference | None = None
    layout: Layout = field(default_factory=lambda: Layout({}))
    behaviour: str = ""
    """What else than its weights decides what the module computes, as one text."""
    error: BaseException | None = None

    @property
    def score(self) -> float:
        """The higher, the more agrees; a module that cannot be built agrees least."""
        return float("-inf") if self.difference is None else self.difference.score

    @property
    def fits(self) -> bool:
        """Whether names and shapes are those of the file."""
        return self.difference is not None and not self.difference


class Trials:
    """Builds and compares; remembers what it built, and counts."""

    def __init__(self, build: Callable[[Values], torch.nn.Module], file: Layout, most: int) -> None:
        self.file = file
        self.left = most
        self._build = build
        self._known: dict[str, Trial] = {}

    def at(self, values: Values) -> Trial:
        """The outcome for these values."""
        key = repr(sorted(values.items()))
        known = self._known.get(key)
        if known is not None:
            return known
        if self.left <= 0:
            return Trial(values)
        self.left -= 1
        try:
            module = self._build(values)
            layout = layout_of_module(module)
            trial = Trial(values, compare(self.file, layout), layout, behaviour_of(module))
        except (Exception, SystemExit) as error:
            trial = Trial(values, error=error)
        self._known[key] = trial
        return trial


def first(trials: Trials, slots: Sequence[Slot], given: Mapping[str, Any], hints: Mapping[str, Any]) -> Trial:
    """The best of a few trials that need no search: one that was built, if any can be."""
    best: Trial | None = None
    for start in _starts(slots, given, hints):
        required = [slot for slot in slots if slot.required and slot.name not in start and _head(slot) not in start]
        trial = _start(trials, required, start)
        if best is None or trial.score > best.score:
            best = trial
        if best.fits:
            break
    assert best is not None
    return best


def search(trials: Trials, slots: Sequence[Slot], given: Mapping[str, Any], hints: Mapping[str, Any]) -> Trial:
    """The best trial: one that fits, if any was found.

    ``given`` values stay. ``hints`` (what a checkpoint says of its own constructor) are tried first, then the defaults;
    defaults are changed only where no values of the required arguments fit.
    """
    open_slots = [slot for slot in slots if slot.name not in given]
    best = first(trials, slots, given, hints)
    if best.difference is None:
        return best
    required = [slot for slot in open_slots if slot.required]
    changeable = [slot for slot in open_slots if slot.required or slot.kind != "str"]
    while not best.fits and trials.left > 0:
        before = best.score
        best = _climb(trials, required, best, exhaustive=False)
        best = _climb(trials, changeable, best, exhaustive=False)
        best = _climb(trials, required, best, exhaustive=True)
        if best.score == before:
            best = _best_pair(trials, changeable, best)
        if best.score == before:
            best = _climb(trials, changeable, best, exhaustive=True)
        if best.score == before:
            break
    return best


def _starts(slots: Sequence[Slot], given: Mapping[str, Any], hints: Mapping[str, Any]) -> list[Values]:
    """What is fixed before anything is tried: the hints field by field, a hinted configuration as a whole, or nothing."""
    heads = {_head(slot) for slot in slots} - {""}
    fields = {name: value for name, value in hints.items() if name not in heads}
    whole = {name: value for name, value in hints.items() if name.partition(".")[0] not in heads or name in heads}
    starts = [{**fields, **given}, {**whole, **given}, dict(given)]
    return [start for index, start in enumerate(starts) if start not in starts[:index]]


def _head(slot: Slot) -> str:
    """The argument that a field of a configuration belongs to, or an empty string."""
    return slot.name.partition(".")[0] if slot.record is not None else ""


def _start(trials: Trials, required: Sequence[Slot], fixed: Values) -> Trial:
    """The best of the first sets of values: the same size for all, heads and layers at one, then a spread of others."""
    if not required:
        return trials.at(fixed)
    pools = {slot.name: candidates(slot, trials.file) for slot in required}
    best: Trial | None = None
    for count, values in enumerate(itertools.islice(_first_values(required, pools), _MOST_STARTS)):
        trial = trials.at({**fixed, **values})
        if best is None or trial.score > best.score:
            best = trial
        if best.fits or (best.difference is not None and count >= 12):
            break
    return best or Trial(fixed)


def _first_values(required: Sequence[Slot], pools: Mapping[str, list[Any]]) -> Iterator[Values]:
    if any(not pool for pool in pools.values()):
        return

    def first_of(slot: Slot, size: int) -> Any:
        if slot.kind == "int" or (slot.kind == "unknown" and size in pools[slot.name]):
            return 1 if any(word in slot.name.lower() for word in _FEW) else size
        return pools[slot.name][0]

    sizes = [size for size in next(iter(pools.values())) if type(size) is int]
    for size in (1, 2, 8, *sizes[:8], 64):
        yield {slot.name: first_of(slot, size) for slot in required}
    for step in itertools.count():  # each argument walks through its candidates at a pace of its own
        yield {
            slot.name: pools[slot.name][step * (2 * index + 1) % len(pools[slot.name])]
            for index, slot in enumerate(required)
        }


def _climb(trials: Trials, slots: Sequence[Slot], best: Trial, *, exhaustive: bool) -> Trial:
    """Change one argument at a time for the better: to what the sizes predict, or to any candidate."""
    improved = True
    while improved and not best.fits and trials.left > 0:
        before = best.score
        for slot in slots:
            values = candidates(slot, trials.file) if exhaustive else predicted(trials, slot, best)
            options = [trials.at({**best.values, slot.name: value}) for value in values]
            best = max([best, *options], key=lambda trial: trial.score)
            if best.fits:
                return best
        improved = best.score > before
    return best


def _best_pair(trials: Trials, slots: Sequence[Slot], best: Trial) -> Trial:
    """Change two arguments at once: where one must divide the other, or a product is one size, neither helps alone."""
    for a, b in itertools.permutations(slots, 2):
        asked = predicted(trials, a, best)[:4]
        for x, y in itertools.product(asked, candidates(b, trials.file)):
            trial = trials.at({**best.values, a.name: x, b.name: y})
            if trial.score > best.score:
                return trial
    for a, b in itertools.combinations(slots, 2):
        pools = [candidates(slot, trials.file)[:30] for slot in (a, b)]
        for x, y in itertools.product(*pools):
            trial = trials.at({**best.values, a.name: x, b.name: y})
            if trial.score > best.score:
                return trial
    return best


def predicted(trials: Trials, slot: Slot, base: Trial) -> list[Any]:
    """The values of ``slot`` that sizes of the file ask for, by how many of them do.

    For whole numbers: a size that grows by ``k`` with each step of the argument and lacks ``d`` asks for ``d / k`` steps
    more. Where names come and go, the argument counts modules, and the file's counts are asked for.
    """
    now = base.values.get(slot.name, slot.default)
    if slot.kind in {"bool", "sequence"} or slot.choices or type(now) is not int:
        return candidates(slot, trials.file)[:24]
    moved = _moved(trials, slot, base, now)
    if moved is None:
        return []
    step = moved.values[slot.name] - now
    votes: Counter[int] = Counter()
    for key, axis in changed_axes(base.layout, moved.layout):
        if axis == -1:
            votes.update({count for both in counts_of(trials.file).values() for count in both})
            continue
        target, a, b = trials.file.shapes.get(key), base.layout.shapes[key], moved.layout.shapes[key]
        if target is None or a is None or b is None or len(target) != len(a):
            continue
        value = now + Fraction(step * (target[axis] - a[axis]), b[axis] - a[axis])
        if value.denominator == 1 and value >= 0:
            votes[int(value)] += 1
    return [value for value, _ in sorted(votes.items(), key=lambda item: (-item[1], item[0]))[:8]]


def _moved(trials: Trials, slot: Slot, base: Trial, now: int) -> Trial | None:
    """The first trial with a somewhat larger value of one argument that changes the layout."""
    moves = (trials.at({**base.values, slot.name: now + step}) for step in (1, 2, now or 4, 4))
    return next((trial for trial in moves if trial.layout.shapes and changed_axes(base.layout, trial.layout)), None)


def alternatives(trials: Trials, slot: Slot, found: Trial) -> list[Trial]:
    """Other values of one argument that fit as well, at most three."""
    if silent(slot.name):
        return []
    own = found.values[slot.name]
    if type(own) is int:
        next_one = trials.at({**found.values, slot.name: own + 1})
        if next_one.difference is not None and not next_one.fits:
            return []  # a size follows it step by step
    fitting: list[Trial] = []
    for value in candidates(slot, trials.file)[:60]:
        if repr(value) == repr(own) or type(value) is not type(own):
            continue
        trial = trials.at({**found.values, slot.name: value})
        if trial.fits:
            fitting.append(trial)
        if len(fitting) == 3:
            break
    return fitting


def paired_alternatives(trials: Trials, slots: Sequence[Slot], found: Trial) -> list[tuple[str, str, Trial]]:
    """Other values of two arguments that fit as well: those that enter the sizes only through their product."""
    touched: dict[str, frozenset[tuple[str, int]]] = {}
    for slot in slots:
        now = found.values.get(slot.name, slot.default)
        if type(now) is int:
            moved = _moved(trials, slot, found, now)
            touched[slot.name] = changed_axes(found.layout, moved.layout) if moved else frozenset()
    fitting: list[tuple[str, str, Trial]] = []
    for a, b in itertools.combinations(touched, 2):
        if not touched[a] or touched[a] != touched[b]:
            continue
        x, y = (found.values.get(name, next(s.default for s in slots if s.name == name)) for name in (a, b))
        for factor in (2, 3, 4, 5, 8, 16):
            for left, right in ((x * factor, Fraction(y, factor)), (Fraction(x, factor), y * factor)):
                if Fraction(left).denominator == Fraction(right).denominator == 1:
                    trial = trials.at({**found.values, a: int(left), b: int(right)})
                    if trial.fits:
                        fitting.append((a, b, trial))
    return fitting
