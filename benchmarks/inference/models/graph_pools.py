# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs: attention over an adjacency matrix, clusters of padded graphs, messages along bonds, a road network."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class GraphAttentionLayer(nn.Module):
    def __init__(self, in_features, out_features, dropout, alpha, concat=True):
        super().__init__()
        self.dropout, self.concat, self.out_features = dropout, concat, out_features
        self.W = nn.Parameter(torch.empty(in_features, out_features))
        nn.init.xavier_uniform_(self.W, gain=1.414)
        self.a = nn.Parameter(torch.empty(2 * out_features, 1))
        nn.init.xavier_uniform_(self.a, gain=1.414)
        self.leakyrelu = nn.LeakyReLU(alpha)

    def forward(self, h, adj):
        Wh = torch.mm(h, self.W)
        Wh1 = torch.matmul(Wh, self.a[: self.out_features, :])
        Wh2 = torch.matmul(Wh, self.a[self.out_features :, :])
        e = self.leakyrelu(Wh1 + Wh2.T)
        zero_vec = -9e15 * torch.ones_like(e)
        attention = torch.where(adj > 0, e, zero_vec)
        attention = F.softmax(attention, dim=1)
        attention = F.dropout(attention, self.dropout, training=self.training)
        h_prime = torch.matmul(attention, Wh)
        return F.elu(h_prime) if self.concat else h_prime


class GAT(nn.Module):
    """One graph; its adjacency holds weights, and what is above zero is an edge."""

    def __init__(self, nfeat=9, nhid=4, nclass=3, dropout=0.6, alpha=0.2, nheads=2):
        super().__init__()
        self.dropout = dropout
        self.attentions = [GraphAttentionLayer(nfeat, nhid, dropout, alpha) for _ in range(nheads)]
        for i, attention in enumerate(self.attentions):
            self.add_module(f"attention_{i}", attention)
        self.out_att = GraphAttentionLayer(nhid * nheads, nclass, dropout, alpha, concat=False)

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout, training=self.training)
        x = torch.cat([att(x, adj) for att in self.attentions], dim=1)
        x = F.dropout(x, self.dropout, training=self.training)
        x = F.elu(self.out_att(x, adj))
        return F.log_softmax(x, dim=1)


def adjacency(n):
    return (ids(n, n, below=3) > 0).float() + torch.eye(n)


class DenseSAGE(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.lin_rel, self.lin_root = nn.Linear(cin, cout, bias=False), nn.Linear(cin, cout)

    def forward(self, x, adj, mask=None):
        out = torch.matmul(adj, x) / adj.sum(dim=-1, keepdim=True).clamp(min=1)
        out = self.lin_rel(out) + self.lin_root(x)
        if mask is not None:
            out = out * mask.view(x.size(0), -1, 1).to(x.dtype)
        return out


class DiffPool(nn.Module):
    """Graphs padded to the same number of nodes; `mask` says which are real."""

    def __init__(self, num_features=6, hidden=8, clusters=4, num_classes=2):
        super().__init__()
        self.embed, self.pool = DenseSAGE(num_features, hidden), DenseSAGE(num_features, clusters)
        self.embed2 = DenseSAGE(hidden, hidden)
        self.lin1, self.lin2 = nn.Linear(hidden, hidden), nn.Linear(hidden, num_classes)

    def forward(self, x, adj, mask=None):
        s = torch.softmax(self.pool(x, adj, mask), dim=-1)
        x = F.relu(self.embed(x, adj, mask))
        if mask is not None:
            s = s * mask.unsqueeze(-1).to(x.dtype)
        out = torch.matmul(s.transpose(1, 2), x)
        out_adj = torch.matmul(torch.matmul(s.transpose(1, 2), adj), s)
        link_loss = torch.norm(adj - torch.matmul(s, s.transpose(1, 2)), p=2) / adj.numel()
        x = F.relu(self.embed2(out, out_adj)).mean(dim=1)
        return self.lin2(F.relu(self.lin1(x))), link_loss


def padded(b, n):
    return floats(b, n, 6), (ids(b, n, n, below=2)).float()


def real_nodes(n, *counts):
    return torch.arange(n) < torch.tensor(counts)[:, None]


class Set2Set(nn.Module):
    def __init__(self, in_channels, steps):
        super().__init__()
        self.in_channels, self.steps = in_channels, steps
        self.lstm = nn.LSTM(2 * in_channels, in_channels)

    def forward(self, x, batch, size):
        h = (x.new_zeros(1, size, self.in_channels), x.new_zeros(1, size, self.in_channels))
        q_star = x.new_zeros(size, 2 * self.in_channels)
        for _ in range(self.steps):
            q, h = self.lstm(q_star.unsqueeze(0), h)
            q = q.view(size, self.in_channels)
            e = (x * q[batch]).sum(dim=-1)
            top = e.new_full((size,), float("-inf")).scatter_reduce(0, batch, e, "amax")
            a = (e - top[batch]).exp()
            a = a / (e.new_zeros(size).index_add(0, batch, a)[batch] + 1e-16)
            r = x.new_zeros(size, self.in_channels).index_add(0, batch, a.unsqueeze(-1) * x)
            q_star = torch.cat([q, r], dim=-1)
        return q_star


class MPNN(nn.Module):
    """Gilmer's network: a matrix per bond from its features, a GRU per atom, set2set over the molecule."""

    def __init__(self, node_dim=7, edge_dim=4, dim=8):
        super().__init__()
        self.dim = dim
        self.lin0 = nn.Linear(node_dim, dim)
        self.edge_nn = nn.Sequential(nn.Linear(edge_dim, 16), nn.ReLU(), nn.Linear(16, dim * dim))
        self.gru = nn.GRU(dim, dim)
        self.set2set = Set2Set(dim, steps=3)
        self.lin1, self.lin2 = nn.Linear(2 * dim, dim), nn.Linear(dim, 1)

    def forward(self, x, edge_index, edge_attr, batch):
        out = F.relu(self.lin0(x))
        h = out.unsqueeze(0)
        weight = self.edge_nn(edge_attr).view(-1, self.dim, self.dim)
        src, dst = edge_index
        for _ in range(3):
            message = torch.bmm(out[src].unsqueeze(1), weight).squeeze(1)
            m = F.relu(torch.zeros_like(out).index_add(0, dst, message))
            out, h = self.gru(m.unsqueeze(0), h)
            out = out.squeeze(0)
        size = int(batch.max().item()) + 1
        out = F.relu(self.lin1(self.set2set(out, batch, size)))
        return self.lin2(out).view(-1)


def molecules(*atoms, bonds=8):
    n = sum(atoms)
    batch = torch.repeat_interleave(torch.arange(len(atoms)), torch.tensor(atoms))
    return {"x": floats(n, 7), "edge_index": ids(2, bonds, below=n), "edge_attr": floats(bonds, 4), "batch": batch}


class STConvBlock(nn.Module):
    def __init__(self, cin, spatial, cout, num_nodes):
        super().__init__()
        self.temporal1 = nn.Conv2d(cin, 2 * cout, (1, 3))
        self.theta = nn.Parameter(torch.randn(cout, spatial) / cout**0.5)
        self.temporal2 = nn.Conv2d(spatial, 2 * cout, (1, 3))
        self.norm = nn.BatchNorm2d(num_nodes)

    def forward(self, x, a_hat):
        x = F.glu(self.temporal1(x.permute(0, 3, 1, 2)), dim=1).permute(0, 2, 3, 1)
        x = F.relu(torch.einsum("ij,bjtc,cd->bitd", a_hat, x, self.theta))
        x = F.glu(self.temporal2(x.permute(0, 3, 1, 2)), dim=1).permute(0, 2, 3, 1)
        return self.norm(x)


class STGCN(nn.Module):
    """Sensors on roads that do not change: the graph is a buffer; 12 steps in, 3 out."""

    def __init__(self, num_nodes=11, num_features=2, num_timesteps_input=12, num_timesteps_output=3):
        super().__init__()
        distances = (torch.arange(num_nodes)[:, None] - torch.arange(num_nodes)).abs().float()
        a = torch.exp(-distances) * (distances < 4)
        d = a.sum(1).rsqrt()
        self.register_buffer("a_hat", d[:, None] * a * d[None, :])
        self.block1 = STConvBlock(num_features, 4, 8, num_nodes)
        self.block2 = STConvBlock(8, 4, 8, num_nodes)
        self.fully = nn.Linear((num_timesteps_input - 8) * 8, num_timesteps_output)

    def forward(self, X):
        out = self.block2(self.block1(X, self.a_hat), self.a_hat)
        return self.fully(out.reshape((out.shape[0], out.shape[1], -1)))


CASES = (
    Case(
        "gat_dense_adjacency",
        build=GAT,
        example=lambda: call(floats(6, 9), adjacency(6)),
        good=lambda: [
            call(floats(1, 9), adjacency(1)),
            call(floats(4, 9), adjacency(4)),
            call(floats(9, 9), adjacency(9)),
            call(floats(15, 9), torch.eye(15)),
            call(x=floats(3, 9), adj=adjacency(3)),
            call(floats(7, 9), adjacency(7) / 7),
        ],
        bad=lambda: [
            raises("8 features", floats(6, 8), adjacency(6)),
            raises("adjacency of 5 nodes", floats(6, 9), adjacency(5)),
            raises("adjacency of 5 x 6", floats(6, 9), adjacency(6)[:5]),
            unmeant("adjacency of one node for all", Policy.TIE, floats(6, 9), adjacency(1)),
            unmeant("one row for all nodes", Policy.TIE, floats(6, 9), adjacency(6)[:1]),
            unmeant("adjacency without rows", Policy.RANK, floats(6, 9), adjacency(6)[0]),
            raises("a batch of graphs", floats(2, 6, 9), adjacency(6).repeat(2, 1, 1)),
            raises("a node alone", floats(9), adjacency(1)),
            raises("float64 nodes", floats(6, 9).double(), adjacency(6)),
            raises("int64 nodes", ids(6, 9, below=2), adjacency(6)),
            raises("no adjacency", floats(6, 9)),
            raises("as a pair", (floats(6, 9), adjacency(6))),
            raises("a list of rows", floats(6, 9), adjacency(6).tolist()),
            unmeant("nan node", Policy.FINITE, with_nan(floats(6, 9)), adjacency(6)),
        ],
    ),
    Case(
        "diffpool_padded_graphs",
        build=DiffPool,
        example=lambda: call(*padded(2, 7), real_nodes(7, 7, 4)),
        good=lambda: [
            call(*padded(1, 5)),
            call(*padded(3, 9), real_nodes(9, 9, 1, 4)),
            call(*padded(2, 6), mask=real_nodes(6, 2, 6)),
            call(*padded(4, 3)),
            call(x=floats(2, 12, 6), adj=torch.zeros(2, 12, 12)),
            call(*padded(1, 20), torch.ones(1, 20).bool()),
            call(*padded(5, 2), None),
        ],
        bad=lambda: [
            raises("5 features", floats(2, 7, 5), padded(2, 7)[1]),
            raises("adjacency of 6 nodes for 7", floats(2, 7, 6), padded(2, 6)[1]),
            raises("adjacency of 7 x 6", floats(2, 7, 6), padded(2, 7)[1][:, :, :6]),
            raises("adjacency of three graphs", floats(2, 7, 6), padded(3, 7)[1]),
            unmeant("adjacency of one graph for two", Policy.TIE, floats(2, 7, 6), padded(1, 7)[1]),
            unmeant("adjacency without batch", Policy.RANK, floats(2, 7, 6), padded(1, 7)[1][0]),
            raises("no batch axes", floats(7, 6), padded(1, 7)[1][0]),
            raises("mask of 6 nodes", *padded(2, 7), real_nodes(6, 6, 4)),
            raises("mask of three graphs", *padded(2, 7), real_nodes(7, 6, 4, 1)),
            raises("mask of one graph for two", *padded(2, 7), real_nodes(7, 4)),
            raises("float64 nodes", floats(2, 7, 6).double(), padded(2, 7)[1]),
            raises("bool adjacency", floats(2, 7, 6), padded(2, 7)[1].bool()),
            raises("int64 adjacency", floats(2, 7, 6), padded(2, 7)[1].long()),
            raises("no adjacency", floats(2, 7, 6)),
            unmeant("nan node", Policy.FINITE, with_nan(floats(2, 7, 6)), padded(2, 7)[1]),
            unmeant("nan edge", Policy.FINITE, floats(2, 7, 6), with_nan(padded(2, 7)[1])),
        ],
    ),
    Case(
        "mpnn_set2set",
        build=MPNN,
        example=lambda: call(**molecules(4, 5)),
        good=lambda: [
            call(**molecules(1, bonds=1)),
            call(**molecules(6)),
            call(**molecules(3, 2, 7, bonds=20)),
            call(*molecules(8, 2, bonds=5).values()),
            call(**molecules(1, 1, 1, 1, bonds=2)),
            call(**molecules(10, bonds=13)),
        ],
        bad=lambda: [
            raises("bond to atom 9 of 9", **{**molecules(4, 5), "edge_index": torch.full((2, 8), 9)}),
            raises("bond to atom -1", **{**molecules(4, 5), "edge_index": torch.full((2, 8), -1)}),
            raises("three rows of indices", **{**molecules(4, 5), "edge_index": ids(3, 8, below=9)}),
            raises("bonds as rows", **{**molecules(4, 5), "edge_index": ids(8, 2, below=9)}),
            raises("float bonds", **{**molecules(4, 5), "edge_index": torch.rand(2, 8)}),
            raises("features of 7 bonds for 8", **{**molecules(4, 5), "edge_attr": floats(7, 4)}),
            raises("3 features a bond", **{**molecules(4, 5), "edge_attr": floats(8, 3)}),
            raises("6 features an atom", **{**molecules(4, 5), "x": floats(9, 6)}),
            raises("batch too short", **{**molecules(4, 5), "batch": torch.zeros(8, dtype=torch.int64)}),
            raises("batch too long", **{**molecules(4, 5), "batch": torch.zeros(10, dtype=torch.int64)}),
            raises("batch of -1 alone", **{**molecules(4, 5), "batch": torch.full((9,), -1)}),
            raises("float batch", **{**molecules(4, 5), "batch": torch.zeros(9)}),
            raises("float64 atoms", **{**molecules(4, 5), "x": floats(9, 7).double()}),
            raises("no batch", *list(molecules(4, 5).values())[:3]),
            raises("as one object", molecules(4, 5)),
            unmeant("nan atom", Policy.FINITE, **{**molecules(4, 5), "x": with_nan(floats(9, 7))}),
        ],
    ),
    Case(
        "stgcn_traffic",
        build=STGCN,
        example=lambda: call(floats(2, 11, 12, 2)),
        good=lambda: [
            call(floats(1, 11, 12, 2)),
            call(floats(3, 11, 12, 2)),
            call(X=floats(5, 11, 12, 2)),
            call(70 * torch.rand(4, 11, 12, 2)),
            call(torch.zeros(2, 11, 12, 2)),
            call(floats(20, 11, 12, 2)),
        ],
        bad=lambda: [
            raises("ten sensors", floats(2, 10, 12, 2)),
            unmeant("one sensor for all", Policy.SHAPE, floats(2, 1, 12, 2)),
            raises("steps before sensors", floats(2, 12, 11, 2)),
            raises("11 steps", floats(2, 11, 11, 2)),
            raises("13 steps", floats(2, 11, 13, 2)),
            raises("24 steps", floats(2, 11, 24, 2)),
            raises("one feature", floats(2, 11, 12, 1)),
            raises("no feature axis", floats(2, 11, 12)),
            raises("no batch axis", floats(11, 12, 2)),
            raises("an axis too many", floats(1, 2, 11, 12, 2)),
            raises("float64", floats(2, 11, 12, 2).double()),
            raises("int64", ids(2, 11, 12, 2, below=99)),
            raises("the graph too", floats(2, 11, 12, 2), torch.eye(11)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 11, 12, 2))),
        ],
    ),
)
