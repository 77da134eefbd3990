# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs and point clouds: attention over edges, graphs in one batch, nearest neighbours, dense adjacency."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class GATLayer(nn.Module):
    """Attention over the incoming edges of each node, which carry features of their own."""

    def __init__(self, in_dim, out_dim, edge_dim):
        super().__init__()
        self.lin = nn.Linear(in_dim, out_dim, bias=False)
        self.lin_edge = nn.Linear(edge_dim, out_dim, bias=False)
        self.att = nn.Linear(3 * out_dim, 1, bias=False)

    def forward(self, x, edge_index, edge_attr):
        src, dst = edge_index[0], edge_index[1]
        h, e = self.lin(x), self.lin_edge(edge_attr)
        score = F.leaky_relu(self.att(torch.cat([h.index_select(0, src), h.index_select(0, dst), e], dim=-1)), 0.2)
        weight = score.clamp(max=20).exp()
        total = torch.zeros(x.size(0), 1).index_add_(0, dst, weight) + 1e-9
        out = torch.zeros_like(h).index_add_(0, dst, weight * (h.index_select(0, src) + e))
        return out / total


class MoleculeNet(nn.Module):
    """One row per molecule; `batch` says which molecule an atom belongs to."""

    def __init__(self, node_dim=7, edge_dim=3, hidden=8):
        super().__init__()
        self.conv = GATLayer(node_dim, hidden, edge_dim)
        self.skip = nn.Linear(node_dim, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, edge_index, edge_attr, batch):
        h = F.elu(self.conv(x, edge_index, edge_attr) + self.skip(x))
        num_graphs = int(batch.max()) + 1
        pooled = torch.zeros(num_graphs, h.size(1)).index_add_(0, batch, h)
        return self.out(pooled)


def molecules(*atoms, bonds=6):
    n = sum(atoms)
    batch = torch.cat([torch.full((count,), index) for index, count in enumerate(atoms)])
    return {"x": floats(n, 7), "edge_index": ids(2, bonds, below=n), "edge_attr": floats(bonds, 3), "batch": batch}


class EdgeConv(nn.Module):
    """DGCNN's layer: features of the k nearest neighbours, relative to the point, reduced by a maximum."""

    def __init__(self, k=4, num_classes=5):
        super().__init__()
        self.k = k
        self.mlp = nn.Sequential(nn.Conv2d(6, 16, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2))
        self.head = nn.Conv1d(16, num_classes, 1)

    def forward(self, x):
        b, n, _ = x.shape
        idx = torch.cdist(x, x).topk(self.k, dim=-1, largest=False).indices
        neighbours = torch.gather(x.unsqueeze(1).expand(b, n, n, 3), 2, idx.unsqueeze(-1).expand(-1, -1, -1, 3))
        centre = x.unsqueeze(2).expand_as(neighbours)
        edge = torch.cat([neighbours - centre, centre], dim=-1).permute(0, 3, 1, 2)
        return self.head(self.mlp(edge).max(dim=-1).values)


class DenseGCN(nn.Module):
    """A batch of graphs of one size, with dense adjacency matrices."""

    def __init__(self, in_features=4, hidden=8):
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(in_features, hidden) * 0.3)
        self.weight2 = nn.Parameter(torch.randn(hidden, 2) * 0.3)

    def forward(self, feats, adj):
        adj = adj + torch.eye(adj.size(1))
        h = torch.relu(torch.bmm(adj, feats @ self.weight1))
        return torch.bmm(adj, h @ self.weight2).mean(dim=1)


CASES = (
    Case(
        "molecules_gat_batched",
        build=MoleculeNet,
        example=lambda: call(**molecules(4, 3)),
        good=lambda: [
            call(**molecules(1, bonds=1)),
            call(**molecules(3)),
            call(**molecules(2, 5)),
            call(**molecules(4, 1, 6, bonds=20)),
            call(**molecules(10, 12, bonds=3)),
            call(*molecules(5, 5, bonds=9).values()),
        ],
        bad=lambda: [
            raises("edge to atom 7 of 7", **{**molecules(4, 3), "edge_index": torch.full((2, 6), 7)}),
            raises("edge to atom -1", **{**molecules(4, 3), "edge_index": torch.full((2, 6), -1)}),
            raises("one molecule index -1", **{**molecules(4, 3), "batch": torch.tensor([0, 0, 0, 0, 1, 1, -1])}),
            raises("a molecule index too few", **{**molecules(4, 3), "batch": torch.zeros(6, dtype=torch.int64)}),
            raises("a molecule index too many", **{**molecules(4, 3), "batch": torch.zeros(8, dtype=torch.int64)}),
            raises("edge features for 5 of 6", **{**molecules(4, 3), "edge_attr": floats(5, 3)}),
            raises("one edge feature row", **{**molecules(4, 3), "edge_attr": floats(1, 3)}),
            raises("edge features of 2", **{**molecules(4, 3), "edge_attr": floats(6, 2)}),
            raises("6 atom features", **{**molecules(4, 3), "x": floats(7, 6)}),
            raises("one row of indices", **{**molecules(4, 3), "edge_index": ids(1, 6, below=7)}),
            unmeant(
                "a third row of indices", Policy.REMAINDER, **{**molecules(4, 3), "edge_index": ids(3, 6, below=7)}
            ),
            raises("float indices", **{**molecules(4, 3), "edge_index": floats(2, 6)}),
            raises("float molecule index", **{**molecules(4, 3), "batch": torch.zeros(7)}),
            raises("no batch", **{key: value for key, value in molecules(4, 3).items() if key != "batch"}),
            raises("as one object", molecules(4, 3)),
            unmeant("nan", Policy.FINITE, **{**molecules(4, 3), "x": with_nan(floats(7, 7))}),
        ],
    ),
    Case(
        "dgcnn_neighbours",
        build=EdgeConv,
        example=lambda: call(floats(2, 32, 3)),
        good=lambda: [
            call(floats(1, 4, 3)),
            call(floats(2, 5, 3)),
            call(floats(3, 9, 3)),
            call(floats(1, 64, 3)),
            call(floats(6, 7, 3)),
            call(x=floats(2, 30, 3)),
        ],
        bad=lambda: [
            raises("three points", floats(2, 3, 3)),
            raises("one point", floats(2, 1, 3)),
            raises("with normals", floats(2, 9, 6)),
            raises("flat", floats(2, 9, 2)),
            raises("channels first", floats(2, 3, 9)),
            raises("no batch axis", floats(9, 3)),
            raises("an axis too many", floats(1, 2, 9, 3)),
            raises("float64", floats(2, 9, 3).double()),
            raises("int64", ids(2, 9, 3, below=9)),
            raises("float16", floats(2, 9, 3).half()),
            raises("normals too", floats(2, 9, 3), floats(2, 9, 3)),
            raises("a list", [floats(9, 3)]),
        ],
    ),
    Case(
        "dense_gcn",
        build=DenseGCN,
        example=lambda: call(floats(2, 5, 4), torch.rand(2, 5, 5)),
        good=lambda: [
            call(floats(1, 1, 4), torch.rand(1, 1, 1)),
            call(floats(2, 3, 4), torch.rand(2, 3, 3)),
            call(floats(3, 8, 4), torch.rand(3, 8, 8).round()),
            call(floats(1, 20, 4), torch.rand(1, 20, 20)),
            call(floats(7, 2, 4), torch.rand(7, 2, 2)),
            call(feats=floats(2, 6, 4), adj=torch.zeros(2, 6, 6)),
        ],
        bad=lambda: [
            raises("adjacency of 4 for 5 nodes", floats(2, 5, 4), torch.rand(2, 4, 4)),
            raises("adjacency not square", floats(2, 5, 4), torch.rand(2, 4, 5)),
            unmeant("an adjacency column, broadcast", Policy.TIE, floats(2, 5, 4), torch.rand(2, 5, 1)),
            raises("batches differ", floats(2, 5, 4), torch.rand(3, 5, 5)),
            raises("one adjacency for two", floats(2, 5, 4), torch.rand(1, 5, 5)),
            raises("adjacency without batch", floats(2, 5, 4), torch.rand(5, 5)),
            raises("features of 3", floats(2, 5, 3), torch.rand(2, 5, 5)),
            raises("no batch axes", floats(5, 4), torch.rand(5, 5)),
            raises("edge list", floats(2, 5, 4), ids(2, 9, below=5)),
            raises("float64 adjacency", floats(2, 5, 4), torch.rand(2, 5, 5).double()),
            raises("no adjacency", floats(2, 5, 4)),
            unmeant("nan in the adjacency", Policy.FINITE, floats(2, 5, 4), with_nan(torch.rand(2, 5, 5))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 5, 4), torch.rand(0, 5, 5)),
        ],
    ),
)
