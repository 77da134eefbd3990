# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Text models of a user's own: a small GPT, Kim's CNN, a GRU over unsorted lengths, a perceiver."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class CausalSelfAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)
        self.n_head = n_head

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class NanoGPT(nn.Module):
    def __init__(self, vocab_size=65, block_size=32, n_embd=16, n_head=2):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.ln_1 = nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention(n_embd, n_head)
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)

    def forward(self, idx, targets=None):
        _, t = idx.size()
        assert t <= self.block_size, f"Cannot forward sequence of length {t}, block size is only {self.block_size}"
        pos = torch.arange(0, t, dtype=torch.long, device=idx.device)
        x = self.wte(idx) + self.wpe(pos)
        x = x + self.attn(self.ln_1(x))
        x = self.ln_f(x)
        if targets is not None:
            logits = self.lm_head(x)
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        else:
            logits = self.lm_head(x[:, [-1], :])
            loss = None
        return logits, loss


class KimCNN(nn.Module):
    def __init__(self, vocab_size=120, embed_dim=10, kernel_sizes=(3, 4, 5), num_classes=3):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        self.convs = nn.ModuleList([nn.Conv2d(1, 6, (k, embed_dim)) for k in kernel_sizes])
        self.fc = nn.Linear(6 * len(kernel_sizes), num_classes)

    def forward(self, x):
        x = self.embedding(x).unsqueeze(1)
        x = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
        x = [F.max_pool1d(i, i.size(2)).squeeze(2) for i in x]
        return self.fc(torch.cat(x, 1))


class SpeechEncoder(nn.Module):
    """Frames of filter banks with their lengths in any order; gives back every step, zero behind the end."""

    def __init__(self, n_mels=8, hidden=6):
        super().__init__()
        self.rnn = nn.GRU(n_mels, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, 5)

    def forward(self, features, feature_lengths):
        packed = pack_padded_sequence(features, feature_lengths, batch_first=True, enforce_sorted=False)
        encoded, _ = self.rnn(packed)
        encoded, _ = pad_packed_sequence(encoded, batch_first=True, total_length=features.size(1))
        return self.out(encoded)


class Perceiver(nn.Module):
    """Learned latents read a context of any length; whoever passes none gets the latents' own answer."""

    def __init__(self, latents=5, dim=12, context_dim=8):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, dim) * 0.1)
        self.cross = nn.MultiheadAttention(dim, 2, kdim=context_dim, vdim=context_dim, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.query = nn.Linear(4, dim)

    def forward(self, query, *, context=None, context_padding=None):
        b = query.shape[0]
        x = self.latents.unsqueeze(0).expand(b, -1, -1) + self.query(query).unsqueeze(1)
        if context is not None:
            read, _ = self.cross(x, context, context, key_padding_mask=context_padding, need_weights=False)
            x = x + read
        return self.norm(x).mean(1)


def lengths(*values):
    return torch.tensor(values)


CASES = (
    Case(
        "nano_gpt",
        build=NanoGPT,
        example=lambda: call(ids(1, 8, below=65)),
        good=lambda: [
            call(ids(1, 1, below=65)),
            call(ids(2, 32, below=65)),
            call(ids(3, 5, below=65)),
            call(torch.tensor([[0, 64, 0]])),
            call(ids(9, 3, below=65)),
            call(idx=ids(4, 31, below=65)),
        ],
        bad=lambda: [
            raises("33 tokens", ids(1, 33, below=65)),
            raises("id 65", torch.full((1, 4), 65)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("no batch axis", ids(5, below=65)),
            raises("an axis too many", ids(2, 3, 4, below=65)),
            raises("empty sequence", ids(1, 0, below=65)),
            raises("float ids", floats(1, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(1, 5, below=65).int()),
            unmeant("targets", Policy.LEFT_OUT, ids(2, 5, below=65), ids(2, 5, below=65)),
            raises("targets of another length", ids(2, 5, below=65), ids(2, 4, below=65)),
            raises("bool", ids(1, 5, below=2).bool()),
            raises("python lists", [[1, 2, 3]]),
        ],
    ),
    Case(
        "kim_cnn",
        build=KimCNN,
        example=lambda: call(ids(2, 12, below=120)),
        good=lambda: [
            call(ids(1, 5, below=120)),
            call(ids(2, 6, below=120)),
            call(ids(3, 50, below=120)),
            call(torch.tensor([[0, 119, 0, 119, 0]])),
            call(ids(8, 9, below=120)),
            call(x=ids(1, 200, below=120)),
        ],
        bad=lambda: [
            raises("4 tokens", ids(2, 4, below=120)),
            raises("one token", ids(2, 1, below=120)),
            raises("id 120", torch.full((1, 6), 120)),
            raises("id -1", torch.full((1, 6), -1)),
            raises("no batch axis", ids(12, below=120)),
            raises("an axis too many", ids(2, 3, 12, below=120)),
            raises("float ids", floats(2, 12)),
            raises("int16 ids", ids(2, 12, below=120).to(torch.int16)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 12, below=120).int()),
            raises("lengths too", ids(2, 12, below=120), lengths(12, 9)),
            unmeant("empty batch", Policy.EMPTY, ids(0, 12, below=120)),
            raises("words", [["good", "film"]]),
        ],
    ),
    Case(
        "gru_lengths_unsorted",
        build=SpeechEncoder,
        example=lambda: call(floats(2, 10, 8), lengths(6, 10)),
        good=lambda: [
            call(floats(1, 1, 8), lengths(1)),
            call(floats(1, 9, 8), lengths(4)),
            call(floats(2, 7, 8), lengths(2, 7)),
            call(floats(3, 5, 8), lengths(5, 1, 3)),
            call(floats(4, 12, 8), lengths(12, 12, 12, 12)),
            call(features=floats(2, 30, 8), feature_lengths=lengths(30, 11)),
        ],
        bad=lambda: [
            raises("length 0", floats(2, 7, 8), lengths(0, 7)),
            raises("length -3", floats(2, 7, 8), lengths(-3, 7)),
            raises("length 8 of 7", floats(2, 7, 8), lengths(8, 2)),
            raises("three lengths for two", floats(2, 7, 8), lengths(7, 5, 2)),
            unmeant("one length for two", Policy.TIE, floats(2, 7, 8), lengths(7)),
            raises("7 mels", floats(2, 7, 7), lengths(7, 2)),
            raises("mels first", floats(2, 8, 20), lengths(7, 2)),
            raises("no batch axis", floats(7, 8), lengths(7)),
            raises("float64", floats(2, 7, 8).double(), lengths(7, 2)),
            raises("no lengths", floats(2, 7, 8)),
            raises("lengths as a matrix", floats(2, 7, 8), lengths(7, 2)[None]),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 7, 8)), lengths(7, 2)),
            raises("empty batch", floats(0, 7, 8), torch.zeros(0, dtype=torch.int64)),
        ],
    ),
    Case(
        "perceiver_optional_context",
        build=Perceiver,
        example=lambda: call(floats(2, 4), context=floats(2, 9, 8)),
        good=lambda: [
            call(floats(1, 4)),
            call(floats(3, 4), context=floats(3, 1, 8)),
            call(floats(2, 4), context=floats(2, 40, 8)),
            call(floats(2, 4), context=floats(2, 3, 8), context_padding=torch.tensor([[False, False, True]] * 2)),
            call(query=floats(5, 4), context=floats(5, 6, 8)),
            call(floats(7, 4), context=None),
        ],
        bad=lambda: [
            raises("query of 3", floats(2, 3)),
            raises("context of 7", floats(2, 4), context=floats(2, 3, 7)),
            raises("context by position", floats(2, 4), floats(2, 3, 8)),
            raises("context of another batch", floats(2, 4), context=floats(3, 3, 8)),
            raises("one context for two", floats(2, 4), context=floats(1, 3, 8)),
            raises("context without batch", floats(2, 4), context=floats(3, 8)),
            raises(
                "padding of another length",
                floats(2, 4),
                context=floats(2, 3, 8),
                context_padding=torch.zeros(2, 4, dtype=torch.bool),
            ),
            raises(
                "padding as int64",
                floats(2, 4),
                context=floats(2, 3, 8),
                context_padding=torch.zeros(2, 3, dtype=torch.int64),
            ),
            raises("no context but one by its other name", floats(2, 4), memory=floats(2, 3, 8)),
            raises("float64", floats(2, 4).double()),
            raises("context float64", floats(2, 4), context=floats(2, 3, 8).double()),
            raises("int64", ids(2, 4, below=9)),
            raises("no batch axis", floats(4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 4))),
            unmeant("nan in the context", Policy.FINITE, floats(2, 4), context=with_nan(floats(2, 3, 8))),
        ],
    ),
)
