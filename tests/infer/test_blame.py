from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from contractgen.infer.blame import blamed_absent, blamed_tensors, said

ONE, TWO = torch.ones(2, 3), torch.ones(2, 3)


class Needs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Any = None, scale: Any = None, bias: Any = None) -> Any:
        hidden = self.layer(x)
        other = None
        return self._scaled(hidden, scale) + self._scaled(other, bias)

    def _scaled(self, hidden: Any, by: Any) -> Any:
        return hidden * by.abs()


def raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it ran")


def test_the_parameter_that_is_none_where_forward_failed_is_named() -> None:
    module = Needs()
    assert blamed_absent(raised(lambda: module()), module.forward) == ("x",)
    assert blamed_absent(raised(lambda: module(ONE)), module.forward) == ("scale",)


def test_a_variable_that_is_no_parameter_is_not_named() -> None:
    module = Needs()
    error = raised(lambda: module(ONE, torch.ones(2)))
    assert blamed_absent(error, module.forward) == ("bias",)


def test_a_failure_elsewhere_names_no_parameter() -> None:
    assert blamed_absent(raised(lambda: ONE[:, :, 0]), Needs().forward) == ()
    assert blamed_absent(raised(lambda: ONE[:, :, 0]), len) == ()


def test_the_tensors_of_the_failing_expression_are_named() -> None:
    def fails(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first.sum() + second[:, :, 0]

    found = blamed_tensors(raised(lambda: fails(ONE, TWO)))
    assert any(tensor is TWO for tensor in found)


def test_the_innermost_expression_with_a_tensor_counts() -> None:
    def inner(part: torch.Tensor) -> torch.Tensor:
        axis = 3
        return part.transpose(0, axis)

    def outer(whole: torch.Tensor) -> torch.Tensor:
        return inner(whole.reshape(3, 2))

    found = blamed_tensors(raised(lambda: outer(ONE)))
    assert [tuple(tensor.shape) for tensor in found] == [(3, 2)]


def test_an_expression_without_tensors_blames_none() -> None:
    assert blamed_tensors(raised(lambda: int("no"))) == ()


def renamed(boxes: torch.Tensor) -> torch.Tensor:
    try:
        return boxes[:, :, 0]
    except IndexError as error:
        raise IndexError("coordinates are between 0 and 1000") from error


def test_what_an_error_was_raised_from_is_told_after_it() -> None:
    error = raised(lambda: renamed(ONE))
    assert said(error) == (
        "coordinates are between 0 and 1000; from IndexError: too many indices for tensor of dimension 2"
    )
    assert any(tensor is ONE for tensor in blamed_tensors(error))


def test_an_error_raised_from_none_stands_for_itself() -> None:
    def silent() -> None:
        try:
            renamed(ONE)
        except IndexError:
            raise ValueError("no boxes") from None

    assert said(raised(silent)) == "no boxes"


def test_errors_that_were_raised_from_each_other_are_told_once() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert said(first) == "first; from ValueError: second"
