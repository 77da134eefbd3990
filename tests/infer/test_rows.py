"""What each row of a mask has to have: attention over nothing is no number, and a mean of nothing is none either."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from contractgen.contract.model import EachRow, Tensor, Values
from tests.infer.conftest import inferred


class Padded(nn.Module):
    """Attention as torch has it: true marks what is padding."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x: torch.Tensor, padding_mask: torch.Tensor | None = None) -> Any:
        return self.encoder(x, src_key_padding_mask=padding_mask)


class Pooled(nn.Module):
    """The mean over what a mask marks."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        kept = attention_mask.unsqueeze(-1).to(x.dtype)
        return self.layer((x * kept).sum(1) / kept.sum(1))


class PooledSafely(Pooled):
    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        kept = attention_mask.unsqueeze(-1).to(x.dtype)
        return self.layer((x * kept).sum(1) / kept.sum(1).clamp(min=1))


class WithoutPadding(nn.Module):
    """Ids that are 0 are padding, and do not count."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 4, padding_idx=0)

    def forward(self, ids: torch.Tensor) -> Any:
        count = (ids != 0).sum(1, keepdim=True)
        return self.table(ids).sum(1) / count


class FirstEnd(nn.Module):
    """Each row ends at its first mark, which has to be there."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor, last_step_mask: torch.Tensor) -> Any:
        if not bool((last_step_mask == 1).any(1).all()):
            raise ValueError("each sequence needs a last step")
        return self.layer(x)[torch.arange(len(x)), last_step_mask.argmax(1)]


class Shortened(nn.Module):
    """Frames of samples, of which each row has as many as its mask has marks for: the last of them is read."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 4, 10, stride=5)

    def forward(self, samples: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        frames = self.layer(samples.unsqueeze(1)).transpose(1, 2)
        if attention_mask is None:
            return frames.mean(1)
        last = torch.div(attention_mask.sum(1) - 10, 5, rounding_mode="floor")
        kept = torch.zeros(frames.shape[:2])
        kept[torch.arange(len(frames)), last] = 1.0
        return (frames * kept.flip(1).cumsum(1).flip(1).unsqueeze(-1)).sum(1)


@pytest.mark.parametrize(
    ("model", "name", "values"),
    [
        (Padded(), "padding_mask", Values(each_row=EachRow("zero"))),
        (Pooled(), "attention_mask", Values(one_of=(0, 1), each_row=EachRow("nonzero"))),
        (PooledSafely(), "attention_mask", None),
        (WithoutPadding(), "ids", Values(min=0, max=29, each_row=EachRow("nonzero"))),
        (Shortened(), "attention_mask", Values(one_of=(0, 1), each_row=EachRow("nonzero", 10))),
        (FirstEnd(), "last_step_mask", Values(one_of=(0, 1), each_row=EachRow("nonzero"))),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_a_row_needs_is_claimed(model: nn.Module, name: str, values: Values | None) -> None:
    contract = inferred(model.eval())
    node: Any = next(part.node for part in contract.inputs if part.name == name)
    node = getattr(node, "node", node)
    assert isinstance(node, Tensor)
    found = node.values or Values()
    if values is None:
        assert found.each_row is None
        return
    assert found == values
    told = [one for one in contract.evidence if one.property == "values.each_row"]
    source = "probed" if values.each_row is None or values.each_row.least == 1 else "assumed"
    assert [(one.about, one.source) for one in told] == [(f"tensor:{name}", source)]
