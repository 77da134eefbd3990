"""Packed sequences in a symbolic run: packing stands aside, since its sizes depend on the lengths' values.

A padded batch has the same sizes on the way through a recurrent layer as its packed form has after unpacking, so the
symbolic run sees the padded one. The functions' code is exchanged, not their names, since models import them by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.utils import rnn


def _pack(input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:  # noqa: A002, ARG001 -- the signature of the function that it stands for
    if input.dim() < 3:  # what is packed goes to a recurrent layer, which takes a matrix for one sequence
        raise RuntimeError(f"expected what is packed to be 3-D, got {input.dim()}-D")
    rows = input.size(0 if batch_first else 1)
    torch._check(torch.as_tensor(lengths).size(0) == rows)  # type: ignore[no-untyped-call]
    return input


def _unpack(sequence: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: Any = None) -> Any:  # noqa: ARG001 -- likewise
    rows, steps = (0, 1) if batch_first else (1, 0)
    return sequence, torch.zeros(sequence.size(rows), dtype=torch.int64) + sequence.size(steps)


@contextlib.contextmanager
def unpacked() -> Iterator[None]:
    """Within it, packing returns the padded tensor and unpacking takes it back."""
    pairs: list[tuple[Any, Any]] = [(rnn.pack_padded_sequence, _pack), (rnn.pad_packed_sequence, _unpack)]
    kept = [original.__code__ for original, _ in pairs]
    try:
        for original, stand_in in pairs:
            original.__code__ = stand_in.__code__
        yield
    finally:
        for (original, _), code in zip(pairs, kept, strict=True):
            original.__code__ = code
