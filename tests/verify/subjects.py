"""Models with contracts written by hand: together they have every kind of claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from contractgen.contract.canonical import seal
from contractgen.contract.model import (
    Contract,
    Dict,
    Dim,
    EachRow,
    Evidence,
    Field,
    List,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)

FINITE = Values(finite=True)
BATCH = Dim(role="batch")


@dataclass(frozen=True)
class Loaded:
    """What `verify` needs of a loaded model."""

    module: nn.Module
    kind: str = "state_dict"
    name: str = "model"
    path: Path = Path("model.pth")
    traced_inputs: None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A model and what it accepts."""

    build: Callable[[], nn.Module]
    contract: Contract

    def loaded(self) -> Loaded:
        torch.manual_seed(0)
        return Loaded(self.build().eval())


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(20, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class Text(nn.Module):
    """Ids with positions, and an optional mask."""

    def __init__(self, words: int = 50, positions: int = 12) -> None:
        super().__init__()
        self.words = nn.Embedding(words, 8)
        self.positions = nn.Embedding(positions, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        hidden = self.words(ids) + self.positions(torch.arange(ids.shape[1]))
        if mask is not None:
            hidden = hidden * mask.unsqueeze(-1)
        return self.head(hidden.mean(1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = torch.relu(self.first(x))
        return self.last(torch.cat([a, self.up(torch.relu(self.down(a)))], 1))


class Multimodal(nn.Module):
    """One dict in, a dict out."""

    def __init__(self) -> None:
        super().__init__()
        self.images = nn.Embedding(30, 4)
        self.texts = nn.Embedding(40, 4)

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        image, text = self.images(batch["image"]), self.texts(batch["text"])
        return {"score": (image * text).sum(-1), "joint": torch.cat([image, text], -1)}


class Frames(nn.Module):
    """A list of frames and a pair; patches are derived."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv1d(2, 3, 4, stride=4)

    def forward(
        self, frames: list[torch.Tensor], pair: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        left, right = pair
        total = torch.stack(frames).sum(0) + left * right.unsqueeze(-1).unsqueeze(-1)
        patches = self.patch(total)
        return patches, patches.mean(-1)


class Pyramid(nn.Module):
    """A list of unlike levels in, another out; ``+`` joins lists alone, so that a tuple fails."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv1d(channels, 4, 1) for channels in (2, 3)])

    def forward(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        pairs = zip(self.lateral, levels + [levels[-1].flip(-1)], strict=False)  # noqa: RUF005
        fine, coarse = (lateral(level) for lateral, level in pairs)
        return [fine + coarse.mean(-1, keepdim=True), coarse]


class Ordered(nn.Module):
    """Lengths bounded by a size, a column with a vocabulary of its own, and targets that are no longer than sources."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds = nn.Embedding(5, 4)
        self.places = nn.Embedding(9, 4)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor, target: torch.Tensor, table: torch.Tensor
    ) -> torch.Tensor:
        if bool((lengths[:-1] < lengths[1:]).any()):
            raise ValueError("lengths must be sorted in decreasing order")
        if bool((lengths < 1).any()) or bool((lengths > x.shape[1]).any()):
            raise ValueError("lengths out of range")
        picked = x.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, x.shape[2]))[:, 0]
        aligned = x[:, : target.shape[1]] * target.unsqueeze(-1)
        return picked + aligned.sum(1) + self.kinds(table[..., 0]) + self.places(table[..., 1])


class Padded(nn.Module):
    """A mask that is as long as the largest length, on features of all steps."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if bool((lengths < 1).any()):
            raise ValueError("lengths out of range")
        mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        if mask.shape != x.shape[:2]:
            raise ValueError("no length is that of the features")
        return self.layer(x) * mask[..., None]


class Masked(nn.Module):
    """The mean of the steps that a mask marks; another mask says what is hidden, which may not be all."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor, shown: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        if bool((shown.amin() < 0) | (shown.amax(1) != 1).any() | hidden.all(1).any()):
            raise ValueError("nothing to look at")
        kept = shown[..., None].to(x.dtype)
        seen = (~hidden)[..., None].to(x.dtype)
        return self.layer((x * kept).sum(1) / kept.sum(1) + (x * seen).sum(1) / seen.sum(1))


class Half(nn.Module):
    """bfloat16 and complex numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2, dtype=torch.bfloat16)

    def forward(self, x: torch.Tensor, wave: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x), wave * (1 + 1j)


class Summed(nn.Module):
    """Any number of tensors, and a keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, *parts: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.stack(parts).sum(0)) * scale


def _contract(
    name: str, inputs: list[Parameter], outputs: list[Output], dims: dict[str, Dim], **more: object
) -> Contract:
    return seal(Contract(name, tuple(inputs), tuple(outputs), dims, **more))  # type: ignore[arg-type]


def _output(shape: tuple[int | str, ...], name: str = "output", dtype: str = "float32") -> Output:
    return Output(name, Tensor(name, dtype, shape))  # type: ignore[arg-type]


LINEAR = Subject(
    Linear,
    _contract(
        "linear",
        [Parameter("x", Tensor("x", "float32", ("batch", 20), FINITE))],
        [_output(("batch", 1))],
        {"batch": BATCH},
    ),
)
TEXT = Subject(
    Text,
    _contract(
        "text",
        [
            Parameter("ids", Tensor("ids", "int64", ("batch", "seq"), Values(min=0, max=49))),
            Parameter("mask", Optional(Tensor("mask", "float32", ("batch", "seq"), FINITE)), required=False),
        ],
        [_output(("batch", 3))],
        {"batch": BATCH, "seq": Dim(max=12)},
    ),
)
UNET = Subject(
    UNet,
    _contract(
        "unet",
        [Parameter("x", Tensor("x", "float32", ("batch", 3, "height", "width"), FINITE))],
        [_output(("batch", 1, "height", "width"))],
        {"batch": BATCH, "height": Dim(2, None, 2), "width": Dim(2, None, 2)},
    ),
)
MULTIMODAL = Subject(
    Multimodal,
    _contract(
        "multimodal",
        [
            Parameter(
                "batch",
                Dict(
                    (
                        Field("image", Tensor("batch.image", "int64", ("n",), Values(min=0, max=29))),
                        Field("text", Tensor("batch.text", "int64", ("n",), Values(min=0, max=39))),
                    )
                ),
            )
        ],
        [
            Output(
                "output",
                Dict(
                    (
                        Field("score", Tensor("score", "float32", ("n",))),
                        Field("joint", Tensor("joint", "float32", ("n", 8))),
                    )
                ),
            )
        ],
        {"n": BATCH},
    ),
)
FRAMES = Subject(
    Frames,
    _contract(
        "frames",
        [
            Parameter("frames", List(Tensor("frames.*", "float32", ("batch", 2, "time"), FINITE), "count")),
            Parameter(
                "pair",
                Tuple(
                    (
                        Tensor("pair.0", "float32", ("batch", 2, "time"), FINITE),
                        Tensor("pair.1", "float32", ("batch",), FINITE),
                    )
                ),
            ),
        ],
        [_output(("batch", 3, "patches"), "output_0"), _output(("batch", 3), "output_1")],
        {"batch": BATCH, "count": Dim(1, 5), "time": Dim(4, None, 4), "patches": Dim(equals=("//", "time", 4))},
        evidence=(Evidence("dim:count", "max", "declared", "a clip"),),
    ),
)
PYRAMID = Subject(
    Pyramid,
    _contract(
        "pyramid",
        [
            Parameter(
                "levels",
                Tuple(
                    (
                        Tensor("levels.0", "float32", ("batch", 2, "fine"), FINITE),
                        Tensor("levels.1", "float32", ("batch", 3, "coarse"), FINITE),
                    ),
                    "list",
                ),
            ),
        ],
        [
            Output(
                "output",
                Tuple(
                    (
                        Tensor("output.0", "float32", ("batch", 4, "fine")),
                        Tensor("output.1", "float32", ("batch", 4, "coarse")),
                    ),
                    "list",
                ),
            )
        ],
        {"batch": BATCH, "fine": Dim(), "coarse": Dim()},
    ),
)
ORDERED = Subject(
    Ordered,
    _contract(
        "ordered",
        [
            Parameter("x", Tensor("x", "float32", ("batch", "source", 4), FINITE)),
            Parameter(
                "lengths", Tensor("lengths", "int64", ("batch",), Values(min=1, max="source", order="descending"))
            ),
            Parameter("target", Tensor("target", "float32", ("batch", "target"), FINITE)),
            Parameter(
                "table",
                Tensor("table", "int64", ("batch", 2), Values(along_last=(Values(min=0, max=4), Values(min=0, max=8)))),
            ),
        ],
        [_output(("batch", 4))],
        {"batch": BATCH, "source": Dim(), "target": Dim()},
        relations=(("<=", "target", "source"),),
    ),
)
PADDED = Subject(
    Padded,
    _contract(
        "padded",
        [
            Parameter("x", Tensor("x", "float32", ("batch", "time", 4), FINITE)),
            Parameter("lengths", Tensor("lengths", "int64", ("batch",), Values(min=1, max="time", attained=True))),
        ],
        [_output(("batch", "time", 4))],
        {"batch": BATCH, "time": Dim()},
    ),
)
MASKED = Subject(
    Masked,
    _contract(
        "masked",
        [
            Parameter("x", Tensor("x", "float32", ("batch", "time", 4), FINITE)),
            Parameter(
                "shown", Tensor("shown", "int64", ("batch", "time"), Values(one_of=(0, 1), each_row=EachRow("nonzero")))
            ),
            Parameter("hidden", Tensor("hidden", "bool", ("batch", "time"), Values(each_row=EachRow("zero")))),
        ],
        [_output(("batch", 2))],
        {"batch": BATCH, "time": Dim()},
    ),
)
HALF = Subject(
    Half,
    _contract(
        "half",
        [
            Parameter("x", Tensor("x", "bfloat16", ("batch", 6), FINITE)),
            Parameter("wave", Tensor("wave", "complex64", ("samples",), FINITE)),
        ],
        [_output(("batch", 2), "output_0", "bfloat16"), _output(("samples",), "output_1", "complex64")],
        {"batch": BATCH, "samples": Dim()},
    ),
)
SUMMED = Subject(
    Summed,
    _contract(
        "summed",
        [
            Parameter("parts", List(Tensor("parts.*", "float32", ("batch", 4), FINITE), "count"), kind="variadic"),
            Parameter("scale", Tensor("scale", "float32", (), Values(min="0.5", max=2)), kind="keyword"),
        ],
        [_output(("batch", 4))],
        {"batch": BATCH, "count": Dim()},
        evidence=(Evidence("tensor:scale", "min", "declared", ""), Evidence("tensor:scale", "max", "declared", "")),
    ),
)
SUBJECTS = {
    "linear": LINEAR, "text": TEXT, "unet": UNET, "multimodal": MULTIMODAL, "frames": FRAMES, "ordered": ORDERED,
    "half": HALF, "summed": SUMMED, "pyramid": PYRAMID, "padded": PADDED, "masked": MASKED,
}  # fmt: skip
