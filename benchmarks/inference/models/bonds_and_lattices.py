# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Atoms and what ties them: directed bonds, vectors between atoms, tours, molecules as tables, crystals."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class BondMessagePassing(nn.Module):
    """D-MPNN as in chemprop: a message never returns along the bond that it came by."""

    def __init__(self, d_v=9, d_e=5, d_h=16, depth=3, n_tasks=2):
        super().__init__()
        self.W_i = nn.Linear(d_v + d_e, d_h, bias=False)
        self.W_h = nn.Linear(d_h, d_h, bias=False)
        self.W_o = nn.Linear(d_v + d_h, d_h)
        self.ffn = nn.Sequential(nn.Linear(d_h, d_h), nn.ReLU(), nn.Dropout(0.1), nn.Linear(d_h, n_tasks))
        self.depth = depth
        self.tau = nn.ReLU()

    def gather_bonds(self, H, edge_index, n_atoms):
        index_torch = edge_index[1].unsqueeze(1).repeat(1, H.shape[1])
        zeros = torch.zeros(n_atoms, H.shape[1], dtype=H.dtype, device=H.device)
        return zeros.scatter_reduce_(0, index_torch, H, reduce="sum", include_self=False)

    def forward(self, V, E, edge_index, rev_edge_index, batch):
        H_0 = self.W_i(torch.cat([V[edge_index[0]], E], dim=1))
        H = self.tau(H_0)
        for _ in range(1, self.depth):
            M_all = self.gather_bonds(H, edge_index, len(V))[edge_index[0]]
            M = M_all - H[rev_edge_index]
            H = self.tau(H_0 + self.W_h(M))
        M = self.gather_bonds(H, edge_index, len(V))
        H_v = self.tau(self.W_o(torch.cat([V, M], dim=1)))
        index_torch = batch.unsqueeze(1).repeat(1, H_v.shape[1])
        dim_size = batch.max().int() + 1
        out = torch.zeros(dim_size, H_v.shape[1], dtype=H_v.dtype, device=H_v.device)
        return self.ffn(out.scatter_reduce_(0, index_torch, H_v, reduce="mean", include_self=False))


def molecules(*sizes):
    """Chains of atoms, each bond in both directions one after the other."""
    pairs, start = [], 0
    for size in sizes:
        for atom in range(start, start + size - 1):
            pairs += [(atom, atom + 1), (atom + 1, atom)]
        start += size
    return {
        "V": floats(start, 9),
        "E": floats(len(pairs), 5),
        "edge_index": torch.tensor(pairs).T.contiguous(),
        "rev_edge_index": torch.arange(len(pairs)).view(-1, 2).flip(1).reshape(-1),
        "batch": torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)),
    }


class PaiNNInteraction(nn.Module):
    def __init__(self, n_atom_basis):
        super().__init__()
        self.n_atom_basis = n_atom_basis
        self.interatomic_context_net = nn.Sequential(
            nn.Linear(n_atom_basis, n_atom_basis), nn.SiLU(), nn.Linear(n_atom_basis, 3 * n_atom_basis)
        )

    def forward(self, q, mu, Wij, dir_ij, idx_i, idx_j, n_atoms):
        x = self.interatomic_context_net(q)
        xj, muj = x[idx_j], mu[idx_j]
        x = Wij * xj
        dq, dmuR, dmumu = torch.split(x, self.n_atom_basis, dim=-1)
        dmu = dmuR * dir_ij[..., None] + dmumu * muj
        q = q + torch.zeros_like(q).index_add(0, idx_i, dq)
        mu = mu + torch.zeros_like(mu).index_add(0, idx_i, dmu)
        return q, mu


class PaiNNMixing(nn.Module):
    def __init__(self, n_atom_basis):
        super().__init__()
        self.n_atom_basis = n_atom_basis
        self.intraatomic_context_net = nn.Sequential(
            nn.Linear(2 * n_atom_basis, n_atom_basis), nn.SiLU(), nn.Linear(n_atom_basis, 3 * n_atom_basis)
        )
        self.mu_channel_mix = nn.Linear(n_atom_basis, 2 * n_atom_basis, bias=False)

    def forward(self, q, mu):
        mu_V, mu_W = torch.split(self.mu_channel_mix(mu), self.n_atom_basis, dim=-1)
        mu_Vn = torch.sqrt(torch.sum(mu_V**2, dim=-2, keepdim=True) + 1e-8)
        x = self.intraatomic_context_net(torch.cat([q, mu_Vn], dim=-1))
        dq_intra, dmu_intra, dqmu_intra = torch.split(x, self.n_atom_basis, dim=-1)
        dqmu_intra = dqmu_intra * torch.sum(mu_V * mu_W, dim=1, keepdim=True)
        return q + dq_intra + dqmu_intra, mu + dmu_intra * mu_W


class PaiNN(nn.Module):
    """Scalars and vectors on each atom, as in SchNetPack, and the energy of each molecule."""

    def __init__(self, n_atom_basis=12, n_interactions=2, n_rbf=8, cutoff=5.0, max_z=20):
        super().__init__()
        self.cutoff, self.n_atom_basis = cutoff, n_atom_basis
        self.register_buffer("offsets", torch.linspace(0, cutoff, n_rbf))
        self.embedding = nn.Embedding(max_z, n_atom_basis, padding_idx=0)
        self.filter_net = nn.Linear(n_rbf, n_interactions * n_atom_basis * 3)
        self.interactions = nn.ModuleList(PaiNNInteraction(n_atom_basis) for _ in range(n_interactions))
        self.mixing = nn.ModuleList(PaiNNMixing(n_atom_basis) for _ in range(n_interactions))
        self.outnet = nn.Sequential(nn.Linear(n_atom_basis, 6), nn.SiLU(), nn.Linear(6, 1))

    def forward(self, inputs):
        atomic_numbers = inputs["_atomic_numbers"]
        r_ij, idx_i, idx_j = inputs["_Rij"], inputs["_idx_i"], inputs["_idx_j"]
        n_atoms = atomic_numbers.shape[0]

        d_ij = torch.norm(r_ij, dim=1, keepdim=True)
        dir_ij = r_ij / d_ij
        phi_ij = torch.exp(-((d_ij[..., None] - self.offsets) ** 2))
        fcut = 0.5 * (torch.cos(d_ij * math.pi / self.cutoff) + 1.0) * (d_ij < self.cutoff)
        filters = self.filter_net(phi_ij) * fcut[..., None]
        filter_list = torch.split(filters, 3 * self.n_atom_basis, dim=-1)

        q = self.embedding(atomic_numbers)[:, None]
        mu = torch.zeros((q.shape[0], 3, q.shape[2]), device=q.device)
        for i, (interaction, mixing) in enumerate(zip(self.interactions, self.mixing, strict=True)):
            q, mu = interaction(q, mu, filter_list[i], dir_ij, idx_i, idx_j, n_atoms)
            q, mu = mixing(q, mu)

        y = self.outnet(q.squeeze(1))
        idx_m = inputs["_idx_m"]
        maxm = int(idx_m[-1]) + 1
        energy = torch.zeros((maxm, 1), device=y.device).index_add(0, idx_m, y)
        return {"energy": energy.squeeze(-1), "scalar_representation": q.squeeze(1), "vector_representation": mu}


def clusters(*sizes):
    """Every atom of a molecule sees every other one."""
    i, j, start = [], [], 0
    for size in sizes:
        for a in range(start, start + size):
            others = [b for b in range(start, start + size) if b != a]
            i, j = i + [a] * len(others), j + others
        start += size
    return {
        "_atomic_numbers": 1 + ids(start, below=19),
        "_Rij": 1.5 * floats(len(i), 3),
        "_idx_i": torch.tensor(i),
        "_idx_j": torch.tensor(j),
        "_idx_m": torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)),
    }


class GatedGCNLayer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.A, self.B, self.C = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.D, self.E = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.bn_node_h, self.bn_node_e = nn.BatchNorm1d(dim), nn.BatchNorm1d(dim)

    def forward(self, h, e, src, dst):
        e_new = self.D(h)[src] + self.E(h)[dst] + self.C(e)
        sigma = torch.sigmoid(e_new)
        sum_sigma_h = torch.zeros_like(h).index_add_(0, dst, sigma * self.B(h)[src])
        sum_sigma = torch.zeros_like(h).index_add_(0, dst, sigma)
        h_new = self.A(h) + sum_sigma_h / (sum_sigma + 1e-6)
        return h + F.relu(self.bn_node_h(h_new)), e + F.relu(self.bn_node_e(e_new))


class GatedGCNTours(nn.Module):
    """Which of the edges between cities belong to the shortest tour."""

    def __init__(self, in_dim=2, in_dim_edge=1, hidden_dim=12, pos_enc_dim=4, n_classes=2, n_layers=2):
        super().__init__()
        self.embedding_h = nn.Linear(in_dim, hidden_dim)
        self.embedding_e = nn.Linear(in_dim_edge, hidden_dim)
        self.embedding_pos_enc = nn.Linear(pos_enc_dim, hidden_dim)
        self.layers = nn.ModuleList(GatedGCNLayer(hidden_dim) for _ in range(n_layers))
        self.MLP_layer = nn.Sequential(nn.Linear(2 * hidden_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 2))

    def forward(self, h, e, edge_index, h_pos_enc=None):
        src, dst = edge_index
        h = self.embedding_h(h.float())
        if h_pos_enc is not None:
            h = h + self.embedding_pos_enc(h_pos_enc.float())
        e = self.embedding_e(e)
        for conv in self.layers:
            h, e = conv(h, e, src, dst)
        return self.MLP_layer(torch.cat([h[src], h[dst]], dim=1))


def edges(n, m):
    return ids(2, m, below=n)


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_feature_list):
        super().__init__()
        self.linear1 = nn.Linear(in_features, out_feature_list[0])
        self.linear2 = nn.Linear(out_feature_list[0], out_feature_list[1])

    def layer(self, linear, inputs, adj):
        hidden = torch.stack([linear(inputs) for _ in range(adj.size(1))], 1)
        hidden = torch.einsum("bijk,bikl->bijl", (adj, hidden))
        return torch.tanh(torch.sum(hidden, 1) + linear(inputs))

    def forward(self, inputs, adj):
        return self.layer(self.linear2, self.layer(self.linear1, inputs, adj), adj)


class MolGANDiscriminator(nn.Module):
    """Judges molecules given as a table of atoms and a table of bonds, whose first kind is no bond."""

    def __init__(self, m_dim=5, conv_dim=((8, 12), 10, (10, 1))):
        super().__init__()
        graph_conv_dim, aux_dim, linear_dim = conv_dim
        self.gcn_layer = GraphConvolution(m_dim, graph_conv_dim)
        self.sigmoid_linear = nn.Sequential(nn.Linear(graph_conv_dim[1] + m_dim, aux_dim), nn.Sigmoid())
        self.tanh_linear = nn.Sequential(nn.Linear(graph_conv_dim[1] + m_dim, aux_dim), nn.Tanh())
        self.linear_layer = nn.Sequential(nn.Linear(aux_dim, linear_dim[0]), nn.Dropout(0.1), nn.Tanh())
        self.output_layer = nn.Linear(linear_dim[0], linear_dim[1])

    def forward(self, adj, hidden, node, activation=None):
        adj = adj[:, :, :, 1:].permute(0, 3, 1, 2)
        annotations = torch.cat((hidden, node), -1) if hidden is not None else node
        h = self.gcn_layer(annotations, adj)
        annotations = torch.cat((h, hidden, node) if hidden is not None else (h, node), -1)
        h = torch.tanh(torch.sum(self.sigmoid_linear(annotations) * self.tanh_linear(annotations), 1))
        h = self.linear_layer(h)
        output = self.output_layer(h)
        output = activation(output) if activation is not None else output
        return output, h


def bonds(b, n):
    return torch.softmax(floats(b, n, n, 4), -1)


def atoms(b, n):
    return torch.softmax(floats(b, n, 5), -1)


class CrystalConv(nn.Module):
    def __init__(self, atom_fea_len, nbr_fea_len):
        super().__init__()
        self.atom_fea_len = atom_fea_len
        self.fc_full = nn.Linear(2 * atom_fea_len + nbr_fea_len, 2 * atom_fea_len)
        self.bn1, self.bn2 = nn.BatchNorm1d(2 * atom_fea_len), nn.BatchNorm1d(atom_fea_len)

    def forward(self, atom_in_fea, nbr_fea, nbr_fea_idx):
        N, M = nbr_fea_idx.shape
        atom_nbr_fea = atom_in_fea[nbr_fea_idx, :]
        total_nbr_fea = torch.cat(
            [atom_in_fea.unsqueeze(1).expand(N, M, self.atom_fea_len), atom_nbr_fea, nbr_fea], dim=2
        )
        total_gated_fea = self.fc_full(total_nbr_fea)
        total_gated_fea = self.bn1(total_gated_fea.view(-1, self.atom_fea_len * 2)).view(N, M, self.atom_fea_len * 2)
        nbr_filter, nbr_core = total_gated_fea.chunk(2, dim=2)
        nbr_sumed = torch.sum(torch.sigmoid(nbr_filter) * F.softplus(nbr_core), dim=1)
        return F.softplus(atom_in_fea + self.bn2(nbr_sumed))


class CrystalGraphConvNet(nn.Module):
    """CGCNN: each atom has a table of neighbours, each crystal a list of its atoms."""

    def __init__(self, orig_atom_fea_len=10, nbr_fea_len=6, atom_fea_len=8, n_conv=2, h_fea_len=12):
        super().__init__()
        self.embedding = nn.Linear(orig_atom_fea_len, atom_fea_len)
        self.convs = nn.ModuleList([CrystalConv(atom_fea_len, nbr_fea_len) for _ in range(n_conv)])
        self.conv_to_fc = nn.Linear(atom_fea_len, h_fea_len)
        self.fc_out = nn.Linear(h_fea_len, 1)

    def forward(self, atom_fea, nbr_fea, nbr_fea_idx, crystal_atom_idx):
        atom_fea = self.embedding(atom_fea)
        for conv_func in self.convs:
            atom_fea = conv_func(atom_fea, nbr_fea, nbr_fea_idx)
        crys_fea = self.pooling(atom_fea, crystal_atom_idx)
        crys_fea = F.softplus(self.conv_to_fc(F.softplus(crys_fea)))
        return self.fc_out(crys_fea)

    def pooling(self, atom_fea, crystal_atom_idx):
        assert sum([len(idx_map) for idx_map in crystal_atom_idx]) == atom_fea.data.shape[0]
        summed_fea = [torch.mean(atom_fea[idx_map], dim=0, keepdim=True) for idx_map in crystal_atom_idx]
        return torch.cat(summed_fea, dim=0)


def crystals(m, *sizes):
    """Atoms, ``m`` neighbours each with their features, and whose atoms are whose."""
    n = sum(sizes)
    return [floats(n, 10), floats(n, m, 6), ids(n, m, below=n), list(torch.arange(n).split(list(sizes)))]


def instead(values, place, value):
    """``values`` with another one at ``place``, a key or an index."""
    changed = values.copy()
    changed[place] = value
    return changed


CASES = (
    Case(
        "chemprop_directed_bonds",
        build=BondMessagePassing,
        example=lambda: call(**molecules(4, 3)),
        good=lambda: [
            call(**molecules(2)),
            call(**molecules(5)),
            call(*molecules(3, 4, 2).values()),
            call(**molecules(1, 3)),
            call(**molecules(12, 7, 9, 2, 3)),
            call(**instead(molecules(4, 3), "V", 50 * floats(7, 9))),
            call(**molecules(30, 20)),
        ],
        bad=lambda: [
            raises("eight atom features", **instead(molecules(4, 3), "V", floats(7, 8))),
            raises("four bond features", **instead(molecules(4, 3), "E", floats(10, 4))),
            raises("features of nine bonds for ten", **instead(molecules(4, 3), "E", floats(9, 5))),
            raises("a bond from atom 7", **instead(molecules(4, 3), "edge_index", torch.full((2, 10), 7))),
            raises("bonds of atom -1", **instead(molecules(4, 3), "edge_index", torch.full((2, 10), -1))),
            unmeant(
                "a bond from atom -1",
                Policy.VALUE,
                **instead(molecules(4, 3), "edge_index", torch.stack([torch.full((10,), -1), ids(10, below=7)])),
            ),
            raises("bonds as rows", **instead(molecules(4, 3), "edge_index", ids(10, 2, below=7))),
            unmeant("a third end", Policy.REMAINDER, **instead(molecules(4, 3), "edge_index", ids(3, 10, below=7))),
            raises("reverse bond 10", **instead(molecules(4, 3), "rev_edge_index", torch.full((10,), 10))),
            unmeant(
                "reverse bond -1", Policy.VALUE, **instead(molecules(4, 3), "rev_edge_index", torch.full((10,), -1))
            ),
            raises("nine reverse bonds", **instead(molecules(4, 3), "rev_edge_index", ids(9, below=10))),
            unmeant("one reverse bond", Policy.TIE, **instead(molecules(4, 3), "rev_edge_index", ids(1, below=10))),
            unmeant("six atoms with a molecule", Policy.TIE, **instead(molecules(4, 3), "batch", ids(6, below=2))),
            raises("eight atoms with a molecule", **instead(molecules(4, 3), "batch", ids(8, below=2))),
            raises("molecule -1", **instead(molecules(4, 3), "batch", torch.tensor([-1, 0, 0, 0, 1, 1, 1]))),
            raises("molecules as a column", **instead(molecules(4, 3), "batch", ids(7, 1, below=2))),
            unmeant("int32 ends", Policy.DTYPE, **instead(molecules(4, 3), "edge_index", ids(2, 10, below=7).int())),
            unmeant("int32 reverse", Policy.DTYPE, **instead(molecules(4), "rev_edge_index", ids(6, below=6).int())),
            raises("float64 atoms", **instead(molecules(4, 3), "V", floats(7, 9).double())),
            raises("no molecules", *list(molecules(4, 3).values())[:4]),
            unmeant("nan", Policy.FINITE, **instead(molecules(4, 3), "V", with_nan(floats(7, 9)))),
        ],
    ),
    Case(
        "painn_atoms_and_vectors",
        build=PaiNN,
        example=lambda: call(clusters(3, 4)),
        good=lambda: [
            call(clusters(2)),
            call(clusters(5)),
            call(inputs=clusters(2, 3, 2)),
            call(clusters(3, 1, 2)),
            call(instead(clusters(2, 2), "_atomic_numbers", torch.tensor([1, 19, 19, 1]))),
            call(instead(clusters(3, 2), "_Rij", 20 * floats(8, 3))),
            call(clusters(8, 2, 6, 4)),
        ],
        bad=lambda: [
            raises("atomic number 20", instead(clusters(3, 4), "_atomic_numbers", torch.full((7,), 20))),
            raises("atomic number -1", instead(clusters(3, 4), "_atomic_numbers", torch.full((7,), -1))),
            raises("two coordinates", instead(clusters(3, 4), "_Rij", floats(18, 2))),
            unmeant("one coordinate", Policy.TIE, instead(clusters(3, 4), "_Rij", floats(18, 1))),
            raises("seventeen vectors for eighteen pairs", instead(clusters(3, 4), "_Rij", floats(17, 3))),
            unmeant("one vector for eighteen pairs", Policy.TIE, instead(clusters(3, 4), "_Rij", floats(1, 3))),
            unmeant("two atoms in one place", Policy.FINITE, instead(clusters(2), "_Rij", torch.zeros(2, 3))),
            raises("pair with atom 7", instead(clusters(3, 4), "_idx_j", torch.full((18,), 7))),
            unmeant("pair with atom -1", Policy.VALUE, instead(clusters(3, 4), "_idx_j", torch.full((18,), -1))),
            raises("pair of atom -1", instead(clusters(3, 4), "_idx_i", torch.full((18,), -1))),
            raises("pair of atom 7", instead(clusters(3, 4), "_idx_i", torch.full((18,), 7))),
            raises("first atoms of fewer pairs", instead(clusters(3, 4), "_idx_i", ids(17, below=7))),
            unmeant("one second atom for all", Policy.TIE, instead(clusters(3, 4), "_idx_j", ids(1, below=7))),
            raises("molecules of six atoms", instead(clusters(3, 4), "_idx_m", torch.tensor([0, 0, 0, 1, 1, 1]))),
            raises("molecules unsorted", instead(clusters(1, 2), "_idx_m", torch.tensor([1, 0, 0]))),
            raises("molecule -1", instead(clusters(1, 2), "_idx_m", torch.tensor([-1, 0, 0]))),
            unmeant("int32 pairs", Policy.DTYPE, instead(clusters(2), "_idx_i", torch.tensor([0, 1]).int())),
            raises("float64 vectors", instead(clusters(3, 4), "_Rij", floats(18, 3).double())),
            raises("no pairs", {k: v for k, v in clusters(3, 4).items() if k != "_idx_j"}),
            unmeant("positions too", Policy.UNEXPECTED, {**clusters(3, 4), "_positions": floats(7, 3)}),
            unmeant("inf", Policy.FINITE, instead(clusters(3, 4), "_Rij", with_inf(floats(18, 3)))),
        ],
    ),
    Case(
        "gated_gcn_tour_edges",
        build=GatedGCNTours,
        example=lambda: call(floats(5, 2), floats(9, 1), edges(5, 9), floats(5, 4)),
        good=lambda: [
            call(floats(1, 2), floats(1, 1), edges(1, 1)),
            call(floats(4, 2), floats(7, 1), edges(4, 7)),
            call(floats(3, 2), floats(6, 1), edges(3, 6), floats(3, 4)),
            call(h=floats(6, 2), e=floats(2, 1), edge_index=edges(6, 2)),
            call(floats(2, 2), floats(8, 1), edge_index=edges(2, 8), h_pos_enc=floats(2, 4)),
            call(floats(2, 2), floats(2, 1), torch.tensor([[0, 1], [1, 0]])),
            call(floats(40, 2), floats(200, 1), edges(40, 200), floats(40, 4)),
        ],
        bad=lambda: [
            raises("cities in space", floats(5, 3), floats(9, 1), edges(5, 9)),
            raises("two edge features", floats(5, 2), floats(9, 2), edges(5, 9)),
            raises("edges as a row", floats(5, 2), floats(9), edges(5, 9)),
            raises("eight lengths for nine edges", floats(5, 2), floats(8, 1), edges(5, 9)),
            unmeant("one length for nine edges", Policy.TIE, floats(5, 2), floats(1, 1), edges(5, 9)),
            raises("city 5", floats(5, 2), floats(9, 1), torch.full((2, 9), 5)),
            raises("city -1", floats(5, 2), floats(9, 1), torch.full((2, 9), -1)),
            unmeant("from city -1", Policy.VALUE, floats(5, 2), floats(2, 1), torch.tensor([[-1, 0], [1, 2]])),
            raises("edges as pairs", floats(5, 2), floats(9, 1), ids(9, 2, below=5)),
            raises("a third end", floats(5, 2), floats(9, 1), ids(3, 9, below=5)),
            raises("encodings of four cities", floats(5, 2), floats(9, 1), edges(5, 9), floats(4, 4)),
            unmeant("encodings of one city", Policy.TIE, floats(5, 2), floats(9, 1), edges(5, 9), floats(1, 4)),
            raises("encodings of width 3", floats(5, 2), floats(9, 1), edges(5, 9), floats(5, 3)),
            unmeant("int32 edges", Policy.DTYPE, floats(5, 2), floats(9, 1), edges(5, 9).int()),
            raises("float edges", floats(5, 2), floats(9, 1), torch.rand(2, 9)),
            unmeant("float64 cities", Policy.DTYPE, floats(5, 2).double(), floats(9, 1), edges(5, 9)),
            raises("float64 lengths", floats(5, 2), floats(9, 1).double(), edges(5, 9)),
            raises("no edges given", floats(5, 2), floats(9, 1)),
            unmeant("nan", Policy.FINITE, floats(5, 2), with_nan(floats(9, 1)), edges(5, 9)),
        ],
    ),
    Case(
        "molgan_discriminator",
        build=MolGANDiscriminator,
        example=lambda: call(bonds(2, 6), None, atoms(2, 6)),
        good=lambda: [
            call(bonds(1, 1), None, atoms(1, 1)),
            call(bonds(1, 9), None, atoms(1, 9)),
            call(bonds(3, 4), None, atoms(3, 4)),
            call(adj=bonds(5, 2), hidden=None, node=atoms(5, 2)),
            call(F.one_hot(ids(2, 7, 7, below=4), 4).float(), None, F.one_hot(ids(2, 7, below=5), 5).float()),
            call(bonds(16, 12), None, node=atoms(16, 12)),
        ],
        bad=lambda: [
            raises("four kinds of atoms", bonds(2, 6), None, floats(2, 6, 4)),
            raises("six kinds of atoms", bonds(2, 6), None, floats(2, 6, 6)),
            raises("five atoms", bonds(2, 6), None, atoms(2, 5)),
            raises("one atom", bonds(2, 6), None, atoms(2, 1)),
            raises("atoms of three molecules", bonds(2, 6), None, atoms(3, 6)),
            raises("atoms of one molecule", bonds(2, 6), None, atoms(1, 6)),
            unmeant("bonds of one molecule", Policy.TIE, bonds(1, 6), None, atoms(2, 6)),
            raises("five columns of bonds", bonds(2, 6)[:, :, :5], None, atoms(2, 6)),
            unmeant("one column of bonds", Policy.TIE, bonds(2, 6)[:, :, :1], None, atoms(2, 6)),
            unmeant("one row of bonds", Policy.TIE, bonds(2, 6)[:, :1], None, atoms(2, 6)),
            raises("a kind for each bond", bonds(2, 6).argmax(-1), None, atoms(2, 6)),
            raises("no kind of bond but none", bonds(2, 6)[..., :1], None, atoms(2, 6)),
            raises("something hidden", bonds(2, 6), floats(2, 6, 3), atoms(2, 6)),
            raises("no batch axes", bonds(1, 6)[0], None, atoms(1, 6)[0]),
            raises("int bonds", F.one_hot(ids(2, 6, 6, below=4), 4), None, atoms(2, 6)),
            raises("float64 atoms", bonds(2, 6), None, atoms(2, 6).double()),
            raises("no atoms", bonds(2, 6), None),
            unmeant("nan", Policy.FINITE, bonds(2, 6), None, with_nan(atoms(2, 6))),
        ],
    ),
    Case(
        "cgcnn_crystals",
        build=CrystalGraphConvNet,
        example=lambda: call(*crystals(4, 3, 2)),
        good=lambda: [
            call(*crystals(1, 1)),
            call(*crystals(5, 4)),
            call(*crystals(3, 2, 3, 1)),
            call(*crystals(12, 1, 1)),
            call(*instead(crystals(4, 3, 2), 3, [torch.tensor([4, 0]), torch.tensor([1, 3, 2])])),
            call(*crystals(2, 5, 1, 7, 2, 8)),
        ],
        bad=lambda: [
            raises("nine atom features", *instead(crystals(4, 3, 2), 0, floats(5, 9))),
            raises("five neighbour features", *instead(crystals(4, 3, 2), 1, floats(5, 4, 5))),
            raises("features of three neighbours for four", *instead(crystals(4, 3, 2), 1, floats(5, 3, 6))),
            raises("features of one neighbour for four", *instead(crystals(4, 3, 2), 1, floats(5, 1, 6))),
            raises("four atoms with neighbours of five", *instead(crystals(4, 3, 2), 0, floats(4, 10))),
            unmeant(
                "one atom with neighbours of five",
                Policy.TIE,
                *instead(instead(crystals(4, 3, 2), 0, floats(1, 10)), 2, torch.zeros(5, 4, dtype=torch.int64)),
            ),
            raises("neighbour 5", *instead(crystals(4, 3, 2), 2, torch.full((5, 4), 5))),
            unmeant("neighbour -1", Policy.VALUE, *instead(crystals(4, 3, 2), 2, torch.full((5, 4), -1))),
            raises("neighbours in a row", *instead(crystals(4, 3, 2), 2, ids(20, below=5))),
            raises("a crystal short of an atom", *instead(crystals(4, 3, 2), 3, [torch.arange(3), torch.tensor([3])])),
            raises("no crystals", *instead(crystals(4, 3, 2), 3, [])),
            raises("atom 5 of five", *instead(crystals(4, 3, 2), 3, [torch.arange(1, 6)])),
            unmeant("atom -1", Policy.VALUE, *instead(crystals(4, 3, 2), 3, [torch.arange(-1, 4)])),
            unmeant("atoms in one table", Policy.STRUCTURE, *instead(crystals(4, 3, 3), 3, ids(2, 3, below=6))),
            unmeant(
                "an int32 crystal", Policy.DTYPE, *instead(crystals(4, 3, 2), 3, [torch.arange(5, dtype=torch.int32)])
            ),
            raises("float neighbours", *instead(crystals(4, 3, 2), 2, torch.rand(5, 4))),
            raises("float64 atoms", *instead(crystals(4, 3, 2), 0, floats(5, 10).double())),
            raises("crystals left out", *crystals(4, 3, 2)[:3]),
            unmeant("nan", Policy.FINITE, *instead(crystals(4, 3, 2), 0, with_nan(floats(5, 10)))),
        ],
    ),
)
