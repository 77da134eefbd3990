"""Recurrent layers in a symbolic run, over any length of sequence.

`torch.export` keeps an LSTM, GRU or RNN as the one operator that it is, yet finds the shapes of its results by unrolling it
(`torch._decomp`), which fixes the length to that of the example. Their shapes follow without a single step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._decomp import decompositions

Tensor = torch.Tensor


@contextmanager
def recurrent_shapes() -> Iterator[None]:
    """While this is open, recurrent layers have shapes and no numbers: for symbolic runs alone."""
    ours: dict[str, Callable[..., Any]] = {"one_layer_lstm": _lstm, "one_layer_rnn": _rnn}
    theirs = {name: getattr(decompositions, name) for name in ours if hasattr(decompositions, name)}
    for name in theirs:
        setattr(decompositions, name, ours[name])
    try:
        yield
    finally:
        for name, function in theirs.items():
            setattr(decompositions, name, function)


def _lstm(
    sequence: Tensor, hidden: tuple[Tensor, Tensor], _params: object, _has_biases: object, reverse: bool = False
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    del reverse
    state, cell = hidden
    return sequence.new_empty((sequence.shape[0], *state.shape)), (torch.empty_like(state), torch.empty_like(cell))


def _rnn(
    sequence: Tensor, hidden: Tensor, _params: object, _has_biases: object, hidden_fn: object, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """RNN and GRU: ``hidden_fn`` is the cell."""
    del hidden_fn, reverse
    return sequence.new_empty((sequence.shape[0], *hidden.shape)), torch.empty_like(hidden)
