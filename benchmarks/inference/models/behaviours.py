# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models that do more than compute: they keep state, roll dice, branch on data, take flags, answer with any size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class PooledEncoder(nn.Module):
    """A handful of flags, as configuration scripts like to pass them."""

    def __init__(self, dim=9):
        super().__init__()
        self.proj = nn.Linear(dim, 6)

    def forward(self, x: Tensor, scale: float = 1.0, top_k: int = 2, reduction: str = "mean", return_all: bool = False):
        h = self.proj(x) * scale
        best = h.topk(top_k, dim=-1).values
        if reduction == "mean":
            pooled = best.mean(dim=-1)
        elif reduction == "sum":
            pooled = best.sum(dim=-1)
        else:
            raise ValueError(reduction)
        return (pooled, h) if return_all else pooled


class TestTimeBatchNorm(nn.Module):
    """Adapts to the test distribution: its batch norm stays in train mode on purpose."""

    __test__ = False  # not a test class, whatever pytest makes of its name

    def __init__(self, dim=7):
        super().__init__()
        self.fc1 = nn.Linear(dim, 12)
        self.bn = nn.BatchNorm1d(12)
        self.fc2 = nn.Linear(12, 3)

    def train(self, mode=True):
        super().train(mode)
        self.bn.train()
        return self

    def forward(self, x):
        return self.fc2(torch.relu(self.bn(self.fc1(x))))


class RunningNormalizer(nn.Module):
    """Keeps a running mean of what it sees, and counts."""

    def __init__(self, dim=4):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("steps", torch.tensor(0))
        self.fc = nn.Linear(dim, 2)

    def forward(self, observations):
        self.steps += 1
        self.mean.mul_(0.99).add_(0.01 * observations.mean(dim=0))
        return self.fc(observations - self.mean)


class MonteCarloDropout(nn.Module):
    """Predicts with dropout on and noise added, several times, and returns mean and spread."""

    def __init__(self, dim=6, samples=3):
        super().__init__()
        self.samples = samples
        self.fc1 = nn.Linear(dim, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        outs = []
        for _ in range(self.samples):
            noisy = x + 0.01 * torch.randn_like(x)
            outs.append(self.fc2(F.dropout(torch.relu(self.fc1(noisy)), 0.5, training=True)))
        stacked = torch.stack(outs)
        return stacked.mean(0), stacked.std(0)


class EarlyExit(nn.Module):
    """Leaves after the first block where it is sure of every row."""

    def __init__(self, dim=10, num_classes=3):
        super().__init__()
        self.block1 = nn.Sequential(nn.Linear(dim, 16), nn.ReLU())
        self.exit1 = nn.Linear(16, num_classes)
        self.block2 = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.exit2 = nn.Linear(16, num_classes)

    def forward(self, x):
        h = self.block1(x)
        early = self.exit1(h)
        if early.softmax(-1).max(-1).values.min().item() > 0.9:
            return early
        return self.exit2(self.block2(h))


class ScoreFilter(nn.Module):
    """Drops boxes with a low score; how many are left depends on the data."""

    def __init__(self, threshold=0.5):
        super().__init__()
        self.threshold = threshold
        self.refine = nn.Linear(4, 4)

    def forward(self, boxes, scores):
        keep = scores > self.threshold
        return self.refine(boxes[keep]), scores[keep]


class FiLM(nn.Module):
    """Modulates feature maps by a condition per sample: gain and shift broadcast over the pixels."""

    def __init__(self, channels=6, cond_dim=4):
        super().__init__()
        self.affine = nn.Linear(cond_dim, 2 * channels)
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        x = self.conv(features)
        if condition is None:
            return x
        gain, shift = self.affine(condition).chunk(2, dim=-1)
        return x * (1 + gain[:, :, None, None]) + shift[:, :, None, None]


CASES = (
    Case(
        "python_flags",
        build=PooledEncoder,
        example=lambda: call(floats(3, 9)),
        good=lambda: [call(floats(n, 9)) for n in (1, 2, 3, 8, 30)] + [call(x=floats(4, 9))],
        bad=lambda: [
            raises("8 features", floats(2, 8)),
            unmeant("scale 2", Policy.FLAG, floats(2, 9), 2.0),
            unmeant("top 3", Policy.FLAG, floats(2, 9), top_k=3),
            raises("top 7 of 6", floats(2, 9), top_k=7),
            unmeant("sum", Policy.FLAG, floats(2, 9), reduction="sum"),
            raises("max", floats(2, 9), reduction="max"),
            unmeant("all returned", Policy.FLAG, floats(2, 9), return_all=True),
            unmeant("scale as a tensor", Policy.FLAG, floats(2, 9), floats(2, 1)),
            raises("unknown flag", floats(2, 9), temperature=1.0),
            raises("float64", floats(2, 9).double()),
            unmeant("no batch axis", Policy.RANK, floats(9)),
            unmeant("a sequence", Policy.RANK, floats(2, 3, 9)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 9))),
        ],
    ),
    Case(
        "batch_norm_in_train_mode",
        build=TestTimeBatchNorm,
        example=lambda: call(floats(16, 7)),
        good=lambda: [call(floats(n, 7)) for n in (2, 3, 4, 8, 50)] + [call(x=100 * floats(6, 7))],
        bad=lambda: [
            raises("one row", floats(1, 7)),
            raises("6 features", floats(4, 6)),
            raises("8 features", floats(4, 8)),
            raises("no batch axis", floats(7)),
            raises("a sequence", floats(2, 3, 7)),
            raises("float64", floats(4, 7).double()),
            raises("int64", ids(4, 7, below=9)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 7)),
            unmeant("nan", Policy.FINITE, with_nan(floats(4, 7))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(4, 7))),
            raises("python lists", [[0.0] * 7] * 2),
        ],
    ),
    Case(
        "buffers_mutated",
        build=RunningNormalizer,
        example=lambda: call(floats(5, 4)),
        good=lambda: [call(floats(n, 4)) for n in (1, 2, 3, 5, 9, 64)],
        bad=lambda: [
            raises("3 features", floats(5, 3)),
            raises("5 features", floats(5, 5)),
            unmeant("one feature, broadcast by the mean", Policy.TIE, floats(5, 1)),
            unmeant("no batch axis", Policy.RANK, floats(4)),
            raises("a sequence", floats(2, 5, 4)),
            raises("float64", floats(5, 4).double()),
            raises("int64", ids(5, 4, below=9)),
            unmeant("empty batch, the mean becomes nan", Policy.EMPTY, floats(0, 4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(5, 4))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(5, 4))),
            raises("None", None),
            raises("complex", floats(5, 4).to(torch.complex64)),
        ],
    ),
    Case(
        "random_ops",
        build=MonteCarloDropout,
        example=lambda: call(floats(4, 6)),
        good=lambda: [call(floats(n, 6)) for n in (1, 2, 3, 4, 11, 40)],
        bad=lambda: [
            raises("5 features", floats(2, 5)),
            raises("7 features", floats(2, 7)),
            raises("float64", floats(2, 6).double()),
            raises("int64", ids(2, 6, below=9)),
            raises("bool", ids(2, 6, below=2).bool()),
            unmeant("no batch axis", Policy.RANK, floats(6)),
            unmeant("a sequence", Policy.RANK, floats(2, 3, 6)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 6)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 6))),
            raises("number of samples too", floats(2, 6), 10),
            raises("a list", [floats(6)]),
        ],
    ),
    Case(
        "early_exit",
        build=EarlyExit,
        example=lambda: call(floats(1, 10)),
        good=lambda: [call(floats(n, 10)) for n in (1, 2, 3, 6, 25)] + [call(1000 * floats(2, 10))],
        bad=lambda: [
            raises("9 features", floats(2, 9)),
            raises("11 features", floats(2, 11)),
            raises("float64", floats(2, 10).double()),
            raises("uint8", ids(2, 10, below=9).to(torch.uint8)),
            unmeant("no batch axis", Policy.RANK, floats(10)),
            unmeant("a sequence", Policy.RANK, floats(2, 3, 10)),
            raises("empty batch", floats(0, 10)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 10))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 10))),
            raises("None", None),
            raises("two tensors", floats(2, 10), floats(2, 10)),
        ],
    ),
    Case(
        "filter_by_score",
        build=ScoreFilter,
        example=lambda: call(floats(8, 4), torch.rand(8)),
        good=lambda: [
            call(floats(1, 4), torch.tensor([0.9])),
            call(floats(1, 4), torch.tensor([0.1])),
            call(floats(3, 4), torch.tensor([0.9, 0.2, 0.7])),
            call(floats(5, 4), torch.zeros(5)),
            call(floats(20, 4), torch.rand(20)),
            call(boxes=floats(4, 4), scores=torch.ones(4)),
        ],
        bad=lambda: [
            raises("5 numbers per box", floats(3, 5), torch.rand(3)),
            raises("one score too few", floats(3, 4), torch.rand(2)),
            raises("one score too many", floats(3, 4), torch.rand(4)),
            raises("one score for three boxes", floats(3, 4), torch.rand(1)),
            raises("scores as a column", floats(3, 4), torch.rand(3, 1)),
            raises("one box without its axis", floats(4), torch.rand(1)),
            raises("boxes as float64", floats(3, 4).double(), torch.ones(3)),
            raises("boxes as int64", ids(3, 4, below=99), torch.ones(3)),
            unmeant("a batch of images", Policy.RANK, floats(2, 3, 4), torch.rand(2, 3)),
            raises("no scores", floats(3, 4)),
            unmeant("no boxes", Policy.EMPTY, floats(0, 4), torch.rand(0)),
            unmeant("nan in a kept box", Policy.FINITE, with_nan(floats(3, 4)), torch.ones(3)),
            raises("boxes as a list", [[0.0, 0.0, 1.0, 1.0]], torch.rand(1)),
        ],
    ),
    Case(
        "film_broadcast_condition",
        build=FiLM,
        example=lambda: call(floats(2, 6, 8, 8), floats(2, 4)),
        good=lambda: [
            call(floats(1, 6, 1, 1)),
            call(floats(2, 6, 5, 9)),
            call(floats(2, 6, 5, 9), floats(2, 4)),
            call(floats(1, 6, 12, 3), floats(1, 4)),
            call(floats(7, 6, 4, 4), condition=floats(7, 4)),
            call(features=floats(3, 6, 2, 2), condition=None),
        ],
        bad=lambda: [
            raises("5 channels", floats(2, 5, 8, 8), floats(2, 4)),
            raises("condition of 3", floats(2, 6, 8, 8), floats(2, 3)),
            raises("batches differ", floats(2, 6, 8, 8), floats(3, 4)),
            unmeant("one condition for two", Policy.TIE, floats(2, 6, 8, 8), floats(1, 4)),
            unmeant("one map for two conditions", Policy.TIE, floats(1, 6, 8, 8), floats(2, 4)),
            raises("condition without batch", floats(1, 6, 8, 8), floats(4)),
            raises("condition per pixel", floats(2, 6, 8, 8), floats(2, 4, 8, 8)),
            raises("no batch axis", floats(6, 8, 8), floats(4)),
            raises("condition as float64", floats(2, 6, 8, 8), floats(2, 4).double()),
            raises("misspelt", floats(2, 6, 8, 8), cond=floats(2, 4)),
            raises("only the condition", condition=floats(2, 4)),
            unmeant("nan in the condition", Policy.FINITE, floats(2, 6, 8, 8), with_nan(floats(2, 4))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 6, 8, 8)),
        ],
    ),
)
