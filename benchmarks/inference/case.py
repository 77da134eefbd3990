"""What a case is: a model, one example, and the inputs that its contract must accept and refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor, nn


class Policy(Enum):
    """Why an input that the kernels swallow is bad all the same: the design's one meaning per model."""

    RANK = "one rank per tensor, the lowest that has a batch axis"
    DTYPE = "one dtype per tensor"
    TIE = "sizes that mean the same are equal, also where a 1 would broadcast"
    SHAPE = "a size that the weights were not made for, though the element count fits"
    REMAINDER = "elements that cannot influence any output"
    EMPTY = "every dim is at least 1"
    UNEXPECTED = "keys, items and parameters that the model never reads are refused"
    STRUCTURE = "one structure per parameter"
    FLAG = "Python flags stay at their defaults"
    LEFT_OUT = "alternatives and training-only inputs are left out"
    FINITE = "a value that spoils the output"
    VALUE = "a value outside of what the tensor means, though the kernels take it"


@dataclass(frozen=True)
class Call:
    """The arguments of one call of ``forward``: torch tensors in trees, or whatever a caller might pass by mistake."""

    args: tuple[object, ...] = ()
    kwargs: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Bad:
    """A call that the contract must refuse: the model raises (``policy`` is None), or it runs against a policy."""

    label: str
    call: Call
    policy: Policy | None = None

    @property
    def reason(self) -> str:
        return "raises" if self.policy is None else f"runs, but: {self.policy.value}"


@dataclass(frozen=True)
class Case:
    """A model with its lists. Everything is built on demand, so that listing the cases costs nothing."""

    name: str
    build: Callable[[], nn.Module]
    example: Callable[[], Call]
    good: Callable[[], Sequence[Call]]
    bad: Callable[[], Sequence[Bad]]
    held_out: bool = False
    needs: str | None = None
    """A package that the model is built with and contractgen does not depend on."""

    def model(self) -> nn.Module:
        """The model in eval mode, with the same random weights every time."""
        torch.manual_seed(0)
        return self.build().eval()

    def example_call(self) -> Call:
        torch.manual_seed(1)
        return self.example()

    def good_calls(self) -> Sequence[Call]:
        torch.manual_seed(2)
        return self.good()

    def bad_calls(self) -> Sequence[Bad]:
        torch.manual_seed(3)
        return self.bad()


def call(*args: object, **kwargs: object) -> Call:
    return Call(args, kwargs)


def raises(label: str, /, *args: object, **kwargs: object) -> Bad:
    """An input on which the eager model raises."""
    return Bad(label, Call(args, kwargs))


def unmeant(label: str, policy: Policy, /, *args: object, **kwargs: object) -> Bad:
    """An input which the eager model runs on, though its author did not mean it to."""
    return Bad(label, Call(args, kwargs), policy)


def floats(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal values."""
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def ids(*shape: int, below: int, dtype: torch.dtype = torch.int64) -> Tensor:
    """Uniform integers of ``0 .. below - 1``."""
    return torch.randint(0, below, shape).to(dtype)


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.int64)


def mask(total: int, *kept: int) -> Tensor:
    """One row per number: so many ones, then zeros."""
    return torch.tensor([[int(position < count) for position in range(total)] for count in kept])


def holding(tensor: Tensor, value: float) -> Tensor:
    """A copy of ``tensor`` with ``value`` as its first element."""
    changed = tensor.clone()
    changed.view(-1)[0] = value
    return changed


def with_nan(tensor: Tensor) -> Tensor:
    return holding(tensor, float("nan"))


def with_inf(tensor: Tensor) -> Tensor:
    return holding(tensor, float("inf"))
