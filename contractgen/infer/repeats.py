"""First inputs that a model repeats by accident: an image of one patch, which is added to each row of a table of places.

Broadcasting lets the run pass, and what is measured around such an input are the sizes that give a single patch. Sizes
that fill the table are what its author meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from contractgen.infer.guards import Guard
from contractgen.infer.probe import Prober
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.solve import FRESH, flips
from contractgen.infer.trial import Repeat

_ROUNDS = 4
_ONCE = Limits(trials=1, confirmations=1)


def without_repeats(search: Search, found: Found) -> Found:
    """The input at sizes at which nothing computed from it is repeated along a tensor of the model's own, if it runs so."""
    for _ in range(_ROUNDS):
        filled = _filling_one(search, found)
        if filled is None:
            break
        found = filled
    return found


def without_ones(search: Search, found: Found) -> Found:
    """The input with the size that its author means where one of 1 is expanded to it, as the three columns of points."""
    for axis, size in found.hypothesis.sizes().items():
        if size != 1:
            continue
        used = list(dict.fromkeys(found.hypothesis.sizes().values()))
        larger = found.hypothesis.with_sizes({axis: next(n for n in FRESH if n not in used)})
        prober = Prober(search.runner, found.hypothesis, found.plan)
        failed = search.tracer.run(larger)
        if failed.ok and axis[1] == 0 and Prober(search.runner, larger, found.plan).ok({}):
            found = Found(larger, found.plan, failed)  # what another tensor's single row is expanded to can be told now
            continue
        named = dict.fromkeys([*(int(number) for number in re.findall(r"\b\d{1,4}\b", failed.message)), *used])
        for wanted in [number for number in named if number > 1][:6]:
            same, *beyond = prober.at([{axis: wanted}, {axis: wanted + 1}, {axis: wanted + 2}])
            if same.ok and same.value.tree == prober.base().tree and not any(outcome.ok for outcome in beyond):
                hypothesis = found.hypothesis.with_sizes({axis: wanted})
                found = Found(hypothesis, found.plan, search.tracer.run(hypothesis, answer=found.trial.answer))
                break
    return found


def _filling_one(search: Search, found: Found) -> Found | None:
    """The input with one repeat less."""
    sizes = found.hypothesis.sizes()
    for repeat in found.trial.repeated:
        for condition in _conditions(repeat, found.trial.guards):
            # What the run at hand required of these axes may come of their giving 1.
            kept = [guard for guard in found.trial.guards if guard.tie or not set(guard.axes) & set(condition.axes)]
            for new in flips(condition, kept, sizes, search.pool):
                hypothesis = found.hypothesis.with_sizes(new)
                filled = search.find(hypothesis, frozen=frozenset(hypothesis.leaves()), limits=_ONCE)
                if filled is not None:
                    return filled
    return None


def _conditions(repeat: Repeat, guards: tuple[Guard, ...]) -> Iterator[Guard]:
    """What to negate: that the repeated size differs, first as the run knew it before it had found a factor to be 1."""
    whole = [g for g in guards if g.source.endswith(_ONE) and set(g.axes) > set(repeat.differs.axes)]
    for guard in sorted(whole, key=lambda guard: -len(guard.axes)):
        yield replace(guard, source=f"{guard.source.removesuffix(_ONE)} != {repeat.size}", artefact=False, solutions=())
    yield repeat.differs


_ONE = " == 1"
