from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.errors import InferenceError
from contractgen.infer.edits import Put
from contractgen.infer.probe import MOST_ELEMENTS, Input, OutTensor, Refill, observe, out_tensors
from tests.infer.conftest import Bench, f32, i64, params

X = ("x",)


class Root(nn.Module):
    """NaN for negative numbers, an error for more than 6 columns, empty for one row."""

    def forward(self, x: torch.Tensor) -> Any:
        if x.shape[1] > 6:
            raise ValueError("too many columns")
        return x[1:].sqrt()


def test_a_run_is_meaningful_where_it_returns_something_finite(bench: Bench) -> None:
    prober = bench(Root()).prober(params(x=f32(3, 4)), {X: "ones"})
    fine, empty, failed = prober.at([{(X, 1): 5}, {(X, 0): 1}, {(X, 1): 7}])
    [spoilt] = prober.run([Input((), ((X, Put(-1.0, -1)),))])
    assert [prober.means(outcome) for outcome in (fine, empty, failed, spoilt)] == [True, False, False, False]
    assert [prober.describe(outcome) for outcome in (fine, empty, failed, spoilt)] == [
        "ran",
        "it ran, but its output is empty",
        "ValueError: too many columns",
        "it ran, but its output is not finite",
    ]


def test_an_empty_output_is_meaningful_where_the_data_decide_sizes(bench: Bench) -> None:
    workbench = bench(Root())
    prober = type(workbench.prober(params(x=f32(3, 4))))(
        workbench.runner, params(x=f32(3, 4)), {X: "ones"}, sizes_vary=True
    )
    assert prober.ok({(X, 0): 1})


def test_nan_is_meaningful_where_the_first_input_gave_one_too(bench: Bench) -> None:
    prober = bench(Root()).prober(params(x=f32(3, 4)), {X: torch.full((3, 4), -1.0)})
    assert prober.ok({(X, 1): 5})


def test_sizes_that_were_run_are_remembered(bench: Bench) -> None:
    prober = bench(Root()).prober(params(x=f32(3, 4)))
    prober.at([{(X, 1): 5}, {(X, 1): 5}, {}])
    prober.at([{(X, 1): 5}])
    assert prober.runner.runs == 2


def test_probers_of_one_input_remember_together_and_expect_rows_each_for_itself(bench: Bench) -> None:
    workbench = bench(Root())
    first, second = (workbench.prober(params(x=f32(3, 4)), {X: "ones"}) for _ in range(2))
    first.expect_rows((X, 1), ((0, 0),))  # its output has 2 rows whatever the input has
    assert not first.at([{}])[0].ok
    assert second.at([{}])[0].ok
    assert not first.at([{}])[0].ok
    assert workbench.runner.runs == 1


def test_all_observed_sizes_come_with_their_outputs(bench: Bench) -> None:
    prober = bench(Root()).prober(params(x=f32(3, 4)), {X: "ones"})
    prober.at([{}, {(X, 1): 5}, {(X, 1): 7}])
    assert prober.observations() == [
        ({(X, 0): 3, (X, 1): 4}, OutTensor(torch.float32, (2, 4))),
        ({(X, 0): 3, (X, 1): 5}, OutTensor(torch.float32, (2, 5))),
    ]


def test_an_input_too_large_to_try_is_not_run(bench: Bench) -> None:
    prober = bench(Root()).prober(params(x=f32(3, 4)))
    [outcome] = prober.run([Input((((X, 0), MOST_ELEMENTS),))])
    assert outcome.kind == "timeout"
    assert prober.runner.runs == 0


def test_a_first_input_that_fails_is_an_error(bench: Bench) -> None:
    with pytest.raises(InferenceError, match="too many columns"):
        bench(Root()).prober(params(x=f32(3, 9))).base()


def test_contents_are_replaced_for_one_run_only(bench: Bench) -> None:
    prober = bench(nn.Identity()).prober(params(input=i64(3)), {("input",): "zeros"})
    before, edited, after = prober.run([Input(), Input((), ((("input",), Refill("ones", 0)),)), Input()], tensors=True)
    assert [outcome.value.tensors[0].tolist() for outcome in (before, edited, after)] == [[0] * 3, [1] * 3, [0] * 3]


def test_a_resized_prober_starts_at_the_new_sizes(bench: Bench) -> None:
    prober = bench(nn.Identity()).prober(params(input=i64(3)))
    assert prober.resized({(("input",), 0): 5}).base().tree == OutTensor(torch.int64, (5,))


def test_an_observation_has_the_tensors_only_where_asked() -> None:
    result = {"a": torch.ones(2), "b": (torch.tensor([float("nan")]),)}
    light, full = observe(result, tensors=False), observe(result, tensors=True)
    assert (light.tensors, light.finite, len(full.tensors)) == ((), False, 2)
    assert [path for path, _ in out_tensors(light.tree)] == [("a",), ("b", 0)]
