"""Models of about a hundred million parameters, with random weights: what is measured is the work, not the answers."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn


class Encoder(nn.Module):
    """A text encoder of BERT's size."""

    def __init__(self, vocabulary: int = 30522, width: int = 768, layers: int = 12, positions: int = 512) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        layer = nn.TransformerEncoderLayer(width, 12, 4 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, ids: Any) -> Any:
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        return self.head(self.encoder(x).mean(1))


class Tower(nn.Module):
    """A plain perceptron: few operators, large weights."""

    def __init__(self, features: int = 512, width: int = 5000, layers: int = 4) -> None:
        super().__init__()
        sizes = [features, *[width] * layers, 10]
        parts: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            parts += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*parts[:-1])

    def forward(self, x: Any) -> Any:
        return self.layers(x)


EXAMPLES = {"Encoder": lambda: torch.zeros(2, 16, dtype=torch.int64), "Tower": lambda: torch.zeros(2, 512)}
"""An input of each, for those who need one."""
