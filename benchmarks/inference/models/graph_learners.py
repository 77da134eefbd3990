# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs: GraphSAGE with pooling, SchNet over positions, a graph of users and items in dicts."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class SAGEConv(nn.Module):
    def __init__(self, in_dim, out_dim):
        super().__init__()
        self.lin_l, self.lin_r = nn.Linear(in_dim, out_dim), nn.Linear(in_dim, out_dim, bias=False)

    def forward(self, x, edge_index):
        src, dst = edge_index
        total = torch.zeros_like(x).index_add_(0, dst, x.index_select(0, src))
        degree = x.new_zeros(x.size(0)).index_add_(0, dst, x.new_ones(dst.size(0)))
        return F.normalize(self.lin_l(total / degree.clamp(min=1).unsqueeze(-1)) + self.lin_r(x), dim=-1)


class GraphSAGE(nn.Module):
    """Without `batch`, all nodes are of one graph."""

    def __init__(self, in_dim=5, hidden=8, classes=3):
        super().__init__()
        self.convs = nn.ModuleList([SAGEConv(in_dim, hidden), SAGEConv(hidden, hidden)])
        self.out = nn.Linear(hidden, classes)

    def forward(self, x, edge_index, batch=None):
        for conv in self.convs:
            x = F.relu(conv(x, edge_index))
        if batch is None:
            batch = edge_index.new_zeros(x.size(0))
        size = int(batch.max()) + 1
        summed = x.new_zeros(size, x.size(1)).index_add_(0, batch, x)
        count = x.new_zeros(size).index_add_(0, batch, x.new_ones(batch.size(0)))
        return self.out(summed / count.clamp(min=1).unsqueeze(-1))


def graph(*nodes, edges=6):
    batch = torch.cat([torch.full((count,), index) for index, count in enumerate(nodes)])
    return {"x": floats(sum(nodes), 5), "edge_index": ids(2, edges, below=sum(nodes)), "batch": batch}


class InteractionBlock(nn.Module):
    def __init__(self, hidden, gaussians):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(gaussians, hidden), nn.Softplus(), nn.Linear(hidden, hidden))
        self.lin1, self.lin2 = nn.Linear(hidden, hidden, bias=False), nn.Linear(hidden, hidden)

    def forward(self, h, rbf, envelope):
        w = self.mlp(rbf) * envelope.unsqueeze(-1)
        return h + self.lin2(torch.einsum("ijf,jf->if", w, self.lin1(h)))


class SchNet(nn.Module):
    """One energy per molecule from atomic numbers and positions."""

    def __init__(self, hidden=8, gaussians=6, cutoff=5.0, max_z=20):
        super().__init__()
        self.cutoff = cutoff
        self.embedding = nn.Embedding(max_z, hidden)
        self.register_buffer("offset", torch.linspace(0, cutoff, gaussians))
        self.blocks = nn.ModuleList([InteractionBlock(hidden, gaussians) for _ in range(2)])
        self.out = nn.Sequential(nn.Linear(hidden, 4), nn.Softplus(), nn.Linear(4, 1))

    def forward(self, z, pos, batch):
        h = self.embedding(z)
        dist = (pos.unsqueeze(0) - pos.unsqueeze(1)).norm(dim=-1)
        near = (dist < self.cutoff) & (batch.unsqueeze(0) == batch.unsqueeze(1))
        envelope = 0.5 * (torch.cos(dist * math.pi / self.cutoff) + 1.0) * near
        rbf = torch.exp(-0.5 * (dist.unsqueeze(-1) - self.offset) ** 2)
        for block in self.blocks:
            h = block(h, rbf, envelope)
        return torch.zeros(int(batch.max()) + 1, 1).index_add_(0, batch, self.out(h))


def atoms(*counts):
    batch = torch.cat([torch.full((count,), index) for index, count in enumerate(counts)])
    return {"z": ids(sum(counts), below=20), "pos": floats(sum(counts), 3), "batch": batch}


class HeteroGNN(nn.Module):
    """Features by type of node, edges by type of relation; scores each item."""

    def __init__(self, hidden=6):
        super().__init__()
        self.lin = nn.ModuleDict({"user": nn.Linear(4, hidden), "item": nn.Linear(7, hidden)})
        self.rel = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in ("user__buys__item", "item__sold__user")})
        self.head = nn.Linear(hidden, 1)

    def forward(self, x_dict, edge_index_dict):
        h = {name: lin(x_dict[name]).relu() for name, lin in self.lin.items()}
        out = dict(h)
        for name, lin in self.rel.items():
            source, _, target = name.split("__")
            src, dst = edge_index_dict[name][0], edge_index_dict[name][1]
            out[target] = out[target].index_add(0, dst, lin(h[source]).index_select(0, src))
        h = {name: value.relu() for name, value in out.items()}
        return {"item": self.head(h["item"]).squeeze(-1), "user": h["user"]}


def nodes(users, items):
    return {"user": floats(users, 4), "item": floats(items, 7)}


def edges(users, items, buys=5, sold=4):
    forth = torch.stack([ids(buys, below=users), ids(buys, below=items)])
    back = torch.stack([ids(sold, below=items), ids(sold, below=users)])
    return {"user__buys__item": forth, "item__sold__user": back}


CASES = (
    Case(
        "graphsage_pooled",
        build=GraphSAGE,
        example=lambda: call(**graph(4, 5)),
        good=lambda: [
            call(**graph(1, edges=1)),
            call(**graph(6)),
            call(**graph(2, 3, 4, edges=15)),
            call(*graph(7, 2, edges=4).values()),
            call(floats(8, 5), ids(2, 11, below=8)),
            call(x=floats(3, 5), edge_index=ids(2, 2, below=3), batch=None),
        ],
        bad=lambda: [
            raises("edge to node 9 of 9", **{**graph(4, 5), "edge_index": torch.full((2, 6), 9)}),
            raises("edge to node -1", **{**graph(4, 5), "edge_index": torch.full((2, 6), -1)}),
            raises("three rows of indices", **{**graph(4, 5), "edge_index": ids(3, 6, below=9)}),
            raises("edges as rows", **{**graph(4, 5), "edge_index": ids(6, 2, below=9)}),
            raises("float edges", **{**graph(4, 5), "edge_index": floats(2, 6)}),
            raises("4 features", **{**graph(4, 5), "x": floats(9, 4)}),
            raises("float64 features", **{**graph(4, 5), "x": floats(9, 5).double()}),
            raises("batch too short", **{**graph(4, 5), "batch": torch.zeros(8, dtype=torch.int64)}),
            raises("batch too long", **{**graph(4, 5), "batch": torch.zeros(10, dtype=torch.int64)}),
            raises("float batch", **{**graph(4, 5), "batch": torch.zeros(9)}),
            raises("batch of -1", **{**graph(4, 5), "batch": torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, -1])}),
            raises("no edges", floats(9, 5)),
            raises("as one object", graph(4, 5)),
            unmeant("nan", Policy.FINITE, **{**graph(4, 5), "x": with_nan(floats(9, 5))}),
        ],
    ),
    Case(
        "schnet_energy",
        build=SchNet,
        example=lambda: call(**atoms(4, 3)),
        good=lambda: [
            call(**atoms(1)),
            call(**atoms(5)),
            call(**atoms(2, 3, 1)),
            call(**atoms(9, 4)),
            call(*atoms(6, 6).values()),
            call(**{**atoms(3, 2), "pos": 30 * floats(5, 3)}),
        ],
        bad=lambda: [
            raises("atomic number 20", **{**atoms(4, 3), "z": torch.full((7,), 20)}),
            raises("atomic number -1", **{**atoms(4, 3), "z": torch.full((7,), -1)}),
            raises("float atomic numbers", **{**atoms(4, 3), "z": torch.ones(7)}),
            raises("6 atomic numbers of 7", **{**atoms(4, 3), "z": ids(6, below=20)}),
            raises("positions of 6 of 7 atoms", **{**atoms(4, 3), "pos": floats(6, 3)}),
            raises("float64 positions", **{**atoms(4, 3), "pos": floats(7, 3).double()}),
            raises("batch too short", **{**atoms(4, 3), "batch": torch.zeros(6, dtype=torch.int64)}),
            raises("a batch index for all", **{**atoms(4, 3), "batch": torch.zeros(1, dtype=torch.int64)}),
            raises("float batch", **{**atoms(4, 3), "batch": torch.zeros(7)}),
            raises("batch of -1", **{**atoms(4, 3), "batch": torch.tensor([0, 0, 0, 1, 1, 1, -1])}),
            raises("no batch", ids(7, below=20), floats(7, 3)),
            raises("padded molecules", ids(2, 4, below=20), floats(2, 4, 3), ids(2, 4, below=2)),
            unmeant("nan position", Policy.FINITE, **{**atoms(4, 3), "pos": with_nan(floats(7, 3))}),
        ],
    ),
    Case(
        "hetero_users_items",
        build=HeteroGNN,
        example=lambda: call(nodes(4, 6), edges(4, 6)),
        good=lambda: [
            call(nodes(1, 1), edges(1, 1)),
            call(nodes(3, 8), edges(3, 8)),
            call(nodes(8, 3), edges(8, 3, buys=1, sold=9)),
            call(nodes(5, 5), edges(5, 5, buys=12, sold=1)),
            call(nodes(2, 9), edges(2, 9, buys=7, sold=7)),
            call(x_dict=nodes(4, 6), edge_index_dict=edges(4, 6)),
        ],
        bad=lambda: [
            raises("user features of 7", {**nodes(4, 6), "user": floats(4, 7)}, edges(4, 6)),
            raises("item features of 4", {**nodes(4, 6), "item": floats(6, 4)}, edges(4, 6)),
            raises("no items", {"user": floats(4, 4)}, edges(4, 6)),
            raises("one relation", nodes(4, 6), {"user__buys__item": edges(4, 6)["user__buys__item"]}),
            raises("user 4 of 4", nodes(4, 6), {**edges(4, 6), "user__buys__item": torch.tensor([[4], [0]])}),
            raises("item 6 of 6", nodes(4, 6), {**edges(4, 6), "user__buys__item": torch.tensor([[0], [6]])}),
            raises("item -1", nodes(4, 6), {**edges(4, 6), "item__sold__user": torch.tensor([[-1], [0]])}),
            raises("float edges", nodes(4, 6), {**edges(4, 6), "item__sold__user": floats(2, 4)}),
            raises("one row", nodes(4, 6), {**edges(4, 6), "item__sold__user": ids(1, 4, below=4)}),
            raises("float64 users", {**nodes(4, 6), "user": floats(4, 4).double()}, edges(4, 6)),
            raises("tensors instead of dicts", floats(4, 4), ids(2, 5, below=4)),
            raises("no edges", nodes(4, 6)),
            unmeant("a type never read", Policy.UNEXPECTED, {**nodes(4, 6), "shop": floats(2, 3)}, edges(4, 6)),
            unmeant("nan in the items", Policy.FINITE, {**nodes(4, 6), "item": with_nan(floats(6, 7))}, edges(4, 6)),
        ],
    ),
)
