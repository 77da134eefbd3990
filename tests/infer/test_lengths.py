from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.contents import Contents
from contractgen.infer.domain import BoundBy, Domain
from tests.infer.conftest import Bench, f32, i64, params


class Masked(nn.Module):
    """Sets to zero what is beyond each length, after a layer that keeps every ``stride``-th element."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        kept = torch.div(lengths - 1, self.stride, rounding_mode="floor") + 1
        x = x[:, :: self.stride]
        return x.masked_fill(torch.arange(x.shape[1]) >= kept[:, None], 0.0), kept


class Averaged(Masked):
    """Undefined without any element."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        mask = (torch.arange(x.shape[1]) < lengths[:, None]).float()
        return (x * mask).sum(1) / mask.sum(1)


class Timed(nn.Module):
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        return x * torch.cos(lengths / 100.0)[:, None]


def domain_of_lengths(bench: Bench, module: nn.Module) -> Domain:
    measured = bench(module).measured(params(x=f32(5, 7), lengths=i64(5)))
    measured.extent("x", 0).batch = True
    return Contents(measured.sizes, measured.bench.pool).of(("lengths",), i64(5))


def test_lengths_that_only_mask_end_with_the_size(bench: Bench) -> None:
    for module in (Masked(), Masked(stride=4)):
        domain = domain_of_lengths(bench, module)
        assert isinstance(domain.max, BoundBy)
        assert (domain.max.extent.group, domain.max.offset, domain.min) == (((("x",), 1),), 0, 0)
        assert {claim.property: claim.source for claim in domain.claims} == {"max": "probed", "min": "probed"}


def test_a_length_without_which_nothing_is_defined_starts_at_one(bench: Bench) -> None:
    domain = domain_of_lengths(bench, Averaged())
    assert (isinstance(domain.max, BoundBy), domain.min) == (True, 1)


def test_numbers_that_always_make_a_difference_have_no_bound(bench: Bench) -> None:
    assert not domain_of_lengths(bench, Timed()).bounded
