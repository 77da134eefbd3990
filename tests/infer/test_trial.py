from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from contractgen.infer.hypothesis import Group, Hypothesis, Leaf, Unknown
from contractgen.infer.trial import SymbolicTensor, Tracer, Trial, is_beyond_symbols, map_outputs, tensors_of
from tests.infer.conftest import f32, i64, params


def trial(module: nn.Module, hypothesis: Hypothesis, answer: int | None = None) -> Trial:
    return Tracer(module.eval()).run(hypothesis, answer=answer)


class Sum(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return {"both": x + y, "pair": (x, y.flatten())}


class Batch(nn.Module):
    def forward(self, batch: Any) -> Any:
        mask = batch.get("mask")
        return batch["ids"] * (1 if mask is None else mask)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]


class Rewriting(nn.Module):
    last: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.window = 8
        self.register_buffer("last", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> Any:
        self.window = 3
        self.last = x
        return x


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x[:1] if x.sum() > 0.5 else x


def test_a_successful_run_says_what_it_asked_of_the_sizes() -> None:
    run = trial(nn.Linear(20, 1), params(input=f32(5, 20)))
    assert run.ok
    axis = (("input",), 1)
    assert [guard.axes for guard in run.guards if guard.equality] == [(axis,)]
    assert run.guards[0].holds({axis: 20})
    assert not run.guards[0].holds({axis: 21})


def test_a_failed_run_ends_with_the_condition_to_change() -> None:
    run = trial(nn.Linear(20, 1), params(input=f32(5, 7)))
    assert not run.ok
    assert run.suspects == (("input",),)
    assert run.guards[-1].holds({(("input",), 1): 7})
    assert not run.guards[-1].holds({(("input",), 1): 20})


def test_sizes_that_must_be_equal_are_a_tie() -> None:
    run = trial(Sum(), params(x=f32(5, 7), y=f32(5, 7)))
    assert {frozenset(guard.axes) for guard in run.guards if guard.tie and guard.equality} == {
        frozenset({(("x",), 0), (("y",), 0)}),
        frozenset({(("x",), 1), (("y",), 1)}),
    }


def test_outputs_are_described_over_the_axes_of_the_inputs() -> None:
    run = trial(Sum(), params(x=f32(5, 7), y=f32(5, 7)))
    assert isinstance(run.outputs, dict)
    both, (pair_0, pair_1) = run.outputs["both"], run.outputs["pair"]
    assert both.dtype == torch.float32
    assert [len(tensor.sizes) for tensor in (both, pair_0, pair_1)] == [2, 2, 1]
    assert pair_1.sizes[0][0] == "*"


def test_a_fixed_size_is_an_integer_in_the_output() -> None:
    run = trial(nn.Linear(20, 3), params(input=f32(5, 20)))
    assert run.outputs == SymbolicTensor(torch.float32, ((("input",), 0), 3))


def test_an_unknown_value_is_decided_by_its_first_use() -> None:
    run = trial(nn.Linear(20, 3), params(input=Unknown()))
    assert run.decided is not None
    assert (run.decided.path, run.decided.kind) == (("input",), "tensor")


def test_a_missing_key_and_one_that_is_only_asked_for_are_told_apart() -> None:
    run = trial(Batch(), params(batch=Group("dict", ())))
    assert run.missing is not None
    assert (run.missing.path, run.missing.key) == (("batch",), "ids")
    assert run.asked.optional == {(("batch",), "mask")}


def test_keys_of_a_dict_within_a_list_are_watched_too() -> None:
    class Nested(nn.Module):
        def forward(self, batches: Any) -> Any:
            return batches[1]["ids"]

    empty = Group("dict", ())
    run = trial(Nested(), params(batches=Group("list", ((0, empty), (1, empty)))))
    assert run.missing is not None
    assert run.missing.path == ("batches", 1)


def test_a_packed_sequence_is_followed() -> None:
    run = trial(Recurrent(), params(x=f32(5, 7, 3), lengths=i64(5)))
    assert run.ok, run.message
    assert isinstance(run.outputs, SymbolicTensor)
    assert run.outputs.sizes[2] == 4
    assert any(guard.tie for guard in run.guards)


def test_what_a_run_does_to_the_module_is_undone() -> None:
    module = Rewriting()
    last = module.last
    assert trial(module, params(x=f32(5))).ok
    assert (module.window, module.last) == (8, last)


class Counting(nn.Module):
    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> Any:
        self.calls += 1
        return x + self.calls


def test_a_buffer_that_a_run_writes_into_is_as_it_was() -> None:
    module = Counting()
    assert trial(module, params(x=f32(5))).ok
    assert module.calls.tolist() == [0.0]


def test_a_read_of_content_ends_the_run_unless_it_is_answered() -> None:
    silent = trial(Branching(), params(x=f32(5)))
    assert not silent.ok
    assert silent.read
    assert trial(Branching(), params(x=f32(5)), answer=1).ok
    assert trial(Branching(), params(x=f32(5)), answer=0).ok


def test_a_product_of_two_dtypes_is_refused_as_kernels_refuse_it() -> None:
    run = trial(nn.Linear(20, 1), params(input=i64(5, 20)))
    assert not run.ok
    assert "one dtype" in run.message


@pytest.mark.parametrize("columns", [20, 7])
def test_a_run_without_symbols_succeeds_where_one_with_them_does(columns: int) -> None:
    tracer = Tracer(nn.Linear(20, 1))
    plain, symbolic = (tracer.run(params(input=f32(5, columns)), symbolic=each) for each in (False, True))
    assert plain.ok == symbolic.ok == (columns == 20)
    assert not plain.guards
    assert symbolic.guards


def test_a_run_refutes_sizes_only_for_a_reason_of_the_model() -> None:
    tracer = Tracer(nn.Linear(20, 1))
    assert tracer.refutes(params(input=f32(5, 7)))
    assert not tracer.refutes(params(input=f32(5, 20)))
    assert not Tracer(Branching()).refutes(params(x=f32(5)))


def test_runs_are_counted() -> None:
    tracer = Tracer(nn.Identity())
    tracer.run(params(input=f32(5)))
    tracer.run(params(input=f32(5)))
    assert tracer.trials == 2


def test_the_further_run_has_the_larger_progress() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(5, 2))
    assert trial(module, params(input=f32(5, 4))).progress > trial(module, params(input=f32(5, 7))).progress


class Point(NamedTuple):
    x: torch.Tensor
    cache: object


def test_an_output_tree_keeps_its_structure_and_what_is_no_tensor_is_none() -> None:
    one = torch.ones(1)
    tree = {"a": [one, "text"], "b": Point(one, object()), "c": (one,)}
    assert map_outputs(tree, lambda tensor: 1) == {"a": [1, None], "b": {"x": 1, "cache": None}, "c": (1,)}
    assert len(tensors_of(tree)) == 3


def test_a_tensor_of_rank_0_can_be_run() -> None:
    assert trial(nn.Identity(), params(input=Leaf(torch.float32, ()))).ok


@pytest.mark.parametrize("layer", [nn.LSTM(3, 4), nn.GRU(3, 4, batch_first=True), nn.RNN(3, 4)])
def test_recurrent_layers_run_symbolically(layer: nn.Module) -> None:
    assert trial(layer, params(input=f32(5, 7, 3))).ok


class Caching(nn.Module):
    """Keeps what it computed by length."""

    def __init__(self) -> None:
        super().__init__()
        self.by_length: dict[int, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> Any:
        if x.shape[0] not in self.by_length:
            self.by_length[x.shape[0]] = torch.arange(x.shape[0])
        return x + self.by_length[x.shape[0]]


def test_a_cache_by_length_is_beyond_a_symbolic_run_and_no_fault_of_the_input() -> None:
    run = trial(Caching(), params(x=f32(5)))
    assert run.error is None or is_beyond_symbols(run.error)
