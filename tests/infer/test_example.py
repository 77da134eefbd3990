from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from contractgen.errors import UsageError
from contractgen.infer.example import from_example
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis
from contractgen.infer.signature import read_signature
from contractgen.infer.values import Plan
from tests.infer.conftest import f32, i64


class Takes(nn.Module):
    def forward(self, x: Any, y: Any, scale: float = 1.0, *, mask: Any = None) -> Any:
        return x


class TakesAny(nn.Module):
    def forward(self, x: Any, *rest: Any, **named: Any) -> Any:
        return x


class Point(NamedTuple):
    x: torch.Tensor
    y: object


@dataclass
class Scene:
    points: list[Point]
    size: int


ONE = torch.ones(2, 3)


def read(module: nn.Module, *args: object, **kwargs: object) -> tuple[Hypothesis, Plan]:
    return from_example(read_signature(module), (args, kwargs))


def test_positional_values_and_keywords_reach_their_parameters() -> None:
    hypothesis, plan = read(Takes(), ONE, y=ONE.long(), mask=ONE)
    assert {param.name: param.node for param in hypothesis.params} == {
        "x": f32(2, 3), "y": i64(2, 3), "scale": Fixed(1.0), "mask": f32(2, 3),
    }  # fmt: skip
    assert list(plan) == [("x",), ("y",), ("mask",)]


def test_the_values_of_the_example_are_its_plan_and_are_copied() -> None:
    given = torch.arange(6).reshape(2, 3)
    _, plan = read(Takes(), given, given)
    kept = plan[("x",)]
    given.zero_()
    assert isinstance(kept, torch.Tensor)
    assert kept.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_arrays_by_name_are_tensors() -> None:
    hypothesis, _ = read(Takes(), x=np.zeros((2, 3), np.float32), y=np.zeros((4, 6), np.int64)[::2, ::2])
    assert hypothesis.leaves() == {("x",): f32(2, 3), ("y",): i64(2, 3)}


def test_containers_of_any_kind_are_groups() -> None:
    scene = Scene([Point(ONE, None)], 3)
    hypothesis, plan = read(Takes(), {"a": ONE, "pair": (ONE, 2)}, scene)
    assert hypothesis.param("x").node == Group(
        "dict", (("a", f32(2, 3)), ("pair", Group("tuple", ((0, f32(2, 3)), (1, Fixed(2))))))
    )
    point = Group("dict", (("x", f32(2, 3)), ("y", Fixed(None))), Point)
    assert hypothesis.param("y").node == Group(
        "dict", (("points", Group("list", ((0, point),))), ("size", Fixed(3))), Scene
    )
    assert ("y", "points", 0, "x") in plan


def test_the_rest_goes_to_the_catch_alls() -> None:
    hypothesis, _ = read(TakesAny(), ONE, ONE, ONE, extra=ONE)
    assert list(hypothesis.leaves()) == [("x",), ("rest", 0), ("rest", 1), ("named", "extra")]


def test_a_missing_value_is_named() -> None:
    with pytest.raises(UsageError, match="gives no value for the parameter 'y'"):
        read(Takes(), ONE)


def test_a_value_too_many_is_named() -> None:
    with pytest.raises(UsageError, match="more than forward takes: 'depth'"):
        read(Takes(), ONE, ONE, depth=ONE)
    with pytest.raises(UsageError, match="1 more positional values"):
        read(Takes(), ONE, ONE, 1.0, ONE)


def test_a_value_that_is_no_input_is_named_by_type_and_place() -> None:
    with pytest.raises(UsageError, match=r"has a Generator at x\.rng"):
        read(Takes(), {"rng": torch.Generator()}, ONE)
