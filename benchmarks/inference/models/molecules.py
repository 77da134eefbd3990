# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs whose atoms and bonds are categories, relations of a knowledge graph, coordinates in space."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class CategoryEncoder(nn.Module):
    """Sums one embedding per categorical column, as the open graph benchmark does for atoms and bonds."""

    def __init__(self, dims, emb_dim):
        super().__init__()
        self.embedding_list = nn.ModuleList([nn.Embedding(dim, emb_dim) for dim in dims])

    def forward(self, x):
        x_embedding = 0
        for i in range(x.shape[1]):
            x_embedding += self.embedding_list[i](x[:, i])
        return x_embedding


class GINConv(nn.Module):
    def __init__(self, emb_dim, bond_dims):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(emb_dim, 2 * emb_dim), nn.BatchNorm1d(2 * emb_dim), nn.ReLU())
        self.out = nn.Linear(2 * emb_dim, emb_dim)
        self.eps = nn.Parameter(torch.tensor([0.0]))
        self.bond_encoder = CategoryEncoder(bond_dims, emb_dim)

    def forward(self, x, edge_index, edge_attr):
        message = F.relu(x.index_select(0, edge_index[0]) + self.bond_encoder(edge_attr))
        aggregated = torch.zeros_like(x).index_add(0, edge_index[1], message)
        return self.out(self.mlp((1 + self.eps) * x + aggregated))


class GIN(nn.Module):
    def __init__(self, atom_dims=(20, 5, 4), bond_dims=(6, 3), emb_dim=10, num_tasks=2, num_layer=2):
        super().__init__()
        self.atom_encoder = CategoryEncoder(atom_dims, emb_dim)
        self.convs = nn.ModuleList([GINConv(emb_dim, bond_dims) for _ in range(num_layer)])
        self.graph_pred_linear = nn.Linear(emb_dim, num_tasks)

    def forward(self, x, edge_index, edge_attr, batch):
        if x.shape[1] != 3 or edge_attr.shape[1] != 2:
            raise ValueError("expected 3 columns per atom and 2 per bond")
        h = self.atom_encoder(x)
        for conv in self.convs:
            h = F.relu(conv(h, edge_index, edge_attr))
        num_graphs = int(batch.max()) + 1
        total = torch.zeros(num_graphs, h.size(1)).index_add(0, batch, h)
        count = torch.zeros(num_graphs).index_add(0, batch, torch.ones(batch.size(0)))
        return self.graph_pred_linear(total / count.clamp(min=1).unsqueeze(1))


def compounds(*atoms, bonds=6):
    n = sum(atoms)
    return {
        "x": torch.stack([ids(n, below=20), ids(n, below=5), ids(n, below=4)], dim=1),
        "edge_index": ids(2, bonds, below=n),
        "edge_attr": torch.stack([ids(bonds, below=6), ids(bonds, below=3)], dim=1),
        "batch": torch.cat([torch.full((count,), index) for index, count in enumerate(atoms)]),
    }


class RGCNConv(nn.Module):
    """One matrix per relation; messages are averaged per relation."""

    def __init__(self, in_channels, out_channels, num_relations):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_relations, in_channels, out_channels) * 0.2)
        self.root = nn.Linear(in_channels, out_channels)

    def forward(self, x, edge_index, edge_type):
        weight = self.weight.index_select(0, edge_type)
        source = x.index_select(0, edge_index[0])
        message = torch.bmm(source.unsqueeze(1), weight).squeeze(1)
        return self.root(x).index_add(0, edge_index[1], message)


class LinkPredictor(nn.Module):
    """Every entity has an embedding of its own; scores (head, relation, tail) by DistMult after the messages."""

    def __init__(self, num_entities=25, num_relations=6, dim=8):
        super().__init__()
        self.node_emb = nn.Embedding(num_entities, dim)
        self.conv = RGCNConv(dim, dim, 2 * num_relations)
        self.rel_emb = nn.Embedding(num_relations, dim)

    def forward(self, edge_index, edge_type, triplets):
        z = torch.tanh(self.conv(self.node_emb.weight, edge_index, edge_type))
        head, relation, tail = triplets.unbind(dim=1)
        return (z.index_select(0, head) * self.rel_emb(relation) * z.index_select(0, tail)).sum(dim=1)


def facts(edges, triplets):
    return {
        "edge_index": ids(2, edges, below=25),
        "edge_type": ids(edges, below=12),
        "triplets": torch.stack([ids(triplets, below=25), ids(triplets, below=6), ids(triplets, below=25)], dim=1),
    }


class EGCL(nn.Module):
    """An E(n)-equivariant layer: features and coordinates are updated from distances."""

    def __init__(self, hidden):
        super().__init__()
        self.edge_mlp = nn.Sequential(
            nn.Linear(2 * hidden + 1, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.node_mlp = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.coord_mlp = nn.Linear(hidden, 1, bias=False)

    def forward(self, h, row, col, coord):
        coord_diff = coord.index_select(0, row) - coord.index_select(0, col)
        radial = coord_diff.pow(2).sum(1, keepdim=True)
        edge_feat = self.edge_mlp(torch.cat([h.index_select(0, row), h.index_select(0, col), radial], dim=1))
        coord = coord.index_add(0, row, coord_diff / (radial + 1).sqrt() * self.coord_mlp(edge_feat))
        agg = torch.zeros_like(h).index_add(0, row, edge_feat)
        return h + self.node_mlp(torch.cat([h, agg], dim=1)), coord


class EGNN(nn.Module):
    def __init__(self, in_node_nf=4, hidden_nf=8, n_layers=2):
        super().__init__()
        self.embedding_in = nn.Linear(in_node_nf, hidden_nf)
        self.layers = nn.ModuleList([EGCL(hidden_nf) for _ in range(n_layers)])
        self.embedding_out = nn.Linear(hidden_nf, in_node_nf)

    def forward(self, h: Tensor, x: Tensor, edges: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        row, col = edges
        assert x.size(1) == 3, "coordinates must be [nodes, 3]"
        h = self.embedding_in(h)
        for layer in self.layers:
            h, x = layer(h, row, col, x)
        return self.embedding_out(h), x


def body(nodes, edges):
    return floats(nodes, 4), floats(nodes, 3), (ids(edges, below=nodes), ids(edges, below=nodes))


def self_loops(nodes):
    every = torch.arange(nodes)
    return every, every


CASES = (
    Case(
        "gin_categories",
        build=GIN,
        example=lambda: call(**compounds(5, 3)),
        good=lambda: [
            call(**compounds(1, bonds=1)),
            call(**compounds(4)),
            call(**compounds(2, 6, 3, bonds=11)),
            call(**compounds(9, 8, bonds=2)),
            call(
                torch.tensor([[19, 4, 3], [0, 0, 0]]),
                torch.tensor([[0, 1], [1, 0]]),
                torch.tensor([[5, 2], [0, 0]]),
                torch.tensor([0, 0]),
            ),
            call(**{**compounds(2, 2), "batch": torch.tensor([1, 0, 1, 0])}),
        ],
        bad=lambda: [
            raises("first atom column one above", **{**compounds(1, bonds=1), "x": torch.tensor([[20, 0, 0]])}),
            raises("second atom column one above", **{**compounds(1, bonds=1), "x": torch.tensor([[0, 5, 0]])}),
            raises("third atom column one above", **{**compounds(1, bonds=1), "x": torch.tensor([[0, 0, 4]])}),
            raises("an atom column of -1", **{**compounds(1, bonds=1), "x": torch.tensor([[0, -1, 0]])}),
            raises("first bond column one above", **{**compounds(3, bonds=1), "edge_attr": torch.tensor([[6, 0]])}),
            raises("second bond column one above", **{**compounds(3, bonds=1), "edge_attr": torch.tensor([[0, 3]])}),
            raises("two atom columns", **{**compounds(4, 3), "x": ids(7, 2, below=4)}),
            raises("four atom columns", **{**compounds(4, 3), "x": ids(7, 4, below=4)}),
            raises("bond to atom 7 of 7", **{**compounds(4, 3), "edge_index": torch.full((2, 6), 7)}),
            unmeant("three rows of bonds", Policy.REMAINDER, **{**compounds(4, 3), "edge_index": ids(3, 6, below=7)}),
            raises("bond to atom -1", **{**compounds(4, 3), "edge_index": torch.full((2, 6), -1)}),
            raises("attributes of 5 of 6 bonds", **{**compounds(4, 3), "edge_attr": ids(5, 2, below=3)}),
            unmeant("attributes of one bond for 6", Policy.TIE, **{**compounds(4, 3), "edge_attr": ids(1, 2, below=3)}),
            raises("a molecule index too few", **{**compounds(4, 3), "batch": torch.zeros(6, dtype=torch.int64)}),
            raises("a molecule index too many", **{**compounds(4, 3), "batch": torch.zeros(8, dtype=torch.int64)}),
            raises("molecule index -1", **{**compounds(4, 3), "batch": torch.tensor([0, 0, 0, 0, 1, 1, -1])}),
            raises("atoms as floats", **{**compounds(4, 3), "x": floats(7, 3)}),
            raises("edges as floats", **{**compounds(4, 3), "edge_index": torch.zeros(2, 6)}),
            raises("no batch", **{key: value for key, value in compounds(4).items() if key != "batch"}),
            raises("no bond attributes", **{**compounds(4), "edge_attr": None}),
        ],
    ),
    Case(
        "rgcn_links",
        build=LinkPredictor,
        example=lambda: call(**facts(30, 4)),
        good=lambda: [
            call(**facts(1, 1)),
            call(**facts(7, 3)),
            call(**facts(100, 2)),
            call(**facts(2, 40)),
            call(torch.tensor([[24, 0], [0, 24]]), torch.tensor([11, 0]), torch.tensor([[24, 5, 0], [0, 0, 24]])),
            call(*facts(12, 5).values()),
        ],
        bad=lambda: [
            raises("edge from entity 25", **{**facts(2, 3), "edge_index": torch.tensor([[25, 0], [1, 1]])}),
            raises("edge to entity 25", **{**facts(2, 3), "edge_index": torch.tensor([[0, 0], [1, 25]])}),
            raises("edge to entity -1", **{**facts(2, 3), "edge_index": torch.tensor([[0, 0], [1, -1]])}),
            raises("edge of relation 12", **{**facts(2, 3), "edge_type": torch.tensor([0, 12])}),
            raises("edge of relation -1", **{**facts(2, 3), "edge_type": torch.tensor([0, -1])}),
            raises("question about relation 6", **{**facts(2, 1), "triplets": torch.tensor([[0, 6, 1]])}),
            raises("question about entity 25", **{**facts(2, 1), "triplets": torch.tensor([[0, 1, 25]])}),
            raises("question about entity -1", **{**facts(2, 1), "triplets": torch.tensor([[-1, 1, 5]])}),
            unmeant("three rows of edges", Policy.REMAINDER, **{**facts(5, 3), "edge_index": ids(3, 5, below=25)}),
            raises("types for 4 of 5 edges", **{**facts(5, 3), "edge_type": ids(4, below=12)}),
            raises("one type for 5 edges", **{**facts(5, 3), "edge_type": ids(1, below=12)}),
            raises("questions of two", **{**facts(5, 3), "triplets": ids(3, 2, below=6)}),
            raises("questions of four", **{**facts(5, 3), "triplets": ids(3, 4, below=6)}),
            raises("one question without its axis", **{**facts(5, 3), "triplets": ids(3, below=6)}),
            raises("questions as floats", **{**facts(5, 3), "triplets": floats(3, 3)}),
            raises("types as floats", **{**facts(5, 3), "edge_type": floats(5)}),
            raises("no questions", edge_index=ids(2, 5, below=25), edge_type=ids(5, below=12)),
        ],
    ),
    Case(
        "egnn_coordinates",
        build=EGNN,
        example=lambda: call(*body(6, 14)),
        good=lambda: [
            call(*body(1, 1)),
            call(*body(2, 3)),
            call(*body(5, 20)),
            call(*body(9, 4)),
            call(floats(3, 4), floats(3, 3), (torch.tensor([0, 2]), torch.tensor([2, 0]))),
            call(h=floats(7, 4), x=torch.zeros(7, 3), edges=(ids(12, below=7), ids(12, below=7))),
        ],
        bad=lambda: [
            raises("5 features", floats(6, 5), floats(6, 3), body(6, 4)[2]),
            raises("coordinates in the plane", floats(6, 4), floats(6, 2), body(6, 4)[2]),
            raises("edge from node 6 of 6", floats(6, 4), floats(6, 3), (torch.tensor([6]), torch.tensor([0]))),
            raises("edge to node 6 of 6", floats(6, 4), floats(6, 3), (torch.tensor([0]), torch.tensor([6]))),
            raises("edge from node -1", floats(6, 4), floats(6, 3), (torch.tensor([-1]), torch.tensor([0]))),
            raises("edge to node -1", floats(6, 4), floats(6, 3), (torch.tensor([0]), torch.tensor([-1]))),
            raises("targets for 3 of 4 edges", floats(6, 4), floats(6, 3), (ids(4, below=6), ids(3, below=6))),
            raises("only the sources", floats(6, 4), floats(6, 3), (ids(4, below=6),)),
            raises("three lists", floats(6, 4), floats(6, 3), tuple(ids(4, below=6) for _ in range(3))),
            unmeant("edges as one tensor", Policy.STRUCTURE, floats(6, 4), floats(6, 3), ids(2, 4, below=6)),
            raises("float edges", floats(6, 4), floats(6, 3), (torch.zeros(4), torch.zeros(4))),
            raises("no coordinates", floats(6, 4), edges=body(6, 4)[2]),
            raises("features as float64", floats(6, 4).double(), floats(6, 3), body(6, 4)[2]),
            raises("both as float64", floats(6, 4).double(), floats(6, 3).double(), body(6, 4)[2]),
            raises("a batch of bodies", floats(2, 6, 4), floats(2, 6, 3), body(6, 4)[2]),
            unmeant("nan in the coordinates", Policy.FINITE, floats(6, 4), with_nan(floats(6, 3)), self_loops(6)),
            unmeant("nan in the features", Policy.FINITE, with_nan(floats(6, 4)), floats(6, 3), body(6, 4)[2]),
        ],
    ),
)
