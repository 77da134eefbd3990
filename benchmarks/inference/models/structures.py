# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Inputs that are trees: nested dicts, a NamedTuple, a tuple, lists of fixed and of free length, *args, **kwargs."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class PairScorer(nn.Module):
    """Matches a caption with a picture; takes the batch as the data loader collates it."""

    def __init__(self, vocab_size=70, dim=12):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim)
        self.conv = nn.Conv2d(3, dim, 3, stride=1, padding=1)
        self.head = nn.Linear(2 * dim, 2)

    def forward(self, batch):
        text = batch["text"]
        mask = text["mask"].unsqueeze(-1)
        words = self.embed(text["ids"]) * mask
        words = words.sum(1) / mask.sum(1).clamp(min=1)
        picture = self.conv(batch["image"]).mean((2, 3))
        return {"logits": self.head(torch.cat([words, picture], dim=1)), "text_features": words}


def pair(b, t=4, h=6, w=6):
    return {"text": {"ids": ids(b, t, below=70), "mask": torch.ones(b, t)}, "image": floats(b, 3, h, w)}


def pair_with(b, **changed):
    batch = pair(b)
    batch["text"].update({key: value for key, value in changed.items() if key != "image"})
    return {**batch, "image": changed.get("image", batch["image"])}


class Observation(NamedTuple):
    position: Tensor
    velocity: Tensor
    goal: Tensor


class Actor(nn.Module):
    def __init__(self, actions=4):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3 + 3 + 2, 16), nn.Tanh(), nn.Linear(16, actions))

    def forward(self, obs: Observation) -> Tensor:
        features = torch.cat([obs.position, obs.velocity, obs.goal], dim=-1)
        return self.net(features).softmax(dim=-1)


class MultiView(nn.Module):
    """Three views of one object, as a list."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fuse = nn.Linear(3 * 8, 5)

    def forward(self, views):
        front, side, top = views
        features = [self.encoder(view) for view in (front, side, top)]
        return self.fuse(torch.cat(features, dim=1))


def views(n, b=2, h=8, w=8):
    return [floats(b, 1, h, w) for _ in range(n)]


class FramePooler(nn.Module):
    """Any number of frame descriptors; the clip is their attention-weighted mean."""

    def __init__(self, dim=10):
        super().__init__()
        self.attention = nn.Linear(dim, 1)
        self.out = nn.Linear(dim, 3)

    def forward(self, frames: list[Tensor]) -> Tensor:
        x = torch.stack(frames, dim=1)
        weights = self.attention(x).softmax(dim=1)
        return self.out((weights * x).sum(dim=1))


class StateTuple(nn.Module):
    """One step of a recurrent cell: (hidden, cell) go in and out beside the input."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(5, 7)

    def forward(self, x, state):
        h, c = state
        h, c = self.cell(x, (h, c))
        return h, (h, c)


class SumOfProjections(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(4, 8)
        self.right = nn.Linear(6, 8)

    def forward(self, left, right):
        return torch.tanh(self.left(left) + self.right(right))


class PassOnArgs(nn.Module):
    """Wraps a model to scale its output, whatever it takes."""

    def __init__(self):
        super().__init__()
        self.model = SumOfProjections()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, *args):
        return self.model(*args) * self.scale


class PassOnKwargs(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = SumOfProjections()

    def forward(self, **kwargs):
        return {"embedding": self.model(**kwargs)}


CASES = (
    Case(
        "nested_dict_pair",
        build=PairScorer,
        example=lambda: call(pair(2)),
        good=lambda: [
            call(pair(1, 1, 1, 1)),
            call(pair(2, 7, 5, 9)),
            call(pair(3, 2, 16, 3)),
            call(pair(5, 30, 4, 4)),
            call(pair_with(2, ids=torch.tensor([[0, 69, 1, 2], [69, 0, 0, 0]]))),
            call(pair_with(2, mask=torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))),
        ],
        bad=lambda: [
            raises("no image", {"text": pair(2)["text"]}),
            raises("no text", {"image": floats(2, 3, 6, 6)}),
            raises("no mask", {**pair(2), "text": {"ids": ids(2, 4, below=70)}}),
            unmeant("labels too", Policy.UNEXPECTED, {**pair(2), "labels": ids(2, below=2)}),
            unmeant("token types too", Policy.UNEXPECTED, pair_with(2, token_type_ids=ids(2, 4, below=2))),
            raises("id 70", pair_with(1, ids=torch.full((1, 4), 70))),
            raises("id -1", pair_with(1, ids=torch.full((1, 4), -1))),
            raises("mask of another length", pair_with(2, mask=torch.ones(2, 5))),
            unmeant("one mask row for two", Policy.TIE, pair_with(2, mask=torch.ones(1, 4))),
            raises("one image for two texts", pair_with(2, image=floats(1, 3, 6, 6))),
            raises("image without batch", pair_with(1, image=floats(3, 6, 6))),
            raises("grey image", pair_with(2, image=floats(2, 1, 6, 6))),
            raises("float ids", pair_with(2, ids=floats(2, 4))),
            raises("flat keys", {"ids": ids(2, 4, below=70), "mask": torch.ones(2, 4), "image": floats(2, 3, 6, 6)}),
            raises("as keywords", **pair(2)),
            raises("text as tuple", {**pair(2), "text": (ids(2, 4, below=70), torch.ones(2, 4))}),
            unmeant("nan in the image", Policy.FINITE, pair_with(2, image=with_nan(floats(2, 3, 6, 6)))),
        ],
    ),
    Case(
        "namedtuple_observation",
        build=Actor,
        example=lambda: call(Observation(floats(4, 3), floats(4, 3), floats(4, 2))),
        good=lambda: (
            [call(Observation(floats(n, 3), floats(n, 3), floats(n, 2))) for n in (1, 2, 3, 7, 20)]
            + [call(obs=Observation(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 2)))]
        ),
        bad=lambda: [
            raises("2-d position", Observation(floats(2, 2), floats(2, 3), floats(2, 2))),
            unmeant("columns moved over", Policy.SHAPE, Observation(floats(2, 2), floats(2, 4), floats(2, 2))),
            raises("3-d goal", Observation(floats(2, 3), floats(2, 3), floats(2, 3))),
            raises("batches differ", Observation(floats(2, 3), floats(3, 3), floats(2, 2))),
            raises("one goal for two", Observation(floats(2, 3), floats(2, 3), floats(1, 2))),
            raises("a plain tuple", (floats(2, 3), floats(2, 3), floats(2, 2))),
            raises("three arguments", floats(2, 3), floats(2, 3), floats(2, 2)),
            raises("float64", Observation(*(floats(2, n, dtype=torch.float64) for n in (3, 3, 2)))),
            unmeant("no batch axis", Policy.RANK, Observation(floats(3), floats(3), floats(2))),
            unmeant("trajectories", Policy.RANK, Observation(floats(2, 5, 3), floats(2, 5, 3), floats(2, 5, 2))),
            unmeant("nan", Policy.FINITE, Observation(floats(2, 3), with_nan(floats(2, 3)), floats(2, 2))),
            unmeant("empty batch", Policy.EMPTY, Observation(floats(0, 3), floats(0, 3), floats(0, 2))),
            raises("goal None", Observation(floats(2, 3), floats(2, 3), None)),
        ],
    ),
    Case(
        "list_of_three_views",
        build=MultiView,
        example=lambda: call(views(3)),
        good=lambda: [
            call(views(3, 1)),
            call(views(3, 2, 1, 1)),
            call(views(3, 3, 5, 9)),
            call(views(3, 1, 30, 4)),
            call(views(3, 6, 16, 16)),
            call(views=views(3, 2, 7, 7)),
        ],
        bad=lambda: [
            raises("two views", views(2)),
            raises("four views", views(4)),
            raises("no views", []),
            raises("batches differ", [*views(2, 2), *views(1, 3)]),
            raises("one batch of one", [*views(2, 2), *views(1, 1)]),
            raises("rgb views", [floats(2, 3, 8, 8) for _ in range(3)]),
            raises("views without batch", [floats(1, 8, 8) for _ in range(3)]),
            raises("one view only", floats(2, 1, 8, 8)),
            raises("three arguments", *views(3)),
            raises("float64", [view.double() for view in views(3)]),
            raises("a dict of views", {"front": views(1)[0], "side": views(1)[0], "top": views(1)[0]}),
            unmeant("nan in one", Policy.FINITE, [*views(2), with_nan(views(1)[0])]),
            unmeant("empty batch", Policy.EMPTY, views(3, 0)),
        ],
    ),
    Case(
        "list_of_frames",
        build=FramePooler,
        example=lambda: call([floats(2, 10) for _ in range(4)]),
        good=lambda: [
            call([floats(1, 10)]),
            call([floats(2, 10), floats(2, 10)]),
            call([floats(3, 10) for _ in range(3)]),
            call([floats(1, 10) for _ in range(12)]),
            call([floats(7, 10) for _ in range(5)]),
            call(frames=[floats(2, 10) for _ in range(30)]),
        ],
        bad=lambda: [
            raises("no frames", []),
            raises("batches differ", [floats(2, 10), floats(3, 10)]),
            raises("one frame of batch one", [floats(2, 10), floats(1, 10)]),
            raises("9 features", [floats(2, 9), floats(2, 9)]),
            raises("features differ", [floats(2, 10), floats(2, 9)]),
            raises("a tensor", floats(4, 2, 10)),
            raises("two arguments", floats(2, 10), floats(2, 10)),
            raises("float64", [floats(2, 10, dtype=torch.float64)]),
            raises("int64", [ids(2, 10, below=9)]),
            raises("numbers", [1.0, 2.0]),
            raises("a dict", {"frames": floats(2, 10)}),
            raises("frames without batch", [floats(10), floats(10)]),
            unmeant("nan", Policy.FINITE, [floats(2, 10), with_nan(floats(2, 10))]),
            unmeant("empty batch", Policy.EMPTY, [floats(0, 10), floats(0, 10)]),
        ],
    ),
    Case(
        "tuple_state",
        build=StateTuple,
        example=lambda: call(floats(2, 5), (floats(2, 7), floats(2, 7))),
        good=lambda: (
            [call(floats(n, 5), (floats(n, 7), floats(n, 7))) for n in (1, 2, 3, 9, 32)]
            + [call(x=floats(4, 5), state=(torch.zeros(4, 7), torch.zeros(4, 7)))]
        ),
        bad=lambda: [
            raises("6 features", floats(2, 6), (floats(2, 7), floats(2, 7))),
            raises("state of 6", floats(2, 5), (floats(2, 6), floats(2, 6))),
            raises("batches differ", floats(2, 5), (floats(3, 7), floats(3, 7))),
            raises("cell of batch one", floats(2, 5), (floats(2, 7), floats(1, 7))),
            raises("only the hidden state", floats(2, 5), (floats(2, 7),)),
            raises("three states", floats(2, 5), (floats(2, 7), floats(2, 7), floats(2, 7))),
            raises("state None", floats(2, 5), None),
            raises("no state", floats(2, 5)),
            raises("spread", floats(2, 5), floats(2, 7), floats(2, 7)),
            raises("layers too", floats(2, 5), (floats(1, 2, 7), floats(1, 2, 7))),
            raises("float64", floats(2, 5).double(), (floats(2, 7).double(), floats(2, 7).double())),
            unmeant("no batch axis", Policy.RANK, floats(5), (floats(7), floats(7))),
            unmeant("nan in the cell", Policy.FINITE, floats(2, 5), (floats(2, 7), with_nan(floats(2, 7)))),
            raises("int64", ids(2, 5, below=9), (floats(2, 7), floats(2, 7))),
        ],
    ),
    Case(
        "args_passed_on",
        build=PassOnArgs,
        example=lambda: call(floats(2, 4), floats(2, 6)),
        good=lambda: [call(floats(n, 4), floats(n, 6)) for n in (1, 2, 3, 5, 12, 40)],
        bad=lambda: [
            raises("swapped", floats(2, 6), floats(2, 4)),
            raises("one", floats(2, 4)),
            raises("three", floats(2, 4), floats(2, 6), floats(2, 6)),
            raises("none"),
            raises("by keyword", left=floats(2, 4), right=floats(2, 6)),
            raises("batches differ", floats(2, 4), floats(3, 6)),
            unmeant("one right for two left", Policy.TIE, floats(2, 4), floats(1, 6)),
            unmeant("one left for two right", Policy.TIE, floats(1, 4), floats(2, 6)),
            raises("float64", floats(2, 4).double(), floats(2, 6).double()),
            unmeant("no batch axes", Policy.RANK, floats(4), floats(6)),
            unmeant("right without batch", Policy.RANK, floats(2, 4), floats(6)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 4)), floats(2, 6)),
            raises("a list of both", [floats(2, 4), floats(2, 6)]),
        ],
    ),
    Case(
        "kwargs_passed_on",
        build=PassOnKwargs,
        example=lambda: call(left=floats(3, 4), right=floats(3, 6)),
        good=lambda: [call(left=floats(n, 4), right=floats(n, 6)) for n in (1, 2, 4, 7, 15, 33)],
        bad=lambda: [
            raises("by position", floats(2, 4), floats(2, 6)),
            raises("only left", left=floats(2, 4)),
            raises("only right", right=floats(2, 6)),
            raises("a third", left=floats(2, 4), right=floats(2, 6), middle=floats(2, 6)),
            raises("misspelt", Left=floats(2, 4), right=floats(2, 6)),
            raises("values swapped", left=floats(2, 6), right=floats(2, 4)),
            raises("batches differ", left=floats(2, 4), right=floats(5, 6)),
            unmeant("one right for two left", Policy.TIE, left=floats(2, 4), right=floats(1, 6)),
            raises("int64", left=ids(2, 4, below=5), right=ids(2, 6, below=5)),
            unmeant("sequences", Policy.RANK, left=floats(2, 3, 4), right=floats(2, 3, 6)),
            unmeant("nan", Policy.FINITE, left=floats(2, 4), right=with_nan(floats(2, 6))),
            unmeant("empty batch", Policy.EMPTY, left=floats(0, 4), right=floats(0, 6)),
        ],
    ),
)
