# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Edges as lists of indices: a recurrent cell on a graph, SEAL with SortPool."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan
from benchmarks.inference.graph_batches import links, members, to_dense_batch


class ChebConv(nn.Module):
    def __init__(self, in_channels, out_channels, K=2):
        super().__init__()
        self.lins = nn.ModuleList([nn.Linear(in_channels, out_channels, bias=False) for _ in range(K)])
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x, edge_index, norm):
        row, col = edge_index
        before, now = None, x
        out = self.lins[0](x)
        for lin in self.lins[1:]:
            moved = torch.zeros_like(now).index_add_(0, col, norm.view(-1, 1) * now.index_select(0, row))
            before, now = now, moved if before is None else 2.0 * moved - before
            out = out + lin(now)
        return out + self.bias


class RecurrentGCN(nn.Module):
    """One step of a Chebyshev GRU on sensors of a road net; the caller keeps the state."""

    def __init__(self, node_features=4, filters=6, K=3):
        super().__init__()
        self.filters = filters
        self.conv_x = nn.ModuleDict({gate: ChebConv(node_features, filters, K) for gate in "zrh"})
        self.conv_h = nn.ModuleDict({gate: ChebConv(filters, filters, K) for gate in "zrh"})
        self.linear = nn.Linear(filters, 1)

    def forward(self, x, edge_index, edge_weight=None, h=None):
        row, col = edge_index
        if edge_weight is None:
            edge_weight = x.new_ones(edge_index.size(1))
        if h is None:
            h = torch.zeros(x.shape[0], self.filters, device=x.device)
        deg = x.new_zeros(x.size(0)).index_add_(0, row, edge_weight)
        inv = torch.where(deg > 0, deg.clamp(min=1e-12).rsqrt(), torch.zeros_like(deg))
        norm = -inv[row] * edge_weight * inv[col]
        z = torch.sigmoid(self.conv_x["z"](x, edge_index, norm) + self.conv_h["z"](h, edge_index, norm))
        r = torch.sigmoid(self.conv_x["r"](x, edge_index, norm) + self.conv_h["r"](h, edge_index, norm))
        new = torch.tanh(self.conv_x["h"](x, edge_index, norm) + self.conv_h["h"](h * r, edge_index, norm))
        h = z * h + (1 - z) * new
        return self.linear(F.relu(h)), h


class SEAL(nn.Module):
    """Is there a link? Labels of the nodes around it, DGCNN with SortPool, one logit for each subgraph."""

    def __init__(self, hidden_channels=8, num_layers=2, max_z=12, k=10):
        super().__init__()
        self.k = k
        self.z_embedding = nn.Embedding(max_z, hidden_channels)
        widths = [hidden_channels] * num_layers + [1]
        self.convs = nn.ModuleList([nn.Linear(hidden_channels, width) for width in widths])
        total_latent_dim = sum(widths)
        self.conv1 = nn.Conv1d(1, 6, total_latent_dim, total_latent_dim)
        self.maxpool1d = nn.MaxPool1d(2, 2)
        self.conv2 = nn.Conv1d(6, 8, 5, 1)
        self.lin1 = nn.Linear((int((k - 2) / 2 + 1) - 5 + 1) * 8, 16)
        self.lin2 = nn.Linear(16, 1)

    def gcn(self, lin, x, edge_index):
        row, col = edge_index[0], edge_index[1]
        deg = x.new_ones(x.size(0)).index_add_(0, col, x.new_ones(col.size(0)))
        inv = deg.rsqrt()
        x = lin(x)
        out = x * (inv * inv).unsqueeze(-1)
        return out.index_add(0, col, (inv[row] * inv[col]).unsqueeze(-1) * x.index_select(0, row))

    def sort_pool(self, x, batch):
        dense, mask = to_dense_batch(x, batch)
        fill = x.min() - 1
        dense = torch.where(mask.unsqueeze(-1), dense, fill)
        _, perm = dense[:, :, -1].sort(dim=-1, descending=True)
        dense = dense.gather(1, perm.unsqueeze(-1).expand(-1, -1, dense.size(-1)))
        if dense.size(1) >= self.k:
            dense = dense[:, : self.k]
        else:
            missing = fill.expand(dense.size(0), self.k - dense.size(1), dense.size(2))
            dense = torch.cat([dense, missing], dim=1)
        dense = torch.where(dense == fill, torch.zeros_like(dense), dense)
        return dense.reshape(dense.size(0), -1)

    def forward(self, z, edge_index, batch):
        x = self.z_embedding(z)
        xs = []
        for conv in self.convs:
            x = torch.tanh(self.gcn(conv, x, edge_index))
            xs.append(x)
        x = self.sort_pool(torch.cat(xs, dim=-1), batch).unsqueeze(1)
        x = self.maxpool1d(F.relu(self.conv1(x)))
        x = F.relu(self.conv2(x)).flatten(1)
        return self.lin2(F.dropout(F.relu(self.lin1(x)), 0.5, self.training))


def around(*nodes, each=4):
    return {"z": ids(sum(nodes), below=12), "edge_index": links(*nodes, each=each), "batch": members(*nodes)}


CASES = (
    Case(
        "chebyshev_gru_step",
        build=RecurrentGCN,
        example=lambda: call(floats(7, 4), ids(2, 12, below=7), torch.rand(12), floats(7, 6)),
        good=lambda: [
            call(floats(1, 4), ids(2, 1, below=1)),
            call(floats(9, 4), ids(2, 30, below=9)),
            call(floats(5, 4), ids(2, 3, below=5), torch.rand(3)),
            call(x=floats(6, 4), edge_index=ids(2, 6, below=6), h=floats(6, 6)),
            call(floats(20, 4), ids(2, 8, below=20), torch.rand(8), floats(20, 6)),
            call(floats(3, 4), ids(2, 5, below=3), None, floats(3, 6)),
            call(floats(4, 4), ids(2, 4, below=4), torch.zeros(4), torch.zeros(4, 6)),
        ],
        bad=lambda: [
            raises("3 features", floats(7, 3), ids(2, 12, below=7)),
            raises("5 features", floats(7, 5), ids(2, 12, below=7)),
            raises("link to node 7 of 7", floats(7, 4), torch.full((2, 12), 7)),
            raises("link to node -1", floats(7, 4), torch.full((2, 12), -1)),
            raises("links as rows", floats(7, 4), ids(12, 2, below=7)),
            raises("float links", floats(7, 4), floats(2, 12)),
            raises("11 weights for 12", floats(7, 4), ids(2, 12, below=7), torch.rand(11)),
            raises("one weight for all", floats(7, 4), ids(2, 12, below=7), torch.rand(1)),
            raises("weights as a column", floats(7, 4), ids(2, 12, below=7), torch.rand(12, 1)),
            raises("float64 weights", floats(7, 4), ids(2, 12, below=7), torch.rand(12).double()),
            raises("state of width 5", floats(7, 4), ids(2, 12, below=7), None, floats(7, 5)),
            raises("state of six nodes for seven", floats(7, 4), ids(2, 12, below=7), None, floats(6, 6)),
            raises("state of eight nodes for seven", floats(7, 4), ids(2, 12, below=7), None, floats(8, 6)),
            raises("float64 state", floats(7, 4), ids(2, 12, below=7), None, floats(7, 6).double()),
            raises("a batch of graphs", floats(2, 7, 4), ids(2, 12, below=7)),
            raises("no links", floats(7, 4)),
            unmeant("nan feature", Policy.FINITE, with_nan(floats(7, 4)), ids(2, 12, below=7)),
            unmeant("nan state", Policy.FINITE, floats(7, 4), ids(2, 12, below=7), None, with_nan(floats(7, 6))),
            unmeant("infinite state", Policy.FINITE, floats(2, 4), ids(2, 4, below=2), None, with_inf(floats(2, 6))),
        ],
    ),
    Case(
        "seal_sort_pool",
        build=SEAL,
        example=lambda: call(**around(6, 12)),
        good=lambda: [
            call(**around(1, each=1)),
            call(**around(10, each=15)),
            call(**around(15, 3)),
            call(**around(2, 4, 9, 11, each=7)),
            call(*around(5, 5, each=5).values()),
            call(torch.tensor([0, 11]), torch.tensor([[0], [1]]), torch.tensor([0, 0])),
        ],
        bad=lambda: [
            raises("label 12", **{**around(6, 12), "z": torch.full((18,), 12)}),
            raises("label -1", **{**around(6, 12), "z": torch.full((18,), -1)}),
            raises("float labels", **{**around(6, 12), "z": torch.ones(18)}),
            raises("labels as a column", **{**around(6, 12), "z": ids(18, 1, below=12)}),
            raises("17 labels of 18", **{**around(6, 12), "z": ids(17, below=12), "edge_index": ids(2, 8, below=17)}),
            raises("link to node 18 of 18", **{**around(6, 12), "edge_index": torch.full((2, 8), 18)}),
            raises("link to node -1", **{**around(6, 12), "edge_index": torch.full((2, 8), -1)}),
            raises("one row of indices", **{**around(6, 12), "edge_index": ids(1, 8, below=18)}),
            unmeant("three rows", Policy.REMAINDER, **{**around(6, 12), "edge_index": ids(3, 8, below=18)}),
            raises("float links", **{**around(6, 12), "edge_index": torch.zeros(2, 8)}),
            raises("batch of 17", **{**around(6, 12), "batch": members(6, 11)}),
            raises("batch of 19", **{**around(6, 12), "batch": members(6, 13)}),
            raises("float batch", **{**around(6, 12), "batch": members(6, 12).float()}),
            raises("batch of -1", **{**around(6, 12), "batch": torch.full((18,), -1)}),
            raises("no batch", ids(18, below=12), links(6, 12)),
            raises("padded subgraphs", ids(2, 9, below=12), links(9, 9), ids(2, 9, below=2)),
        ],
    ),
)
