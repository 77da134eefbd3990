from __future__ import annotations

from typing import Any

import sympy
import torch
from torch import nn

from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis
from contractgen.infer.symbols import ordered
from tests.infer.conftest import Bench, f32, params

A, B, U, W = (sympy.Symbol(name, integer=True, positive=True) for name in ("s0", "s1", "s2", "s3"))
AXES: dict[Any, Axis] = {A: (("x",), 0), B: (("x",), 1)}
MEANS = {U: 2 * A + 1, W: U * B}


def test_symbols_come_after_those_that_define_them() -> None:
    assert ordered(W + A, MEANS) == (A, B, U, W) or ordered(W + A, MEANS).index(U) < ordered(W + A, MEANS).index(W)
    assert set(ordered(W, MEANS)) == {A, B, U, W}


def test_a_condition_is_evaluated_through_what_its_symbols_stand_for() -> None:
    guard = Guard.over(sympy.Eq(W, 21), AXES, MEANS)
    assert guard is not None
    assert set(guard.axes) == set(AXES.values())
    assert guard.holds({(("x",), 0): 3, (("x",), 1): 3})
    assert not guard.holds({(("x",), 0): 3, (("x",), 1): 4})
    assert guard.solutions == ()


class Deep(nn.Module):
    """So many strided layers that no expression of the first sizes is short; the head tells the flattened grid."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(1, 1, 5, stride=2) for _ in range(4)))
        self.head = nn.Linear(3 * 3, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.layers(x).flatten(1))


def test_a_grid_behind_many_layers_is_a_condition_on_the_sizes(bench: Bench) -> None:
    image = params(x=f32(3, 1, 96, 96))
    trial = bench(Deep()).search().tracer.run(image)
    assert trial.ok
    flattened = [guard for guard in trial.guards if guard.steps and {(("x",), 2), (("x",), 3)} <= set(guard.axes)]
    assert flattened
    good = image.sizes()
    bad = good | {(("x",), 3): 2 * good[(("x",), 3)]}
    assert all(guard.holds(good) for guard in trial.guards)
    assert not all(guard.holds(bad) for guard in flattened)


class Renormed(nn.Module):
    """Keeps its weights in bounds on every call, as networks for electrodes do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        self.layer.weight.data = torch.renorm(self.layer.weight.data, p=2, dim=0, maxnorm=1.0)
        return self.layer(x)


def test_weights_that_a_forward_replaces_stay_real(bench: Bench) -> None:
    workbench = bench(module := Renormed())
    tracer = workbench.search().tracer
    for _ in range(2):
        assert tracer.run(params(x=f32(5, 4))).ok
    assert type(module.layer.weight.data) is torch.Tensor
