# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of text from before the transformers: words by their characters, attention over a source, whole documents."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Highway(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.transform = nn.Linear(size, size)
        self.gate = nn.Linear(size, size)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return t * F.relu(self.transform(x)) + (1 - t) * x


class CharAwareLM(nn.Module):
    """A language model that sees words only as characters (Kim et al., 2016), with the state of the last window."""

    def __init__(self, n_chars=40, n_words=30, char_dim=5, widths=(1, 2, 3, 4), filters=4, hidden=12, layers=2):
        super().__init__()
        self.char_embed = nn.Embedding(n_chars, char_dim, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(char_dim, filters * w, w) for w in widths])
        size = filters * sum(widths)
        self.batch_norm = nn.BatchNorm1d(size)
        self.highway = nn.Sequential(Highway(size), Highway(size))
        self.lstm = nn.LSTM(size, hidden, layers, batch_first=True, dropout=0.5)
        self.decoder = nn.Linear(hidden, n_words)

    def forward(self, x, hidden=None):
        batch, seq, word = x.size()
        x = self.char_embed(x.view(batch * seq, word)).transpose(1, 2)
        x = torch.cat([torch.tanh(conv(x)).max(dim=2)[0] for conv in self.convs], dim=1)
        x = self.highway(self.batch_norm(x))
        x, hidden = self.lstm(x.view(batch, seq, -1), hidden)
        return self.decoder(x), hidden


def characters(b, t, word=8):
    return ids(b, t, word, below=40)


def window_state(b, layers=2, size=12):
    return floats(layers, b, size), floats(layers, b, size)


class BahdanauAttention(nn.Module):
    def __init__(self, query_size, key_size, hidden_size):
        super().__init__()
        self.query_layer = nn.Linear(query_size, hidden_size, bias=False)
        self.key_layer = nn.Linear(key_size, hidden_size, bias=False)
        self.energy_layer = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query, keys, mask):
        scores = self.energy_layer(torch.tanh(self.query_layer(query) + self.key_layer(keys))).squeeze(2)
        alphas = F.softmax(scores.masked_fill(mask == 0, -1e9), dim=-1).unsqueeze(1)
        return alphas.bmm(keys), alphas


class AttentionTranslator(nn.Module):
    """Takes the source with its lengths and the target so far, as a teacher or a beam gives it."""

    def __init__(self, src_vocab=45, trg_vocab=35, emb=10, hidden=12, pad=1):
        super().__init__()
        self.pad = pad
        self.src_embed = nn.Embedding(src_vocab, emb, padding_idx=pad)
        self.trg_embed = nn.Embedding(trg_vocab, emb, padding_idx=pad)
        self.encoder = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden, hidden)
        self.attention = BahdanauAttention(hidden, 2 * hidden, hidden)
        self.decoder = nn.GRUCell(emb + 2 * hidden, hidden)
        self.generator = nn.Linear(hidden + 2 * hidden + emb, trg_vocab, bias=False)

    def encode(self, src, lengths):
        packed = pack_padded_sequence(self.src_embed(src), lengths.cpu(), batch_first=True, enforce_sorted=False)
        output, final = self.encoder(packed)
        output, _ = pad_packed_sequence(output, batch_first=True, total_length=src.size(1))
        return output, torch.tanh(self.bridge(torch.cat([final[0], final[1]], dim=1)))

    def forward(self, src, src_lengths, trg):
        keys, state = self.encode(src, src_lengths)
        mask = src != self.pad
        logits, attentions = [], []
        for word in self.trg_embed(trg).unbind(dim=1):
            context, alphas = self.attention(state.unsqueeze(1), keys, mask)
            context = context.squeeze(1)
            state = self.decoder(torch.cat([word, context], dim=1), state)
            logits.append(self.generator(torch.cat([state, context, word], dim=1)))
            attentions.append(alphas)
        return F.log_softmax(torch.stack(logits, dim=1), dim=-1), torch.cat(attentions, dim=1)


def source(t, *lengths):
    """Sentences of these lengths, padded to ``t``."""
    count = torch.tensor(lengths)
    tokens = 2 + ids(len(lengths), t, below=43)
    tokens[torch.arange(t) >= count[:, None]] = 1
    return tokens, count


def full_source(b, t):
    return 2 + ids(b, t, below=43), torch.full((b,), t)


def target(b, t):
    return ids(b, t, below=35)


class WordAttention(nn.Module):
    def __init__(self, size, attention_size):
        super().__init__()
        self.attention = nn.Linear(size, attention_size)
        self.context = nn.Linear(attention_size, 1, bias=False)

    def forward(self, packed):
        weights = self.context(torch.tanh(self.attention(packed.data))).squeeze(1)
        weights = torch.exp(weights - weights.max())
        order = (packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        weights, _ = pad_packed_sequence(PackedSequence(weights, *order), batch_first=True)
        alphas = weights / weights.sum(dim=1, keepdim=True)
        values, _ = pad_packed_sequence(packed, batch_first=True)
        return (values * alphas.unsqueeze(2)).sum(dim=1), alphas


class HierarchicalAttentionNetwork(nn.Module):
    """Yang et al., 2016: sentences without their padding, then documents without theirs."""

    def __init__(self, n_classes=4, vocab_size=60, emb_size=8, rnn_size=6, att_size=5):
        super().__init__()
        self.embeddings = nn.Embedding(vocab_size, emb_size)
        self.word_rnn = nn.GRU(emb_size, rnn_size, bidirectional=True, batch_first=True)
        self.word_attention = WordAttention(2 * rnn_size, att_size)
        self.sentence_rnn = nn.GRU(2 * rnn_size, rnn_size, bidirectional=True, batch_first=True)
        self.sentence_attention = WordAttention(2 * rnn_size, att_size)
        self.fc = nn.Linear(2 * rnn_size, n_classes)
        self.dropout = nn.Dropout(0.3)

    def forward(self, documents, sentences_per_document, words_per_sentence):
        sentences = pack_padded_sequence(documents, sentences_per_document, batch_first=True, enforce_sorted=False)
        lengths = pack_padded_sequence(
            words_per_sentence, sentences_per_document, batch_first=True, enforce_sorted=False
        )
        words = pack_padded_sequence(
            self.dropout(self.embeddings(sentences.data)), lengths.data, batch_first=True, enforce_sorted=False
        )
        words, _ = self.word_rnn(words)
        vectors, word_alphas = self.word_attention(words)
        packed = PackedSequence(
            self.dropout(vectors), sentences.batch_sizes, sentences.sorted_indices, sentences.unsorted_indices
        )
        packed, _ = self.sentence_rnn(packed)
        documents, sentence_alphas = self.sentence_attention(packed)
        return self.fc(self.dropout(documents)), word_alphas, sentence_alphas


def essay(b, sentences, words):
    """Documents without padding."""
    return {
        "documents": ids(b, sentences, words, below=60),
        "sentences_per_document": torch.full((b,), sentences),
        "words_per_sentence": torch.full((b, sentences), words),
    }


def padded_essay():
    return {
        "documents": ids(2, 3, 5, below=60),
        "sentences_per_document": torch.tensor([3, 1]),
        "words_per_sentence": torch.tensor([[5, 1, 4], [2, 0, 0]]),
    }


CASES = (
    Case(
        "char_aware_lm",
        build=CharAwareLM,
        example=lambda: call(characters(2, 5), window_state(2)),
        good=lambda: [
            call(characters(1, 1)),
            call(characters(3, 7)),
            call(characters(2, 4, word=4)),
            call(characters(1, 3, word=15), window_state(1)),
            call(x=characters(4, 2), hidden=window_state(4)),
            call(characters(2, 6), (torch.zeros(2, 2, 12), torch.zeros(2, 2, 12))),
            call(torch.tensor([[[0, 39, 1, 2, 0]]])),
        ],
        bad=lambda: [
            raises("words of three characters", characters(2, 5, word=3)),
            raises("character 40", torch.full((1, 2, 8), 40)),
            raises("character -1", torch.full((1, 2, 8), -1)),
            raises("words instead of characters", ids(2, 5, below=40)),
            raises("an axis too many", characters(2, 5)[None]),
            raises("float characters", floats(2, 5, 8)),
            unmeant("int32 characters", Policy.DTYPE, characters(2, 5).int()),
            raises("state of three for two", characters(2, 5), window_state(3)),
            raises("state of one layer", characters(2, 5), window_state(2, layers=1)),
            raises("state of another width", characters(2, 5), window_state(2, size=10)),
            raises("state without cell", characters(2, 5), floats(2, 2, 12)),
            raises("float64 state", characters(2, 5), tuple(part.double() for part in window_state(2))),
            unmeant("nan state", Policy.FINITE, characters(2, 5), (with_nan(floats(2, 2, 12)), floats(2, 2, 12))),
            raises("nothing"),
        ],
    ),
    Case(
        "attention_translator",
        build=AttentionTranslator,
        example=lambda: call(*source(7, 7, 4, 5), target(3, 6)),
        good=lambda: [
            call(*full_source(1, 1), target(1, 1)),
            call(*full_source(2, 9), target(2, 3)),
            call(*source(6, 6, 2), target(2, 8)),
            call(*source(4, 1, 3, 4, 2), target(4, 1)),
            call(*full_source(5, 3), trg=target(5, 4)),
            call(torch.tensor([[44, 0, 2]]), torch.tensor([3]), torch.tensor([[0, 34, 1]])),
        ],
        bad=lambda: [
            raises("source id 45", torch.full((2, 3), 45), torch.tensor([3, 3]), target(2, 4)),
            raises("source id -1", torch.full((2, 3), -1), torch.tensor([3, 3]), target(2, 4)),
            raises("target id 35", *full_source(2, 3), torch.full((2, 4), 35)),
            raises("length 4 of 3", full_source(2, 3)[0], torch.tensor([4, 3]), target(2, 4)),
            raises("length 0", full_source(2, 3)[0], torch.tensor([0, 3]), target(2, 4)),
            raises("three lengths for two", full_source(2, 3)[0], torch.tensor([3, 3, 3]), target(2, 4)),
            raises("lengths as a column", full_source(2, 3)[0], torch.tensor([[3], [3]]), target(2, 4)),
            raises("targets of three for two", *full_source(2, 3), target(3, 4)),
            raises("targets of one for two", *full_source(2, 3), target(1, 4)),
            raises("source without batch", 2 + ids(3, below=43), torch.tensor([3]), target(1, 4)),
            raises("target without batch", *full_source(1, 3), ids(4, below=35)),
            raises("no target", *full_source(2, 3)),
            raises("float source", floats(2, 3), torch.tensor([3, 3]), target(2, 4)),
            raises("target before lengths", full_source(2, 3)[0], target(2, 4), torch.tensor([3, 3])),
            unmeant("int32 target", Policy.DTYPE, *full_source(2, 3), target(2, 4).int()),
            raises("lengths as a list", full_source(2, 3)[0], [3, 3], target(2, 4)),
        ],
    ),
    Case(
        "hierarchical_attention",
        build=HierarchicalAttentionNetwork,
        example=lambda: call(**padded_essay()),
        good=lambda: [
            call(**essay(1, 1, 1)),
            call(**essay(2, 4, 6)),
            call(**essay(3, 2, 9)),
            call(*essay(4, 5, 3).values()),
            call(**padded_essay()),
            call(**{**essay(2, 2, 4), "words_per_sentence": torch.tensor([[4, 1], [2, 3]])}),
            call(**{**essay(1, 2, 2), "documents": torch.tensor([[[0, 59], [59, 0]]])}),
        ],
        bad=lambda: [
            raises("word 60", **{**essay(2, 3, 4), "documents": torch.full((2, 3, 4), 60)}),
            raises("word -1", **{**essay(2, 3, 4), "documents": torch.full((2, 3, 4), -1)}),
            raises("four sentences of three", **{**essay(2, 3, 4), "sentences_per_document": torch.tensor([4, 3])}),
            raises("a document of no sentence", **{**essay(2, 3, 4), "sentences_per_document": torch.tensor([0, 3])}),
            raises(
                "counts of three documents", **{**essay(2, 3, 4), "sentences_per_document": torch.tensor([3, 3, 3])}
            ),
            raises("five words of four", **{**essay(2, 3, 4), "words_per_sentence": torch.full((2, 3), 5)}),
            raises("a sentence of no word", **{**essay(2, 3, 4), "words_per_sentence": torch.zeros(2, 3).long()}),
            raises("word counts of two sentences", **{**essay(2, 3, 4), "words_per_sentence": torch.full((2, 2), 4)}),
            unmeant(
                "word counts of four sentences",
                Policy.TIE,
                **{**essay(2, 3, 4), "words_per_sentence": torch.full((2, 4), 4)},
            ),
            unmeant(
                "word counts of three documents",
                Policy.TIE,
                **{**essay(2, 3, 4), "words_per_sentence": torch.full((3, 3), 4)},
            ),
            raises("sentences only", **{**essay(2, 3, 4), "documents": ids(2, 3, below=60)}),
            raises("float words", **{**essay(2, 3, 4), "documents": floats(2, 3, 4)}),
            unmeant(
                "float word counts", Policy.DTYPE, **{**essay(2, 3, 4), "words_per_sentence": torch.full((2, 3), 4.0)}
            ),
            raises("no word counts", **{k: v for k, v in essay(2, 3, 4).items() if k != "words_per_sentence"}),
            raises("nothing"),
        ],
    ),
)
