# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of papers: end-to-end memory, pointers to the input, a mixture of experts, weights made by a network."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class MemN2N(nn.Module):
    """Answers a question about a story of sentences; word 0 is padding."""

    def __init__(self, num_vocab=30, embedding_dim=8, max_story_size=10, hops=2):
        super().__init__()
        self.hops = hops
        self.C = nn.ModuleList([nn.Embedding(num_vocab, embedding_dim, padding_idx=0) for _ in range(hops + 1)])
        self.temporal = nn.Embedding(max_story_size, embedding_dim)
        self.linear = nn.Linear(embedding_dim, num_vocab)

    def forward(self, *, story, query):
        b, sentences, words = story.size()
        when = self.temporal(torch.arange(sentences - 1, -1, -1, device=story.device))
        u = self.C[0](query).sum(1)
        for hop in range(self.hops):
            m_A = self.C[hop](story.view(b, -1)).view(b, sentences, words, -1).sum(2) + when
            prob = torch.softmax((m_A * u.unsqueeze(1)).sum(2), dim=-1)
            m_C = self.C[hop + 1](story.view(b, -1)).view(b, sentences, words, -1).sum(2)
            u = u + (m_C * prob.unsqueeze(2)).sum(1)
        return self.linear(u)


def question(b, sentences, words, asked):
    return {"story": ids(b, sentences, words, below=30), "query": ids(b, asked, below=30)}


class PointerNet(nn.Module):
    """Orders points in the plane, as for the travelling salesman: each step points at one that is not yet visited."""

    def __init__(self, embedding_dim=6, hidden_dim=10):
        super().__init__()
        self.embedding = nn.Linear(2, embedding_dim)
        self.encoder = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.decoder = nn.LSTMCell(embedding_dim, hidden_dim)
        self.W1 = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.W2 = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.V = nn.Linear(hidden_dim, 1, bias=False)
        self.decoder_input0 = nn.Parameter(torch.randn(embedding_dim))

    def forward(self, inputs):
        batch_size, input_length, _ = inputs.shape
        embedded = self.embedding(inputs)
        encoder_outputs, (h, c) = self.encoder(embedded)
        h, c = h.squeeze(0), c.squeeze(0)
        decoder_input = self.decoder_input0.expand(batch_size, -1)
        visited = torch.zeros(batch_size, input_length, dtype=torch.bool, device=inputs.device)
        probabilities, pointers = [], []
        for _ in range(input_length):
            h, c = self.decoder(decoder_input, (h, c))
            scores = self.V(torch.tanh(self.W1(encoder_outputs) + self.W2(h).unsqueeze(1))).squeeze(-1)
            alpha = scores.masked_fill(visited, float("-inf")).softmax(dim=-1)
            index = alpha.argmax(dim=-1)
            visited = visited | F.one_hot(index, input_length).bool()
            decoder_input = embedded[torch.arange(batch_size), index]
            probabilities.append(alpha)
            pointers.append(index)
        return torch.stack(probabilities, dim=1), torch.stack(pointers, dim=1)


@dataclass
class MoEConfig:
    vocab_size: int = 48
    block_size: int = 24
    n_embd: int = 12
    n_head: int = 2
    num_experts: int = 3
    top_k: int = 2


class SparseMoE(nn.Module):
    """Each token goes to its best experts; every expert sees only the tokens that chose it."""

    def __init__(self, config):
        super().__init__()
        self.top_k = config.top_k
        self.gate = nn.Linear(config.n_embd, config.num_experts, bias=False)
        self.experts = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(config.n_embd, 24), nn.GELU(), nn.Linear(24, config.n_embd))
                for _ in range(config.num_experts)
            ]
        )

    def forward(self, x):
        shape = x.shape
        x = x.view(-1, shape[-1])
        weights, selected = torch.topk(self.gate(x), self.top_k)
        weights = F.softmax(weights, dim=1)
        results = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            token, nth = torch.where(selected == i)
            results[token] += weights[token, nth, None] * expert(x[token])
        return results.view(shape)


class MoETransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_emb = nn.Parameter(torch.randn(1, config.block_size, config.n_embd) * 0.02)
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = nn.MultiheadAttention(config.n_embd, config.n_head, batch_first=True)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.moe = SparseMoE(config)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, tokens, key_padding_mask=None):
        T = tokens.size(1)
        if T > self.config.block_size:
            raise ValueError(f"sequence of {T} is longer than {self.config.block_size}")
        x = self.tok_emb(tokens) + self.pos_emb[:, :T]
        a = self.ln_1(x)
        x = x + self.attn(a, a, a, key_padding_mask=key_padding_mask, need_weights=False)[0]
        x = x + self.moe(self.ln_2(x))
        return self.head(x)


def make_moe():
    return MoETransformer(MoEConfig())


def padding(rows, total):
    """True at the last ``rows[i]`` of ``total`` positions."""
    return torch.tensor([[position >= total - padded for position in range(total)] for padded in rows])


class HyperNetwork(nn.Module):
    """One set of weights per task, made from the task's embedding."""

    def __init__(self, num_tasks=6, task_dim=4, in_features=7, hidden=5, out_features=2):
        super().__init__()
        self.in_features, self.hidden, self.out_features = in_features, hidden, out_features
        self.task_embedding = nn.Embedding(num_tasks, task_dim)
        self.w1 = nn.Linear(task_dim, in_features * hidden)
        self.b1 = nn.Linear(task_dim, hidden)
        self.w2 = nn.Linear(task_dim, hidden * out_features)

    def forward(self, x, task_id):
        task = self.task_embedding(task_id)
        w1 = self.w1(task).view(-1, self.in_features, self.hidden)
        w2 = self.w2(task).view(-1, self.hidden, self.out_features)
        h = torch.tanh(torch.bmm(x, w1) + self.b1(task).unsqueeze(1))
        return torch.bmm(h, w2)


CASES = (
    Case(
        "memory_network",
        build=MemN2N,
        example=lambda: call(**question(2, 6, 5, 4)),
        good=lambda: [
            call(**question(1, 1, 1, 1)),
            call(**question(2, 10, 3, 7)),
            call(**question(3, 4, 9, 2)),
            call(story=torch.tensor([[[0, 29], [29, 0]]]), query=torch.tensor([[29, 0, 0]])),
            call(**question(7, 2, 3, 5)),
            call(**question(1, 5, 30, 12)),
        ],
        bad=lambda: [
            raises("11 sentences", **question(1, 11, 3, 3)),
            raises("word 30 in the story", story=torch.full((1, 2, 3), 30), query=ids(1, 3, below=30)),
            raises("word -1 in the story", story=torch.full((1, 2, 3), -1), query=ids(1, 3, below=30)),
            raises("word 30 in the query", story=ids(1, 2, 3, below=30), query=torch.full((1, 3), 30)),
            raises("word -1 in the query", story=ids(1, 2, 3, below=30), query=torch.full((1, 3), -1)),
            raises("batches differ", story=ids(2, 4, 3, below=30), query=ids(3, 3, below=30)),
            unmeant("one query for two stories", Policy.TIE, story=ids(2, 4, 3, below=30), query=ids(1, 3, below=30)),
            unmeant("one story for two queries", Policy.TIE, story=ids(1, 4, 3, below=30), query=ids(2, 3, below=30)),
            raises("by position", *question(2, 4, 3, 3).values()),
            raises("no query", story=ids(2, 4, 3, below=30)),
            raises("story of one sentence without its axis", story=ids(2, 3, below=30), query=ids(2, 3, below=30)),
            raises("query as float", story=ids(2, 4, 3, below=30), query=floats(2, 3)),
            unmeant("story as int32", Policy.DTYPE, story=ids(2, 4, 3, below=30).int(), query=ids(2, 3, below=30)),
            raises("answer too", **question(2, 4, 3, 3), answer=ids(2, below=30)),
            raises("one dict", question(2, 4, 3, 3)),
        ],
    ),
    Case(
        "pointer_network",
        build=PointerNet,
        example=lambda: call(torch.rand(2, 6, 2)),
        good=lambda: [
            call(torch.rand(1, 2, 2)),
            call(torch.rand(2, 3, 2)),
            call(torch.rand(1, 12, 2)),
            call(torch.rand(4, 5, 2)),
            call(torch.zeros(3, 4, 2)),
            call(inputs=torch.rand(6, 2, 2)),
        ],
        bad=lambda: [
            raises("points in space", torch.rand(2, 6, 3)),
            raises("coordinates first", torch.rand(2, 2, 6)),
            raises("no batch axis", torch.rand(6, 2)),
            raises("an axis too many", torch.rand(1, 2, 6, 2)),
            raises("no points", torch.rand(2, 0, 2)),
            raises("float64", torch.rand(2, 6, 2).double()),
            raises("float16", torch.rand(2, 6, 2).half()),
            raises("int64", ids(2, 6, 2, below=9)),
            raises("the tour too", torch.rand(2, 6, 2), ids(2, 6, below=6)),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(2, 6, 2))),
            raises("a list", [torch.rand(6, 2)]),
        ],
    ),
    Case(
        "mixture_of_experts",
        build=make_moe,
        example=lambda: call(ids(2, 9, below=48)),
        good=lambda: [
            call(ids(1, 1, below=48)),
            call(ids(2, 24, below=48)),
            call(ids(3, 7, below=48)),
            call(torch.tensor([[0, 47, 0]])),
            call(ids(2, 5, below=48), padding((0, 3), 5)),
            call(tokens=ids(4, 2, below=48), key_padding_mask=None),
        ],
        bad=lambda: [
            raises("25 tokens", ids(1, 25, below=48)),
            raises("token 48", torch.full((1, 3), 48)),
            raises("token -1", torch.full((1, 3), -1)),
            raises("no batch axis", ids(5, below=48)),
            raises("an axis too many", ids(2, 3, 4, below=48)),
            raises("mask of another length", ids(2, 5, below=48), padding((1, 1), 6)),
            raises("mask of another batch", ids(2, 5, below=48), padding((1, 1, 1), 5)),
            raises("one mask row for two", ids(2, 5, below=48), padding((1,), 5)),
            raises("mask as int64", ids(2, 5, below=48), padding((1, 2), 5).long()),
            unmeant("mask as float, added", Policy.DTYPE, ids(2, 5, below=48), padding((1, 2), 5).float()),
            raises("misspelt mask", ids(2, 5, below=48), padding_mask=padding((1, 2), 5)),
            raises("float tokens", floats(2, 5)),
            unmeant("int32 tokens", Policy.DTYPE, ids(2, 5, below=48).int()),
            raises("python lists", [[1, 2, 3]]),
        ],
    ),
    Case(
        "hyper_network",
        build=HyperNetwork,
        example=lambda: call(floats(3, 4, 7), ids(3, below=6)),
        good=lambda: [
            call(floats(1, 1, 7), ids(1, below=6)),
            call(floats(2, 5, 7), torch.tensor([0, 5])),
            call(floats(3, 2, 7), ids(3, below=6)),
            call(floats(1, 40, 7), ids(1, below=6)),
            call(floats(12, 3, 7), ids(12, below=6)),
            call(x=floats(2, 2, 7), task_id=torch.tensor([5, 5])),
        ],
        bad=lambda: [
            raises("task 6", floats(1, 4, 7), torch.tensor([6])),
            raises("task -1", floats(1, 4, 7), torch.tensor([-1])),
            raises("6 features", floats(2, 4, 6), ids(2, below=6)),
            raises("three tasks for two", floats(2, 4, 7), ids(3, below=6)),
            raises("one task for two", floats(2, 4, 7), ids(1, below=6)),
            raises("one row per task", floats(2, 7), ids(2, below=6)),
            raises("a task per row", floats(2, 4, 7), ids(2, 4, below=6)),
            raises("an axis too many", floats(2, 1, 4, 7), ids(2, below=6)),
            raises("task as float", floats(2, 4, 7), floats(2)),
            unmeant("task as int32", Policy.DTYPE, floats(2, 4, 7), ids(2, below=6).int()),
            raises("float64", floats(2, 4, 7).double(), ids(2, below=6)),
            raises("no task", floats(2, 4, 7)),
            raises("swapped", ids(2, below=6), floats(2, 4, 7)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 4, 7)), ids(2, below=6)),
            unmeant("no rows", Policy.EMPTY, floats(2, 0, 7), ids(2, below=6)),
        ],
    ),
)
