"""The pieces of inference around one small model, as its stages get them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from contractgen.contract.model import Contract, Dim
from contractgen.infer.api import InferOptions, infer
from contractgen.infer.composed import derive
from contractgen.infer.extents import Extent, Sizes, scan
from contractgen.infer.harvest import harvest
from contractgen.infer.hypothesis import Hypothesis, Leaf, Node, Param
from contractgen.infer.oracle import Oracle
from contractgen.infer.probe import Prober
from contractgen.infer.ranks import groups_of
from contractgen.infer.runner import Runner
from contractgen.infer.search import Found, Search
from contractgen.infer.signature import read_signature
from contractgen.infer.trial import Tracer
from contractgen.infer.values import Plan, fills
from contractgen.load.loaded import LoadedModel


def f32(*sizes: int) -> Leaf:
    """A tensor of floats."""
    return Leaf(torch.float32, sizes)


def i64(*sizes: int) -> Leaf:
    """A tensor of ids."""
    return Leaf(torch.int64, sizes)


def params(**nodes: Node) -> Hypothesis:
    """A hypothesis of positional parameters."""
    return Hypothesis(tuple(Param(name, "positional", node) for name, node in nodes.items()))


class Workbench:
    """One model, and what the stages of inference need to look at it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module.eval()
        self.runner = Runner(self.module, seconds_per_run=20.0)
        self.tracer = Tracer(self.module)
        self.pool = harvest(self.module)

    def search(self) -> Search:
        """A search from the model's signature."""
        return Search(read_signature(self.module), self.tracer, self.runner, self.pool)

    def found(self, hypothesis: Hypothesis, plan: Plan | None = None, answer: int | None = None) -> Found:
        """A hypothesis as if it had been found, with what reading its content gives."""
        filled = {path: fills(path, leaf)[0] for path, leaf in hypothesis.leaves().items()} | (plan or {})
        return Found(hypothesis, filled, self.tracer.run(hypothesis, answer=answer))

    def prober(self, hypothesis: Hypothesis, plan: Plan | None = None) -> Prober:
        """A prober of a hypothesis."""
        return Prober(self.runner, hypothesis, plan or {})

    def measured(self, hypothesis: Hypothesis, plan: Plan | None = None, answer: int | None = None) -> Measured:
        """The extents of a hypothesis after their scan, the first group first."""
        found = self.found(hypothesis, plan, answer)
        guards = found.trial.guards
        prober = Prober(self.runner, hypothesis, found.plan, sizes_vary=not found.trial.ok)
        extents = derive(groups_of(prober, found), guards)
        oracle = Oracle(self.tracer, hypothesis, guards, answer) if found.trial.ok else None
        sizes = Sizes(prober, extents, oracle)
        for extent in extents:
            if extent.derived is None:
                scan(sizes, extent, guards, self.pool)
        return Measured(self, found, prober, sizes)


@dataclass
class Measured:
    """A model whose sizes are known."""

    bench: Workbench
    found: Found
    prober: Prober
    sizes: Sizes

    def extent(self, name: str, axis: int) -> Extent:
        """The extent of one axis of a parameter."""
        return next(extent for extent in self.sizes.extents if ((name,), axis) in extent.group)

    def span(self, name: str, axis: int) -> tuple[int, int | None, int]:
        """Minimum, maximum and multiple of a free axis."""
        extent = self.extent(name, axis)
        assert extent.free
        return extent.min, extent.max, extent.multiple_of


Bench = Callable[[nn.Module], Workbench]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Makes workbenches, and ends their child processes."""
    made: list[Workbench] = []

    def make(module: nn.Module) -> Workbench:
        made.append(Workbench(module))
        return made[-1]

    yield make
    for workbench in made:
        workbench.runner.close()


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights in every run."""
    torch.manual_seed(0)


def loaded(
    module: nn.Module, traced_inputs: tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]] | None = None
) -> LoadedModel:
    """A module as loading gives it."""
    return LoadedModel(module.eval(), "pickle", "tiny", Path("tiny.pth"), traced_inputs)


def inferred(module: nn.Module, **options: object) -> Contract:
    """The contract of a module, with time enough for a slow machine."""
    options.setdefault("budget", 300)
    return infer(loaded(module), InferOptions("tiny", **options), lambda stage, detail: None).contract  # type: ignore[arg-type]


BATCH = Dim(role="batch")
