# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Text word by word: a BiLSTM-CRF, ELMo over characters, a decoder with ALiBi, gMLP over a fixed length."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant


class BiLSTM_CRF(nn.Module):
    """The best path of tags and its score; 0 pads on the right."""

    def __init__(self, vocab_size=45, tagset_size=6, embedding_dim=12, hidden_dim=16):
        super().__init__()
        self.tagset_size = tagset_size
        self.word_embeds = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, num_layers=1, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(hidden_dim, tagset_size)
        self.transitions = nn.Parameter(torch.randn(tagset_size, tagset_size))
        self.start_transitions = nn.Parameter(torch.randn(tagset_size))
        self.end_transitions = nn.Parameter(torch.randn(tagset_size))

    def _viterbi_decode(self, feats, mask):
        score = self.start_transitions + feats[:, 0]
        stay = torch.arange(self.tagset_size, device=feats.device).expand_as(score)
        backpointers = []
        for t in range(1, feats.size(1)):
            next_score = score.unsqueeze(2) + self.transitions + feats[:, t].unsqueeze(1)
            next_score, best = next_score.max(dim=1)
            seen = mask[:, t].unsqueeze(1)
            score = torch.where(seen, next_score, score)
            backpointers.append(torch.where(seen, best, stay))
        path_score, tag = (score + self.end_transitions).max(dim=1)
        path = [tag]
        for best in reversed(backpointers):
            tag = best.gather(1, tag.unsqueeze(1)).squeeze(1)
            path.append(tag)
        path.reverse()
        return path_score, torch.stack(path, dim=1).masked_fill(~mask, -1)

    def forward(self, sentence):
        mask = sentence.gt(0)
        lstm_out, _ = self.lstm(self.word_embeds(sentence))
        return self._viterbi_decode(self.hidden2tag(lstm_out), mask)


class Highway(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.layer = nn.Linear(dim, 2 * dim)

    def forward(self, x):
        nonlinear, gate = self.layer(x).chunk(2, dim=-1)
        gate = torch.sigmoid(gate)
        return gate * x + (1 - gate) * F.relu(nonlinear)


class ElmoCharacterEncoder(nn.Module):
    def __init__(self, n_characters=40, char_dim=6, filters=((1, 8), (2, 8), (3, 12)), projection=12):
        super().__init__()
        self._char_embedding = nn.Embedding(n_characters, char_dim, padding_idx=0)
        self._convolutions = nn.ModuleList([nn.Conv1d(char_dim, num, width) for width, num in filters])
        n_filters = sum(num for _, num in filters)
        self._highways = Highway(n_filters)
        self._projection = nn.Linear(n_filters, projection)

    def forward(self, inputs):
        mask = (inputs > 0).long().sum(dim=-1) > 0
        max_chars_per_token = inputs.size(2)
        embedded = self._char_embedding(inputs.view(-1, max_chars_per_token)).transpose(1, 2)
        convs = [F.relu(torch.max(conv(embedded), dim=-1).values) for conv in self._convolutions]
        token_embedding = self._projection(self._highways(torch.cat(convs, dim=-1)))
        batch_size, sequence_length, _ = inputs.size()
        return mask, token_embedding.view(batch_size, sequence_length, -1)


class Elmo(nn.Module):
    """Mixes what two directions of two layers know about each word, which comes as its characters."""

    def __init__(self, dim=12):
        super().__init__()
        self._token_embedder = ElmoCharacterEncoder(projection=dim)
        self.forward_layers = nn.ModuleList([nn.LSTM(dim, dim, batch_first=True) for _ in range(2)])
        self.backward_layers = nn.ModuleList([nn.LSTM(dim, dim, batch_first=True) for _ in range(2)])
        self.scalar_parameters = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(3)])
        self.gamma = nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        mask, tokens = self._token_embedder(inputs)
        ahead, behind = tokens, tokens.flip(1)
        layers = [torch.cat([tokens, tokens], dim=-1)]
        for forward_layer, backward_layer in zip(self.forward_layers, self.backward_layers, strict=True):
            ahead = ahead + forward_layer(ahead)[0]
            behind = behind + backward_layer(behind)[0]
            layers.append(torch.cat([ahead, behind.flip(1)], dim=-1))
        weights = torch.softmax(torch.cat(list(self.scalar_parameters)), dim=0)
        mixed = self.gamma * sum(w * layer for w, layer in zip(weights, layers, strict=True))
        return {"elmo_representation": mixed * mask.unsqueeze(-1), "mask": mask}


def get_slopes(n):
    return [2 ** (-8 * (i + 1) / n) for i in range(n)]


class AlibiBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x, bias):
        B, T, C = x.size()
        q, k, v = self.qkv(self.ln_1(x)).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.ln_2(x))


class AlibiDecoder(nn.Module):
    """Trained on short texts; the slopes go on for as long as the table of biases was made."""

    alibi: torch.Tensor

    def __init__(self, vocab_size=56, dim=24, heads=4, layers=2, max_len=40):
        super().__init__()
        self.tok_emb = nn.Embedding(vocab_size, dim)
        self.blocks = nn.ModuleList([AlibiBlock(dim, heads) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(dim)
        position = torch.arange(max_len)
        distance = (position[None, :] - position[:, None]).float()
        alibi = torch.tensor(get_slopes(heads)).view(heads, 1, 1) * distance
        alibi = alibi.masked_fill(distance > 0, float("-inf"))
        self.register_buffer("alibi", alibi.unsqueeze(0), persistent=False)

    def forward(self, tokens, padding_mask=None):
        T = tokens.size(1)
        bias = self.alibi[:, :, :T, :T]
        if padding_mask is not None:
            bias = bias.masked_fill(padding_mask[:, None, None, :], float("-inf"))
        x = self.tok_emb(tokens)
        for block in self.blocks:
            x = block(x, bias)
        return F.linear(self.ln_f(x), self.tok_emb.weight)


class SpatialGatingUnit(nn.Module):
    def __init__(self, d_ffn, seq_len):
        super().__init__()
        self.norm = nn.LayerNorm(d_ffn)
        self.spatial_proj = nn.Conv1d(seq_len, seq_len, kernel_size=1)
        nn.init.normal_(self.spatial_proj.weight, std=0.1)

    def forward(self, x):
        u, v = x.chunk(2, dim=-1)
        return u * self.spatial_proj(self.norm(v))


class gMLPBlock(nn.Module):
    def __init__(self, d_model, d_ffn, seq_len):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.channel_proj1 = nn.Linear(d_model, d_ffn * 2)
        self.channel_proj2 = nn.Linear(d_ffn, d_model)
        self.sgu = SpatialGatingUnit(d_ffn, seq_len)

    def forward(self, x):
        return x + self.channel_proj2(self.sgu(F.gelu(self.channel_proj1(self.norm(x)))))


class gMLPForLanguage(nn.Module):
    def __init__(self, num_tokens=64, d_model=16, d_ffn=24, seq_len=18, num_layers=2, num_classes=3):
        super().__init__()
        self.embed = nn.Embedding(num_tokens, d_model)
        self.model = nn.Sequential(*[gMLPBlock(d_model, d_ffn, seq_len) for _ in range(num_layers)])
        self.head = nn.Linear(d_model, num_classes)

    def forward(self, x):
        return self.head(self.model(self.embed(x)).mean(dim=1))


def sentences(b, t, *lengths):
    """Words of each length, padded with 0 to ``t``."""
    words = 1 + ids(b, t, below=44)
    words[torch.arange(t) >= torch.tensor(lengths)[:, None]] = 0
    return words


def padded(t, *lengths):
    """True where a text of this length has ended."""
    return torch.arange(t) >= torch.tensor(lengths)[:, None]


CASES = (
    Case(
        "bilstm_crf_path",
        build=BiLSTM_CRF,
        example=lambda: call(sentences(3, 6, 6, 4, 2)),
        good=lambda: [
            call(sentences(1, 1, 1)),
            call(sentences(2, 9, 9, 3)),
            call(sentence=sentences(4, 4, 1, 2, 3, 4)),
            call(sentences(1, 15, 11)),
            call(torch.tensor([[44, 1, 0], [2, 44, 3]])),
            call(sentences(7, 2, 2, 2, 1, 1, 2, 1, 2)),
        ],
        bad=lambda: [
            raises("word 45", torch.full((2, 3), 45)),
            raises("word -1", torch.full((2, 3), -1)),
            raises("no batch axis", 1 + ids(5, below=44)),
            raises("an axis too many", 1 + ids(2, 3, 4, below=44)),
            raises("floats", floats(2, 5)),
            raises("bools", ids(2, 5, below=2).bool()),
            unmeant("int32 words", Policy.DTYPE, sentences(2, 3, 3, 2).int()),
            raises("no words", ids(2, 0, below=44)),
            raises("lengths too", sentences(2, 3, 3, 2), torch.tensor([3, 2])),
            raises("lists of words", [[3, 4], [5]]),
            raises("text", "a b c"),
            raises("nothing"),
        ],
    ),
    Case(
        "elmo_characters",
        build=Elmo,
        example=lambda: call(ids(2, 5, 10, below=40)),
        good=lambda: [
            call(ids(1, 1, 10, below=40)),
            call(ids(3, 7, 10, below=40)),
            call(inputs=ids(2, 4, 3, below=40)),
            call(ids(2, 12, 16, below=40)),
            call(torch.cat([ids(2, 3, 8, below=40), torch.zeros(2, 2, 8, dtype=torch.int64)], 1)),
            call(torch.full((1, 2, 6), 39)),
        ],
        bad=lambda: [
            raises("character 40", torch.full((1, 2, 6), 40)),
            raises("character -1", torch.full((1, 2, 6), -1)),
            raises("words of two characters", ids(2, 4, 2, below=40)),
            raises("words of one character", ids(2, 4, 1, below=40)),
            raises("no batch axis", ids(4, 10, below=40)),
            raises("one word", ids(10, below=40)),
            raises("an axis too many", ids(1, 2, 4, 10, below=40)),
            raises("floats", floats(2, 4, 10)),
            raises("bools", ids(2, 4, 10, below=2).bool()),
            unmeant("int32 characters", Policy.DTYPE, ids(2, 4, 10, below=40).int()),
            raises("text", ["a b c"]),
            raises("nothing"),
        ],
    ),
    Case(
        "alibi_decoder",
        build=AlibiDecoder,
        example=lambda: call(ids(2, 11, below=56), padded(11, 11, 7)),
        good=lambda: [
            call(ids(1, 1, below=56)),
            call(ids(2, 40, below=56)),
            call(tokens=ids(3, 6, below=56), padding_mask=padded(6, 1, 6, 4)),
            call(torch.tensor([[0, 55]])),
            call(ids(5, 3, below=56), None),
            call(ids(2, 9, below=56), torch.zeros(2, 9, dtype=torch.bool)),
        ],
        bad=lambda: [
            raises("41 tokens", ids(1, 41, below=56)),
            raises("token 56", torch.full((2, 3), 56)),
            raises("token -1", torch.full((2, 3), -1)),
            raises("no batch axis", ids(4, below=56)),
            raises("mask of another length", ids(2, 4, below=56), padded(5, 3, 3)),
            raises("three masks for two", ids(2, 4, below=56), padded(4, 3, 3, 3)),
            unmeant("one mask for two", Policy.TIE, ids(2, 4, below=56), padded(4, 3)),
            raises("mask without batch", ids(1, 4, below=56), padded(4, 3)[0]),
            raises("mask of integers", ids(2, 4, below=56), padded(4, 3, 3).long()),
            raises("mask of floats", ids(2, 4, below=56), torch.zeros(2, 4)),
            raises("floats", floats(2, 4)),
            unmeant("int32 tokens", Policy.DTYPE, ids(2, 4, below=56).int()),
            raises("a list of tokens", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "gmlp_fixed_length",
        build=gMLPForLanguage,
        example=lambda: call(ids(2, 18, below=64)),
        good=lambda: [
            call(ids(1, 18, below=64)),
            call(ids(3, 18, below=64)),
            call(x=ids(8, 18, below=64)),
            call(torch.full((2, 18), 63)),
            call(torch.zeros(1, 18, dtype=torch.int64)),
            call(ids(32, 18, below=64)),
        ],
        bad=lambda: [
            raises("17 tokens", ids(2, 17, below=64)),
            raises("19 tokens", ids(2, 19, below=64)),
            raises("36 tokens", ids(1, 36, below=64)),
            raises("one token", ids(2, 1, below=64)),
            raises("token 64", torch.full((2, 18), 64)),
            raises("token -1", torch.full((2, 18), -1)),
            raises("no batch axis", ids(18, below=64)),
            raises("an axis too many", ids(2, 2, 18, below=64)),
            raises("floats", floats(2, 18)),
            raises("bools", ids(2, 18, below=2).bool()),
            unmeant("int32 tokens", Policy.DTYPE, ids(2, 18, below=64).int()),
            raises("a mask too", ids(2, 18, below=64), padded(18, 9, 18)),
            raises("lists of tokens", [[1] * 18]),
            raises("nothing"),
        ],
    ),
)
