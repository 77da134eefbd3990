# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Texts compared and asked: fastText over n-grams, ESIM on two sentences, BiDAF on a question, a siamese ranker."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant


class FastText(nn.Module):
    """Classifies a text by the mean of its words and bigrams; time comes first, as torchtext gave it."""

    def __init__(self, vocab_size=80, embedding_dim=16, output_dim=3, pad_idx=1):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_idx)
        self.fc = nn.Linear(embedding_dim, output_dim)

    def forward(self, text):
        # text = [sent len, batch size]
        embedded = self.embedding(text)
        embedded = embedded.permute(1, 0, 2)
        pooled = F.avg_pool2d(embedded, (embedded.shape[1], 1)).squeeze(1)
        return self.fc(pooled)


class ESIM(nn.Module):
    def __init__(self, num_word=60, embeds_dim=12, hidden_size=10, linear_size=16):
        super().__init__()
        self.embeds = nn.Embedding(num_word, embeds_dim)
        self.bn_embeds = nn.BatchNorm1d(embeds_dim)
        self.lstm1 = nn.LSTM(embeds_dim, hidden_size, batch_first=True, bidirectional=True)
        self.lstm2 = nn.LSTM(hidden_size * 8, hidden_size, batch_first=True, bidirectional=True)
        self.fc = nn.Sequential(
            nn.BatchNorm1d(hidden_size * 8), nn.Linear(hidden_size * 8, linear_size), nn.ELU(inplace=True),
            nn.BatchNorm1d(linear_size), nn.Dropout(0.5), nn.Linear(linear_size, 2), nn.Softmax(dim=-1),
        )  # fmt: skip

    def soft_attention_align(self, x1, x2, mask1, mask2):
        attention = torch.matmul(x1, x2.transpose(1, 2))
        mask1 = mask1.float().masked_fill_(mask1, float("-inf"))
        mask2 = mask2.float().masked_fill_(mask2, float("-inf"))
        weight1 = F.softmax(attention + mask2.unsqueeze(1), dim=-1)
        weight2 = F.softmax(attention.transpose(1, 2) + mask1.unsqueeze(1), dim=-1)
        return torch.matmul(weight1, x2), torch.matmul(weight2, x1)

    def submul(self, x1, x2):
        return torch.cat([x1 - x2, x1 * x2], -1)

    def apply_multiple(self, x):
        p1 = F.avg_pool1d(x.transpose(1, 2), x.size(1)).squeeze(-1)
        p2 = F.max_pool1d(x.transpose(1, 2), x.size(1)).squeeze(-1)
        return torch.cat([p1, p2], 1)

    def forward(self, sent1, sent2):
        mask1, mask2 = sent1.eq(0), sent2.eq(0)
        x1 = self.bn_embeds(self.embeds(sent1).transpose(1, 2).contiguous()).transpose(1, 2)
        x2 = self.bn_embeds(self.embeds(sent2).transpose(1, 2).contiguous()).transpose(1, 2)
        o1, _ = self.lstm1(x1)
        o2, _ = self.lstm1(x2)
        q1_align, q2_align = self.soft_attention_align(o1, o2, mask1, mask2)
        q1_compose, _ = self.lstm2(torch.cat([o1, q1_align, self.submul(o1, q1_align)], -1))
        q2_compose, _ = self.lstm2(torch.cat([o2, q2_align, self.submul(o2, q2_align)], -1))
        return self.fc(torch.cat([self.apply_multiple(q1_compose), self.apply_multiple(q2_compose)], -1))


class BiDAF(nn.Module):
    """Where the answer begins and ends in a context, from the words and their characters."""

    def __init__(self, words=50, chars=30, word_dim=10, char_dim=4, char_channels=6, width=3, hidden=8):
        super().__init__()
        self.char_emb = nn.Embedding(chars, char_dim, padding_idx=1)
        self.char_conv = nn.Conv2d(1, char_channels, (char_dim, width))
        self.word_emb = nn.Embedding(words, word_dim)
        self.context_lstm = nn.LSTM(word_dim + char_channels, hidden, bidirectional=True, batch_first=True)
        self.att_weight_c, self.att_weight_q = nn.Linear(hidden * 2, 1), nn.Linear(hidden * 2, 1)
        self.att_weight_cq = nn.Linear(hidden * 2, 1)
        self.modeling_lstm = nn.LSTM(hidden * 8, hidden, bidirectional=True, batch_first=True)
        self.p1_weight, self.p2_weight = nn.Linear(hidden * 10, 1), nn.Linear(hidden * 10, 1)
        self.output_lstm = nn.LSTM(hidden * 2, hidden, bidirectional=True, batch_first=True)

    def char_emb_layer(self, x):
        batch_size = x.size(0)
        x = self.char_emb(x)
        x = x.view(-1, x.size(2), x.size(3)).transpose(1, 2).unsqueeze(1)
        x = self.char_conv(x).squeeze(2)
        x = F.max_pool1d(x, x.size(2)).squeeze(2)
        return x.view(batch_size, -1, x.size(1))

    def att_flow_layer(self, c, q):
        cq = self.att_weight_cq(c.unsqueeze(2) * q.unsqueeze(1)).squeeze(-1)
        s = self.att_weight_c(c) + self.att_weight_q(q).transpose(1, 2) + cq
        c2q_att = torch.bmm(F.softmax(s, dim=2), q)
        b = F.softmax(torch.max(s, dim=2)[0], dim=1).unsqueeze(1)
        q2c_att = torch.bmm(b, c).expand(-1, c.size(1), -1)
        return torch.cat([c, c2q_att, c * c2q_att, c * q2c_att], dim=-1)

    def forward(self, c_word, c_char, q_word, q_char):
        c = torch.cat([self.word_emb(c_word), self.char_emb_layer(c_char)], dim=-1)
        q = torch.cat([self.word_emb(q_word), self.char_emb_layer(q_char)], dim=-1)
        c, _ = self.context_lstm(c)
        q, _ = self.context_lstm(q)
        g = self.att_flow_layer(c, q)
        m, _ = self.modeling_lstm(g)
        m2, _ = self.output_lstm(m)
        p1 = self.p1_weight(torch.cat([g, m], dim=-1)).squeeze(-1)
        p2 = self.p2_weight(torch.cat([g, m2], dim=-1)).squeeze(-1)
        return p1, p2


class SiameseRanker(nn.Module):
    """How near each candidate is to the query; both towers share an encoder over packed sequences."""

    def __init__(self, vocab_size=70, dim=12, hidden=10):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim, padding_idx=0)
        self.gru = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.temperature = nn.Parameter(torch.tensor(0.05))

    def encode(self, tokens, lengths):
        packed = pack_padded_sequence(self.embedding(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=tokens.size(1))
        mask = torch.arange(tokens.size(1), device=tokens.device)[None, :] < lengths[:, None]
        pooled = outputs.masked_fill(~mask.unsqueeze(-1), -1e4).max(dim=1).values
        return F.normalize(pooled, dim=-1)

    def forward(self, query, query_lengths, candidates, candidate_lengths):
        q = self.encode(query, query_lengths)
        b, k, t = candidates.shape
        c = self.encode(candidates.reshape(b * k, t), candidate_lengths.reshape(-1)).view(b, k, -1)
        return torch.einsum("bd,bkd->bk", q, c) / self.temperature


def sentence(b, t, *lengths):
    """Words of each length, padded with 0."""
    words = 1 + ids(b, t, below=59)
    words[torch.arange(t) >= torch.tensor(lengths)[:, None]] = 0
    return words


def asked(b, context, question, chars=7):
    return (
        ids(b, context, below=50), ids(b, context, chars, below=30), ids(b, question, below=50),
        ids(b, question, chars, below=30),
    )  # fmt: skip


def ranked(b, k, t=6, s=8):
    return {
        "query": ids(b, t, below=70),
        "query_lengths": 1 + ids(b, below=t),
        "candidates": ids(b, k, s, below=70),
        "candidate_lengths": 1 + ids(b, k, below=s),
    }


CASES = (
    Case(
        "fasttext_time_first",
        build=FastText,
        example=lambda: call(ids(9, 4, below=80)),
        good=lambda: [
            call(ids(1, 1, below=80)),
            call(ids(30, 1, below=80)),
            call(text=ids(5, 7, below=80)),
            call(ids(1, 6, below=80)),
            call(torch.tensor([[79, 0], [3, 1], [1, 1]])),
            call(ids(12, 32, below=80)),
        ],
        bad=lambda: [
            raises("word 80", torch.full((3, 2), 80)),
            raises("word -1", torch.full((3, 2), -1)),
            raises("no batch axis", ids(5, below=80)),
            raises("an axis too many", ids(5, 2, 3, below=80)),
            raises("no words", ids(0, 2, below=80)),
            raises("floats", floats(5, 2)),
            raises("bools", ids(5, 2, below=2).bool()),
            unmeant("int32 words", Policy.DTYPE, ids(5, 2, below=80).int()),
            raises("lengths too", ids(5, 2, below=80), torch.tensor([5, 3])),
            raises("text and lengths in a tuple", (ids(5, 2, below=80), torch.tensor([5, 3]))),
            raises("lists of words", [[1, 2], [3, 4]]),
            raises("nothing"),
        ],
    ),
    Case(
        "esim_two_sentences",
        build=ESIM,
        example=lambda: call(sentence(2, 7, 7, 4), sentence(2, 5, 3, 5)),
        good=lambda: [
            call(sentence(1, 1, 1), sentence(1, 1, 1)),
            call(sentence(2, 3, 3, 1), sentence(2, 9, 9, 2)),
            call(sent1=sentence(3, 8, 8, 8, 8), sent2=sentence(3, 4, 1, 2, 4)),
            call(sentence(1, 20, 13), sentence(1, 6, 6)),
            call(sentence(5, 6, 6, 5, 4, 3, 2), sentence(5, 6, 1, 2, 3, 4, 5)),
            call(torch.tensor([[59, 1]]), torch.tensor([[2, 59, 0]])),
        ],
        bad=lambda: [
            raises("word 60", torch.full((1, 3), 60), sentence(1, 3, 3)),
            raises("word -1", sentence(1, 3, 3), torch.full((1, 3), -1)),
            raises("three sentences beside two", sentence(2, 3, 3, 3), sentence(3, 3, 3, 3, 3)),
            raises("two sentences beside one", sentence(2, 3, 3, 3), sentence(1, 3, 3)),
            raises("one sentence", sentence(2, 3, 3, 3)),
            raises("no batch axes", sentence(1, 3, 3)[0], sentence(1, 3, 3)[0]),
            raises("one without batch axis", sentence(1, 3, 3), sentence(1, 3, 3)[0]),
            raises("floats", floats(2, 3), floats(2, 3)),
            unmeant("int32 words", Policy.DTYPE, sentence(2, 3, 3, 3).int(), sentence(2, 4, 3, 4).int()),
            raises("no words", sentence(2, 3, 3, 3), torch.zeros(2, 0, dtype=torch.int64)),
            raises("a pair in a tuple", (sentence(2, 3, 3, 3), sentence(2, 3, 3, 3))),
            raises("three sentences", sentence(1, 3, 3), sentence(1, 3, 3), sentence(1, 3, 3)),
            raises("nothing"),
        ],
    ),
    Case(
        "bidaf_answers",
        build=BiDAF,
        example=lambda: call(*asked(2, 11, 5)),
        good=lambda: [
            call(*asked(1, 1, 1)),
            call(*asked(3, 6, 9)),
            call(*asked(2, 20, 4, 12)),
            call(*asked(1, 8, 3, 3)),
            call(**dict(zip(("c_word", "c_char", "q_word", "q_char"), asked(2, 7, 2), strict=True))),
            call(*asked(5, 4, 4)),
            call(torch.tensor([[49, 0]]), torch.full((1, 2, 5), 29), torch.tensor([[0]]), torch.full((1, 1, 6), 1)),
        ],
        bad=lambda: [
            raises("word 50", torch.full((1, 4), 50), *asked(1, 4, 3)[1:]),
            raises("word -1", torch.full((1, 4), -1), *asked(1, 4, 3)[1:]),
            raises("character 30", *asked(1, 4, 3)[:3], torch.full((1, 3, 7), 30)),
            raises("character -1", *asked(1, 4, 3)[:3], torch.full((1, 3, 7), -1)),
            raises("words of two characters", *asked(1, 4, 3, 2)),
            raises("characters of five words for four", ids(2, 4, below=50), *asked(2, 5, 3)[1:]),
            raises("a question of three for two", *asked(2, 4, 3)[:2], *asked(3, 4, 3)[2:]),
            raises("characters without words", ids(2, 4, below=50), ids(2, 4, below=30), *asked(2, 4, 3)[2:]),
            raises("context without batch axis", *(part[0] for part in asked(1, 4, 3)[:2]), *asked(1, 4, 3)[2:]),
            raises("no question", *asked(2, 4, 3)[:2]),
            raises("no characters of the question", *asked(2, 4, 3)[:3]),
            raises("floats", floats(2, 4), *asked(2, 4, 3)[1:]),
            unmeant("int32 words", Policy.DTYPE, ids(2, 4, below=50).int(), *asked(2, 4, 3)[1:]),
            raises("one tuple", asked(2, 4, 3)),
            raises("nothing"),
        ],
    ),
    Case(
        "siamese_ranker_packed",
        build=SiameseRanker,
        example=lambda: call(**ranked(2, 4)),
        good=lambda: [
            call(**ranked(1, 1, 1, 1)),
            call(**ranked(3, 2, 9, 4)),
            call(**ranked(2, 7, 5, 11)),
            call(*ranked(4, 3).values()),
            call(**{**ranked(1, 2, 3, 5), "query_lengths": torch.tensor([3])}),
            call(**{**ranked(2, 1, 2, 3), "candidate_lengths": torch.tensor([[1], [3]])}),
            call(**{**ranked(1, 5), "query": torch.tensor([[69, 0, 1, 2, 0, 0]])}),
        ],
        bad=lambda: [
            raises("word 70", **{**ranked(2, 3), "query": torch.full((2, 6), 70)}),
            raises("word -1", **{**ranked(2, 3), "candidates": torch.full((2, 3, 8), -1)}),
            raises("query length 0", **{**ranked(2, 3), "query_lengths": torch.tensor([0, 3])}),
            raises("query length -1", **{**ranked(2, 3), "query_lengths": torch.tensor([-1, 3])}),
            raises("query length 7 of 6", **{**ranked(2, 3), "query_lengths": torch.tensor([7, 7])}),
            raises("candidate length 0", **{**ranked(1, 2), "candidate_lengths": torch.tensor([[0, 3]])}),
            raises("candidate length 9 of 8", **{**ranked(1, 2), "candidate_lengths": torch.tensor([[9, 9]])}),
            raises("three query lengths for two", **{**ranked(2, 3), "query_lengths": torch.tensor([1, 2, 3])}),
            raises(
                "lengths of two candidates for three", **{**ranked(2, 3), "candidate_lengths": 1 + ids(2, 2, below=8)}
            ),
            raises(
                "candidates of three queries for two",
                **{**ranked(2, 3), **{k: v for k, v in ranked(3, 3).items() if k[0] == "c"}},
            ),
            unmeant(
                "candidate lengths in a row", Policy.RANK, **{**ranked(2, 3), "candidate_lengths": 1 + ids(6, below=8)}
            ),
            raises("query without batch", **{**ranked(1, 3), "query": ids(6, below=70)}),
            raises("candidates without queries", **{**ranked(1, 3), "candidates": ids(3, 8, below=70)}),
            raises("no lengths", query=ids(2, 6, below=70), candidates=ids(2, 3, 8, below=70)),
            raises("float query", **{**ranked(2, 3), "query": floats(2, 6)}),
            unmeant("int32 query", Policy.DTYPE, **{**ranked(2, 3), "query": ids(2, 6, below=70).int()}),
            raises("nothing"),
        ],
    ),
)
