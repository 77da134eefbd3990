# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Recommenders and generative models of tables."""

import torch
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class DLRM(nn.Module):
    """Bottom MLP, one table per sparse feature, pairwise dot products, top MLP."""

    def __init__(self, table_sizes=(11, 300, 5, 40), num_dense=13, dim=8):
        super().__init__()
        self.bot_l = nn.Sequential(nn.Linear(num_dense, 16), nn.ReLU(), nn.Linear(16, dim), nn.ReLU())
        self.emb_l = nn.ModuleList(nn.Embedding(n, dim) for n in table_sizes)
        n = len(table_sizes) + 1
        self.register_buffer("li", torch.tensor([i for i in range(n) for j in range(i)]))
        self.register_buffer("lj", torch.tensor([j for i in range(n) for j in range(i)]))
        self.top_l = nn.Sequential(nn.Linear(dim + n * (n - 1) // 2, 16), nn.ReLU(), nn.Linear(16, 1))

    def interact_features(self, x, ly):
        T = torch.stack([x, *ly], dim=1)
        Z = torch.bmm(T, T.transpose(1, 2))
        return torch.cat([x, Z[:, self.li, self.lj]], dim=1)

    def forward(self, dense_x, sparse_x):
        x = self.bot_l(dense_x)
        ly = [emb(sparse_x[:, k]) for k, emb in enumerate(self.emb_l)]
        return torch.sigmoid(self.top_l(self.interact_features(x, ly)))


def clicks(*rows):
    return torch.tensor(rows, dtype=torch.int64)


class FactorizationMachine(nn.Module):
    """All fields share one table; each has its own offset into it."""

    def __init__(self, field_dims=(6, 9, 4), embed_dim=4):
        super().__init__()
        self.embedding = nn.Embedding(sum(field_dims), embed_dim)
        self.linear = nn.Embedding(sum(field_dims), 1)
        self.bias = nn.Parameter(torch.zeros(1))
        self.register_buffer("offsets", torch.tensor([0, *field_dims]).cumsum(0)[:-1])

    def forward(self, x):
        x = x + self.offsets.unsqueeze(0)
        e = self.embedding(x)
        square_of_sum = e.sum(dim=1) ** 2
        sum_of_square = (e**2).sum(dim=1)
        fm = 0.5 * (square_of_sum - sum_of_square).sum(1, keepdim=True)
        return torch.sigmoid((self.linear(x).sum(dim=1) + self.bias + fm).squeeze(1))


class VAE(nn.Module):
    """The image is 14 x 14 and arrives with its channel axis, as a data loader gives it."""

    def __init__(self, latent=3):
        super().__init__()
        self.fc1 = nn.Linear(196, 32)
        self.fc_mu = nn.Linear(32, latent)
        self.fc_logvar = nn.Linear(32, latent)
        self.fc3 = nn.Linear(latent, 32)
        self.fc4 = nn.Linear(32, 196)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def forward(self, x):
        h = torch.relu(self.fc1(torch.flatten(x, start_dim=1)))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        z = self.reparameterize(mu, logvar)
        recon = torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))
        return recon.view(-1, 1, 14, 14), mu, logvar


CASES = (
    Case(
        "dlrm",
        build=DLRM,
        example=lambda: call(floats(4, 13), clicks([10, 299, 4, 39], [0, 1, 2, 3], [5, 6, 1, 8], [9, 99, 0, 0])),
        good=lambda: [
            call(floats(1, 13), clicks([0, 0, 0, 0])),
            call(floats(1, 13), clicks([10, 299, 4, 39])),
            call(floats(2, 13), clicks([10, 0, 4, 0], [0, 299, 0, 39])),
            call(floats(3, 13), ids(3, 4, below=5)),
            call(floats(17, 13), ids(17, 4, below=5)),
            call(dense_x=floats(50, 13), sparse_x=ids(50, 4, below=5)),
        ],
        bad=lambda: [
            raises("first table one above", floats(1, 13), clicks([11, 0, 0, 0])),
            raises("second table one above", floats(1, 13), clicks([0, 300, 0, 0])),
            raises("third table one above", floats(1, 13), clicks([0, 0, 5, 0])),
            raises("fourth table one above", floats(1, 13), clicks([0, 0, 0, 40])),
            raises("negative id", floats(1, 13), clicks([0, 0, 0, -1])),
            raises("three sparse features", floats(2, 13), ids(2, 3, below=5)),
            unmeant("five sparse features", Policy.REMAINDER, floats(2, 13), ids(2, 5, below=5)),
            raises("12 dense features", floats(2, 12), ids(2, 4, below=5)),
            raises("batches differ", floats(2, 13), ids(3, 4, below=5)),
            raises("one row of ids for two", floats(2, 13), ids(1, 4, below=5)),
            raises("sparse as floats", floats(2, 13), floats(2, 4)),
            raises("dense as float64", floats(2, 13).double(), ids(2, 4, below=5)),
            unmeant("sparse as int32", Policy.DTYPE, floats(2, 13), ids(2, 4, below=5).int()),
            raises("swapped", ids(2, 4, below=5), floats(2, 13)),
            raises("no batch axes", floats(13), ids(4, below=5)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 13)), ids(2, 4, below=5)),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 13)), ids(2, 4, below=5)),
        ],
    ),
    Case(
        "factorization_machine_offsets",
        build=FactorizationMachine,
        example=lambda: call(clicks([5, 8, 3], [0, 0, 0])),
        good=lambda: [
            call(clicks([0, 0, 0])),
            call(clicks([5, 8, 3])),
            call(clicks([5, 0, 3], [0, 8, 0])),
            call(ids(3, 3, below=4)),
            call(ids(8, 3, below=4)),
            call(x=ids(41, 3, below=4)),
        ],
        bad=lambda: [
            raises("last field one above", clicks([0, 0, 4])),
            raises("second field behind the table", clicks([0, 13, 0])),
            raises("first field behind the table", clicks([19, 0, 0])),
            raises("first field negative", clicks([-1, 0, 0])),
            raises("second field before the table", clicks([0, -7, 0])),
            raises("two fields", ids(2, 2, below=4)),
            raises("four fields", ids(2, 4, below=4)),
            unmeant("one field, broadcast", Policy.TIE, ids(2, 1, below=4)),
            raises("floats", floats(2, 3)),
            unmeant("no batch axis", Policy.RANK, ids(3, below=4)),
            unmeant("an axis too many", Policy.RANK, ids(2, 3, 3, below=4)),
            raises("python lists", [[1, 2, 3]]),
            unmeant("empty batch", Policy.EMPTY, ids(0, 3, below=4)),
        ],
    ),
    Case(
        "vae",
        build=VAE,
        example=lambda: call(torch.rand(4, 1, 14, 14)),
        good=lambda: [call(torch.rand(n, 1, 14, 14)) for n in (1, 2, 3, 5, 16, 33)],
        bad=lambda: [
            raises("28 x 28", torch.rand(2, 1, 28, 28)),
            raises("13 x 14", torch.rand(2, 1, 13, 14)),
            raises("three channels", torch.rand(2, 3, 14, 14)),
            raises("no batch axis", torch.rand(1, 14, 14)[0]),
            raises("a vector", torch.rand(196)),
            raises("float64", torch.rand(2, 1, 14, 14).double()),
            raises("uint8 pixels", ids(2, 1, 14, 14, below=256).to(torch.uint8)),
            raises("bool pixels", ids(2, 1, 14, 14, below=2).bool()),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(2, 1, 14, 14))),
            raises("the label too", torch.rand(2, 1, 14, 14), ids(2, below=10)),
            raises("a data loader's pair", (torch.rand(2, 1, 14, 14), ids(2, below=10))),
        ],
    ),
)
