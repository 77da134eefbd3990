"""Models that have changed since their contract was made."""

from __future__ import annotations

import os

import torch
from torch import nn

from benchmarks.mutants.mutant import Mutant, in_model
from tests.verify.subjects import FRAMES, LINEAR, MULTIMODAL, TEXT, UNET, Frames, Linear, Multimodal, Text, UNet


def with_layer(model: nn.Module, **layers: nn.Module) -> nn.Module:
    """The model with some layers replaced."""
    for name, layer in layers.items():
        setattr(model, name, layer)
    return model


class Swapped(Frames):
    def forward(self, frames, pair):
        patches, mean = super().forward(frames, pair)
        return mean, patches


class Masked(Text):
    """The optional mask has become required."""

    def forward(self, ids, mask):
        return super().forward(ids, mask)


class More(Linear):
    def forward(self, x, weight):
        return super().forward(x) * weight


class Cleaned(Linear):
    def forward(self, x):
        return super().forward(torch.nan_to_num(x))


class Dropping(Linear):
    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return super().forward(self.dropout(x))


class Normed(Linear):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(20)

    def forward(self, x):
        return super().forward(self.norm(x))


class Counting(Linear):
    """The result depends on how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + self.calls


class Dying(Linear):
    def forward(self, x):
        if x.shape[0] == 1:
            os.abort()
        return super().forward(x)


class Hanging(Linear):
    def forward(self, x):
        while x.shape[0] == 1:
            pass
        return super().forward(x)


class Greedy(Linear):
    def forward(self, x):
        if x.shape[0] == 1:
            return super().forward(x) + torch.ones(1 << 40)[0]
        return super().forward(x)


class ExportsOtherwise(Linear):
    def forward(self, x):
        return super().forward(x) * (1.01 if torch.compiler.is_exporting() else 1.0)


class TracesOtherwise(Linear):
    def forward(self, x):
        return super().forward(x) * (1.01 if torch.jit.is_tracing() else 1.0)


class PairsOnly(Linear):
    def forward(self, x):
        return super().forward(x.reshape(-1, 2, 20)).reshape(-1, 1)


class Listed(Multimodal):
    def forward(self, batch):
        return list(super().forward(batch).values())


def linear(size: int = 20, out: int = 1, dtype: torch.dtype = torch.float32) -> nn.Module:
    return with_layer(Linear(), layer=nn.Linear(size, out, dtype=dtype))


MUTANTS: list[Mutant] = [
    in_model(TEXT, "a vocabulary that shrank", lambda: Text(words=49)),
    in_model(TEXT, "a vocabulary that grew", lambda: Text(words=51)),
    in_model(TEXT, "fewer positions", lambda: Text(positions=11)),
    in_model(TEXT, "more positions", lambda: Text(positions=13)),
    in_model(TEXT, "another number of classes", lambda: with_layer(Text(), head=nn.Linear(8, 4))),
    in_model(TEXT, "an optional input that became required", Masked),
    in_model(LINEAR, "another number of features", lambda: linear(21)),
    in_model(LINEAR, "another dtype", lambda: linear(dtype=torch.float64)),
    in_model(LINEAR, "a new required input", More),
    in_model(LINEAR, "NaN handled now", Cleaned),
    in_model(LINEAR, "training mode with dropout", Dropping, train=True),
    in_model(LINEAR, "training mode with batch statistics", Normed, train=True),
    in_model(LINEAR, "results that depend on earlier calls", Counting),
    in_model(LINEAR, "a crash on one size", Dying),
    in_model(LINEAR, "a hang on one size", Hanging),
    in_model(LINEAR, "out of memory on one size", Greedy),
    in_model(LINEAR, "even batches only", PairsOnly),
    in_model(LINEAR, "an exported graph with other numbers", ExportsOtherwise, graphs=("pt2", "onnx")),
    in_model(LINEAR, "a trace with other numbers", TracesOtherwise, graphs=("torchscript",)),
    in_model(UNET, "grey images", lambda: with_layer(UNet(), first=nn.Conv2d(1, 4, 3, padding=1))),
    in_model(UNET, "another stride", lambda: with_layer(
        UNet(), down=nn.Conv2d(4, 4, 3, stride=4, padding=1), up=nn.ConvTranspose2d(4, 4, 4, stride=4)
    )),
    in_model(UNET, "an upsampling that cuts an edge", lambda: with_layer(UNet(), last=nn.Conv2d(8, 1, 2))),
    in_model(FRAMES, "another patch size", lambda: with_layer(Frames(), patch=nn.Conv1d(2, 3, 2, stride=2))),
    in_model(FRAMES, "outputs swapped", Swapped),
    in_model(MULTIMODAL, "another vocabulary for texts", lambda: with_layer(Multimodal(), texts=nn.Embedding(30, 4))),
    in_model(MULTIMODAL, "a list instead of a dict returned", Listed),
]  # fmt: skip
