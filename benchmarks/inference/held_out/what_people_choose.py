# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Choices: masked items on both sides, a graph of one session, baskets in a row, columns chosen step by step."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class BertBlock(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.h, self.d_k = heads, hidden // heads
        self.linear_layers = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(3)])
        self.output_linear = nn.Linear(hidden, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.feed_forward = nn.Sequential(nn.Linear(hidden, hidden * 4), nn.GELU(), nn.Linear(hidden * 4, hidden))

    def forward(self, x, mask):
        batch_size = x.size(0)
        y = self.norm1(x)
        query, key, value = [
            layer(y).view(batch_size, -1, self.h, self.d_k).transpose(1, 2) for layer in self.linear_layers
        ]
        scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(self.d_k)
        scores = scores.masked_fill(mask == 0, -1e9)
        y = torch.matmul(F.softmax(scores, dim=-1), value)
        x = x + self.output_linear(y.transpose(1, 2).contiguous().view(batch_size, -1, self.h * self.d_k))
        return x + self.feed_forward(self.norm2(x))


class BERT4Rec(nn.Module):
    """Scores every item at every place of a history padded on the left to its full length; the last id is the mask."""

    def __init__(self, num_items=40, max_len=12, hidden=16, heads=2, n_layers=2):
        super().__init__()
        self.token = nn.Embedding(num_items + 2, hidden, padding_idx=0)
        self.position = nn.Embedding(max_len, hidden)
        self.dropout = nn.Dropout(0.1)
        self.blocks = nn.ModuleList([BertBlock(hidden, heads) for _ in range(n_layers)])
        self.out = nn.Linear(hidden, num_items + 1)

    def forward(self, x):
        mask = (x > 0).unsqueeze(1).repeat(1, x.size(1), 1).unsqueeze(1)
        positions = self.position.weight.unsqueeze(0).repeat(x.size(0), 1, 1)
        x = self.dropout(self.token(x) + positions)
        for block in self.blocks:
            x = block(x, mask)
        return self.out(x)


def history(b, clicks=12):
    items = 1 + ids(b, 12, below=40)
    items[:, : 12 - clicks] = 0
    items[:, -1] = 41
    return items


class SRGNN(nn.Module):
    """A session as a graph of its distinct items; `alias_inputs` says which node each click was."""

    def __init__(self, n_node=30, hidden_size=8, step=1, nonhybrid=False):
        super().__init__()
        self.hidden_size, self.step, self.nonhybrid = hidden_size, step, nonhybrid
        self.embedding = nn.Embedding(n_node, hidden_size)
        self.w_ih = nn.Parameter(torch.randn(3 * hidden_size, 2 * hidden_size) / hidden_size)
        self.w_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size) / hidden_size)
        self.b_ih, self.b_hh = nn.Parameter(torch.zeros(3 * hidden_size)), nn.Parameter(torch.zeros(3 * hidden_size))
        self.b_iah, self.b_oah = nn.Parameter(torch.zeros(hidden_size)), nn.Parameter(torch.zeros(hidden_size))
        self.linear_edge_in = nn.Linear(hidden_size, hidden_size)
        self.linear_edge_out = nn.Linear(hidden_size, hidden_size)
        self.linear_one, self.linear_two = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.linear_three = nn.Linear(hidden_size, 1, bias=False)
        self.linear_transform = nn.Linear(hidden_size * 2, hidden_size)

    def gnn_cell(self, A, hidden):
        input_in = torch.matmul(A[:, :, : A.shape[1]], self.linear_edge_in(hidden)) + self.b_iah
        input_out = torch.matmul(A[:, :, A.shape[1] : 2 * A.shape[1]], self.linear_edge_out(hidden)) + self.b_oah
        inputs = torch.cat([input_in, input_out], 2)
        i_r, i_i, i_n = F.linear(inputs, self.w_ih, self.b_ih).chunk(3, 2)
        h_r, h_i, h_n = F.linear(hidden, self.w_hh, self.b_hh).chunk(3, 2)
        newgate = torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n)
        return newgate + torch.sigmoid(i_i + h_i) * (hidden - newgate)

    def forward(self, items, A, alias_inputs, mask):
        hidden = self.embedding(items)
        for _ in range(self.step):
            hidden = self.gnn_cell(A, hidden)
        index = alias_inputs.unsqueeze(-1).expand(-1, -1, self.hidden_size)
        seq_hidden = torch.gather(hidden, 1, index)
        ht = seq_hidden[torch.arange(mask.shape[0], device=mask.device), torch.sum(mask, 1) - 1]
        q1 = self.linear_one(ht).view(ht.shape[0], 1, ht.shape[1])
        alpha = self.linear_three(torch.sigmoid(q1 + self.linear_two(seq_hidden)))
        a = torch.sum(alpha * seq_hidden * mask.view(mask.shape[0], -1, 1).float(), 1)
        if not self.nonhybrid:
            a = self.linear_transform(torch.cat([a, ht], 1))
        return torch.matmul(a, self.embedding.weight[1:].transpose(1, 0))


def session(b, n, t, **changed):
    mask = (torch.arange(t) <= ids(b, 1, below=t)).long()
    parts = {
        "items": ids(b, n, below=30),
        "A": torch.rand(b, n, 2 * n),
        "alias_inputs": ids(b, t, below=n),
        "mask": mask,
    }
    return {**parts, **changed}


class DREAM(nn.Module):
    """Next basket: items of a basket are pooled, baskets go through a GRU, the last real one scores all items."""

    def __init__(self, n_items=35, embedding_dim=8, hidden=12, pooling="avg"):
        super().__init__()
        self.pooling = pooling
        self.encode = nn.Embedding(n_items, embedding_dim, padding_idx=0)
        self.rnn = nn.GRU(embedding_dim, hidden, 2, batch_first=True, dropout=0.1)
        self.project = nn.Linear(hidden, embedding_dim)

    def forward(self, baskets, lengths):
        emb = self.encode(baskets)
        if self.pooling == "avg":
            count = (baskets != 0).sum(dim=-1, keepdim=True).clamp(min=1)
            ub = emb.sum(dim=2) / count
        else:
            ub = emb.max(dim=2)[0]
        packed = pack_padded_sequence(ub, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, h_n = self.rnn(packed)
        return self.project(h_n[-1]) @ self.encode.weight.t()


def baskets(b, t, k):
    return ids(b, t, k, below=35)


def sparsemax(x):
    ordered = torch.sort(x, descending=True, dim=-1)[0]
    rho = torch.arange(1, x.size(-1) + 1, device=x.device, dtype=x.dtype)
    cumsum = ordered.cumsum(-1) - 1
    support = (rho * ordered > cumsum).sum(dim=-1, keepdim=True)
    tau = cumsum.gather(-1, support - 1) / support.to(x.dtype)
    return torch.clamp(x - tau, min=0)


class GLULayer(nn.Module):
    def __init__(self, input_dim, output_dim, fc=None):
        super().__init__()
        self.output_dim = output_dim
        self.fc = fc or nn.Linear(input_dim, 2 * output_dim, bias=False)
        self.bn = nn.BatchNorm1d(2 * output_dim, momentum=0.02)

    def forward(self, x):
        x = self.bn(self.fc(x))
        return x[:, : self.output_dim] * torch.sigmoid(x[:, self.output_dim :])


class FeatTransformer(nn.Module):
    def __init__(self, shared, input_dim, width):
        super().__init__()
        self.first = GLULayer(input_dim, width, shared)
        self.specific = nn.ModuleList([GLULayer(width, width) for _ in range(2)])

    def forward(self, x):
        x = self.first(x)
        for glu in self.specific:
            x = (x + glu(x)) * math.sqrt(0.5)
        return x


class TabNet(nn.Module):
    """Categories sit as numbers among the columns of one float matrix; each step attends to a few columns."""

    def __init__(self, input_dim=6, cat_idxs=(1, 4), cat_dims=(5, 9), emb=2, n_d=4, n_a=4, n_steps=3, gamma=1.3):
        super().__init__()
        self.cat_idxs, self.input_dim, self.n_d, self.gamma = cat_idxs, input_dim, n_d, gamma
        self.embeddings = nn.ModuleList([nn.Embedding(dim, emb) for dim in cat_dims])
        width = input_dim + len(cat_idxs) * (emb - 1)
        self.initial_bn = nn.BatchNorm1d(width, momentum=0.01)
        shared = nn.Linear(width, 2 * (n_d + n_a), bias=False)
        self.initial_splitter = FeatTransformer(shared, width, n_d + n_a)
        self.feat_transformers = nn.ModuleList([FeatTransformer(shared, width, n_d + n_a) for _ in range(n_steps)])
        self.att_transformers = nn.ModuleList(
            [nn.Sequential(nn.Linear(n_a, width, bias=False), nn.BatchNorm1d(width)) for _ in range(n_steps)]
        )
        self.final_mapping = nn.Linear(n_d, 3, bias=False)

    def embed(self, x):
        cols = []
        cat_feat_counter = 0
        for i in range(self.input_dim):
            if i in self.cat_idxs:
                cols.append(self.embeddings[cat_feat_counter](x[:, i].long()))
                cat_feat_counter += 1
            else:
                cols.append(x[:, i].float().view(-1, 1))
        return torch.cat(cols, dim=1)

    def forward(self, x):
        x = self.initial_bn(self.embed(x))
        prior = torch.ones_like(x)
        M_loss = x.new_zeros(())
        res = x.new_zeros(())
        att = self.initial_splitter(x)[:, self.n_d :]
        for feat_transformer, att_transformer in zip(self.feat_transformers, self.att_transformers, strict=True):
            M = sparsemax(att_transformer(att) * prior)
            M_loss += torch.mean(torch.sum(torch.mul(M, torch.log(M + 1e-15)), dim=1))
            prior = torch.mul(self.gamma - M, prior)
            out = feat_transformer(torch.mul(M, x))
            res = torch.add(res, F.relu(out[:, : self.n_d]))
            att = out[:, self.n_d :]
        return self.final_mapping(res), M_loss / len(self.feat_transformers)


def table(b, *, first=None, second=None):
    x = floats(b, 6)
    x[:, 1] = ids(b, below=5).float() if first is None else first
    x[:, 4] = ids(b, below=9).float() if second is None else second
    return x


CASES = (
    Case(
        "bert4rec_both_sides",
        build=BERT4Rec,
        example=lambda: call(history(2)),
        good=lambda: [
            call(history(1)),
            call(history(3, 5)),
            call(x=history(4, 1)),
            call(torch.full((2, 12), 41)),
            call(ids(7, 12, below=42)),
            call(torch.cat([history(2, 12), history(2, 3)])),
        ],
        bad=lambda: [
            raises("item 42", torch.full((2, 12), 42)),
            raises("item -1", torch.full((2, 12), -1)),
            raises("eleven places", history(2)[:, 1:]),
            raises("thirteen places", ids(2, 13, below=42)),
            unmeant("one place for all twelve positions", Policy.TIE, ids(2, 1, below=42)),
            raises("no batch axis", history(1)[0]),
            raises("an axis too many", history(2)[None]),
            raises("floats", floats(2, 12)),
            unmeant("int32", Policy.DTYPE, history(2).int()),
            raises("a python list", history(2).tolist()),
            raises("lengths too", history(2), torch.tensor([12, 12])),
            raises("nothing"),
        ],
    ),
    Case(
        "srgnn_session_graph",
        build=SRGNN,
        example=lambda: call(**session(3, 4, 6)),
        good=lambda: [
            call(**session(1, 1, 1)),
            call(**session(2, 5, 5)),
            call(**session(4, 3, 9)),
            call(**session(1, 8, 2)),
            call(**session(2, 2, 7, mask=torch.ones(2, 7, dtype=torch.int64))),
            call(*session(5, 6, 10).values()),
            call(**session(2, 3, 4, A=torch.zeros(2, 3, 6))),
        ],
        bad=lambda: [
            raises("item 30", **session(2, 4, 6, items=torch.full((2, 4), 30))),
            raises("item -1", **session(2, 4, 6, items=torch.full((2, 4), -1))),
            raises("alias of a fifth node", **session(2, 4, 6, alias_inputs=torch.full((2, 6), 4))),
            raises("alias -1", **session(2, 4, 6, alias_inputs=torch.full((2, 6), -1))),
            raises("edges of five nodes", **session(2, 4, 6, A=torch.rand(2, 5, 10))),
            raises("edges of one direction", **session(2, 4, 6, A=torch.rand(2, 4, 4))),
            unmeant("columns after both directions", Policy.REMAINDER, **session(2, 4, 6, A=torch.rand(2, 4, 10))),
            unmeant("edges of one session for two", Policy.TIE, **session(2, 4, 6, A=torch.rand(1, 4, 8))),
            raises("edges of three sessions for two", **session(2, 4, 6, A=torch.rand(3, 4, 8))),
            raises("edges as float64", **session(2, 4, 6, A=torch.rand(2, 4, 8).double())),
            raises("edges as integers", **session(2, 4, 6, A=ids(2, 4, 8, below=2))),
            raises("mask of seven for six", **session(2, 4, 6, mask=torch.ones(2, 7, dtype=torch.int64))),
            raises("mask of five for six", **session(2, 4, 6, mask=torch.ones(2, 5, dtype=torch.int64))),
            raises("mask of floats", **session(2, 4, 6, mask=torch.ones(2, 6))),
            unmeant("mask of bools", Policy.DTYPE, **session(2, 4, 6, mask=torch.ones(2, 6).bool())),
            raises("aliases of three sessions for two", **session(2, 4, 6, alias_inputs=ids(3, 6, below=4))),
            unmeant("nan in the edges", Policy.FINITE, **session(2, 4, 1, A=torch.full((2, 4, 8), torch.nan))),
            raises("no mask", *list(session(2, 4, 6).values())[:3]),
            raises("items without batch", **session(2, 4, 6, items=ids(4, below=30))),
        ],
    ),
    Case(
        "dream_next_basket",
        build=DREAM,
        example=lambda: call(baskets(3, 5, 4), torch.tensor([5, 2, 3])),
        good=lambda: [
            call(baskets(1, 1, 1), torch.tensor([1])),
            call(baskets(2, 7, 3), torch.tensor([7, 7])),
            call(baskets(4, 3, 6), torch.tensor([1, 3, 2, 1])),
            call(baskets=baskets(2, 4, 2), lengths=torch.tensor([4, 1])),
            call(torch.zeros(1, 2, 3, dtype=torch.int64), torch.tensor([2])),
            call(torch.full((2, 2, 10), 34), torch.tensor([1, 2])),
        ],
        bad=lambda: [
            raises("item 35", torch.full((2, 3, 4), 35), torch.tensor([3, 2])),
            raises("item -1", torch.full((2, 3, 4), -1), torch.tensor([3, 2])),
            raises("length 4 of 3", baskets(2, 3, 4), torch.tensor([4, 2])),
            raises("length 0", baskets(2, 3, 4), torch.tensor([3, 0])),
            raises("length -1", baskets(2, 3, 4), torch.tensor([3, -1])),
            raises("three lengths for two", baskets(2, 3, 4), torch.tensor([3, 2, 1])),
            unmeant("one length for two", Policy.TIE, baskets(2, 3, 4), torch.tensor([3])),
            raises("lengths as a column", baskets(2, 3, 4), torch.tensor([[3], [2]])),
            raises("python lengths", baskets(2, 3, 4), [3, 2]),
            raises("no lengths", baskets(2, 3, 4)),
            raises("one user without batch", baskets(1, 3, 4)[0], torch.tensor([3])),
            raises("float items", floats(2, 3, 4), torch.tensor([3, 2])),
            unmeant("int32 items", Policy.DTYPE, baskets(2, 3, 4).int(), torch.tensor([3, 2])),
            raises("lists of baskets", baskets(2, 3, 4).tolist(), torch.tensor([3, 2])),
        ],
    ),
    Case(
        "tabnet_categories_in_floats",
        build=TabNet,
        example=lambda: call(table(3)),
        good=lambda: [
            call(table(1)),
            call(table(2)),
            call(x=table(16)),
            call(table(4, first=0.0, second=0.0)),
            call(table(2, first=4.0, second=8.0)),
            call(torch.zeros(5, 6)),
        ],
        bad=lambda: [
            raises("category 5 of 5", table(2, first=5.0)),
            raises("category 9 of 9", table(2, second=9.0)),
            raises("category -1", table(2, second=-1.0)),
            raises("five columns", table(2)[:, :5]),
            unmeant("a seventh column", Policy.REMAINDER, torch.cat([table(2), floats(2, 1)], 1)),
            raises("no batch axis", table(1)[0]),
            raises("an axis too many", table(2)[None]),
            unmeant("float64", Policy.DTYPE, table(2).double()),
            unmeant("integers", Policy.DTYPE, ids(2, 6, below=5)),
            raises("nan in a number", with_nan(table(2))),
            raises("a python list", table(2).tolist()),
            raises("nothing"),
        ],
    ),
)
