# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Recurrent and convolutional sequence models."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class EcgNet(nn.Module):
    """Twelve leads in, five diagnoses out."""

    def __init__(self, leads=12, classes=5):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv1d(leads, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2))
        self.block2 = nn.Sequential(nn.Conv1d(16, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2))
        self.block3 = nn.Sequential(nn.Conv1d(16, 32, 3, padding=1), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2))
        self.head = nn.Linear(32, classes)

    def forward(self, signal):
        x = self.block3(self.block2(self.block1(signal)))
        return torch.sigmoid(self.head(x.mean(dim=-1)))


class BiLSTMTagger(nn.Module):
    def __init__(self, vocab_size=100, tagset_size=9):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 12, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(24, tagset_size)

    def forward(self, sentence):
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds)
        return torch.log_softmax(self.hidden2tag(lstm_out), dim=-1)


class GRUForecaster(nn.Module):
    """Time first, as nn.GRU has it by default; the state may be carried from call to call."""

    def __init__(self, n_features=8, hidden_size=16):
        super().__init__()
        self.gru = nn.GRU(n_features, hidden_size)
        self.out = nn.Linear(hidden_size, n_features)

    def forward(self, x, h0=None):
        y, hn = self.gru(x, h0)
        return self.out(y), hn


class PackedLSTM(nn.Module):
    """Encodes padded token sequences; `lengths` must be sorted from long to short, as packing asks for."""

    def __init__(self, vocab=60):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 12)
        self.rnn = nn.LSTM(12, 10, num_layers=2, batch_first=True)
        self.fc = nn.Linear(10, 2)

    def forward(self, text, text_lengths):
        packed = pack_padded_sequence(self.embedding(text), text_lengths, batch_first=True)
        _, (hidden, _) = self.rnn(packed)
        return self.fc(hidden[-1])


def lengths(*values):
    return torch.tensor(values)


class TokenPicker(nn.Module):
    """Scores the spans that start at the given positions."""

    def __init__(self, dim=6):
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, hidden, positions):
        index = positions.unsqueeze(-1).expand(-1, -1, hidden.size(-1))
        picked = torch.gather(hidden, 1, index)
        return self.score(picked).squeeze(-1)


CASES = (
    Case(
        "ecg_conv1d",
        build=EcgNet,
        example=lambda: call(floats(1, 12, 1000)),
        good=lambda: [
            call(floats(1, 12, 8)),
            call(floats(2, 12, 9)),
            call(floats(3, 12, 100)),
            call(floats(1, 12, 333)),
            call(floats(5, 12, 64)),
            call(floats(2, 12, 500)),
        ],
        bad=lambda: [
            raises("7 samples", floats(1, 12, 7)),
            raises("one sample", floats(1, 12, 1)),
            raises("one lead", floats(1, 1, 100)),
            raises("leads last", floats(1, 100, 12)),
            raises("no batch axis", floats(12, 100)),
            raises("an image", floats(1, 12, 10, 10)),
            raises("float64", floats(1, 12, 100, dtype=torch.float64)),
            raises("int16", ids(1, 12, 100, below=99).to(torch.int16)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 12, 100)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 12, 100))),
            raises("fs too", floats(1, 12, 100), 500),
        ],
    ),
    Case(
        "lstm_tagger",
        build=BiLSTMTagger,
        example=lambda: call(ids(1, 6, below=100)),
        good=lambda: [
            call(ids(1, 1, below=100)),
            call(ids(2, 7, below=100)),
            call(ids(3, 3, below=100)),
            call(ids(1, 90, below=100)),
            call(ids(16, 5, below=100)),
            call(torch.tensor([[0, 99, 0], [99, 0, 0]])),
        ],
        bad=lambda: [
            raises("id 100", torch.tensor([[100, 1]])),
            raises("id -1", torch.tensor([[3, -1]])),
            unmeant("no batch axis", Policy.RANK, ids(5, below=100)),
            raises("an axis too many", ids(2, 3, 4, below=100)),
            raises("empty sentence", ids(2, 0, below=100)),
            raises("float ids", floats(2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=100).int()),
            raises("int16 ids", ids(2, 5, below=100).to(torch.int16)),
            raises("bool", ids(2, 5, below=2).bool()),
            raises("python lists", [[1, 2, 3]]),
            raises("lengths too", ids(2, 5, below=100), torch.tensor([5, 4])),
            raises("tokenizer output", {"sentence": ids(2, 5, below=100)}),
        ],
    ),
    Case(
        "gru_time_first",
        build=GRUForecaster,
        example=lambda: call(floats(10, 2, 8)),
        good=lambda: [
            call(floats(1, 1, 8)),
            call(floats(4, 1, 8)),
            call(floats(1, 5, 8)),
            call(floats(12, 3, 8)),
            call(floats(6, 2, 8), floats(1, 2, 16)),
            call(floats(2, 7, 8), h0=floats(1, 7, 16)),
            call(floats(9, 1, 8), h0=floats(1, 1, 16)),
            call(floats(3, 3, 8), None),
        ],
        bad=lambda: [
            raises("7 features", floats(4, 2, 7)),
            raises("9 features", floats(4, 2, 9)),
            unmeant("no batch axis", Policy.RANK, floats(4, 8)),
            raises("an axis too many", floats(4, 2, 3, 8)),
            raises("no time", floats(0, 2, 8)),
            raises("float64", floats(4, 2, 8, dtype=torch.float64)),
            raises("int64", ids(4, 2, 8, below=5)),
            raises("state of another batch", floats(4, 2, 8), floats(1, 3, 16)),
            raises("state of batch one", floats(4, 2, 8), floats(1, 1, 16)),
            raises("state of two layers", floats(4, 2, 8), floats(2, 2, 16)),
            raises("state of 8 features", floats(4, 2, 8), floats(1, 2, 8)),
            raises("state without layers", floats(4, 2, 8), floats(2, 16)),
            raises("state of an LSTM", floats(4, 2, 8), (floats(1, 2, 16), floats(1, 2, 16))),
            unmeant("nan", Policy.FINITE, with_nan(floats(4, 2, 8))),
            unmeant("nan in the state", Policy.FINITE, floats(4, 2, 8), with_nan(floats(1, 2, 16))),
        ],
    ),
    Case(
        "lstm_packed_lengths",
        build=PackedLSTM,
        example=lambda: call(ids(3, 8, below=60), lengths(8, 5, 2)),
        good=lambda: [
            call(ids(1, 1, below=60), lengths(1)),
            call(ids(1, 9, below=60), lengths(4)),
            call(ids(2, 6, below=60), lengths(6, 6)),
            call(ids(3, 7, below=60), lengths(7, 1, 1)),
            call(ids(4, 5, below=60), lengths(4, 3, 2, 1)),
            call(ids(5, 12, below=60), lengths(12, 11, 11, 2, 1)),
        ],
        bad=lambda: [
            raises("length 0", ids(2, 6, below=60), lengths(6, 0)),
            raises("length -1", ids(2, 6, below=60), lengths(6, -1)),
            raises("short before long", ids(2, 6, below=60), lengths(3, 6)),
            raises("longer than the text", ids(2, 6, below=60), lengths(7, 3)),
            raises("three lengths for two", ids(2, 6, below=60), lengths(6, 4, 3)),
            raises("one length for two", ids(2, 6, below=60), lengths(6)),
            raises("lengths as a column", ids(2, 6, below=60), lengths(6, 4)[:, None]),
            raises("one number", ids(1, 6, below=60), torch.tensor(6)),
            raises("id 60", torch.full((2, 6), 60), lengths(6, 3)),
            raises("text without batch", ids(6, below=60), lengths(6)),
            raises("float text", floats(2, 6), lengths(6, 3)),
            raises("no lengths", ids(2, 6, below=60)),
            raises("empty batch", ids(0, 6, below=60), lengths()),
        ],
    ),
    Case(
        "gather_positions",
        build=TokenPicker,
        example=lambda: call(floats(2, 10, 6), ids(2, 3, below=10)),
        good=lambda: [
            call(floats(1, 1, 6), ids(1, 1, below=1)),
            call(floats(2, 5, 6), torch.tensor([[0, 4], [4, 4]])),
            call(floats(2, 3, 6), ids(2, 8, below=3)),
            call(floats(3, 9, 6), ids(3, 1, below=9)),
            call(floats(1, 40, 6), torch.tensor([[39, 0, 20]])),
            call(hidden=floats(7, 4, 6), positions=ids(7, 4, below=4)),
        ],
        bad=lambda: [
            raises("position 5 of 5", floats(2, 5, 6), torch.tensor([[0, 5], [1, 1]])),
            raises("position -1", floats(2, 5, 6), torch.tensor([[0, 1], [-1, 1]])),
            raises("more rows of positions", floats(2, 5, 6), ids(3, 2, below=5)),
            unmeant("fewer rows of positions", Policy.TIE, floats(3, 5, 6), ids(2, 2, below=5)),
            raises("one position per row", floats(2, 5, 6), ids(2, below=5)),
            raises("positions as floats", floats(2, 5, 6), torch.zeros(2, 2)),
            raises("7 features", floats(2, 5, 7), ids(2, 2, below=5)),
            raises("no batch axis", floats(5, 6), ids(2, below=5)),
            raises("hidden as float64", floats(2, 5, 6, dtype=torch.float64), ids(2, 2, below=5)),
            raises("swapped", ids(2, 2, below=5), floats(2, 5, 6)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 5, 6), ids(0, 2, below=5)),
            unmeant("no positions", Policy.EMPTY, floats(2, 5, 6), ids(2, 0, below=5)),
            unmeant("nan at what is picked", Policy.FINITE, with_nan(floats(2, 5, 6)), ids(2, 2, below=1)),
        ],
    ),
)
