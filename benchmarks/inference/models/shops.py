# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Recommenders: SASRec, deep interest, DeepFM over one table of floats."""

import torch
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant


class PointWiseFeedForward(nn.Module):
    def __init__(self, hidden_units):
        super().__init__()
        self.conv1 = nn.Conv1d(hidden_units, hidden_units, kernel_size=1)
        self.conv2 = nn.Conv1d(hidden_units, hidden_units, kernel_size=1)

    def forward(self, inputs):
        outputs = self.conv2(torch.relu(self.conv1(inputs.transpose(-1, -2))))
        return outputs.transpose(-1, -2) + inputs


class SASRec(nn.Module):
    """log_seqs holds what each user bought, 0 where there was nothing yet; scores candidates per user."""

    def __init__(self, item_num=50, maxlen=20, hidden_units=12, num_heads=2):
        super().__init__()
        self.item_emb = nn.Embedding(item_num + 1, hidden_units, padding_idx=0)
        self.pos_emb = nn.Embedding(maxlen, hidden_units)
        self.attention_layernorm = nn.LayerNorm(hidden_units)
        self.attention_layer = nn.MultiheadAttention(hidden_units, num_heads)
        self.forward_layernorm = nn.LayerNorm(hidden_units)
        self.forward_layer = PointWiseFeedForward(hidden_units)
        self.last_layernorm = nn.LayerNorm(hidden_units)

    def log2feats(self, log_seqs):
        seqs = self.item_emb(log_seqs) * self.item_emb.embedding_dim**0.5
        positions = torch.arange(log_seqs.shape[1], device=log_seqs.device).unsqueeze(0)
        seqs = seqs + self.pos_emb(positions.expand(log_seqs.shape[0], -1))
        timeline_mask = log_seqs == 0
        seqs = seqs * ~timeline_mask.unsqueeze(-1)
        tl = seqs.shape[1]
        attention_mask = ~torch.tril(torch.ones((tl, tl), dtype=torch.bool, device=log_seqs.device))
        seqs = torch.transpose(seqs, 0, 1)
        Q = self.attention_layernorm(seqs)
        mha_outputs, _ = self.attention_layer(Q, seqs, seqs, attn_mask=attention_mask)
        seqs = torch.transpose(Q + mha_outputs, 0, 1)
        seqs = self.forward_layer(self.forward_layernorm(seqs)) * ~timeline_mask.unsqueeze(-1)
        return self.last_layernorm(seqs)

    def forward(self, log_seqs, item_indices):
        final_feat = self.log2feats(log_seqs)[:, -1, :]
        item_embs = self.item_emb(item_indices)
        return torch.bmm(item_embs, final_feat.unsqueeze(-1)).squeeze(-1)


class DIN(nn.Module):
    """Attention of the item at hand over what the user clicked; `history_mask` is True where there was a click."""

    def __init__(self, num_items=40, num_categories=7, num_users=15, dim=6):
        super().__init__()
        self.user_embedding = nn.Embedding(num_users, dim)
        self.item_embedding = nn.Embedding(num_items, dim)
        self.cate_embedding = nn.Embedding(num_categories, dim)
        self.attention = nn.Sequential(nn.Linear(8 * dim, 16), nn.Sigmoid(), nn.Linear(16, 1))
        self.mlp = nn.Sequential(nn.Linear(5 * dim, 16), nn.PReLU(), nn.Linear(16, 1))

    def embed(self, items, categories):
        return torch.cat([self.item_embedding(items), self.cate_embedding(categories)], dim=-1)

    def forward(self, user, history, target, history_mask):
        items, categories = history["item"], history["category"]
        keys = self.embed(items, categories)
        query = self.embed(target["item"], target["category"])
        queries = query.unsqueeze(1).expand(-1, keys.size(1), -1)
        scores = self.attention(torch.cat([queries, keys, queries - keys, queries * keys], dim=-1)).squeeze(-1)
        scores = scores.masked_fill(~history_mask, -1e9)
        interest = torch.bmm(scores.softmax(dim=1).unsqueeze(1), keys).squeeze(1)
        features = torch.cat([self.user_embedding(user), interest, query], dim=-1)
        return torch.sigmoid(self.mlp(features)).squeeze(-1)


def session(b, t, **changed):
    inputs = {
        "user": ids(b, below=15),
        "history": {"item": ids(b, t, below=40), "category": ids(b, t, below=7)},
        "target": {"item": ids(b, below=40), "category": ids(b, below=7)},
        "history_mask": torch.ones(b, t, dtype=torch.bool),
    }
    return {**inputs, **changed}


class DeepFM(nn.Module):
    """All features of a row in one float tensor: three columns of category numbers, then four of measurements."""

    def __init__(self, vocabulary_sizes=(8, 25, 3), dense=4, dim=5):
        super().__init__()
        self.sparse = len(vocabulary_sizes)
        self.dense = dense
        self.embedding_dict = nn.ModuleList([nn.Embedding(size, dim) for size in vocabulary_sizes])
        self.linear_dict = nn.ModuleList([nn.Embedding(size, 1) for size in vocabulary_sizes])
        self.linear_dense = nn.Linear(dense, 1)
        self.dnn = nn.Sequential(nn.Linear(self.sparse * dim + dense, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, X):
        if X.shape[1] != self.sparse + self.dense:
            raise ValueError(f"expected {self.sparse + self.dense} columns, got {X.shape[1]}")
        embeddings = [emb(X[:, i : i + 1].long()) for i, emb in enumerate(self.embedding_dict)]
        linear = [emb(X[:, i].long()) for i, emb in enumerate(self.linear_dict)]
        dense = X[:, self.sparse :]
        logit = self.linear_dense(dense) + sum(linear)
        fm_input = torch.cat(embeddings, dim=1)
        square_of_sum = fm_input.sum(dim=1, keepdim=True).pow(2)
        sum_of_square = fm_input.pow(2).sum(dim=1, keepdim=True)
        logit = logit + 0.5 * (square_of_sum - sum_of_square).sum(dim=2)
        logit = logit + self.dnn(torch.cat([fm_input.flatten(1), dense], dim=-1))
        return torch.sigmoid(logit)


def rows(*categories):
    numbers = torch.tensor(categories, dtype=torch.float32)
    return torch.cat([numbers, floats(len(categories), 4)], dim=1)


CASES = (
    Case(
        "sasrec",
        build=SASRec,
        example=lambda: call(ids(2, 10, below=51), ids(2, 5, below=51)),
        good=lambda: [
            call(ids(1, 1, below=51), ids(1, 1, below=51)),
            call(ids(2, 20, below=51), ids(2, 3, below=51)),
            call(ids(3, 7, below=51), ids(3, 40, below=51)),
            call(torch.tensor([[0, 0, 0, 50, 1]]), torch.tensor([[50, 0]])),
            call(torch.zeros(2, 4, dtype=torch.int64), ids(2, 6, below=51)),
            call(log_seqs=ids(8, 2, below=51), item_indices=ids(8, 1, below=51)),
        ],
        bad=lambda: [
            raises("21 purchases", ids(1, 21, below=51), ids(1, 3, below=51)),
            raises("item 51 in the history", torch.full((1, 4), 51), ids(1, 3, below=51)),
            raises("item -1 in the history", torch.full((1, 4), -1), ids(1, 3, below=51)),
            raises("candidate 51", ids(1, 4, below=51), torch.full((1, 3), 51)),
            raises("candidate -1", ids(1, 4, below=51), torch.full((1, 3), -1)),
            raises("batches differ", ids(2, 4, below=51), ids(3, 4, below=51)),
            raises("candidates of one user for two", ids(2, 4, below=51), ids(1, 4, below=51)),
            raises("candidates shared by all", ids(2, 4, below=51), ids(4, below=51)),
            raises("history without batch", ids(4, below=51), ids(1, 4, below=51)),
            raises("an axis too many", ids(2, 3, 4, below=51), ids(2, 4, below=51)),
            raises("float history", floats(2, 4), ids(2, 4, below=51)),
            unmeant("int32 history", Policy.DTYPE, ids(2, 4, below=51).int(), ids(2, 4, below=51)),
            raises("no candidates", ids(2, 4, below=51)),
            raises("user ids first", ids(2, below=9), ids(2, 4, below=51), ids(2, 4, below=51)),
            raises("python lists", [[1, 2, 3]], [[1, 2]]),
        ],
    ),
    Case(
        "din_click_history",
        build=DIN,
        example=lambda: call(**session(3, 6)),
        good=lambda: [
            call(**session(1, 1)),
            call(**session(2, 9)),
            call(**session(5, 3)),
            call(**session(2, 4, history_mask=torch.tensor([[True, True, False, False], [True] * 4]))),
            call(**session(1, 2, history={"item": torch.tensor([[39, 0]]), "category": torch.tensor([[6, 0]])})),
            call(*session(4, 30).values()),
        ],
        bad=lambda: [
            raises("user 15", **session(1, 3, user=torch.tensor([15]))),
            raises("user -1", **session(1, 3, user=torch.tensor([-1]))),
            raises("item 40", **session(1, 1, history={"item": torch.tensor([[40]]), "category": torch.tensor([[0]])})),
            raises(
                "category 7", **session(1, 1, history={"item": torch.tensor([[0]]), "category": torch.tensor([[7]])})
            ),
            raises("target 40", **session(1, 3, target={"item": torch.tensor([40]), "category": torch.tensor([0])})),
            raises(
                "target's category -1",
                **session(1, 3, target={"item": ids(1, below=40), "category": torch.tensor([-1])}),
            ),
            raises("no category", **session(2, 3, history={"item": ids(2, 3, below=40)})),
            unmeant(
                "ratings too",
                Policy.UNEXPECTED,
                **session(
                    2, 3, history={"item": ids(2, 3, below=40), "category": ids(2, 3, below=7), "rating": floats(2, 3)}
                ),
            ),
            raises(
                "a category short",
                **session(2, 3, history={"item": ids(2, 3, below=40), "category": ids(2, 2, below=7)}),
            ),
            raises("mask of another length", **session(2, 3, history_mask=torch.ones(2, 4).bool())),
            unmeant("one mask row for two", Policy.TIE, **session(2, 3, history_mask=torch.ones(1, 3).bool())),
            raises("mask as int64", **session(2, 3, history_mask=torch.ones(2, 3).long())),
            raises("mask as float", **session(2, 3, history_mask=torch.ones(2, 3))),
            raises(
                "targets of another batch",
                **session(2, 3, target={"item": ids(3, below=40), "category": ids(3, below=7)}),
            ),
            raises("one user for two", **session(2, 3, user=ids(1, below=15))),
            raises("history as a tensor", **session(2, 3, history=ids(2, 3, below=40))),
            raises("no mask", *list(session(2, 3).values())[:3]),
            raises("float users", **session(2, 3, user=floats(2))),
        ],
    ),
    Case(
        "deepfm_float_columns",
        build=DeepFM,
        example=lambda: call(rows([3, 17, 2], [7, 1, 0])),
        good=lambda: [
            call(rows([0, 0, 0])),
            call(rows([7, 24, 2])),
            call(rows([7, 0, 0], [0, 24, 0], [0, 0, 2])),
            call(rows(*[[1, 2, 1]] * 10)),
            call(X=rows([5, 20, 1], [6, 21, 0])),
            call(rows(*[[2, 9, 0]] * 33)),
        ],
        bad=lambda: [
            raises("first category one above", rows([8, 0, 0])),
            raises("second category one above", rows([0, 25, 0])),
            raises("third category one above", rows([0, 0, 3])),
            raises("first category -1", rows([-1, 0, 0])),
            raises("third category -2", rows([0, 0, -2])),
            raises("six columns", floats(2, 6).abs().clamp(max=1)),
            raises("eight columns", floats(2, 8).abs().clamp(max=1)),
            raises("no batch axis", rows([1, 1, 1])[0]),
            raises("float64", rows([1, 1, 1]).double()),
            raises("int64", rows([1, 1, 1]).long()),
            raises("categories and measurements apart", ids(2, 3, below=3), floats(2, 4)),
            unmeant("nan as a measurement", Policy.FINITE, rows([1, 1, 1]) * torch.tensor([1.0] * 6 + [float("nan")])),
            unmeant("empty batch", Policy.EMPTY, torch.zeros(0, 7)),
        ],
    ),
)
