"""A model run in float64 without a copy of it: the same numbers as a copy gives, and nothing left behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.verify.exact import InFloat64


class First(nn.Module):
    """The first result of a recurrent layer."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


class Cached(nn.Module):
    """Writes into a buffer and into a tensor that it makes, and reads both."""

    cache: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(4, 5))
        self.layer = nn.Linear(5, 5)

    def forward(self, x: Any) -> Any:
        self.cache[: x.shape[0]] = self.layer(x)
        out = torch.zeros(4, 5, dtype=self.cache.dtype)
        out[0] = self.cache[1]
        out += self.cache
        return out * 0.1 + self.cache.mean()


class Asking(nn.Module):
    """Asks a weight for its dtype, as models do that may be of half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 5)

    def forward(self, x: Any) -> Any:
        return self.layer(x.to(self.layer.weight.dtype))


MODELS = {
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)),
        (2, 3, 9, 9),
    ),
    "lstm": (lambda: First(nn.LSTM(5, 7, batch_first=True, bidirectional=True)), (2, 6, 5)),
    "gru": (lambda: First(nn.GRU(5, 7)), (6, 2, 5)),
    "attention": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2),
        (2, 5, 8),
    ),
    "cache": (Cached, (2, 5)),
    "half": (lambda: Asking().bfloat16(), (2, 5)),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_gives_what_a_copy_in_float64_gives(name: str) -> None:
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model: nn.Module = make().eval()
    x = torch.randn(shape)
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        expected = copy.deepcopy(model).double()(x.double()).double()
        with InFloat64():
            found = model(x)
        rounded = model(x.to(next(model.parameters()).dtype)) if name != "cache" else expected.float()
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not torch.equal(rounded.double(), expected)
    if name != "cache":  # the plain run at the end wrote nothing either
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_the_models_own_buffers_stay_as_they_are() -> None:
    model = Cached()
    with torch.no_grad(), InFloat64():
        model(torch.randn(2, 5))
    assert not model.cache.any()
    assert model.cache.dtype == torch.float32
