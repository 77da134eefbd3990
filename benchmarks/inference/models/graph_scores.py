# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs: distances as attention biases, facts of a knowledge graph, points grouped by balls."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class GraphormerLayer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ffn = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x, attn_bias):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        attn = (q @ k.transpose(-2, -1)) * (d // self.heads) ** -0.5 + attn_bias
        x = x + self.proj((attn.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d))
        return x + self.ffn(self.norm2(x))


class Graphormer(nn.Module):
    """Atoms, degrees and shortest paths as ids; 0 pads. A virtual node reads the graph out."""

    def __init__(self, num_atoms=40, num_degree=8, num_spatial=12, dim=16, heads=4):
        super().__init__()
        self.heads = heads
        self.atom_encoder = nn.Embedding(num_atoms + 1, dim, padding_idx=0)
        self.degree_encoder = nn.Embedding(num_degree, dim, padding_idx=0)
        self.spatial_pos_encoder = nn.Embedding(num_spatial, heads, padding_idx=0)
        self.graph_token = nn.Embedding(1, dim)
        self.graph_token_virtual_distance = nn.Embedding(1, heads)
        self.layers = nn.ModuleList(GraphormerLayer(dim, heads) for _ in range(2))
        self.final_ln = nn.LayerNorm(dim)
        self.out_proj = nn.Linear(dim, 1)

    def forward(self, batched_data):
        x, degree, spatial_pos = batched_data["x"], batched_data["degree"], batched_data["spatial_pos"]
        n_graph, n_node = x.size()[:2]
        bias = torch.zeros(n_graph, self.heads, n_node + 1, n_node + 1, device=x.device)
        bias[:, :, 1:, 1:] = bias[:, :, 1:, 1:] + self.spatial_pos_encoder(spatial_pos).permute(0, 3, 1, 2)
        t = self.graph_token_virtual_distance.weight.view(1, self.heads, 1)
        bias[:, :, 1:, 0] = bias[:, :, 1:, 0] + t
        bias[:, :, 0, :] = bias[:, :, 0, :] + t
        padding = F.pad(x.eq(0), (1, 0), value=False)
        bias = bias.masked_fill(padding[:, None, None, :], float("-inf"))

        node_feature = self.atom_encoder(x) + self.degree_encoder(degree)
        h = torch.cat([self.graph_token.weight.unsqueeze(0).repeat(n_graph, 1, 1), node_feature], dim=1)
        for layer in self.layers:
            h = layer(h, bias)
        return self.out_proj(self.final_ln(h)[:, 0])


def molecules(b, n):
    return {
        "x": 1 + ids(b, n, below=40),
        "degree": 1 + ids(b, n, below=7),
        "spatial_pos": ids(b, n, n, below=12),
    }


class ComplEx(nn.Module):
    """Scores facts (head, relation, tail), one a row."""

    def __init__(self, n_entities=30, n_relations=5, dim=6):
        super().__init__()
        self.ent_re, self.ent_im = nn.Embedding(n_entities, dim), nn.Embedding(n_entities, dim)
        self.rel_re, self.rel_im = nn.Embedding(n_relations, dim), nn.Embedding(n_relations, dim)
        for table in (self.ent_re, self.ent_im, self.rel_re, self.rel_im):
            nn.init.xavier_uniform_(table.weight)

    def forward(self, triples):
        h, r, t = triples[:, 0], triples[:, 1], triples[:, 2]
        h_re, h_im = self.ent_re(h), self.ent_im(h)
        r_re, r_im = self.rel_re(r), self.rel_im(r)
        t_re, t_im = self.ent_re(t), self.ent_im(t)
        score = h_re * r_re * t_re + h_im * r_re * t_im + h_re * r_im * t_im - h_im * r_im * t_re
        return score.sum(dim=-1)


class TransE(nn.Module):
    """The distance of head plus relation from tail, for every candidate tail."""

    def __init__(self, n_entities=25, n_relations=4, dim=8, p_norm=1, margin=6.0):
        super().__init__()
        self.p_norm, self.margin = p_norm, margin
        self.ent_embeddings = nn.Embedding(n_entities, dim)
        self.rel_embeddings = nn.Embedding(n_relations, dim)

    def forward(self, batch_h, batch_r, candidates=None):
        h = F.normalize(self.ent_embeddings(batch_h), 2, -1)
        r = F.normalize(self.rel_embeddings(batch_r), 2, -1)
        if candidates is None:
            t = F.normalize(self.ent_embeddings.weight, 2, -1).unsqueeze(0)
        else:
            t = F.normalize(self.ent_embeddings(candidates), 2, -1)
        return self.margin - torch.norm((h + r).unsqueeze(1) - t, self.p_norm, -1)


def farthest_point_sample(xyz, npoint):
    B, N, _ = xyz.shape
    centroids = torch.zeros(B, npoint, dtype=torch.long, device=xyz.device)
    distance = torch.full((B, N), 1e10, device=xyz.device)
    farthest = torch.zeros(B, dtype=torch.long, device=xyz.device)
    batch_indices = torch.arange(B, device=xyz.device)
    for i in range(npoint):
        centroids[:, i] = farthest
        centroid = xyz[batch_indices, farthest, :].view(B, 1, 3)
        dist = torch.sum((xyz - centroid) ** 2, -1)
        distance = torch.min(distance, dist)
        farthest = torch.max(distance, -1)[1]
    return centroids


def index_points(points, idx):
    batch = torch.arange(points.size(0), device=points.device).view(-1, *[1] * (idx.dim() - 1))
    return points[batch, idx]


def query_ball_point(radius, nsample, xyz, new_xyz):
    B, N, _ = xyz.shape
    S = new_xyz.shape[1]
    group_idx = torch.arange(N, device=xyz.device).view(1, 1, N).repeat(B, S, 1)
    sqrdists = ((new_xyz.unsqueeze(2) - xyz.unsqueeze(1)) ** 2).sum(-1)
    group_idx[sqrdists > radius**2] = N
    group_idx = group_idx.sort(dim=-1)[0][:, :, :nsample]
    group_first = group_idx[:, :, :1].repeat(1, 1, nsample)
    return torch.where(group_idx == N, group_first, group_idx)


class PointNetSetAbstraction(nn.Module):
    def __init__(self, npoint, radius, nsample, in_channel, mlp):
        super().__init__()
        self.npoint, self.radius, self.nsample = npoint, radius, nsample
        layers = []
        for cin, cout in zip((in_channel, *mlp[:-1]), mlp, strict=True):
            layers += [nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout), nn.ReLU()]
        self.mlp = nn.Sequential(*layers)

    def forward(self, xyz, points):
        if self.npoint is None:
            new_xyz, grouped = None, torch.cat([xyz, points], -1).unsqueeze(1)
        else:
            new_xyz = index_points(xyz, farthest_point_sample(xyz, self.npoint))
            idx = query_ball_point(self.radius, self.nsample, xyz, new_xyz)
            grouped = index_points(xyz, idx) - new_xyz.unsqueeze(2)
            if points is not None:
                grouped = torch.cat([grouped, index_points(points, idx)], dim=-1)
        return new_xyz, self.mlp(grouped.permute(0, 3, 1, 2)).max(dim=3)[0].transpose(1, 2)


class PointNet2(nn.Module):
    """Points with normals, channels first; at least as many points as a ball takes."""

    def __init__(self, num_class=10, normal_channel=True):
        super().__init__()
        self.normal_channel = normal_channel
        self.sa1 = PointNetSetAbstraction(16, 0.8, 8, 6 if normal_channel else 3, [8, 12])
        self.sa2 = PointNetSetAbstraction(8, 1.6, 8, 12 + 3, [12, 16])
        self.sa3 = PointNetSetAbstraction(None, None, None, 16 + 3, [16, 24])
        self.fc1, self.bn1, self.fc2 = nn.Linear(24, 16), nn.BatchNorm1d(16), nn.Linear(16, num_class)

    def forward(self, xyz):
        B, _, _ = xyz.shape
        norm = xyz[:, 3:, :].transpose(1, 2) if self.normal_channel else None
        l1_xyz, l1_points = self.sa1(xyz[:, :3, :].transpose(1, 2), norm)
        l2_xyz, l2_points = self.sa2(l1_xyz, l1_points)
        _, l3_points = self.sa3(l2_xyz, l2_points)
        x = F.relu(self.bn1(self.fc1(l3_points.view(B, 24))))
        return F.log_softmax(self.fc2(x), -1), l3_points


def without(name, mapping):
    return {key: value for key, value in mapping.items() if key != name}


CASES = (
    Case(
        "graphormer_distances",
        build=Graphormer,
        example=lambda: call(molecules(2, 6)),
        good=lambda: [
            call(molecules(1, 1)),
            call(molecules(3, 4)),
            call(molecules(2, 15)),
            call(batched_data=molecules(4, 3)),
            call({**molecules(2, 5), "x": torch.tensor([[1, 40, 3, 0, 0], [2, 2, 2, 2, 2]])}),
            call({**molecules(1, 7), "degree": torch.full((1, 7), 7)}),
            call({**molecules(2, 3), "spatial_pos": torch.full((2, 3, 3), 11)}),
        ],
        bad=lambda: [
            raises("atom 41", {**molecules(2, 6), "x": torch.full((2, 6), 41)}),
            raises("atom -1", {**molecules(2, 6), "x": torch.full((2, 6), -1)}),
            raises("degree 8", {**molecules(2, 6), "degree": torch.full((2, 6), 8)}),
            raises("degree -1", {**molecules(2, 6), "degree": torch.full((2, 6), -1)}),
            raises("distance 12", {**molecules(2, 6), "spatial_pos": torch.full((2, 6, 6), 12)}),
            raises("distance -1", {**molecules(2, 6), "spatial_pos": torch.full((2, 6, 6), -1)}),
            raises("distances of 5 atoms", {**molecules(2, 6), "spatial_pos": ids(2, 5, 5, below=12)}),
            unmeant(
                "distances of one graph for two",
                Policy.TIE,
                {**molecules(2, 6), "spatial_pos": ids(1, 6, 6, below=12)},
            ),
            unmeant("degrees of one graph for two", Policy.TIE, {**molecules(2, 6), "degree": ids(1, 6, below=8)}),
            raises("degrees of 5 atoms", {**molecules(2, 6), "degree": ids(2, 5, below=8)}),
            raises("degrees of three graphs", {**molecules(2, 6), "degree": ids(3, 6, below=8)}),
            raises("float distances", {**molecules(2, 6), "spatial_pos": torch.rand(2, 6, 6)}),
            unmeant("int32 atoms", Policy.DTYPE, {**molecules(2, 6), "x": ids(2, 6, below=40).int()}),
            raises("no degrees", without("degree", molecules(2, 6))),
            raises("no distances", without("spatial_pos", molecules(2, 6))),
            unmeant("labels too", Policy.UNEXPECTED, {**molecules(2, 6), "y": floats(2, 1)}),
            raises("tensors by place", *molecules(2, 6).values()),
        ],
    ),
    Case(
        "complex_facts",
        build=ComplEx,
        example=lambda: call(torch.tensor([[0, 1, 2], [29, 4, 7]])),
        good=lambda: [
            call(ids(1, 3, below=5)),
            call(ids(4, 3, below=5)),
            call(triples=ids(3, 3, below=5)),
            call(torch.tensor([[29, 4, 29], [0, 0, 0]])),
            call(torch.tensor([[20, 3, 10]])),
            call(ids(50, 3, below=5)),
        ],
        bad=lambda: [
            raises("head 30", torch.tensor([[30, 1, 2]])),
            raises("head -1", torch.tensor([[-1, 1, 2]])),
            raises("relation 5", torch.tensor([[3, 5, 2]])),
            raises("relation -1", torch.tensor([[3, -1, 2]])),
            raises("tail 30", torch.tensor([[3, 1, 30]])),
            raises("tail -1", torch.tensor([[3, 1, -1]])),
            raises("pairs", ids(4, 2, below=5)),
            unmeant("facts with a year", Policy.REMAINDER, ids(4, 4, below=5)),
            raises("one fact without batch", torch.tensor([3, 1, 2])),
            raises("floats", torch.tensor([[3.0, 1.0, 2.0]])),
            unmeant("int32", Policy.DTYPE, ids(4, 3, below=5).int()),
            raises("three columns apart", *torch.unbind(ids(4, 3, below=5), 1)),
            raises("a list of facts", [[3, 1, 2]]),
            raises("nothing"),
        ],
    ),
    Case(
        "transe_candidates",
        build=TransE,
        example=lambda: call(ids(3, below=25), ids(3, below=4), ids(3, 5, below=25)),
        good=lambda: [
            call(ids(1, below=25), ids(1, below=4)),
            call(ids(4, below=25), ids(4, below=4)),
            call(ids(2, below=25), ids(2, below=4), ids(2, 1, below=25)),
            call(batch_h=ids(6, below=25), batch_r=ids(6, below=4), candidates=ids(6, 9, below=25)),
            call(ids(3, below=25), ids(3, below=4), candidates=torch.full((3, 2), 24)),
            call(torch.tensor([0, 24]), torch.tensor([3, 0]), None),
        ],
        bad=lambda: [
            raises("head 25", torch.tensor([25, 1]), torch.tensor([0, 1])),
            raises("head -1", torch.tensor([-1, 1]), torch.tensor([0, 1])),
            raises("relation 4", torch.tensor([2, 1]), torch.tensor([4, 1])),
            raises("relation -1", torch.tensor([2, 1]), torch.tensor([-1, 1])),
            raises("candidate 25", ids(2, below=25), ids(2, below=4), torch.full((2, 3), 25)),
            raises("candidate -1", ids(2, below=25), ids(2, below=4), torch.full((2, 3), -1)),
            raises("three relations for two heads", ids(2, below=25), ids(3, below=4)),
            unmeant("one relation for two heads", Policy.TIE, ids(2, below=25), ids(1, below=4)),
            raises("candidates of three heads for two", ids(2, below=25), ids(2, below=4), ids(3, 4, below=25)),
            unmeant("the same candidates for both", Policy.TIE, ids(2, below=25), ids(2, below=4), ids(1, 4, below=25)),
            raises("float heads", torch.rand(2), ids(2, below=4)),
            raises("float candidates", ids(2, below=25), ids(2, below=4), torch.rand(2, 3)),
            unmeant("int32 heads", Policy.DTYPE, ids(2, below=25).int(), ids(2, below=4)),
            raises("no relation", ids(2, below=25)),
            raises("python numbers", 3, 1),
        ],
    ),
    Case(
        "pointnet2_normals",
        build=PointNet2,
        example=lambda: call(floats(2, 6, 40)),
        good=lambda: [
            call(floats(1, 6, 20)),
            call(floats(3, 6, 64)),
            call(xyz=floats(2, 6, 33)),
            call(floats(4, 6, 25)),
            call(floats(1, 6, 128)),
            call(0.3 * floats(2, 6, 50)),
        ],
        bad=lambda: [
            raises("no normals", floats(2, 3, 40)),
            raises("five channels", floats(2, 5, 40)),
            raises("seven channels", floats(2, 7, 40)),
            raises("points first", floats(2, 40, 6)),
            raises("no batch axis", floats(6, 40)),
            raises("an axis too many", floats(1, 2, 6, 40)),
            raises("seven points", floats(2, 6, 7)),
            raises("no points", floats(2, 6, 0)),
            raises("float64", floats(2, 6, 40).double()),
            raises("int64", ids(2, 6, 40, below=9)),
            raises("a list of clouds", list(floats(2, 6, 40))),
            raises("positions and normals apart", floats(2, 3, 40), floats(2, 3, 40)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 6, 40))),
        ],
    ),
)
