# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Ids that reach a table, a bag, a one-hot encoding or a buffer, directly or after arithmetic."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant


class NewsClassifier(nn.Module):
    """The bag-of-words tutorial: all texts in one tensor, and where each of them starts."""

    def __init__(self, vocab_size=90, embed_dim=8, num_class=4):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, mode="mean")
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


def starts(*values):
    return torch.tensor(values)


class SequenceOneHot(nn.Module):
    """DNA as one-hot letters (A, C, G, T, N), read by a convolution."""

    def __init__(self, num_letters=5):
        super().__init__()
        self.num_letters = num_letters
        self.conv = nn.Conv1d(num_letters, 12, kernel_size=7, padding=3)
        self.fc = nn.Linear(12, 2)

    def forward(self, dna):
        x = F.one_hot(dna, num_classes=self.num_letters).float().permute(0, 2, 1)
        x = torch.relu(self.conv(x)).amax(dim=2)
        return self.fc(x)


class HashedSession(nn.Module):
    """Item ids are shifted by one, so that 0 can be the padding; weekday and hour share a table."""

    def __init__(self, n_items=30):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, 8, padding_idx=0)
        self.when = nn.Embedding(7 * 24, 8)
        self.gru = nn.GRU(8, 8, batch_first=True)
        self.out = nn.Linear(8, n_items)

    def forward(self, item_ids, hour_of_week):
        x = self.items(item_ids + 1) + self.when(hour_of_week).unsqueeze(1)
        _, h = self.gru(x)
        return self.out(h.squeeze(0))


class BoundedByLength(nn.Module):
    """Averages the first `lengths[i]` steps of row i."""

    def __init__(self, dim=5):
        super().__init__()
        self.proj = nn.Linear(dim, 3)

    def forward(self, features, lengths):
        if (lengths < 1).any() or (lengths > features.size(1)).any():
            raise ValueError("lengths must be between 1 and the number of steps")
        steps = torch.arange(features.size(1), device=features.device)
        mask = (steps[None, :] < lengths[:, None]).to(features.dtype)
        mean = (features * mask[..., None]).sum(1) / lengths[:, None].to(features.dtype)
        return self.proj(mean)


CASES = (
    Case(
        "embedding_bag_offsets",
        build=NewsClassifier,
        example=lambda: call(ids(12, below=90), starts(0, 4, 9)),
        good=lambda: [
            call(ids(1, below=90), starts(0)),
            call(ids(5, below=90), starts(0, 2)),
            call(torch.tensor([0, 89, 89, 0]), starts(0, 1, 2, 3)),
            call(ids(7, below=90), starts(0, 3, 3)),
            call(ids(3, below=90), starts(0, 1, 3)),
            call(text=ids(60, below=90), offsets=starts(0, 7, 20, 41, 59)),
        ],
        bad=lambda: [
            raises("word 90", torch.tensor([90]), starts(0)),
            raises("word -1", torch.tensor([3, -1]), starts(0)),
            raises("an offset behind the end", ids(5, below=90), starts(0, 6)),
            raises("offset -1", ids(5, below=90), starts(0, -1)),
            raises("first offset not 0", ids(5, below=90), starts(1, 3)),
            raises("float words", floats(5), starts(0, 2)),
            raises("float offsets", ids(5, below=90), torch.tensor([0.0, 2.0])),
            raises("padded texts with offsets", ids(2, 5, below=90), starts(0, 2)),
            raises("offsets as a matrix", ids(5, below=90), starts(0, 2)[None]),
            raises("no offsets", ids(5, below=90)),
            raises("one number", torch.tensor(3), starts(0)),
            unmeant("int32 words and offsets", Policy.DTYPE, ids(5, below=90).int(), starts(0, 2).int()),
        ],
    ),
    Case(
        "one_hot_dna",
        build=SequenceOneHot,
        example=lambda: call(ids(2, 50, below=5)),
        good=lambda: [
            call(ids(1, 1, below=5)),
            call(ids(2, 9, below=5)),
            call(ids(3, 100, below=5)),
            call(torch.tensor([[0, 4, 0, 4]])),
            call(ids(7, 2, below=5)),
            call(dna=ids(4, 30, below=5)),
        ],
        bad=lambda: [
            raises("letter 5", torch.tensor([[0, 5]])),
            raises("letter -1", torch.tensor([[0, -1]])),
            raises("float letters", floats(2, 9)),
            raises("int32 letters", ids(2, 9, below=5).int()),
            raises("uint8 letters", ids(2, 9, below=5).to(torch.uint8)),
            raises("no batch axis", ids(9, below=5)),
            raises("already one-hot", F.one_hot(ids(2, 9, below=5), 5)),
            raises("empty sequence", ids(2, 0, below=5)),
            unmeant("empty batch", Policy.EMPTY, ids(0, 9, below=5)),
            raises("text", ["ACGT"]),
            raises("wrong name", sequence=ids(2, 9, below=5)),
        ],
    ),
    Case(
        "shifted_ids",
        build=HashedSession,
        example=lambda: call(ids(2, 6, below=30), ids(2, below=168)),
        good=lambda: [
            call(ids(1, 1, below=30), ids(1, below=168)),
            call(ids(2, 5, below=30), torch.tensor([0, 167])),
            call(torch.tensor([[-1, -1, 29, 0]]), torch.tensor([5])),
            call(ids(4, 3, below=30), ids(4, below=168)),
            call(ids(3, 25, below=30), ids(3, below=168)),
            call(item_ids=ids(9, 2, below=30), hour_of_week=ids(9, below=168)),
        ],
        bad=lambda: [
            raises("item 30", torch.tensor([[30, 1]]), torch.tensor([5])),
            raises("item -2", torch.tensor([[1, -2]]), torch.tensor([5])),
            raises("hour 168", ids(1, 3, below=30), torch.tensor([168])),
            raises("hour -1", ids(1, 3, below=30), torch.tensor([-1])),
            raises("batches differ", ids(2, 3, below=30), ids(3, below=168)),
            unmeant("one hour for two", Policy.TIE, ids(2, 3, below=30), ids(1, below=168)),
            raises("hour per item", ids(2, 3, below=30), ids(2, 3, below=168)),
            raises("empty session", ids(2, 0, below=30), ids(2, below=168)),
            raises("float items", floats(2, 3), ids(2, below=168)),
            unmeant("int32 items", Policy.DTYPE, ids(2, 3, below=30).int(), ids(2, below=168)),
            raises("no hour", ids(2, 3, below=30)),
            unmeant("items without batch", Policy.RANK, ids(3, below=30), ids(1, below=168)),
        ],
    ),
    Case(
        "lengths_within_steps",
        build=BoundedByLength,
        example=lambda: call(floats(2, 6, 5), torch.tensor([6, 3])),
        good=lambda: [
            call(floats(1, 1, 5), torch.tensor([1])),
            call(floats(2, 4, 5), torch.tensor([1, 4])),
            call(floats(3, 9, 5), torch.tensor([9, 9, 9])),
            call(floats(4, 7, 5), torch.tensor([2, 5, 1, 3])),
            call(floats(1, 30, 5), torch.tensor([17])),
            call(features=floats(5, 2, 5), lengths=torch.tensor([1, 2, 1, 2, 1])),
        ],
        bad=lambda: [
            raises("length 0", floats(2, 4, 5), torch.tensor([0, 4])),
            raises("length -1", floats(2, 4, 5), torch.tensor([2, -1])),
            raises("length 5 of 4", floats(2, 4, 5), torch.tensor([5, 1])),
            raises("three lengths for two", floats(2, 4, 5), torch.tensor([1, 2, 3])),
            unmeant("one length for two", Policy.TIE, floats(2, 4, 5), torch.tensor([3])),
            raises("4 features", floats(2, 4, 4), torch.tensor([1, 2])),
            raises("one number", floats(1, 4, 5), torch.tensor(3)),
            raises("no lengths", floats(2, 4, 5)),
            raises("no batch axis", floats(4, 5), torch.tensor([2])),
            raises("float64 features", floats(2, 4, 5).double(), torch.tensor([1, 2])),
            raises("swapped", torch.tensor([1, 2]), floats(2, 4, 5)),
            raises("lengths as a list", floats(2, 4, 5), [1, 2]),
            unmeant("empty batch", Policy.EMPTY, floats(0, 4, 5), torch.zeros(0, dtype=torch.int64)),
        ],
    ),
)
