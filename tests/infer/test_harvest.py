from __future__ import annotations

import pytest
import torch
from torch import nn

from contractgen.infer.harvest import harvest


class Configured(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(37, 41)
        self.window = 12
        self.grid = (14, [15])
        self.flag = True
        self.huge = 1 << 30
        self.register_buffer("table", torch.zeros(77, 3))


def test_sizes_of_weights_buffers_and_attributes_are_collected() -> None:
    assert {37, 41, 12, 14, 15, 77, 3} <= set(harvest(Configured()))


def test_numbers_that_are_no_sizes_are_left_out() -> None:
    found = harvest(Configured())
    assert 1 not in found
    assert max(found) == 77
    assert found == sorted(set(found))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_gives_the_sizes_of_its_weights() -> None:
    assert {37, 41} <= set(harvest(torch.jit.script(nn.Linear(37, 41))))
