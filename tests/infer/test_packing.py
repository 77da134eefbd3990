from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from contractgen.infer.packing import unpacked


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_padded_batch_passes_through_and_comes_back(batch_first: bool) -> None:
    x: Any = torch.ones(3, 5, 2)
    lengths = torch.tensor([5] * (3 if batch_first else 5))
    with unpacked():
        packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        assert id(packed) == id(x)
        back, counts = pad_packed_sequence(packed, batch_first=batch_first)
    assert back is x
    assert len(counts) == len(lengths)


def test_a_length_per_row_is_still_needed() -> None:
    with unpacked(), pytest.raises(RuntimeError):
        pack_padded_sequence(torch.ones(3, 5, 2), torch.tensor([5, 5]), batch_first=True)


def test_packing_packs_again_afterwards_even_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), unpacked():
        raise ZeroDivisionError
    packed = pack_padded_sequence(torch.ones(3, 5, 2), torch.tensor([5, 4, 3]), batch_first=True)
    assert isinstance(packed, PackedSequence)


def test_a_matrix_is_refused_in_words_that_name_its_rank() -> None:
    with unpacked(), pytest.raises(RuntimeError, match="expected what is packed to be 3-D, got 2-D"):
        pack_padded_sequence(torch.ones(3, 5), torch.tensor([5, 5, 5]), batch_first=True)
