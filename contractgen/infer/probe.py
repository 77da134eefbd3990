"""Real runs of one found input at other sizes and with other values: the only thing that is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from contractgen.errors import InferenceError
from contractgen.infer.forked import Outcome
from contractgen.infer.hypothesis import Axis, Hypothesis, Leaf, Node, Path
from contractgen.infer.runner import Runner
from contractgen.infer.trial import map_outputs, tensors_of
from contractgen.infer.values import Fill, Plan, fills, make_tensor


class Edit(Protocol):
    """Another content for one tensor, made from the content it would have had; picklable."""

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The other content; ``tensor`` may be changed in place."""


MOST_ELEMENTS = 1 << 24
"""Inputs with more elements than this are not tried: what they would tell is not worth the memory."""


@dataclass(frozen=True)
class OutTensor:
    """What a run returned in one place."""

    dtype: torch.dtype
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Observed:
    """The outputs of one run: their tree, whether all numbers are finite, and the tensors if they were asked for."""

    tree: object
    finite: bool
    tensors: tuple[torch.Tensor, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether some output has no elements."""
        return any(0 in tensor.sizes for _, tensor in out_tensors(self.tree))


@dataclass(frozen=True)
class Input:
    """One input to run: a hypothesis's structure with some sizes and some contents replaced."""

    sizes: tuple[tuple[Axis, int], ...] = ()
    edits: tuple[tuple[Path, Edit], ...] = ()
    seed: int = 0
    rng: int = 0
    """The state of torch's own random numbers."""


class Prober:
    """Runs variations of one input; outcomes by sizes alone are remembered, for all probers of the same one."""

    def __init__(self, runner: Runner, hypothesis: Hypothesis, plan: Plan, *, sizes_vary: bool = False) -> None:
        self.runner = runner
        self.hypothesis = hypothesis
        self.plan: Plan = {path: plan.get(path, fills(path, leaf)[0]) for path, leaf in hypothesis.leaves().items()}
        self.sizes_vary = sizes_vary
        """Whether the data decide the sizes of outputs, so that an empty one is a result like any other."""
        told = not any(isinstance(fill, torch.Tensor) for fill in self.plan.values())
        own = (hypothesis, tuple(self.plan.items()))
        self._known: dict[tuple[tuple[Axis, int], ...], Outcome] = runner.known.setdefault(own, {}) if told else {}
        self._more: list[tuple[dict[Axis, int], Outcome]] = []
        self._batch: tuple[Axis, tuple[tuple[int, int], ...]] | None = None

    def expect_rows(self, axis: Axis, outputs: tuple[tuple[int, int], ...]) -> None:
        """From now on a run fails where these (output, axis) pairs have another size than the batch axis of the input.

        A reshape to a fixed number of columns takes any multiple of it, and mixes the rows of the batch.
        """
        self._batch = (axis, outputs)

    def _with_own_rows(self, change: Mapping[Axis, int], outcome: Outcome) -> Outcome:
        if self._batch is None or not outcome.ok:
            return outcome
        axis, outputs = self._batch
        rows = change[axis] if axis in change else self.hypothesis.sizes()[axis]
        found = [tensor.sizes for _, tensor in out_tensors(outcome.value.tree)]
        if all(found[index][at] == rows for index, at in outputs if index < len(found) and at < len(found[index])):
            return outcome
        return Outcome("error", message=f"the output has not the {rows} rows of the input")

    def resized(self, sizes: Mapping[Axis, int]) -> Prober:
        """A prober of the same input at other sizes, which knows what was observed before."""
        other = Prober(self.runner, self.hypothesis.with_sizes(dict(sizes)), self.plan, sizes_vary=self.sizes_vary)
        base = self.hypothesis.sizes()
        other._more = [(base | dict(key), outcome) for key, outcome in self._known.items()]
        other._more += [(base | change, outcome) for change, outcome in self._more]
        other._batch = self._batch
        return other

    def lively(self) -> Prober:
        """The same input with other ids than 0, where it runs so: row 0 is often a padding of zeros, which hides all else."""
        prober = self
        for path, fill in self.plan.items():
            if isinstance(fill, str) and fill == "zeros":
                plan: Plan = {**prober.plan, path: "mixed"}
                other = Prober(self.runner, self.hypothesis, plan, sizes_vary=self.sizes_vary)
                other._batch = self._batch
                prober = other if other.at([{}])[0].ok else prober
        return prober

    def at(self, variations: Sequence[Mapping[Axis, int]]) -> list[Outcome]:
        """The outcome of a run at each of these sizes; axes that are not named keep theirs."""
        keys = [tuple(sorted((axis, size) for axis, size in sizes.items())) for sizes in variations]
        new = list(dict.fromkeys(key for key in keys if key not in self._known))
        for key, outcome in zip(new, self._outcomes([Input(key) for key in new], tensors=False), strict=True):
            self._known[key] = outcome
        return [self._with_own_rows(dict(key), self._known[key]) for key in keys]

    def means(self, outcome: Outcome) -> bool:
        """Whether a run gave a result as meaningful as the first one's: no empty tensor and no NaN where it had none."""
        if not outcome.ok:
            return False
        base = self.base()
        empty: bool = outcome.value.empty
        return (outcome.value.finite or not base.finite) and (not empty or base.empty or self.sizes_vary)

    def describe(self, outcome: Outcome) -> str:
        """One line for a reader; of a run that returned and does not mean anything, what its output lacks."""
        if not outcome.ok or self.means(outcome):
            return outcome.describe()
        lacks = "is empty" if outcome.value.finite or not self.base().finite else "is not finite"
        return f"it ran, but its output {lacks}"

    def base(self) -> Observed:
        """What the input as it was found gives."""
        outcome = self.at([{}])[0]
        if not outcome.ok:
            raise InferenceError(f"the model ran once and then failed on the same input: {outcome.describe()}")
        assert isinstance(outcome.value, Observed)
        return outcome.value

    def ok(self, sizes: Mapping[Axis, int]) -> bool:
        """Whether the model runs at these sizes, and means something."""
        return self.means(self.at([sizes])[0])

    def run(self, inputs: Sequence[Input], *, tensors: bool = False) -> list[Outcome]:
        """The outcomes of these inputs, in order; ``value`` is `Observed`."""
        outcomes = self._outcomes(inputs, tensors=tensors)
        return [self._with_own_rows(dict(i.sizes), outcome) for i, outcome in zip(inputs, outcomes, strict=True)]

    def _outcomes(self, inputs: Sequence[Input], *, tensors: bool) -> list[Outcome]:
        """What the runs came to, whatever rows are expected."""
        outcomes: list[Outcome | None] = [None] * len(inputs)
        jobs: list[ProbeJob] = []
        places: list[int] = []
        for index, wanted in enumerate(inputs):
            sized = self.hypothesis.with_sizes(dict(wanted.sizes))
            if sum(math.prod(leaf.sizes) for leaf in sized.leaves().values()) > MOST_ELEMENTS:
                outcomes[index] = Outcome("timeout", message="too large to try")
                continue
            jobs.append(self._job(sized, wanted, tensors))
            places.append(index)
        for index, outcome in zip(places, self.runner.run(jobs), strict=True):
            outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def inputs(self, wanted: Input) -> tuple[tuple[object, ...], dict[str, object]]:
        """``(args, kwargs)`` of one variation."""
        return self._job(self.hypothesis.with_sizes(dict(wanted.sizes)), wanted, False).inputs()

    def observations(self) -> list[tuple[dict[Axis, int], object]]:
        """The sizes and the output tree of every run so far that gave a meaningful result."""
        base = self.hypothesis.sizes()
        seen = [(dict(key), outcome) for key, outcome in self._known.items()] + self._more
        seen = [(change, self._with_own_rows(change, outcome)) for change, outcome in seen]
        return [(base | change, outcome.value.tree) for change, outcome in seen if self.means(outcome)]

    def remember(self, change: Mapping[Axis, int], outcomes: Sequence[Outcome]) -> None:
        """Count runs with other contents among the observations."""
        self._more += [(dict(change), outcome) for outcome in outcomes]

    def tensor(self, path: Path) -> torch.Tensor:
        """The content of one tensor of the input as it was found."""
        leaves = self.hypothesis.leaves()
        return make_tensor(leaves[path], self.plan[path], list(leaves).index(path), self.hypothesis.sizes())

    def _job(self, sized: Hypothesis, wanted: Input, tensors: bool) -> ProbeJob:
        return ProbeJob(sized, self.plan, wanted.edits, wanted.seed, tensors, wanted.rng)


@dataclass(frozen=True)
class ProbeJob:
    """One run, as data that a child process can be sent."""

    hypothesis: Hypothesis
    plan: Plan
    edits: tuple[tuple[Path, Edit], ...] = ()
    seed: int = 0
    tensors: bool = False
    rng: int = 0

    def inputs(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """``(args, kwargs)`` of the run."""
        order = list(self.hypothesis.leaves())
        edits, sizes = dict(self.edits), self.hypothesis.sizes()

        def make(path: Path, node: Node) -> object:
            if not isinstance(node, Leaf):
                return None  # a parameter that the model never looked at
            tensor = make_tensor(node, self.plan[path], self.seed * 1009 + order.index(path), sizes)
            return edits[path].apply(tensor) if path in edits else tensor

        return self.hypothesis.build(make)

    def __call__(self, module: torch.nn.Module) -> Observed:
        """Run it."""
        torch.manual_seed(self.rng)
        args, kwargs = self.inputs()
        # the optimiser of TorchScript rewrites the graph after the first run and is lost in a forked process
        with torch.no_grad(), torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            return observe(module(*args, **kwargs), tensors=self.tensors)


def observe(result: object, *, tensors: bool) -> Observed:
    """What can be said of a result, small enough to be sent to another process."""
    found = tensors_of(result)
    tree = map_outputs(result, lambda tensor: OutTensor(tensor.dtype, tuple(tensor.shape)))
    finite = all(bool(torch.isfinite(t).all()) for t in found if t.is_floating_point() or t.is_complex())
    kept = tuple(t.detach().clone() for t in found) if tensors else ()
    return Observed(tree, finite, kept)


def out_tensors(tree: object) -> list[tuple[tuple[str | int, ...], OutTensor]]:
    """The tensors of an output tree with their paths, in order."""
    if isinstance(tree, OutTensor):
        return [((), tree)]
    if isinstance(tree, dict):
        return [((key, *path), tensor) for key, child in tree.items() for path, tensor in out_tensors(child)]
    if isinstance(tree, (list, tuple)):
        return [((index, *path), tensor) for index, child in enumerate(tree) for path, tensor in out_tensors(child)]
    return []


@dataclass(frozen=True)
class Refill:
    """An edit that replaces the whole content."""

    fill: Fill
    seed: int

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """A new tensor of the same dtype and sizes."""
        return make_tensor(Leaf(tensor.dtype, tuple(tensor.shape)), self.fill, self.seed)


def same_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two outputs are the same to the bit, where a NaN counts as one number."""
    return first.shape == second.shape and torch.equal(torch.nan_to_num(first), torch.nan_to_num(second))
