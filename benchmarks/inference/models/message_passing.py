# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs as edge lists: principal neighbourhood aggregation, personalised PageRank, TopK pooling, GATv2 with edges."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


def scatter_sum(src, index, size):
    return src.new_zeros(size, *src.shape[1:]).index_add_(0, index, src)


def scatter_reduce(src, index, size, reduce):
    wide = index.view(-1, *[1] * (src.dim() - 1)).expand_as(src)
    return src.new_zeros(size, *src.shape[1:]).scatter_reduce(0, wide, src, reduce, include_self=False)


class PNAConv(nn.Module):
    """Four ways to aggregate, each scaled in three ways by the degree."""

    def __init__(self, channels, edge_dim, avg_log_degree):
        super().__init__()
        self.avg_log_degree = avg_log_degree
        self.edge_encoder = nn.Linear(edge_dim, channels)
        self.pre_nn = nn.Linear(3 * channels, channels)
        self.post_nn = nn.Linear(13 * channels, channels)

    def forward(self, x, edge_index, edge_attr):
        src, dst = edge_index[0], edge_index[1]
        n = x.size(0)
        h = torch.cat([x.index_select(0, dst), x.index_select(0, src), self.edge_encoder(edge_attr)], dim=-1)
        h = self.pre_nn(h)
        degree = scatter_sum(h.new_ones(dst.size(0)), dst, n).clamp(min=1).unsqueeze(-1)
        mean = scatter_sum(h, dst, n) / degree
        var = scatter_sum(h * h, dst, n) / degree - mean * mean
        std = var.clamp(min=1e-5).sqrt()
        out = torch.cat([mean, scatter_reduce(h, dst, n, "amin"), scatter_reduce(h, dst, n, "amax"), std], dim=-1)
        amplification = (degree + 1).log() / self.avg_log_degree
        out = torch.cat([x, out, out * amplification, out / amplification], dim=-1)
        return self.post_nn(out)


class PNANet(nn.Module):
    """One number per molecule, from kinds of atoms and kinds of bonds."""

    def __init__(self, atoms=21, bonds=4, channels=12, edge_dim=6, layers=2):
        super().__init__()
        self.node_emb = nn.Embedding(atoms, channels)
        self.edge_emb = nn.Embedding(bonds, edge_dim)
        self.convs = nn.ModuleList([PNAConv(channels, edge_dim, math.log(3.2)) for _ in range(layers)])
        self.batch_norms = nn.ModuleList([nn.BatchNorm1d(channels) for _ in range(layers)])
        self.mlp = nn.Sequential(nn.Linear(channels, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))

    def forward(self, x, edge_index, edge_attr, batch):
        x = self.node_emb(x)
        edge_attr = self.edge_emb(edge_attr)
        for conv, batch_norm in zip(self.convs, self.batch_norms, strict=True):
            x = F.relu(batch_norm(conv(x, edge_index, edge_attr)))
        x = scatter_sum(x, batch, int(batch.max()) + 1)
        return self.mlp(x)


def batch_of(*nodes):
    return torch.repeat_interleave(torch.arange(len(nodes)), torch.tensor(nodes))


def molecules(*atoms, bonds=9):
    n = sum(atoms)
    return {
        "x": ids(n, below=21),
        "edge_index": ids(2, bonds, below=n),
        "edge_attr": ids(bonds, below=4),
        "batch": batch_of(*atoms),
    }


class APPNPNet(nn.Module):
    """Predict each paper's class from its words, then propagate the predictions with personalised PageRank."""

    def __init__(self, num_features=14, hidden=8, num_classes=4, k=5, alpha=0.1):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(num_features, hidden), nn.Linear(hidden, num_classes)
        self.k, self.alpha = k, alpha

    def propagate(self, x, edge_index, edge_weight):
        n = x.size(0)
        loops = torch.arange(n, device=x.device)
        row, col = torch.cat([edge_index[0], loops]), torch.cat([edge_index[1], loops])
        weight = torch.cat([edge_weight, edge_weight.new_ones(n)])
        deg_inv_sqrt = scatter_sum(weight, col, n).pow(-0.5)
        norm = deg_inv_sqrt[row] * weight * deg_inv_sqrt[col]
        h = x
        for _ in range(self.k):
            x = scatter_sum(norm.view(-1, 1) * x.index_select(0, row), col, n)
            x = x * (1 - self.alpha) + self.alpha * h
        return x

    def forward(self, x, edge_index, edge_weight=None):
        x = F.dropout(x, p=0.5, training=self.training)
        x = F.relu(self.lin1(x))
        x = F.dropout(x, p=0.5, training=self.training)
        x = self.lin2(x)
        if edge_weight is None:
            edge_weight = x.new_ones(edge_index.size(1))
        x = self.propagate(x, edge_index, edge_weight)
        return F.log_softmax(x, dim=1)


class GraphConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lin_rel = nn.Linear(in_channels, out_channels)
        self.lin_root = nn.Linear(in_channels, out_channels, bias=False)

    def forward(self, x, edge_index):
        out = scatter_sum(x.index_select(0, edge_index[0]), edge_index[1], x.size(0))
        return self.lin_rel(out) + self.lin_root(x)


class TopKPooling(nn.Module):
    """Keeps the highest scoring nodes of each graph, and the edges between them."""

    def __init__(self, channels, ratio):
        super().__init__()
        self.ratio = ratio
        self.weight = nn.Parameter(torch.randn(channels))

    def forward(self, x, edge_index, batch):
        score = torch.tanh((x * self.weight).sum(dim=-1) / self.weight.norm(p=2))
        num_nodes = scatter_sum(torch.ones_like(batch), batch, int(batch.max()) + 1)
        k = (self.ratio * num_nodes.float()).ceil().long()
        order = torch.sort(score, descending=True).indices
        order = order[torch.sort(batch[order], stable=True).indices]
        rank = torch.arange(x.size(0), device=x.device) - (num_nodes.cumsum(0) - num_nodes)[batch[order]]
        perm = order[rank < k[batch[order]]]
        position = batch.new_full((x.size(0),), -1)
        position[perm] = torch.arange(perm.size(0), device=x.device)
        row, col = position[edge_index[0]], position[edge_index[1]]
        keep = (row >= 0) & (col >= 0)
        return x[perm] * score[perm].view(-1, 1), torch.stack([row[keep], col[keep]]), batch[perm]


class TopKNet(nn.Module):
    def __init__(self, num_features=5, channels=8, num_classes=2):
        super().__init__()
        self.conv1, self.pool1 = GraphConv(num_features, channels), TopKPooling(channels, ratio=0.8)
        self.conv2, self.pool2 = GraphConv(channels, channels), TopKPooling(channels, ratio=0.8)
        self.lin1, self.lin2 = nn.Linear(2 * channels, channels), nn.Linear(channels, num_classes)

    def readout(self, x, batch):
        size = int(batch.max()) + 1
        count = scatter_sum(x.new_ones(x.size(0)), batch, size).unsqueeze(-1)
        return torch.cat([scatter_reduce(x, batch, size, "amax"), scatter_sum(x, batch, size) / count], dim=1)

    def forward(self, x, edge_index, batch):
        x = F.relu(self.conv1(x, edge_index))
        x, edge_index, batch = self.pool1(x, edge_index, batch)
        x1 = self.readout(x, batch)
        x = F.relu(self.conv2(x, edge_index))
        x, edge_index, batch = self.pool2(x, edge_index, batch)
        x = F.relu(self.lin1(x1 + self.readout(x, batch)))
        return F.log_softmax(self.lin2(x), dim=-1)


def proteins(*nodes, edges=10):
    n = sum(nodes)
    return {"x": floats(n, 5), "edge_index": ids(2, edges, below=n), "batch": batch_of(*nodes)}


class GATv2Conv(nn.Module):
    def __init__(self, in_channels, out_channels, heads, edge_dim):
        super().__init__()
        self.heads, self.out_channels = heads, out_channels
        self.lin_l, self.lin_r = (nn.Linear(in_channels, heads * out_channels) for _ in range(2))
        self.lin_edge = nn.Linear(edge_dim, heads * out_channels, bias=False)
        self.att = nn.Parameter(torch.randn(1, heads, out_channels) * 0.3)

    def forward(self, x, edge_index, edge_attr):
        n, (h, c) = x.size(0), (self.heads, self.out_channels)
        src, dst = edge_index[0], edge_index[1]
        x_l, x_r = self.lin_l(x).view(-1, h, c), self.lin_r(x).view(-1, h, c)
        x_j = x_l.index_select(0, src)
        m = x_j + x_r.index_select(0, dst) + self.lin_edge(edge_attr).view(-1, h, c)
        alpha = (F.leaky_relu(m, 0.2) * self.att).sum(dim=-1)
        alpha = (alpha - scatter_reduce(alpha, dst, n, "amax").index_select(0, dst)).exp()
        alpha = alpha / (scatter_sum(alpha, dst, n).index_select(0, dst) + 1e-16)
        return scatter_sum(x_j * alpha.unsqueeze(-1), dst, n).view(n, h * c)


class RoadRisk(nn.Module):
    """A score for each road segment, which is an edge, from the crossings at its ends."""

    def __init__(self, node_dim=6, edge_dim=3, hidden=4, heads=2):
        super().__init__()
        self.conv1 = GATv2Conv(node_dim, hidden, heads, edge_dim)
        self.conv2 = GATv2Conv(hidden * heads, hidden, heads, edge_dim)
        self.norm = nn.LayerNorm(hidden * heads)
        self.head = nn.Sequential(nn.Linear(2 * hidden * heads + edge_dim, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x, edge_index, edge_attr):
        x = F.elu(self.conv1(x, edge_index, edge_attr))
        x = self.norm(x + F.elu(self.conv2(x, edge_index, edge_attr)))
        ends = [x.index_select(0, edge_index[0]), x.index_select(0, edge_index[1])]
        return torch.sigmoid(self.head(torch.cat([*ends, edge_attr], dim=-1))).squeeze(-1)


def roads(n, e):
    return {"x": floats(n, 6), "edge_index": ids(2, e, below=n), "edge_attr": floats(e, 3)}


CASES = (
    Case(
        "pna_molecules",
        build=PNANet,
        example=lambda: call(**molecules(5, 4)),
        good=lambda: [
            call(**molecules(1, bonds=1)),
            call(**molecules(7, bonds=12)),
            call(**molecules(2, 5, 3, bonds=16)),
            call(*molecules(6, 6, bonds=5).values()),
            call(**molecules(3, 1, 1, 4, bonds=20)),
            call(**{**molecules(3, 2), "x": torch.tensor([20, 0, 20, 5, 0]), "edge_attr": torch.full((9,), 3)}),
        ],
        bad=lambda: [
            raises("atom 21", **{**molecules(4, 3), "x": torch.full((7,), 21)}),
            raises("atom -1", **{**molecules(4, 3), "x": torch.full((7,), -1)}),
            raises("bond 4", **{**molecules(4, 3), "edge_attr": torch.full((9,), 4)}),
            raises("bond -1", **{**molecules(4, 3), "edge_attr": torch.full((9,), -1)}),
            raises("bond to atom 7 of 7", **{**molecules(4, 3), "edge_index": torch.full((2, 9), 7)}),
            raises("bond to atom -1", **{**molecules(4, 3), "edge_index": torch.full((2, 9), -1)}),
            raises("8 kinds for 9 bonds", **{**molecules(4, 3), "edge_attr": ids(8, below=4)}),
            raises("bonds as rows", **{**molecules(4, 3), "edge_index": ids(9, 2, below=7)}),
            unmeant("three rows of ends", Policy.REMAINDER, **{**molecules(4, 3), "edge_index": ids(3, 9, below=7)}),
            raises("float atoms", **{**molecules(4, 3), "x": floats(7)}),
            raises("float bonds", **{**molecules(4, 3), "edge_index": floats(2, 9)}),
            raises("graphs of 6 of 7 atoms", **{**molecules(4, 3), "batch": batch_of(3, 3)}),
            raises("float graphs", **{**molecules(4, 3), "batch": torch.zeros(7)}),
            raises("graph -1", **{**molecules(4, 3), "batch": batch_of(4, 3) - 1}),
            raises("no graphs", **{k: v for k, v in molecules(4, 3).items() if k != "batch"}),
            raises("as one object", molecules(4, 3)),
        ],
    ),
    Case(
        "appnp_citations",
        build=APPNPNet,
        example=lambda: call(floats(9, 14), ids(2, 15, below=9)),
        good=lambda: [
            call(floats(1, 14), ids(2, 1, below=1)),
            call(floats(6, 14), ids(2, 20, below=6)),
            call(x=floats(12, 14), edge_index=ids(2, 5, below=12)),
            call(floats(7, 14), ids(2, 9, below=7), torch.rand(9)),
            call(floats(8, 14), ids(2, 4, below=8), edge_weight=torch.rand(4)),
            call(floats(20, 14), ids(2, 60, below=20), torch.ones(60)),
        ],
        bad=lambda: [
            raises("13 features", floats(9, 13), ids(2, 15, below=9)),
            raises("paper 9 of 9", floats(9, 14), torch.full((2, 15), 9)),
            raises("paper -1", floats(9, 14), torch.full((2, 15), -1)),
            raises("weights of 14 of 15 edges", floats(9, 14), ids(2, 15, below=9), torch.rand(14)),
            raises("one weight for all edges", floats(9, 14), ids(2, 15, below=9), torch.rand(1)),
            raises("a column of weights", floats(9, 14), ids(2, 15, below=9), torch.rand(15, 1)),
            raises("edges in one row", floats(9, 14), ids(1, 15, below=9)),
            raises("edges without rows", floats(9, 14), ids(15, below=9)),
            raises("float edges", floats(9, 14), floats(2, 15)),
            raises("float64 features", floats(9, 14).double(), ids(2, 15, below=9)),
            raises("int64 features", ids(9, 14, below=2), ids(2, 15, below=9)),
            raises("a batch of graphs", floats(2, 9, 14), ids(2, 2, 15, below=9)),
            raises("adjacency instead of edges", floats(9, 14), (ids(9, 9, below=2)).float()),
            unmeant("nan feature", Policy.FINITE, with_nan(floats(9, 14)), ids(2, 15, below=9)),
            unmeant("nan weight", Policy.FINITE, floats(9, 14), ids(2, 15, below=9), with_nan(torch.rand(15))),
            raises("features only", floats(9, 14)),
            raises("nothing"),
        ],
    ),
    Case(
        "topk_pooled_proteins",
        build=TopKNet,
        example=lambda: call(**proteins(6, 4)),
        good=lambda: [
            call(**proteins(1, edges=1)),
            call(**proteins(9, edges=20)),
            call(**proteins(3, 5, 2, edges=12)),
            call(*proteins(8, 8, edges=30).values()),
            call(**proteins(1, 1, 1, 7, edges=6)),
            call(**proteins(11, 4, edges=15)),
        ],
        bad=lambda: [
            raises("4 features", **{**proteins(6, 4), "x": floats(10, 4)}),
            raises("node 10 of 10", **{**proteins(6, 4), "edge_index": torch.full((2, 10), 10)}),
            raises("node -1", **{**proteins(6, 4), "edge_index": torch.full((2, 10), -1)}),
            raises("edges in one row", **{**proteins(6, 4), "edge_index": ids(1, 10, below=10)}),
            raises("float edges", **{**proteins(6, 4), "edge_index": floats(2, 10)}),
            raises("graphs of 9 of 10 nodes", **{**proteins(6, 4), "batch": batch_of(6, 3)}),
            unmeant("graphs of 12 nodes for 10", Policy.TIE, **{**proteins(6, 4), "batch": batch_of(6, 6)}),
            raises("float graphs", **{**proteins(6, 4), "batch": torch.zeros(10)}),
            raises("graph -1", **{**proteins(6, 4), "batch": batch_of(6, 4) - 1}),
            raises("float64 features", **{**proteins(6, 4), "x": floats(10, 5).double()}),
            raises("no graphs", floats(10, 5), ids(2, 10, below=10)),
            raises("padded graphs", floats(2, 6, 5), ids(2, 10, below=6), batch_of(6, 6)),
            unmeant("nan", Policy.FINITE, **{**proteins(6, 4), "x": with_nan(floats(10, 5))}),
            raises("as one object", proteins(6, 4)),
        ],
    ),
    Case(
        "gatv2_road_segments",
        build=RoadRisk,
        example=lambda: call(**roads(8, 13)),
        good=lambda: [
            call(**roads(1, 1)),
            call(**roads(5, 20)),
            call(**roads(30, 7)),
            call(*roads(12, 12).values()),
            call(**roads(2, 3)),
            call(**roads(40, 90)),
        ],
        bad=lambda: [
            raises("5 features of crossings", **{**roads(8, 13), "x": floats(8, 5)}),
            raises("2 features of roads", **{**roads(8, 13), "edge_attr": floats(13, 2)}),
            raises("features of 12 of 13 roads", **{**roads(8, 13), "edge_attr": floats(12, 3)}),
            raises("roads without features", floats(8, 6), ids(2, 13, below=8)),
            raises("features in a row", **{**roads(8, 13), "edge_attr": floats(39)}),
            raises("crossing 8 of 8", **{**roads(8, 13), "edge_index": torch.full((2, 13), 8)}),
            raises("crossing -1", **{**roads(8, 13), "edge_index": torch.full((2, 13), -1)}),
            raises("roads as rows", **{**roads(8, 13), "edge_index": ids(13, 2, below=8)}),
            raises("float roads", **{**roads(8, 13), "edge_index": floats(2, 13)}),
            raises("float64 crossings", **{**roads(8, 13), "x": floats(8, 6).double()}),
            raises("float64 features", **{**roads(8, 13), "edge_attr": floats(13, 3).double()}),
            unmeant("nan at a road", Policy.FINITE, **{**roads(8, 13), "edge_attr": with_nan(floats(13, 3))}),
            raises("the graph of each road", *roads(8, 13).values(), torch.zeros(8, dtype=torch.int64)),
            raises("nothing"),
        ],
    ),
)
