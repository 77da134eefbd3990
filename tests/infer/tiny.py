"""Models of a few weights, each with one thing about its inputs that is to be found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.table = nn.Embedding(30, 4)
        self.head = nn.Linear(4, 2)


class Rows(Layers):
    def forward(self, x: Any) -> Any:
        return self.linear(x)


class Positioned(Layers):
    """Mean-pooled words with positions, and a mask that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Embedding(16, 4)

    def forward(self, ids: Any, attention_mask: Any = None) -> Any:
        x = self.table(ids) + self.places(torch.arange(ids.shape[1]))
        if attention_mask is None:
            return self.head(x.mean(1))
        kept = attention_mask.unsqueeze(-1).to(x.dtype)
        return self.head((x * kept).sum(1) / kept.sum(1).clamp(min=1))


class Keyed(Layers):
    def forward(self, batch: Any) -> Any:
        return {"logits": self.table(batch["ids"]).mean(1) + self.linear(batch["dense"])}


class Skipping(nn.Module):
    """Half the size and back, added to where it came from."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 2, 2, stride=2), nn.ConvTranspose2d(2, 1, 2, stride=2)

    def forward(self, image: Any) -> Any:
        return image + self.up(self.down(image))


class TwoResults(Layers):
    def forward(self, x: Any, y: Any) -> Any:
        z = self.linear(x + y)
        return z, z.argmax(-1)


class Columns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.town, self.day = nn.Embedding(5, 2), nn.Embedding(7, 2)

    def forward(self, categories: Any) -> Any:
        return self.town(categories[:, 0]) + self.day(categories[:, 1])


class Graph(Layers):
    def forward(self, x: Any, edge_index: Any) -> Any:
        h = self.linear(x)
        source, target = edge_index
        return torch.zeros_like(h).index_add(0, target, h[source])


class Frames(Layers):
    def forward(self, frames: list[torch.Tensor]) -> Any:
        return sum(self.linear(frame) for frame in frames)


@dataclass
class Request:
    ids: torch.Tensor
    dense: torch.Tensor
    scale: float = 2.0


class Typed(Layers):
    def forward(self, request: Request) -> Any:
        return self.table(request.ids).mean(1) + self.linear(request.dense) * request.scale


class Span(NamedTuple):
    start: torch.Tensor
    end: torch.Tensor


class Spans(Layers):
    def forward(self, span: Span, *, gain: float = 2.0, normalize: bool = False) -> Any:
        y = self.linear(span.start) - self.linear(span.end)
        return F.normalize(y) if normalize else y * gain


class Keywords(Layers):
    def forward(self, **inputs: Any) -> Any:
        return self.table(inputs["ids"]).mean(1) + self.linear(inputs["dense"])


class TimeFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(6, 4)

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


class Contextual(Layers):
    def forward(self, ids: Any, context: Any) -> Any:
        h = self.table(ids).mean(1)
        return h if context is None else h + self.linear(context)
