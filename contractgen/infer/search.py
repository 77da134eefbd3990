"""The search for a first input: hypotheses are run symbolically, failures say what to change, successes are run for real.

Best first: alternately the attempt that came furthest into the model and the one that departs least from what its names
and annotations suggest. Bounded by a number of runs, so that the result never depends on a machine's speed.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from contractgen.infer.forked import Outcome
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Path, Record, Unknown, describe
from contractgen.infer.longest import with_longest
from contractgen.infer.messages import names_dtype, ranks_in_message, strings
from contractgen.infer.neighbours import (
    after_symbolic_failure,
    channels_from_message,
    mirrors,
    shapes_from_message,
    sizes_from_message,
    smaller,
    squares,
    weight_sizes,
)
from contractgen.infer.opaque import OpaqueTracer
from contractgen.infer.priors import shape_in_docstring
from contractgen.infer.probe import ProbeJob
from contractgen.infer.recorder import Hint
from contractgen.infer.runner import Runner
from contractgen.infer.signature import Signature
from contractgen.infer.solve import FRESH, flips
from contractgen.infer.structures import keys_from_message, other_lengths
from contractgen.infer.trial import Tracer, Trial, reads_values
from contractgen.infer.values import Plan, plans

_LOG = logging.getLogger(__name__)
_DOUBTS, _LATE = 8, 60
"""So many kinds of failures of symbolic runs are tried for real, once so many runs have found nothing."""


@dataclass(frozen=True)
class Found:
    """A hypothesis that the model ran on for real, with the plan of values and the symbolic run, as far as it came."""

    hypothesis: Hypothesis
    plan: Plan
    trial: Trial


@dataclass
class Limits:
    """How far a search goes, in counts."""

    trials: int = 600
    confirmations: int = 60
    patience: int = 10_000
    """After so many runs that came no further than the best one before, the search ends."""
    fill: bool = True
    """Whether parameters that may be None may be given."""


@dataclass(order=True)
class _State:
    key: tuple[float, ...]
    number: int
    hypothesis: Hypothesis = field(compare=False)
    cost: float = field(compare=False)


@dataclass(frozen=True)
class Attempt:
    """A failed run, for the report of a search that finds nothing."""

    progress: int
    inputs: str
    error: str


class Search:
    """Finds inputs for one module."""

    def __init__(
        self, signature: Signature, tracer: Tracer | OpaqueTracer, runner: Runner, pool: Sequence[int]
    ) -> None:
        self.signature = signature
        self.tracer = tracer
        self.runner = runner
        self.pool = pool
        self.attempts: list[Attempt] = []
        self.asked: set[tuple[Path, str]] = set()
        self.hints: dict[Path, Hint] = {}
        self._confirmations = 0
        self._fill = True
        self._answer: int | None = None

    def find(
        self, start: Hypothesis, *, frozen: frozenset[Path] = frozenset(), limits: Limits | None = None
    ) -> Found | None:
        """The first hypothesis, grown from ``start``, that runs; nodes at ``frozen`` keep dtype and rank."""
        limits = limits or Limits()
        self._fill = limits.fill
        numbers = itertools.count()
        furthest: list[_State] = []
        simplest: list[_State] = []
        seen: dict[Hypothesis, float] = {}

        def push(hypothesis: Hypothesis, progress: float, cost: float) -> None:
            if cost - progress < seen.get(hypothesis, math.inf):  # new, or found again by a shorter way
                seen[hypothesis] = cost - progress
                number = next(numbers)
                heapq.heappush(furthest, _State((cost - progress,), number, hypothesis, cost))
                heapq.heappush(simplest, _State((cost, -progress), number, hypothesis, cost))

        seen_errors: Counter[tuple[str, tuple[int, ...], int]] = Counter()
        others = {path for path in start.leaves() if path in frozen}
        if others == set(start.leaves()) and start.unknown() is None:
            others = set()  # nothing new is being fitted to what was found before

        def grow(state: _State, neighbours: Iterator[tuple[Hypothesis, float]], trial: Trial, message: str) -> None:
            """Queue what follows from a failure; the more often the same one was met at these ranks, the later."""
            ranks = tuple(len(leaf.sizes) for leaf in state.hypothesis.leaves().values())
            equalities = sum(guard.equality for guard in trial.guards)
            progress = 0.6 * math.log2(1 + trial.progress) + 0.15 * equalities
            kind = (re.sub(r"\bs\d+\b|\d+", "#", message)[:120], ranks, equalities)
            tired = 0.2 * seen_errors[kind]
            seen_errors[kind] += 1
            sizes = state.hypothesis.sizes()
            # Where only tensors that were found before met, it is they that do not fit.
            kept = others - set(trial.suspects) if others.issuperset(trial.suspects) else others
            for neighbour, cost in neighbours:
                same_ranks = tuple(len(leaf.sizes) for leaf in neighbour.leaves().values()) == ranks
                new = neighbour.sizes()
                disturbed = sum(new[axis] != size for axis, size in sizes.items() if axis[0] in kept and axis in new)
                push(neighbour, progress, state.cost + cost + (tired if same_ranks else 0.0) + 0.5 * disturbed)

        push(start, 0.0, 0.0)
        done: set[Hypothesis] = set()
        budget = self.tracer.trials + limits.trials
        confirmations = self._confirmations + limits.confirmations
        turn, best, idle = 0, -1.0, 0
        doubts: dict[str, tuple[Hypothesis, Trial]] = {}
        while (furthest or simplest) and self.tracer.trials < budget and self._confirmations < confirmations:
            turn += 1
            if turn == _LATE and (found := self._first_that_runs(doubts)) is not None:
                return found
            heap = furthest if (turn % 3 and furthest) or not simplest else simplest
            state = heapq.heappop(heap)
            if state.hypothesis in done:
                continue
            done.add(state.hypothesis)
            trial = self._trace(state.hypothesis)
            _LOG.debug("%.2f %d %s | %s", state.cost, trial.progress, describe(state.hypothesis), trial.message[:150])
            self.asked |= trial.asked.optional
            if trial.may_run:
                outcome, plan = self._confirm(state.hypothesis)
                if plan is not None:
                    return Found(state.hypothesis, plan, trial)
                self._note(state.hypothesis, trial.progress + 1, outcome.describe())
                after = self._after_real_failure(state.hypothesis, outcome, trial, frozen)
                grow(state, after, trial, outcome.message)
                continue
            reach = trial.progress + 0.1 * sum(guard.equality for guard in trial.guards)
            if reach >= best and trial.fails_at_tensors and len(doubts) < _DOUBTS:
                doubts.setdefault(re.sub(r"\d+", "#", trial.message), (state.hypothesis, trial))
            best, idle = (reach, 0) if reach > best else (best, idle + 1)
            if idle > limits.patience:
                break
            self._note(state.hypothesis, trial.progress, trial.message)
            grow(state, self._neighbours(state.hypothesis, trial, frozen), trial, trial.message)
        return self._first_that_runs(doubts) if turn < _LATE else None

    def _first_that_runs(self, doubts: Mapping[str, tuple[Hypothesis, Trial]]) -> Found | None:
        """What runs for real though its symbolic run failed, the one that came furthest first: kernels take more."""
        for hypothesis, trial in sorted(doubts.values(), key=lambda doubt: -doubt[1].progress):
            _, plan = self._confirm(hypothesis)
            if plan is not None:
                return Found(hypothesis, plan, trial)
        return None

    def _trace(self, hypothesis: Hypothesis) -> Trial:
        """A symbolic run; where the model reads a tensor's content, one with an answer under which it comes furthest."""
        trial = self.tracer.run(hypothesis, answer=self._answer)
        if not trial.read or trial.ok or trial.error is None or not reads_values(trial.error):
            return trial
        answered = {answer: self.tracer.run(hypothesis, answer=answer) for answer in (1, 0, 2)}
        best = max(answered, key=lambda answer: (answered[answer].ok, answered[answer].progress))
        # Where every answer ends in the same failure, that failure has nothing to do with the content.
        alike = len({one.message for one in answered.values()}) == 1 and answered[best].progress == trial.progress
        if answered[best].progress > trial.progress or alike:
            self._answer = best
            return answered[best]
        return trial

    def reach(self, hypothesis: Hypothesis) -> float:
        """How far a run without symbols comes: its operators, without end where it succeeds."""
        trial = self.tracer.run(hypothesis, answer=self._answer, symbolic=False)
        return math.inf if trial.ok else trial.progress

    def _note(self, hypothesis: Hypothesis, progress: int, error: str) -> None:
        self.attempts.append(Attempt(progress, describe(hypothesis), error.split("\n", maxsplit=1)[0][:300]))

    def _confirm(self, hypothesis: Hypothesis) -> tuple[Outcome, Plan | None]:
        """A plan of values that the model really runs on, finite outputs preferred; else the first failure."""
        first: Outcome | None = None
        fallback: Plan | None = None
        self._confirmations += 1
        for batch in _batches(plans(hypothesis), (1, 7, 40)):
            outcomes = self.runner.run([ProbeJob(hypothesis, plan) for plan in batch])
            for plan, outcome in zip(batch, outcomes, strict=True):
                first = first or outcome
                if outcome.ok and outcome.value.finite:
                    return outcome, with_longest(self.runner, hypothesis, plan)
                if outcome.ok and fallback is None:
                    fallback = plan
            if len(batch) > 1 and len({outcome.message for outcome in outcomes}) == 1 and not outcomes[0].ok:
                break  # no content helps: the sizes are at fault
        assert first is not None
        return first, fallback

    def _neighbours(
        self, hypothesis: Hypothesis, trial: Trial, frozen: frozenset[Path]
    ) -> Iterator[tuple[Hypothesis, float]]:
        """What to try after a symbolic run that failed, with the cost of each."""
        if trial.decided is not None:
            yield from self._decided(hypothesis, trial)
            return
        if trial.missing is not None:
            yield hypothesis.with_node((*trial.missing.path, trial.missing.key), Unknown()), 0.0
            return
        yield from channels_from_message(hypothesis, trial.message)
        sizes = hypothesis.sizes()
        conditions = [guard for guard in trial.guards if all(axis in sizes for axis in guard.axes)]
        for back, guard in enumerate(reversed(conditions[-8:])):
            if guard.artefact and back:
                continue
            for index, new in enumerate(flips(guard, conditions, sizes, self.pool)):
                yield hypothesis.with_sizes(new), 0.1 + 0.2 * back + 0.05 * index
        yield from after_symbolic_failure(hypothesis, trial, conditions, frozen)
        yield from self._structural(hypothesis, trial.message, trial, frozen)

    def _after_real_failure(
        self, hypothesis: Hypothesis, outcome: Outcome, trial: Trial, frozen: frozenset[Path]
    ) -> Iterator[tuple[Hypothesis, float]]:
        """What to try after a real run that failed: its message knows numbers, dtypes and ranks."""
        yield from shapes_from_message(hypothesis, outcome.message)
        yield from sizes_from_message(hypothesis, outcome.message)
        yield from smaller(hypothesis, outcome.message)
        yield from mirrors(hypothesis, trial.suspects)
        yield from squares(hypothesis, self.pool)
        if isinstance(self.tracer, OpaqueTracer):
            yield from weight_sizes(hypothesis, self.pool)
        yield from self._structural(hypothesis, outcome.describe(), trial, frozen)

    def _decided(self, hypothesis: Hypothesis, trial: Trial) -> Iterator[tuple[Hypothesis, float]]:
        assert trial.decided is not None
        path, kind, key, hint = trial.decided.path, trial.decided.kind, trial.decided.key, trial.decided.hint
        prior = self.signature.prior(path)
        if kind == "tensor" or prior.declared:
            self.hints[path] = hint
            for (dtype, rank), cost in self.shapes(path):
                yield hypothesis.with_node(path, self.fresh(hypothesis, path, dtype, rank)), cost
        elif kind == "object" and path[0] in self.signature.optional:
            return  # an object of the library's own, like a cache: no input that travels
        elif kind in ("dict", "object"):
            children = ((key, Unknown()),) if isinstance(key, str) else ()
            yield hypothesis.with_node(path, Group("dict", children, Record if kind == "object" else None)), 0.0
        elif kind in ("list", "tuple"):
            one_tensor = not prior.dtypes[0].is_floating_point  # two rows of ids are one tensor more often than a pair
            for count, cost in ((2, 0.0), (3, 0.3), (1, 0.6), (4, 0.9)):
                children_of = tuple((index, Unknown()) for index in range(count))
                group = Group("list" if kind == "list" else "tuple", children_of)
                yield hypothesis.with_node(path, group), cost + (1.0 if one_tensor else 0.0)
            for (dtype, rank), cost in self.shapes(path):
                node = self.fresh(hypothesis, path, dtype, rank)
                yield hypothesis.with_node(path, node), cost + (0.0 if one_tensor else 0.4)
        else:
            values: dict[str, tuple[object, ...]] = {
                "int": (1, 2),
                "float": (1.0,),
                "bool": (False, True),
                "str": strings(self.signature.source),
            }
            for index, value in enumerate(values[kind]):
                yield hypothesis.with_node(path, Fixed(value)), 0.1 * index
            if kind in ("bool", "int", "float"):
                for (dtype, rank), cost in self.shapes(path):
                    yield hypothesis.with_node(path, self.fresh(hypothesis, path, dtype, rank)), 1.0 + cost

    def shapes(self, path: Path) -> Iterator[tuple[tuple[torch.dtype, int], float]]:
        """Pairs of dtype and rank for a tensor with their costs, the likeliest first."""
        prior, hint = self.signature.prior(path), self.hints.get(path, Hint())
        written = self.signature.written(path)
        ids_of_nodes = (
            (1,) if self.signature.of_graphs and hint.dtypes[:1] == (torch.int64,) and 1 in hint.ranks else ()
        )
        ranks = list(dict.fromkeys((*written.ranks[:1], *ids_of_nodes, *hint.ranks, *prior.ranks)))
        used = (self.signature.floating if dtype == torch.float32 else dtype for dtype in hint.dtypes)
        dtypes = list(dict.fromkeys((*written.dtypes[:1], *used, *prior.dtypes)))
        for (i, dtype), (j, rank) in itertools.product(enumerate(dtypes[:8]), enumerate(ranks[:6])):
            yield (dtype, rank), 0.7 * i + 0.5 * j + (0.0 if rank else 3.0)

    def fresh(self, hypothesis: Hypothesis, path: Path, dtype: torch.dtype, rank: int) -> Leaf:
        """A tensor whose sizes no other axis has."""
        used = set(hypothesis.sizes().values())
        start = {4: 8, 5: 3}.get(rank, 0)  # images need room for their windows, volumes must stay small
        fresh = [size for size in FRESH if size not in used]
        dims = self.signature.prior(path).dims
        sizes = [fresh[axis + (start if axis >= 2 else 0)] for axis in range(rank)]
        if len(dims) == rank:
            sizes = [
                int(dim) if dim.isdigit() and int(dim) > 0 else size for dim, size in zip(dims, sizes, strict=True)
            ]
        return Leaf(dtype, tuple(sizes))

    def _structural(
        self, hypothesis: Hypothesis, message: str, trial: Trial, frozen: frozenset[Path]
    ) -> Iterator[tuple[Hypothesis, float]]:
        """Other ranks, dtypes, lengths and keys, the tensors that the failing operator saw first."""
        suspects = trial.suspects
        yield from keys_from_message(hypothesis, message)
        if self._fill:
            yield from self._filled(hypothesis, message, trial.absent)
        leaves = hypothesis.leaves()
        named_ranks = ranks_in_message(message)
        for path, leaf in leaves.items():
            if path in frozen:
                continue
            written = shape_in_docstring(str(path[-1]), message)
            if written and len(written) != len(leaf.sizes):
                yield hypothesis.with_node(path, self.fresh(hypothesis, path, leaf.dtype, len(written))), 0.05
            penalty = 0.3 if not suspects or path in suspects else 1.2
            for (dtype, rank), cost in self.shapes(path):
                if (dtype == leaf.dtype) == (rank == len(leaf.sizes)):
                    continue
                if rank == len(leaf.sizes) and names_dtype(message, dtype):
                    yield hypothesis.with_node(path, replace(leaf, dtype=dtype)), 0.2 * penalty
                named = rank in named_ranks and rank != len(leaf.sizes)
                wanted = 0.0 if named or names_dtype(message, dtype) else 0.5
                fresh = self.fresh(hypothesis, path, dtype, rank)
                close = 0.3 if named and path in suspects else 1.0
                yield hypothesis.with_node(path, fresh), close * (penalty + 0.3 * cost + wanted)
            if re.search(
                r"must be tuple of Tensors|must be (tuple|list)|can't be iterated|expected Tensor as element", message
            ):
                items = tuple((index, Unknown()) for index in range(2))
                yield hypothesis.with_node(path, Group("list", items)), penalty
        for path, node in list(hypothesis.nodes()):
            if isinstance(node, Unknown):
                if "must be tuple of Tensors" in message or "expected a sequence" in message:
                    yield hypothesis.with_node(path, Group("list", ((0, Unknown()), (1, Unknown())))), 0.1
                else:
                    blind = 0.2 if _TELLS_KIND.search(message) else 1.2  # else the run failed before it looked at it
                    for (dtype, rank), cost in self.shapes(path):
                        yield hypothesis.with_node(path, self.fresh(hypothesis, path, dtype, rank)), blind + cost
            settled = any(at[: len(path)] == path for at in frozen)
            if isinstance(node, Group) and node.kind in ("list", "tuple") and node.cls is None and not settled:
                yield from other_lengths(hypothesis, path, node, message)

    def _filled(self, hypothesis: Hypothesis, message: str, named: Sequence[str]) -> Iterator[tuple[Hypothesis, float]]:
        """Parameters that may be None, given: a model may ask for one of them all the same, first those ``named``."""
        absent = [name for name in self.signature.optional if isinstance(hypothesis.param(name).node, Fixed)]
        given = [param.name for param in hypothesis.params if param.name not in absent]
        needed = [name for name in named if not name.endswith("embeds")]  # those are read where the ids are absent too
        for index, name in enumerate(absent):
            # A part of the model asks for its own input by the name that another part's goes by.
            names = [name, *(other for other in given if name.endswith(f"_{other}"))]
            mentioned = any(re.search(rf"\b{re.escape(each)}\b", message) for each in names)
            cost = 0.2 if mentioned else 0.6 if "None" in message and not needed else 1.5
            if name in needed:
                cost = 0.05
            elif _SECONDARY.search(name):
                cost += 0.1 if name in named else 1.0
            yield hypothesis.with_node((name,), self.signature.optional[name]), cost + 0.05 * index


_TELLS_KIND = re.compile(r"Recorder|NoneType|TypeError|AttributeError|must be|expected")
"""What messages say of a value of the wrong kind."""

_SECONDARY = re.compile(r"mask|embeds|past|cache|outputs|labels?\b|target|position|states?\b|bias")
"""Optional parameters that models seldom need to run at all."""


def _batches(source: Iterator[Plan], counts: Sequence[int]) -> Iterator[list[Plan]]:
    for count in counts:
        batch = list(itertools.islice(source, count))
        if batch:
            yield batch
