# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Tables and tastes: a transformer over categories, users and items, fields that attend, experts for several tasks."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class TransformerLayer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, dropout=0.1, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        y = self.norm1(x)
        out, weights = self.attn(y, y, y)
        x = x + out
        return x + self.ff(self.norm2(x)), weights


class TabTransformer(nn.Module):
    """One table for the categories of all columns, each at its own offset; continuous columns pass by."""

    def __init__(self, categories=(4, 7, 3), num_continuous=2, dim=8, dim_out=1, num_special_tokens=2):
        super().__init__()
        self.num_categories, self.num_continuous = len(categories), num_continuous
        offset = F.pad(torch.tensor(categories), (1, 0), value=num_special_tokens).cumsum(dim=-1)[:-1]
        self.register_buffer("categories_offset", offset)
        self.category_embed = nn.Embedding(sum(categories) + num_special_tokens, dim - 2)
        self.shared_category_embed = nn.Parameter(0.02 * torch.randn(self.num_categories, 2))
        self.layers = nn.ModuleList(TransformerLayer(dim, 2) for _ in range(2))
        self.norm = nn.LayerNorm(num_continuous)
        self.mlp = nn.Sequential(
            nn.Linear(dim * len(categories) + num_continuous, 16), nn.ReLU(), nn.Linear(16, dim_out)
        )

    def forward(self, x_categ, x_cont, return_attn=False):
        assert x_categ.shape[-1] == self.num_categories, f"you must pass in {self.num_categories} values for categories"
        x = self.category_embed(x_categ + self.categories_offset)
        x = torch.cat((x, self.shared_category_embed.expand(x.shape[0], -1, -1)), dim=-1)
        attns = []
        for layer in self.layers:
            x, weights = layer(x)
            attns.append(weights)
        assert x_cont.shape[1] == self.num_continuous, f"you must pass in {self.num_continuous} continuous values"
        logits = self.mlp(torch.cat((x.flatten(1), self.norm(x_cont)), dim=-1))
        if not return_attn:
            return logits
        return logits, torch.stack(attns)


def rows(b):
    return torch.stack([ids(b, below=4), ids(b, below=7), ids(b, below=3)], dim=1)


class NeuMF(nn.Module):
    """Neural collaborative filtering: a generalised factorisation beside a tower."""

    def __init__(self, user_num=30, item_num=45, factor_num=4, num_layers=2, dropout=0.2):
        super().__init__()
        self.embed_user_GMF, self.embed_item_GMF = (
            nn.Embedding(user_num, factor_num),
            nn.Embedding(item_num, factor_num),
        )
        width = factor_num * 2 ** (num_layers - 1)
        self.embed_user_MLP, self.embed_item_MLP = nn.Embedding(user_num, width), nn.Embedding(item_num, width)
        modules = []
        for i in range(num_layers):
            size = factor_num * 2 ** (num_layers - i)
            modules += [nn.Dropout(dropout), nn.Linear(size, size // 2), nn.ReLU()]
        self.MLP_layers = nn.Sequential(*modules)
        self.predict_layer = nn.Linear(2 * factor_num, 1)

    def forward(self, user, item):
        output_GMF = self.embed_user_GMF(user) * self.embed_item_GMF(item)
        interaction = torch.cat((self.embed_user_MLP(user), self.embed_item_MLP(item)), -1)
        output_MLP = self.MLP_layers(interaction)
        prediction = self.predict_layer(torch.cat((output_GMF, output_MLP), -1))
        return prediction.view(-1)


class InteractingLayer(nn.Module):
    def __init__(self, embedding_size, att_size, head_num):
        super().__init__()
        self.head_num = head_num
        self.W_Query = nn.Parameter(0.05 * torch.randn(embedding_size, att_size * head_num))
        self.W_key = nn.Parameter(0.05 * torch.randn(embedding_size, att_size * head_num))
        self.W_Value = nn.Parameter(0.05 * torch.randn(embedding_size, att_size * head_num))
        self.W_Res = nn.Parameter(0.05 * torch.randn(embedding_size, att_size * head_num))

    def forward(self, inputs):
        querys = torch.stack(torch.split(torch.tensordot(inputs, self.W_Query, dims=([-1], [0])), 4, dim=2))
        keys = torch.stack(torch.split(torch.tensordot(inputs, self.W_key, dims=([-1], [0])), 4, dim=2))
        values = torch.stack(torch.split(torch.tensordot(inputs, self.W_Value, dims=([-1], [0])), 4, dim=2))
        scores = F.softmax(torch.einsum("bnik,bnjk->bnij", querys, keys), dim=-1)
        result = torch.cat(torch.split(torch.matmul(scores, values), 1), dim=-1).squeeze(dim=0)
        return F.relu(result + torch.tensordot(inputs, self.W_Res, dims=([-1], [0])))


class AutoInt(nn.Module):
    """Fields as pairs of an index and a value: a category has the value 1."""

    def __init__(self, num_feats=60, num_fields=5, emb_dim=6, att_size=4, heads=2):
        super().__init__()
        self.emb_layer = nn.Embedding(num_feats, emb_dim)
        self.first_order = nn.Embedding(num_feats, 1)
        self.layers = nn.ModuleList(
            [InteractingLayer(emb_dim, att_size, heads), InteractingLayer(att_size * heads, att_size, heads)]
        )
        self.fc = nn.Linear(num_fields * att_size * heads, 1)

    def forward(self, feat_index, feat_value):
        x = self.emb_layer(feat_index) * feat_value.unsqueeze(dim=2)
        linear = (self.first_order(feat_index).squeeze(dim=2) * feat_value).sum(dim=1, keepdim=True)
        for layer in self.layers:
            x = layer(x)
        return torch.sigmoid(linear + self.fc(torch.flatten(x, start_dim=1)))


class MMoE(nn.Module):
    """A click and a purchase from the same columns, each with its own gate over shared experts."""

    def __init__(self, vocabs=(("user", 40), ("item", 70), ("hour", 24)), num_dense=3, num_experts=3, num_tasks=2):
        super().__init__()
        self.embeddings = nn.ModuleDict({name: nn.Embedding(size, 4) for name, size in vocabs})
        width = 4 * len(vocabs) + num_dense
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(width, 8), nn.ReLU()) for _ in range(num_experts))
        self.gates = nn.ModuleList(nn.Linear(width, num_experts, bias=False) for _ in range(num_tasks))
        self.towers = nn.ModuleList(nn.Linear(8, 1) for _ in range(num_tasks))

    def forward(self, features):
        sparse = [embedding(features[name]) for name, embedding in self.embeddings.items()]
        x = torch.cat([*sparse, features["dense"]], dim=1)
        expert_outs = torch.stack([expert(x) for expert in self.experts], dim=1)
        outs = []
        for gate, tower in zip(self.gates, self.towers, strict=True):
            weight = gate(x).softmax(dim=-1).unsqueeze(1)
            outs.append(torch.sigmoid(tower(torch.bmm(weight, expert_outs).squeeze(1))))
        return outs


def visits(b):
    return {"user": ids(b, below=40), "item": ids(b, below=70), "hour": ids(b, below=24), "dense": floats(b, 3)}


CASES = (
    Case(
        "tab_transformer",
        build=TabTransformer,
        example=lambda: call(rows(3), floats(3, 2)),
        good=lambda: [
            call(rows(1), floats(1, 2)),
            call(rows(2), floats(2, 2)),
            call(x_categ=rows(5), x_cont=floats(5, 2)),
            call(torch.tensor([[3, 6, 2], [0, 0, 0]]), floats(2, 2)),
            call(torch.tensor([[0, 6, 0]]), 100 * floats(1, 2)),
            call(rows(40), floats(40, 2)),
        ],
        bad=lambda: [
            unmeant("category 4 of the first column", Policy.VALUE, torch.tensor([[4, 0, 0]]), floats(1, 2)),
            unmeant("category 7 of the second column", Policy.VALUE, torch.tensor([[0, 7, 0]]), floats(1, 2)),
            raises("category 3 of the last column", torch.tensor([[0, 0, 3]]), floats(1, 2)),
            raises("category -3", torch.tensor([[-3, 0, 0]]), floats(1, 2)),
            unmeant("category -1 of the second column", Policy.VALUE, torch.tensor([[0, -1, 0]]), floats(1, 2)),
            raises("two categories", rows(3)[:, :2], floats(3, 2)),
            raises("four categories", ids(3, 4, below=3), floats(3, 2)),
            raises("three numbers", rows(3), floats(3, 3)),
            raises("numbers of two rows for three", rows(3), floats(2, 2)),
            raises("numbers of one row for three", rows(3), floats(1, 2)),
            raises("a row without batch", rows(1)[0], floats(2)),
            raises("float categories", rows(3).float(), floats(3, 2)),
            raises("float64 numbers", rows(3), floats(3, 2).double()),
            raises("no numbers", rows(3)),
            unmeant("attention too", Policy.FLAG, rows(3), floats(3, 2), return_attn=True),
            unmeant("nan", Policy.FINITE, rows(3), with_nan(floats(3, 2))),
        ],
    ),
    Case(
        "neumf_users_items",
        build=NeuMF,
        example=lambda: call(ids(3, below=30), ids(3, below=45)),
        good=lambda: [
            call(ids(1, below=30), ids(1, below=45)),
            call(ids(2, below=30), ids(2, below=45)),
            call(user=ids(6, below=30), item=ids(6, below=45)),
            call(torch.tensor([29, 0]), torch.tensor([44, 0])),
            call(torch.tensor([29, 29, 29]), torch.tensor([1, 2, 3])),
            call(ids(100, below=30), item=ids(100, below=45)),
        ],
        bad=lambda: [
            raises("user 30", torch.tensor([30]), torch.tensor([1])),
            raises("user -1", torch.tensor([-1]), torch.tensor([1])),
            raises("item 45", torch.tensor([3]), torch.tensor([45])),
            raises("item -1", torch.tensor([3]), torch.tensor([-1])),
            raises("two items for three users", ids(3, below=30), ids(2, below=45)),
            raises("one user for three items", ids(1, below=30), ids(3, below=45)),
            raises("one item for three users", ids(3, below=30), ids(1, below=45)),
            unmeant("columns", Policy.RANK, ids(3, 1, below=30), ids(3, 1, below=45)),
            raises("a column beside a row", ids(3, below=30), ids(3, 1, below=45)),
            raises("float users", torch.rand(3), ids(3, below=45)),
            unmeant("int32", Policy.DTYPE, ids(3, below=30).int(), ids(3, below=45).int()),
            raises("no item", ids(3, below=30)),
            raises("python numbers", [1, 2], [3, 4]),
            raises("pairs", ids(3, 2, below=30)),
        ],
    ),
    Case(
        "autoint_fields",
        build=AutoInt,
        example=lambda: call(ids(3, 5, below=60), torch.rand(3, 5)),
        good=lambda: [
            call(ids(1, 5, below=60), torch.rand(1, 5)),
            call(ids(2, 5, below=60), torch.rand(2, 5)),
            call(feat_index=ids(4, 5, below=60), feat_value=torch.ones(4, 5)),
            call(torch.tensor([[0, 59, 1, 59, 0]]), torch.zeros(1, 5)),
            call(ids(6, 5, below=60), floats(6, 5)),
            call(ids(50, 5, below=60), torch.rand(50, 5)),
        ],
        bad=lambda: [
            raises("feature 60", torch.full((2, 5), 60), torch.rand(2, 5)),
            raises("feature -1", torch.full((2, 5), -1), torch.rand(2, 5)),
            raises("four fields", ids(2, 4, below=60), torch.rand(2, 4)),
            raises("six fields", ids(2, 6, below=60), torch.rand(2, 6)),
            raises("four values for five fields", ids(2, 5, below=60), torch.rand(2, 4)),
            unmeant("one value for all fields", Policy.TIE, ids(2, 5, below=60), torch.rand(2, 1)),
            raises("values of three rows", ids(2, 5, below=60), torch.rand(3, 5)),
            unmeant("values of one row for two", Policy.TIE, ids(2, 5, below=60), torch.rand(1, 5)),
            unmeant("one row of indices for two", Policy.TIE, ids(1, 5, below=60), torch.rand(2, 5)),
            raises("no batch axes", ids(5, below=60), torch.rand(5)),
            raises("float indices", torch.rand(2, 5), torch.rand(2, 5)),
            unmeant("int values", Policy.DTYPE, ids(2, 5, below=60), ids(2, 5, below=2)),
            raises("float64 values", ids(2, 5, below=60), torch.rand(2, 5).double()),
            raises("no values", ids(2, 5, below=60)),
            unmeant("nan", Policy.FINITE, ids(2, 5, below=60), with_nan(torch.rand(2, 5))),
        ],
    ),
    Case(
        "mmoe_click_and_purchase",
        build=MMoE,
        example=lambda: call(visits(3)),
        good=lambda: [
            call(visits(1)),
            call(visits(2)),
            call(features=visits(6)),
            call({**visits(2), "hour": torch.tensor([0, 23]), "item": torch.tensor([69, 0])}),
            call({**visits(4), "dense": 50 * floats(4, 3)}),
            call(visits(64)),
        ],
        bad=lambda: [
            raises("user 40", {**visits(3), "user": torch.full((3,), 40)}),
            raises("item -1", {**visits(3), "item": torch.full((3,), -1)}),
            raises("hour 24", {**visits(3), "hour": torch.full((3,), 24)}),
            raises("two numbers", {**visits(3), "dense": floats(3, 2)}),
            raises("numbers of one visit for three", {**visits(3), "dense": floats(1, 3)}),
            raises("one user for three", {**visits(3), "user": ids(1, below=40)}),
            raises("users as a column", {**visits(3), "user": ids(3, 1, below=40)}),
            raises("no hour", {name: value for name, value in visits(3).items() if name != "hour"}),
            raises("no numbers", {name: value for name, value in visits(3).items() if name != "dense"}),
            unmeant("a label too", Policy.UNEXPECTED, {**visits(3), "click": torch.ones(3)}),
            raises("float items", {**visits(3), "item": torch.rand(3)}),
            raises("float64 numbers", {**visits(3), "dense": floats(3, 3).double()}),
            unmeant("int32 hours", Policy.DTYPE, {**visits(3), "hour": ids(3, below=24).int()}),
            raises("a tuple", tuple(visits(3).values())),
            raises("keywords", **visits(3)),
            unmeant("nan", Policy.FINITE, {**visits(3), "dense": with_nan(floats(3, 3))}),
        ],
    ),
)
