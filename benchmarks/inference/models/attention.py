# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Transformers made of torch's layers, or of a user's own attention."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class SentenceEncoder(nn.Module):
    """Learned positions from a table of 64; the mask is True where there is padding."""

    def __init__(self, vocab_size=80, d_model=16, max_len=64):
        super().__init__()
        self.tok_emb = nn.Embedding(vocab_size, d_model)
        self.pos_emb = nn.Embedding(max_len, d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead=2, dim_feedforward=32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.proj = nn.Linear(d_model, 8)

    def forward(self, src: Tensor, src_key_padding_mask: Tensor | None = None) -> Tensor:
        positions = torch.arange(src.size(1), device=src.device)
        x = self.tok_emb(src) + self.pos_emb(positions)
        x = self.encoder(x, src_key_padding_mask=src_key_padding_mask)
        return F.normalize(self.proj(x[:, 0]), dim=-1)


def padding(rows, total):
    """A mask with the last ``rows[i]`` of ``total`` positions padded."""
    return torch.tensor([[position >= total - padded for position in range(total)] for padded in rows])


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=128):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class Seq2SeqTransformer(nn.Module):
    def __init__(self, src_vocab=50, tgt_vocab=60, d_model=16):
        super().__init__()
        self.src_tok_emb = nn.Embedding(src_vocab, d_model)
        self.tgt_tok_emb = nn.Embedding(tgt_vocab, d_model)
        self.positional_encoding = PositionalEncoding(d_model)
        self.transformer = nn.Transformer(
            d_model, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=32, batch_first=True
        )
        self.generator = nn.Linear(d_model, tgt_vocab)

    def forward(self, src, tgt, src_padding_mask=None, tgt_padding_mask=None):
        tgt_mask = torch.triu(torch.ones(tgt.size(1), tgt.size(1), dtype=torch.bool, device=tgt.device), diagonal=1)
        src_emb = self.positional_encoding(self.src_tok_emb(src))
        tgt_emb = self.positional_encoding(self.tgt_tok_emb(tgt))
        out = self.transformer(
            src_emb,
            tgt_emb,
            tgt_mask=tgt_mask,
            src_key_padding_mask=src_padding_mask,
            tgt_key_padding_mask=tgt_padding_mask,
            memory_key_padding_mask=src_padding_mask,
        )
        return self.generator(out)


class RelativeAttention(nn.Module):
    """Self-attention with an additive bias per pair of positions, -inf where attention is forbidden."""

    def __init__(self, dim=16, num_heads=2):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, hidden_states, attention_bias=None):
        b, t, d = hidden_states.shape
        q, k, v = self.qkv(hidden_states).chunk(3, dim=-1)
        q, k, v = (x.view(b, t, self.num_heads, d // self.num_heads).transpose(1, 2) for x in (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.num_heads)
        if attention_bias is not None:
            assert attention_bias.shape == (b, t, t), "attention_bias must be [batch, seq, seq]"
            scores = scores + attention_bias.unsqueeze(1)
        out = scores.softmax(dim=-1) @ v
        return self.out_proj(out.transpose(1, 2).reshape(b, t, d))


def causal_bias(batch, size):
    return torch.full((size, size), float("-inf")).triu(1).repeat(batch, 1, 1)


class MaskedMeanPooler(nn.Module):
    """A bag of words, averaged over the tokens that are there (mask 1) and not the padding (mask 0)."""

    def __init__(self, vocab_size=40, dim=10):
        super().__init__()
        self.embeddings = nn.Embedding(vocab_size, dim)
        self.dense = nn.Linear(dim, dim)
        self.max_length = 32
        self.register_buffer("position_ids", torch.arange(self.max_length).expand((1, -1)), persistent=False)
        self.position_embeddings = nn.Embedding(self.max_length, dim)

    def forward(self, input_ids, attention_mask):
        position_ids = self.position_ids[:, : input_ids.shape[1]]
        x = self.embeddings(input_ids) + self.position_embeddings(position_ids)
        bias = (1.0 - attention_mask.float()) * -10000.0
        weights = (self.dense(x).mean(-1) + bias).softmax(-1)
        mask = attention_mask.unsqueeze(-1).to(x.dtype)
        summed = (x * mask * weights.unsqueeze(-1)).sum(1)
        return {"sentence_embedding": summed, "token_count": attention_mask.sum(1)}


def tokens(b, t):
    return ids(b, t, below=40), torch.ones(b, t, dtype=torch.int64)


CASES = (
    Case(
        "encoder_position_table",
        build=SentenceEncoder,
        example=lambda: call(ids(2, 10, below=80)),
        good=lambda: [
            call(ids(1, 1, below=80)),
            call(ids(2, 64, below=80)),
            call(ids(3, 3, below=80)),
            call(torch.tensor([[0, 79]])),
            call(ids(2, 5, below=80), padding((0, 3), 5)),
            call(ids(1, 64, below=80), src_key_padding_mask=padding((10,), 64)),
            call(ids(4, 1, below=80), src_key_padding_mask=padding((0, 0, 0, 0), 1)),
            call(ids(2, 9, below=80), None),
        ],
        bad=lambda: [
            raises("65 tokens", ids(1, 65, below=80)),
            raises("id 80", torch.full((1, 3), 80)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("no batch axis", ids(5, below=80)),
            raises("an axis too many", ids(2, 3, 4, below=80)),
            raises("float ids", floats(2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=80).int()),
            raises("mask of another length", ids(2, 5, below=80), padding((1, 1), 6)),
            raises("mask of another batch", ids(2, 5, below=80), padding((1, 1, 0), 5)),
            raises("mask of batch one", ids(2, 5, below=80), padding((1,), 5)),
            raises("mask without batch", ids(2, 5, below=80), padding((1,), 5)[0]),
            raises("mask as int64", ids(2, 5, below=80), padding((1, 2), 5).long()),
            unmeant("mask as float, added", Policy.DTYPE, ids(2, 5, below=80), padding((1, 2), 5).float()),
            raises("attention mask by its other name", ids(2, 5, below=80), attention_mask=padding((1, 2), 5)),
            raises("empty sequence", ids(2, 0, below=80)),
        ],
    ),
    Case(
        "seq2seq_sinusoidal",
        build=Seq2SeqTransformer,
        example=lambda: call(ids(2, 7, below=50), ids(2, 5, below=60)),
        good=lambda: [
            call(ids(1, 1, below=50), ids(1, 1, below=60)),
            call(ids(2, 9, below=50), ids(2, 3, below=60)),
            call(ids(3, 2, below=50), ids(3, 11, below=60)),
            call(ids(1, 128, below=50), ids(1, 2, below=60)),
            call(ids(1, 2, below=50), ids(1, 128, below=60)),
            call(ids(2, 4, below=50), ids(2, 6, below=60), padding((0, 2), 4), padding((1, 0), 6)),
            call(ids(2, 4, below=50), ids(2, 3, below=60), tgt_padding_mask=padding((0, 1), 3)),
            call(ids(1, 6, below=50), ids(1, 3, below=60), src_padding_mask=padding((4,), 6)),
        ],
        bad=lambda: [
            raises("source of 129", ids(1, 129, below=50), ids(1, 3, below=60)),
            raises("target of 129", ids(1, 3, below=50), ids(1, 129, below=60)),
            raises("source id 50", torch.full((1, 3), 50), ids(1, 3, below=60)),
            raises("target id 60", ids(1, 3, below=50), torch.full((1, 3), 60)),
            raises("batches differ", ids(2, 4, below=50), ids(3, 4, below=60)),
            raises("one source for two targets", ids(1, 4, below=50), ids(2, 4, below=60)),
            raises("source mask of the target's length", ids(2, 4, below=50), ids(2, 6, below=60), padding((1, 1), 6)),
            raises(
                "target mask of the source's length",
                ids(2, 4, below=50),
                ids(2, 6, below=60),
                tgt_padding_mask=padding((1, 1), 4),
            ),
            raises("mask of batch one", ids(2, 4, below=50), ids(2, 6, below=60), padding((1,), 4)),
            raises("mask as int64", ids(2, 4, below=50), ids(2, 6, below=60), padding((1, 0), 4).long()),
            raises("target missing", ids(2, 4, below=50)),
            raises("float source", floats(2, 4, 16), ids(2, 6, below=60)),
            unmeant("int32 target", Policy.DTYPE, ids(2, 4, below=50), ids(2, 6, below=60).int()),
            raises("no batch axes", ids(4, below=50), ids(6, below=60)),
            unmeant("empty target", Policy.EMPTY, ids(2, 4, below=50), ids(2, 0, below=60)),
        ],
    ),
    Case(
        "additive_attention_bias",
        build=RelativeAttention,
        example=lambda: call(floats(2, 4, 16), causal_bias(2, 4)),
        good=lambda: [
            call(floats(1, 1, 16)),
            call(floats(2, 7, 16)),
            call(floats(3, 50, 16)),
            call(floats(2, 5, 16), causal_bias(2, 5)),
            call(floats(1, 3, 16), floats(1, 3, 3)),
            call(floats(4, 2, 16), attention_bias=causal_bias(4, 2)),
            call(floats(2, 6, 16), attention_bias=torch.zeros(2, 6, 6)),
        ],
        bad=lambda: [
            raises("15 features", floats(2, 5, 15)),
            raises("no batch axis", floats(5, 16)),
            raises("an axis too many", floats(2, 2, 5, 16)),
            raises("bias without batch", floats(2, 5, 16), causal_bias(1, 5)[0]),
            raises("bias of batch one", floats(2, 5, 16), causal_bias(1, 5)),
            raises("bias of another length", floats(2, 5, 16), causal_bias(2, 6)),
            raises("bias not square", floats(2, 5, 16), floats(2, 5, 4)),
            raises("bias per head", floats(2, 5, 16), floats(2, 2, 5, 5)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 5, 16))),
            unmeant("nan in the bias", Policy.FINITE, floats(2, 5, 16), with_nan(floats(2, 5, 5))),
            raises("float64", floats(2, 5, 16, dtype=torch.float64)),
            raises("int64", ids(2, 5, 16, below=9)),
            raises("misspelt bias", floats(2, 5, 16), attn_bias=causal_bias(2, 5)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 5, 16)),
        ],
    ),
    Case(
        "masked_pooling_position_buffer",
        build=MaskedMeanPooler,
        example=lambda: call(*tokens(2, 8)),
        good=lambda: [
            call(*tokens(1, 1)),
            call(*tokens(2, 32)),
            call(*tokens(5, 7)),
            call(ids(2, 4, below=40), torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])),
            call(torch.tensor([[39, 0]]), torch.tensor([[1, 0]])),
            call(input_ids=ids(3, 6, below=40), attention_mask=ids(3, 6, below=2)),
        ],
        bad=lambda: [
            raises("33 tokens", *tokens(1, 33)),
            raises("id 40", torch.full((1, 3), 40), torch.ones(1, 3, dtype=torch.int64)),
            raises("id -1", torch.full((1, 3), -1), torch.ones(1, 3, dtype=torch.int64)),
            unmeant("mask of 2", Policy.VALUE, ids(1, 3, below=40), torch.tensor([[1, 2, 1]])),
            unmeant("mask of -1", Policy.VALUE, ids(1, 3, below=40), torch.tensor([[1, 0, -1]])),
            raises("mask of another length", ids(2, 4, below=40), torch.ones(2, 5, dtype=torch.int64)),
            raises("mask of another batch", ids(2, 4, below=40), torch.ones(3, 4, dtype=torch.int64)),
            unmeant("one mask row for two", Policy.TIE, ids(2, 4, below=40), torch.ones(1, 4, dtype=torch.int64)),
            unmeant("one mask column for four", Policy.TIE, ids(2, 4, below=40), torch.ones(2, 1, dtype=torch.int64)),
            raises("no mask", ids(2, 4, below=40)),
            raises("float ids", floats(2, 4), torch.ones(2, 4, dtype=torch.int64)),
            raises("no batch axes", ids(4, below=40), torch.ones(4, dtype=torch.int64)),
            raises("an axis too many", ids(2, 3, 4, below=40), torch.ones(2, 3, 4, dtype=torch.int64)),
            unmeant("empty batch", Policy.EMPTY, *tokens(0, 4)),
            raises("token types too", *tokens(2, 4), ids(2, 4, below=2)),
        ],
    ),
)
