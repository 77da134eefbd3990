# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of tables: a plain MLP, categories beside numbers, a float64 autoencoder, ids by keyword."""

import torch
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class Regressor(nn.Module):
    def __init__(self, in_features=20, hidden=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(in_features, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.net(x)


class TabularNet(nn.Module):
    """Entity embeddings, as in the Rossmann kernels: one table per categorical column."""

    def __init__(self, cardinalities=(7, 31, 4), n_cont=5, out_sz=2):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(c, min(50, (c + 1) // 2)) for c in cardinalities])
        n_emb = sum(e.embedding_dim for e in self.embeds)
        self.bn_cont = nn.BatchNorm1d(n_cont)
        self.layers = nn.Sequential(nn.Linear(n_emb + n_cont, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, out_sz))

    def forward(self, x_cat, x_cont):
        x = [e(x_cat[:, i]) for i, e in enumerate(self.embeds)]
        x = torch.cat(x, 1)
        x = torch.cat([x, self.bn_cont(x_cont)], 1)
        return self.layers(x)


def categories(*rows):
    return torch.tensor(rows, dtype=torch.int64)


class Autoencoder(nn.Module):
    def __init__(self, n_features=12, n_latent=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_features, 8), nn.Tanh(), nn.Linear(8, n_latent))
        self.decoder = nn.Sequential(nn.Linear(n_latent, 8), nn.Tanh(), nn.Linear(8, n_features))

    def forward(self, inputs):
        code = self.encoder(inputs)
        return {"reconstruction": self.decoder(code), "code": code}


def make_double_autoencoder():
    return Autoencoder().double()


class TwoTower(nn.Module):
    """Scores a user against an item at an hour of the day."""

    def __init__(self, n_users=50, n_items=200, dim=8):
        super().__init__()
        self.user_embedding = nn.Embedding(n_users, dim)
        self.item_embedding = nn.Embedding(n_items, dim)
        self.hour_embedding = nn.Embedding(24, 4)
        self.head = nn.Linear(2 * dim + 4, 1)

    def forward(self, *, user_id, item_id, hour):
        features = torch.cat(
            [self.user_embedding(user_id), self.item_embedding(item_id), self.hour_embedding(hour)], dim=-1
        )
        return torch.sigmoid(self.head(features)).squeeze(-1)


def visit(n):
    return {"user_id": ids(n, below=50), "item_id": ids(n, below=200), "hour": ids(n, below=24)}


DOUBLE = torch.float64

CASES = (
    Case(
        "mlp_regressor",
        build=Regressor,
        example=lambda: call(floats(1, 20)),
        good=lambda: [call(floats(n, 20)) for n in (1, 2, 3, 5, 17, 64)] + [call(x=floats(4, 20))],
        bad=lambda: [
            unmeant("no batch axis", Policy.RANK, floats(20)),
            unmeant("an axis too many", Policy.RANK, floats(2, 3, 20)),
            raises("10 features", floats(2, 10)),
            raises("21 features", floats(2, 21)),
            raises("transposed", floats(20, 4)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 20)),
            raises("float64", floats(2, 20, dtype=DOUBLE)),
            raises("float16", floats(2, 20, dtype=torch.float16)),
            raises("int64", ids(2, 20, below=5)),
            raises("bool", ids(2, 20, below=2).bool()),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 20))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 20))),
            raises("python lists", [[0.5] * 20]),
            raises("a dict", {"x": floats(2, 20)}),
            raises("None", None),
            raises("nothing"),
            raises("two tensors", floats(2, 20), floats(2, 20)),
        ],
    ),
    Case(
        "tabular_categories",
        build=TabularNet,
        example=lambda: call(categories([1, 12, 0], [6, 3, 2]), floats(2, 5)),
        good=lambda: [
            call(categories([6, 30, 3]), floats(1, 5)),
            call(categories([0, 0, 0]), floats(1, 5)),
            call(categories([0, 30, 0], [6, 0, 3]), floats(2, 5)),
            call(ids(3, 3, below=4), floats(3, 5)),
            call(ids(16, 3, below=4), floats(16, 5)),
            call(ids(37, 3, below=4), 100 * floats(37, 5)),
        ],
        bad=lambda: [
            raises("first column one above", categories([7, 0, 0]), floats(1, 5)),
            raises("second column one above", categories([0, 31, 0]), floats(1, 5)),
            raises("third column one above", categories([0, 0, 4]), floats(1, 5)),
            raises("negative category", categories([0, -1, 0]), floats(1, 5)),
            raises("two columns", ids(2, 2, below=4), floats(2, 5)),
            unmeant("a fourth column", Policy.REMAINDER, ids(2, 4, below=4), floats(2, 5)),
            raises("six numbers", ids(2, 3, below=4), floats(2, 6)),
            raises("batches differ", ids(2, 3, below=4), floats(3, 5)),
            raises("batch of one beside four", ids(4, 3, below=4), floats(1, 5)),
            raises("categories as floats", floats(2, 3), floats(2, 5)),
            unmeant("categories as int32", Policy.DTYPE, ids(2, 3, below=4).int(), floats(2, 5)),
            raises("numbers as float64", ids(2, 3, below=4), floats(2, 5, dtype=DOUBLE)),
            raises("swapped", floats(2, 5), ids(2, 3, below=4)),
            raises("no batch axis", categories([1, 2, 3])[0], floats(5)),
            unmeant("empty batch", Policy.EMPTY, ids(0, 3, below=4), floats(0, 5)),
            unmeant("nan", Policy.FINITE, ids(2, 3, below=4), with_nan(floats(2, 5))),
            raises("only the categories", ids(2, 3, below=4)),
        ],
    ),
    Case(
        "autoencoder_double",
        build=make_double_autoencoder,
        example=lambda: call(floats(8, 12, dtype=DOUBLE)),
        good=lambda: (
            [call(floats(n, 12, dtype=DOUBLE)) for n in (1, 2, 3, 8, 31)] + [call(inputs=floats(2, 12, dtype=DOUBLE))]
        ),
        bad=lambda: [
            raises("float32", floats(2, 12)),
            raises("float16", floats(2, 12, dtype=torch.float16)),
            raises("int64", ids(2, 12, below=3)),
            raises("complex128", floats(2, 12).to(torch.complex128)),
            raises("11 features", floats(2, 11, dtype=DOUBLE)),
            raises("one feature", floats(2, 1, dtype=DOUBLE)),
            unmeant("no batch axis", Policy.RANK, floats(12, dtype=DOUBLE)),
            unmeant("a sequence", Policy.RANK, floats(2, 5, 12, dtype=DOUBLE)),
            raises("a scalar", torch.tensor(1.0, dtype=DOUBLE)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 12, dtype=DOUBLE)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 12, dtype=DOUBLE))),
            raises("wrong name", x=floats(2, 12, dtype=DOUBLE)),
        ],
    ),
    Case(
        "two_tower_keywords",
        build=TwoTower,
        example=lambda: call(**visit(4)),
        good=lambda: (
            [call(**visit(n)) for n in (1, 2, 3, 8, 33)]
            + [
                call(user_id=torch.tensor([49, 0]), item_id=torch.tensor([199, 0]), hour=torch.tensor([23, 0])),
            ]
        ),
        bad=lambda: [
            raises("user 50", **{**visit(1), "user_id": torch.tensor([50])}),
            raises("item 200", **{**visit(1), "item_id": torch.tensor([200])}),
            raises("hour 24", **{**visit(1), "hour": torch.tensor([24])}),
            raises("user -1", **{**visit(1), "user_id": torch.tensor([-1])}),
            raises("hour -1", **{**visit(2), "hour": torch.tensor([3, -1])}),
            raises("two users, three items", **{**visit(3), "user_id": ids(2, below=50)}),
            raises("one user, three items", **{**visit(3), "user_id": ids(1, below=50)}),
            raises("by position", *visit(2).values()),
            raises("no hour", user_id=ids(2, below=50), item_id=ids(2, below=200)),
            raises("an unknown keyword", **visit(2), device=ids(2, below=5)),
            raises("float ids", **{**visit(2), "item_id": floats(2)}),
            unmeant("int32 ids", Policy.DTYPE, **{**visit(2), "item_id": ids(2, below=200).int()}),
            unmeant("scalars", Policy.RANK, **{key: value[0] for key, value in visit(1).items()}),
            unmeant("columns", Policy.RANK, **{key: value[:, None] for key, value in visit(3).items()}),
            raises("one column", **{**visit(3), "hour": ids(3, 1, below=24)}),
            unmeant("empty batch", Policy.EMPTY, **visit(0)),
        ],
    ),
)
