# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""A dataclass, dicts with optional keys or read key by key, and models that choose their way by the data."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


@dataclass
class SensorBatch:
    accelerometer: Tensor
    gyroscope: Tensor
    subject_id: Tensor


class ActivityNet(nn.Module):
    def __init__(self, subjects=12, classes=4):
        super().__init__()
        self.acc = nn.GRU(3, 6, batch_first=True)
        self.gyro = nn.GRU(3, 6, batch_first=True)
        self.subject = nn.Embedding(subjects, 4)
        self.head = nn.Linear(16, classes)

    def forward(self, batch: SensorBatch) -> Tensor:
        a = self.acc(batch.accelerometer)[0][:, -1]
        g = self.gyro(batch.gyroscope)[0][:, -1]
        return self.head(torch.cat([a, g, self.subject(batch.subject_id)], dim=1))


def sensors(b, t, u=None):
    return SensorBatch(floats(b, t, 3), floats(b, t if u is None else u, 3), ids(b, below=12))


class TextRegressor(nn.Module):
    """The mask may be left out of the batch; then every token counts."""

    def __init__(self, vocab=45, dim=9):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.out = nn.Linear(dim, 1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        x = self.emb(batch["tokens"])
        mask = batch.get("mask")
        if mask is not None:
            x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
            x = x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        else:
            x = x.mean(1)
        return self.out(x)


class FeatureTables(nn.Module):
    """One table per feature, looked up by the feature's name."""

    def __init__(self, sizes=None):
        super().__init__()
        sizes = sizes or {"country": 20, "device": 4, "campaign": 60}
        self.tables = nn.ModuleDict({name: nn.Embedding(size, 6) for name, size in sizes.items()})
        self.mlp = nn.Sequential(nn.Linear(6 * len(sizes), 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, features):
        parts = [table(features[name]) for name, table in self.tables.items()]
        return {"ctr": torch.sigmoid(self.mlp(torch.cat(parts, dim=-1)))}


def impression(n):
    return {"country": ids(n, below=20), "device": ids(n, below=4), "campaign": ids(n, below=60)}


class PeakFinder(nn.Module):
    """Returns the positions of the local maxima of a smoothed signal; their number depends on the signal."""

    def __init__(self):
        super().__init__()
        self.smooth = nn.Conv1d(1, 1, 5, padding=2, bias=False)
        self.smooth.weight.data.fill_(0.2)

    def forward(self, signal):
        x = self.smooth(signal.unsqueeze(1)).squeeze(1)
        inner = x[:, 1:-1]
        peaks = (inner > x[:, :-2]) & (inner > x[:, 2:])
        where = torch.nonzero(peaks)
        heights = inner[where[:, 0], where[:, 1]]
        return where[:, 0], where[:, 1] + 1, heights


@torch.jit.script
def clipped_scores(x: Tensor, weights: list[Tensor], limit: float) -> Tensor:
    total = torch.zeros(x.size(0), weights[0].size(1))
    for weight in weights:
        total = total + torch.clamp(x @ weight, -limit, limit)
    return total


class ScriptedExperts(nn.Module):
    """Sums experts in a scripted function; long batches go through in chunks."""

    def __init__(self, dim=6, experts=3):
        super().__init__()
        self.experts = nn.ParameterList([nn.Parameter(torch.randn(dim, 4)) for _ in range(experts)])
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor, weight: Tensor | None = None):
        if x.dim() != 2:
            raise ValueError(f"expected [batch, features], got {list(x.shape)}")
        if x.shape[0] > 8:
            scores = torch.cat([clipped_scores(part, list(self.experts), 3.0) for part in x.split(8)])
        else:
            scores = clipped_scores(x, list(self.experts), 3.0)
        if weight is not None:
            if weight.shape != x.shape[:1]:
                raise ValueError("weight must be one per row")
            scores = scores * weight[:, None]
        return scores + self.bias


CASES = (
    Case(
        "dataclass_sensors",
        build=ActivityNet,
        example=lambda: call(sensors(2, 20)),
        good=lambda: [
            call(sensors(1, 1)),
            call(sensors(2, 9)),
            call(sensors(3, 4, 11)),
            call(sensors(1, 50, 2)),
            call(SensorBatch(floats(2, 5, 3), floats(2, 5, 3), torch.tensor([0, 11]))),
            call(batch=sensors(8, 3)),
        ],
        bad=lambda: [
            raises("subject 12", SensorBatch(floats(1, 5, 3), floats(1, 5, 3), torch.tensor([12]))),
            raises("subject -1", SensorBatch(floats(1, 5, 3), floats(1, 5, 3), torch.tensor([-1]))),
            raises("accelerometer of 2", SensorBatch(floats(2, 5, 2), floats(2, 5, 3), ids(2, below=12))),
            raises("gyroscope of another batch", SensorBatch(floats(2, 5, 3), floats(3, 5, 3), ids(2, below=12))),
            raises("one subject for two", SensorBatch(floats(2, 5, 3), floats(2, 5, 3), ids(1, below=12))),
            raises("subject as a column", SensorBatch(floats(2, 5, 3), floats(2, 5, 3), ids(2, 1, below=12))),
            raises("subject as float", SensorBatch(floats(2, 5, 3), floats(2, 5, 3), floats(2))),
            raises("float64", SensorBatch(floats(2, 5, 3).double(), floats(2, 5, 3), ids(2, below=12))),
            raises("no batch axes", SensorBatch(floats(5, 3), floats(5, 3), ids(1, below=12)[0])),
            raises("gyroscope None", SensorBatch(floats(2, 5, 3), None, ids(2, below=12))),
            raises("no steps", SensorBatch(floats(2, 0, 3), floats(2, 5, 3), ids(2, below=12))),
            raises("a tuple", (floats(2, 5, 3), floats(2, 5, 3), ids(2, below=12))),
            raises("three arguments", floats(2, 5, 3), floats(2, 5, 3), ids(2, below=12)),
            unmeant("nan", Policy.FINITE, SensorBatch(with_nan(floats(2, 5, 3)), floats(2, 5, 3), ids(2, below=12))),
        ],
    ),
    Case(
        "dict_with_optional_mask",
        build=TextRegressor,
        example=lambda: call({"tokens": ids(2, 6, below=45)}),
        good=lambda: [
            call({"tokens": ids(1, 1, below=45)}),
            call({"tokens": ids(2, 7, below=45)}),
            call({"tokens": torch.tensor([[0, 44]])}),
            call({"tokens": ids(2, 4, below=45), "mask": torch.tensor([[True] * 4, [True, False, False, False]])}),
            call({"tokens": ids(5, 3, below=45), "mask": torch.ones(5, 3, dtype=torch.bool)}),
            call(batch={"tokens": ids(1, 40, below=45), "mask": torch.ones(1, 40, dtype=torch.bool)}),
        ],
        bad=lambda: [
            raises("id 45", {"tokens": torch.full((1, 3), 45)}),
            raises("id -1", {"tokens": torch.full((1, 3), -1)}),
            raises("only a mask", {"mask": torch.ones(2, 4, dtype=torch.bool)}),
            unmeant(
                "a misspelt mask", Policy.UNEXPECTED, {"tokens": ids(2, 4, below=45), "masks": torch.ones(2, 4).bool()}
            ),
            unmeant("labels", Policy.UNEXPECTED, {"tokens": ids(2, 4, below=45), "label": floats(2)}),
            raises("mask of another length", {"tokens": ids(2, 4, below=45), "mask": torch.ones(2, 5).bool()}),
            raises("mask of another batch", {"tokens": ids(2, 4, below=45), "mask": torch.ones(3, 4).bool()}),
            unmeant(
                "one mask row for two", Policy.TIE, {"tokens": ids(2, 4, below=45), "mask": torch.ones(1, 4).bool()}
            ),
            raises("mask as int64", {"tokens": ids(2, 4, below=45), "mask": torch.ones(2, 4).long()}),
            raises("mask as float", {"tokens": ids(2, 4, below=45), "mask": torch.ones(2, 4)}),
            raises("no batch axis", {"tokens": ids(4, below=45), "mask": torch.ones(4).bool()}),
            raises("the tensor alone", ids(2, 4, below=45)),
            raises("as keywords", tokens=ids(2, 4, below=45)),
            raises("float tokens", {"tokens": floats(2, 4)}),
            raises("empty dict", {}),
            unmeant("empty batch", Policy.EMPTY, {"tokens": ids(0, 4, below=45)}),
        ],
    ),
    Case(
        "tables_by_feature_name",
        build=FeatureTables,
        example=lambda: call(impression(3)),
        good=lambda: (
            [call(impression(n)) for n in (1, 2, 4, 9, 32)]
            + [
                call(
                    {
                        "country": torch.tensor([19, 0]),
                        "device": torch.tensor([3, 0]),
                        "campaign": torch.tensor([59, 0]),
                    }
                )
            ]
        ),
        bad=lambda: [
            raises("country 20", {**impression(1), "country": torch.tensor([20])}),
            raises("device 4", {**impression(1), "device": torch.tensor([4])}),
            raises("campaign 60", {**impression(1), "campaign": torch.tensor([60])}),
            raises("device -1", {**impression(1), "device": torch.tensor([-1])}),
            raises("no device", {key: value for key, value in impression(2).items() if key != "device"}),
            unmeant("an unknown feature", Policy.UNEXPECTED, {**impression(2), "browser": ids(2, below=3)}),
            raises("batches differ", {**impression(2), "campaign": ids(3, below=60)}),
            raises("one country for two", {**impression(2), "country": ids(1, below=20)}),
            raises("float country", {**impression(2), "country": floats(2)}),
            unmeant("int32 country", Policy.DTYPE, {**impression(2), "country": ids(2, below=20).int()}),
            unmeant("scalars", Policy.RANK, {key: value[0] for key, value in impression(1).items()}),
            unmeant("histories", Policy.RANK, {key: value[:, None] for key, value in impression(3).items()}),
            raises("a list", list(impression(2).values())),
            unmeant("empty batch", Policy.EMPTY, impression(0)),
        ],
    ),
    Case(
        "peaks_nonzero",
        build=PeakFinder,
        example=lambda: call(floats(2, 50)),
        good=lambda: [
            call(floats(1, 3)),
            call(floats(2, 9)),
            call(torch.zeros(1, 20)),
            call(floats(3, 100)),
            call(torch.arange(30.0)[None]),
            call(signal=floats(6, 17)),
        ],
        bad=lambda: [
            raises("no batch axis", floats(50)),
            raises("with a channel axis", floats(2, 1, 50)),
            raises("a scalar", torch.tensor(1.0)),
            raises("float64", floats(2, 50).double()),
            raises("float16", floats(2, 50).half()),
            raises("int64", ids(2, 50, below=9)),
            raises("uint8", ids(2, 50, below=9).to(torch.uint8)),
            raises("bool", ids(2, 50, below=2).bool()),
            raises("no samples", floats(2, 0)),
            raises("python lists", [[0.0, 1.0, 0.0]]),
            raises("threshold too", floats(2, 50), 0.5),
            unmeant("empty batch", Policy.EMPTY, floats(0, 50)),
        ],
    ),
    Case(
        "scripted_experts_in_chunks",
        build=ScriptedExperts,
        example=lambda: call(floats(4, 6)),
        good=lambda: [
            call(floats(1, 6)),
            call(floats(8, 6)),
            call(floats(9, 6)),
            call(floats(30, 6), floats(30)),
            call(floats(3, 6), weight=floats(3)),
            call(x=floats(16, 6), weight=None),
        ],
        bad=lambda: [
            raises("5 features", floats(2, 5)),
            raises("no batch axis", floats(6)),
            raises("a sequence", floats(2, 3, 6)),
            raises("weight of another batch", floats(2, 6), floats(3)),
            raises("one weight for two", floats(2, 6), floats(1)),
            raises("weight as a column", floats(2, 6), floats(2, 1)),
            raises("a scalar weight", floats(2, 6), torch.tensor(0.5)),
            raises("float64", floats(2, 6).double()),
            raises("int64", ids(2, 6, below=9)),
            raises("misspelt", floats(2, 6), weights=floats(2)),
            raises("empty rows", floats(2, 0)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 6))),
            unmeant("nan in the weight", Policy.FINITE, floats(2, 6), with_nan(floats(2))),
        ],
    ),
)
