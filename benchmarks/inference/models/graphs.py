# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs, point clouds and distances: sizes that no batch axis counts, indices bounded by another input's size."""

import torch
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class GCNConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lin = nn.Linear(in_channels, out_channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x, edge_index):
        source, target = edge_index
        x = self.lin(x)
        degree = torch.ones(x.size(0), dtype=x.dtype).index_add(0, target, torch.ones(target.size(0), dtype=x.dtype))
        norm = degree.pow(-0.5)
        messages = x.index_select(0, source) * (norm.index_select(0, source) * norm.index_select(0, target))[:, None]
        out = x / degree[:, None]
        return out.index_add(0, target, messages) + self.bias


class NodeClassifier(nn.Module):
    """Kipf and Welling's two layers; every node is classified."""

    def __init__(self, num_features=5, num_classes=3):
        super().__init__()
        self.conv1 = GCNConv(num_features, 16)
        self.conv2 = GCNConv(16, num_classes)

    def forward(self, x, edge_index):
        x = torch.relu(self.conv1(x, edge_index))
        return self.conv2(x, edge_index)


def edges(*pairs):
    return torch.tensor(pairs).T


class PointNet(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 16, 1)
        self.bn1 = nn.BatchNorm1d(16)
        self.conv2 = nn.Conv1d(16, 32, 1)
        self.bn2 = nn.BatchNorm1d(32)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, points):
        x = points.transpose(1, 2)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x = torch.max(x, 2)[0]
        return torch.log_softmax(self.fc(x), dim=1)


class PrototypeDistances(nn.Module):
    """Soft assignment of queries to support vectors, in any number of features."""

    def __init__(self):
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(0.5))

    def forward(self, queries, supports):
        distances = torch.cdist(queries, supports)
        return torch.softmax(-distances / self.temperature, dim=1)


class ScatterHistogram(nn.Module):
    """Sums each row's weights per bin, then scores the histogram."""

    def __init__(self, num_bins=10):
        super().__init__()
        self.num_bins = num_bins
        self.fc = nn.Linear(num_bins, 2)

    def forward(self, weights, bins):
        histogram = torch.zeros(weights.size(0), self.num_bins, dtype=weights.dtype)
        histogram = histogram.scatter_add(1, bins, weights)
        return self.fc(histogram), histogram


CASES = (
    Case(
        "gcn_edge_index",
        build=NodeClassifier,
        example=lambda: call(floats(6, 5), ids(2, 9, below=6)),
        good=lambda: [
            call(floats(1, 5), edges((0, 0))),
            call(floats(2, 5), edges((0, 1), (1, 0))),
            call(floats(3, 5), edges((2, 2))),
            call(floats(4, 5), ids(2, 11, below=4)),
            call(floats(10, 5), ids(2, 3, below=10)),
            call(x=floats(33, 5), edge_index=ids(2, 80, below=33)),
        ],
        bad=lambda: [
            raises("node 4 of 4", floats(4, 5), edges((0, 4), (1, 2))),
            raises("source node 4 of 4", floats(4, 5), edges((4, 0), (1, 2))),
            raises("node -1", floats(4, 5), edges((0, -1), (1, 2))),
            raises("edges as rows", floats(9, 5), ids(5, 2, below=9)),
            raises("three rows of indices", floats(4, 5), ids(3, 5, below=4)),
            raises("one row of indices", floats(4, 5), ids(1, 5, below=4)),
            raises("float indices", floats(4, 5), torch.zeros(2, 5)),
            raises("int16 indices", floats(4, 5), ids(2, 5, below=4).to(torch.int16)),
            raises("6 features", floats(4, 6), ids(2, 5, below=4)),
            raises("one node without its axis", floats(5), ids(2, 5, below=1)),
            raises("a batch of graphs", floats(2, 4, 5), ids(2, 2, 5, below=4)),
            raises("no edges given", floats(4, 5)),
            raises("an adjacency matrix", floats(4, 5), torch.eye(4)),
            raises("float64", floats(4, 5, dtype=torch.float64), ids(2, 5, below=4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(4, 5)), ids(2, 5, below=4)),
            unmeant("infinity", Policy.FINITE, with_inf(floats(4, 5)), ids(2, 5, below=4)),
        ],
    ),
    Case(
        "pointnet",
        build=PointNet,
        example=lambda: call(floats(2, 128, 3)),
        good=lambda: [
            call(floats(1, 1, 3)),
            call(floats(2, 3, 3)),
            call(floats(1, 200, 3)),
            call(floats(4, 17, 3)),
            call(floats(3, 2, 3)),
            call(points=floats(9, 40, 3)),
        ],
        bad=lambda: [
            raises("channels first", floats(2, 3, 50)),
            raises("with intensity", floats(2, 50, 4)),
            raises("flat", floats(2, 50, 2)),
            raises("no batch axis", floats(50, 3)),
            raises("an axis too many", floats(1, 2, 50, 3)),
            raises("no points", floats(2, 0, 3)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 50, 3)),
            raises("float64", floats(2, 50, 3, dtype=torch.float64)),
            raises("int64", ids(2, 50, 3, below=9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 50, 3))),
            raises("a list of clouds", [floats(50, 3), floats(40, 3)]),
        ],
    ),
    Case(
        "cdist_prototypes",
        build=PrototypeDistances,
        example=lambda: call(floats(7, 4), floats(3, 4)),
        good=lambda: [
            call(floats(1, 1), floats(1, 1)),
            call(floats(3, 4), floats(5, 4)),
            call(floats(5, 6), floats(2, 6)),
            call(floats(40, 3), floats(30, 3)),
            call(floats(2, 64), floats(9, 64)),
            call(floats(6, 2), floats(6, 2)),
        ],
        bad=lambda: [
            raises("features differ", floats(3, 4), floats(5, 6)),
            raises("one feature beside four", floats(3, 4), floats(5, 1)),
            raises("query without its axis", floats(4), floats(5, 4)),
            raises("support without its axis", floats(3, 4), floats(4)),
            unmeant("batches of both", Policy.RANK, floats(2, 3, 4), floats(2, 5, 4)),
            raises("int64", ids(3, 4, below=9), ids(5, 4, below=9)),
            raises("float16", floats(3, 4, dtype=torch.float16), floats(5, 4, dtype=torch.float16)),
            raises("dtypes differ", floats(3, 4), floats(5, 4, dtype=torch.float64)),
            unmeant("float64", Policy.DTYPE, floats(3, 4).double(), floats(5, 4).double()),
            raises("only queries", floats(3, 4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(3, 4)), floats(5, 4)),
            unmeant("nan in a support", Policy.FINITE, floats(3, 4), with_nan(floats(5, 4))),
            raises("a list", [floats(3, 4), floats(5, 4)]),
        ],
    ),
    Case(
        "scatter_histogram",
        build=ScatterHistogram,
        example=lambda: call(floats(2, 5), ids(2, 5, below=10)),
        good=lambda: [
            call(floats(1, 1), ids(1, 1, below=10)),
            call(floats(2, 3), torch.tensor([[9, 0, 9], [0, 0, 0]])),
            call(floats(3, 12), ids(3, 12, below=10)),
            call(floats(6, 2), ids(6, 2, below=10)),
            call(floats(1, 60), ids(1, 60, below=10)),
            call(weights=floats(4, 4), bins=ids(4, 4, below=10)),
        ],
        bad=lambda: [
            raises("bin 10", floats(1, 2), torch.tensor([[0, 10]])),
            raises("bin -1", floats(1, 2), torch.tensor([[0, -1]])),
            raises("more bins than weights", floats(2, 3), ids(2, 4, below=10)),
            unmeant("fewer bins than weights", Policy.TIE, floats(2, 3), ids(2, 2, below=10)),
            unmeant("fewer rows of bins", Policy.TIE, floats(2, 3), ids(1, 3, below=10)),
            raises("more rows of bins", floats(2, 3), ids(3, 3, below=10)),
            raises("float bins", floats(2, 3), torch.zeros(2, 3)),
            raises("weights as float64", floats(2, 3, dtype=torch.float64), ids(2, 3, below=10)),
            raises("weights as int64", ids(2, 3, below=9), ids(2, 3, below=10)),
            raises("bins for the whole batch", floats(2, 3), ids(3, below=10)),
            raises("an axis too many", floats(2, 3, 4), ids(2, 3, 4, below=10)),
            raises("no batch axis", floats(3), ids(3, below=10)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3), ids(0, 3, below=10)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 3)), ids(2, 3, below=10)),
        ],
    ),
)
