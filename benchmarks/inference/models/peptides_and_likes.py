# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs of peptides and of who likes what: categories of atoms in tables of their own, and edges that may have weights."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, holding, ids, raises, unmeant, with_nan
from benchmarks.inference.graph_batches import links, members, to_dense_batch


class CategoryEncoder(nn.Module):
    """As OGB's encoders of atoms and bonds: one table for each column, and the sum of the rows."""

    def __init__(self, dims, emb_dim):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(dim, emb_dim) for dim in dims])

    def forward(self, x):
        out = 0
        for i in range(x.shape[1]):
            out = out + self.embeddings[i](x[:, i])
        return out


class GPSLayer(nn.Module):
    def __init__(self, dim_h, num_heads=2, dropout=0.1):
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(1))
        self.local_nn = nn.Sequential(nn.Linear(dim_h, dim_h), nn.ReLU(), nn.Linear(dim_h, dim_h))
        self.self_attn = nn.MultiheadAttention(dim_h, num_heads, dropout=dropout, batch_first=True)
        self.norm1_local, self.norm1_attn = nn.BatchNorm1d(dim_h), nn.BatchNorm1d(dim_h)
        self.norm2 = nn.BatchNorm1d(dim_h)
        self.ff = nn.Sequential(nn.Linear(dim_h, 2 * dim_h), nn.ReLU(), nn.Linear(2 * dim_h, dim_h))

    def forward(self, h, edge_index, edge_attr, batch):
        src, dst = edge_index[0], edge_index[1]
        messages = F.relu(h.index_select(0, src) + edge_attr)
        gathered = torch.zeros_like(h).index_add_(0, dst, messages)
        h_local = self.norm1_local(h + self.local_nn((1 + self.eps) * h + gathered))
        dense, mask = to_dense_batch(h, batch)
        attended = self.self_attn(dense, dense, dense, key_padding_mask=~mask, need_weights=False)[0]
        h_attn = self.norm1_attn(h + attended[mask])
        h = h_local + h_attn
        return self.norm2(h + self.ff(h))


class GPSModel(nn.Module):
    """Peptide properties; random walks give each node a position."""

    def __init__(self, node_dims=(9, 5, 4), edge_dims=(4, 3), walk_length=6, dim_h=12, dim_out=5, layers=2):
        super().__init__()
        self.node_encoder = CategoryEncoder(node_dims, dim_h - 4)
        self.edge_encoder = CategoryEncoder(edge_dims, dim_h)
        self.raw_norm = nn.BatchNorm1d(walk_length)
        self.pe_encoder = nn.Linear(walk_length, 4)
        self.layers = nn.ModuleList([GPSLayer(dim_h) for _ in range(layers)])
        self.post_mp = nn.Sequential(nn.Linear(dim_h, dim_h // 2), nn.ReLU(), nn.Linear(dim_h // 2, dim_out))

    def forward(self, x, edge_index, edge_attr, pestat_rwse, batch):
        h = torch.cat((self.node_encoder(x), self.pe_encoder(self.raw_norm(pestat_rwse))), 1)
        e = self.edge_encoder(edge_attr)
        for layer in self.layers:
            h = layer(h, edge_index, e, batch)
        size = int(batch.max()) + 1
        summed = h.new_zeros(size, h.size(1)).index_add_(0, batch, h)
        count = h.new_zeros(size).index_add_(0, batch, h.new_ones(batch.size(0)))
        return self.post_mp(summed / count.clamp(min=1).unsqueeze(-1))


def peptides(*nodes, each=4):
    n, e = sum(nodes), each * len(nodes)
    return {
        "x": torch.stack([ids(n, below=9), ids(n, below=5), ids(n, below=4)], 1),
        "edge_index": links(*nodes, each=each),
        "edge_attr": torch.stack([ids(e, below=4), ids(e, below=3)], 1),
        "pestat_rwse": torch.rand(n, 6),
        "batch": members(*nodes),
    }


class LightGCN(nn.Module):
    """All users and items are rows of one table; scores the asked pairs, or the known ones."""

    alpha: torch.Tensor

    def __init__(self, num_nodes=30, embedding_dim=8, num_layers=3):
        super().__init__()
        self.num_nodes = num_nodes
        self.embedding = nn.Embedding(num_nodes, embedding_dim)
        self.num_layers = num_layers
        self.register_buffer("alpha", torch.full((num_layers + 1,), 1.0 / (num_layers + 1)))

    def get_embedding(self, edge_index, edge_weight):
        row, col = edge_index
        if edge_weight is None:
            edge_weight = torch.ones(row.size(0), device=row.device)
        deg = torch.zeros(self.num_nodes, device=row.device).index_add_(0, col, edge_weight)
        deg_inv_sqrt = deg.pow(-0.5)
        deg_inv_sqrt = deg_inv_sqrt.masked_fill(deg_inv_sqrt == float("inf"), 0.0)
        norm = deg_inv_sqrt[row] * edge_weight * deg_inv_sqrt[col]
        x = self.embedding.weight
        out = x * self.alpha[0]
        for i in range(self.num_layers):
            x = torch.zeros_like(x).index_add_(0, col, norm.unsqueeze(-1) * x[row])
            out = out + x * self.alpha[i + 1]
        return out

    def forward(self, edge_index, edge_label_index=None, edge_weight=None):
        if edge_label_index is None:
            edge_label_index = edge_index
        out = self.get_embedding(edge_index, edge_weight)
        return (out[edge_label_index[0]] * out[edge_label_index[1]]).sum(dim=-1)


CASES = (
    Case(
        "gps_peptides",
        build=GPSModel,
        example=lambda: call(**peptides(5, 4)),
        good=lambda: [
            call(**peptides(1, each=1)),
            call(**peptides(8, each=20)),
            call(**peptides(2, 7, 3)),
            call(**peptides(1, 1, 1, 1, each=2)),
            call(*peptides(6, 6, each=9).values()),
            call(**{**peptides(3, 3), "pestat_rwse": torch.zeros(6, 6)}),
        ],
        bad=lambda: [
            raises("first category 9", **{**peptides(5, 4), "x": torch.tensor([[9, 0, 0]] * 9)}),
            raises("second category 5", **{**peptides(5, 4), "x": torch.tensor([[0, 5, 0]] * 9)}),
            raises("third category -1", **{**peptides(5, 4), "x": torch.tensor([[0, 0, -1]] * 9)}),
            raises("four categories", **{**peptides(5, 4), "x": ids(9, 4, below=4)}),
            unmeant("two categories", Policy.SHAPE, **{**peptides(5, 4), "x": ids(9, 2, below=4)}),
            raises("float categories", **{**peptides(5, 4), "x": torch.ones(9, 3)}),
            raises("kind of bond 4", **{**peptides(5, 4), "edge_attr": torch.tensor([[4, 0]] * 8)}),
            raises("bond of -1", **{**peptides(5, 4), "edge_attr": torch.tensor([[0, -1]] * 8)}),
            raises("seven bonds for eight links", **{**peptides(5, 4), "edge_attr": ids(7, 2, below=3)}),
            raises("walks of 5", **{**peptides(5, 4), "pestat_rwse": torch.rand(9, 5)}),
            raises("walks of eight nodes for nine", **{**peptides(5, 4), "pestat_rwse": torch.rand(8, 6)}),
            raises("float64 walks", **{**peptides(5, 4), "pestat_rwse": torch.rand(9, 6).double()}),
            raises("link to node 9 of 9", **{**peptides(5, 4), "edge_index": torch.full((2, 8), 9)}),
            raises("link to node -1", **{**peptides(5, 4), "edge_index": torch.full((2, 8), -1)}),
            raises("one row of indices", **{**peptides(5, 4), "edge_index": ids(1, 8, below=9)}),
            raises("batch of eight for nine", **{**peptides(5, 4), "batch": members(4, 4)}),
            raises("batch of ten for nine", **{**peptides(5, 4), "batch": members(5, 5)}),
            raises("float batch", **{**peptides(5, 4), "batch": members(5, 4).float()}),
            raises("no batch", **{k: v for k, v in peptides(5, 4).items() if k != "batch"}),
            unmeant("nan walk", Policy.FINITE, **{**peptides(5, 4), "pestat_rwse": with_nan(torch.rand(9, 6))}),
        ],
    ),
    Case(
        "lightgcn_pairs",
        build=LightGCN,
        example=lambda: call(ids(2, 20, below=30), ids(2, 7, below=30)),
        good=lambda: [
            call(ids(2, 1, below=30)),
            call(ids(2, 50, below=30)),
            call(ids(2, 12, below=30), ids(2, 1, below=30)),
            call(ids(2, 3, below=30), ids(2, 40, below=30)),
            call(ids(2, 9, below=30), ids(2, 5, below=30), 0.1 + torch.rand(9)),
            call(edge_index=ids(2, 6, below=30), edge_weight=0.1 + torch.rand(6)),
            call(torch.tensor([[0, 29], [29, 0]]), edge_label_index=torch.tensor([[29], [29]])),
        ],
        bad=lambda: [
            raises("node 30", torch.full((2, 4), 30)),
            raises("node -1", torch.full((2, 4), -1)),
            raises("asked for node 30", ids(2, 9, below=30), torch.full((2, 4), 30)),
            unmeant("asked for node -1", Policy.VALUE, ids(2, 9, below=30), torch.full((2, 4), -1)),
            raises("three rows", ids(3, 9, below=30)),
            raises("one row", ids(1, 9, below=30)),
            raises("asked with one row", ids(2, 9, below=30), ids(1, 4, below=30)),
            unmeant("asked with three rows", Policy.REMAINDER, ids(2, 9, below=30), ids(3, 4, below=30)),
            raises("links as rows", ids(9, 2, below=30)),
            raises("eight weights for nine", ids(2, 9, below=30), ids(2, 4, below=30), torch.rand(8)),
            raises("one weight for all", ids(2, 9, below=30), ids(2, 4, below=30), torch.rand(1)),
            raises("float64 weights", ids(2, 9, below=30), None, torch.rand(9).double()),
            raises("int64 weights", ids(2, 9, below=30), None, ids(9, below=5)),
            raises("float links", floats(2, 9)),
            raises("asked with floats", ids(2, 9, below=30), torch.rand(2, 4)),
            raises("no links", edge_label_index=ids(2, 4, below=30)),
            raises("a list of pairs", [[0, 1], [1, 2], [2, 3]]),
            unmeant("nan weight", Policy.FINITE, torch.tensor([[0, 1], [1, 0]]), None, with_nan(torch.rand(2))),
            unmeant(
                "negative weight", Policy.FINITE, torch.tensor([[0, 1], [1, 0]]), None, holding(torch.rand(2), -1.0)
            ),
        ],
    ),
)
