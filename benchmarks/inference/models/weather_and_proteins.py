# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Science: weather by Fourier mixing on a fixed grid, a protein language model with contacts, labelled point clouds."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class AFNO2D(nn.Module):
    """Mixes tokens in the Fourier domain with block-diagonal complex weights and soft shrinkage."""

    def __init__(self, hidden=8, blocks=2, sparsity=0.01):
        super().__init__()
        self.blocks, self.sparsity = blocks, sparsity
        size = hidden // blocks
        self.w1 = nn.Parameter(0.1 * torch.randn(2, blocks, size, size))
        self.w2 = nn.Parameter(0.1 * torch.randn(2, blocks, size, size))

    def forward(self, x):
        bias = x
        b, h, w, c = x.shape
        x = torch.fft.rfft2(x, dim=(1, 2), norm="ortho")
        x = x.reshape(b, h, w // 2 + 1, self.blocks, c // self.blocks)
        x = torch.einsum("...bi,bio->...bo", x, torch.complex(self.w1[0], self.w1[1]))
        x = torch.complex(F.relu(x.real), F.relu(x.imag))
        x = torch.einsum("...bi,bio->...bo", x, torch.complex(self.w2[0], self.w2[1]))
        x = torch.view_as_complex(F.softshrink(torch.view_as_real(x), self.sparsity))
        x = x.reshape(b, h, w // 2 + 1, c)
        return torch.fft.irfft2(x, s=(h, w), dim=(1, 2), norm="ortho") + bias


class WeatherBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.filter = AFNO2D(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.filter(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class WeatherNet(nn.Module):
    """The state of the atmosphere ``lead_time`` hours on."""

    def __init__(self, img_size=(16, 32), patch=4, channels=5, dim=8, depth=2):
        super().__init__()
        self.img_size, self.patch = img_size, patch
        self.patch_embed = nn.Conv2d(channels, dim, patch, patch)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, img_size[0] // patch, img_size[1] // patch, dim))
        self.lead_embed = nn.Linear(1, dim)
        self.blocks = nn.ModuleList([WeatherBlock(dim) for _ in range(depth)])
        self.head = nn.Linear(dim, channels * patch * patch, bias=False)

    def forward(self, x, lead_time):
        b, c, h, w = x.shape
        assert (h, w) == self.img_size, f"grid {h}x{w} is not {self.img_size[0]}x{self.img_size[1]}"
        tokens = self.patch_embed(x).permute(0, 2, 3, 1) + self.pos_embed
        tokens = tokens + self.lead_embed(lead_time[None] / 24.0)
        for block in self.blocks:
            tokens = block(tokens)
        p = self.patch
        out = self.head(tokens).reshape(b, h // p, w // p, p, p, c)
        return x + out.permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


def rotate_half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


class RotaryAttention(nn.Module):
    inv_freq: torch.Tensor

    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.head_dim = heads, dim // heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        inv_freq = 1.0 / 10000 ** (torch.arange(0, self.head_dim, 2).float() / self.head_dim)
        self.register_buffer("inv_freq", inv_freq, persistent=False)

    def forward(self, x, padding_mask):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        angles = torch.outer(torch.arange(n, device=x.device).float(), self.inv_freq)
        angles = torch.cat([angles, angles], dim=-1)
        cos, sin = angles.cos(), angles.sin()
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        scores = q @ k.transpose(-1, -2) * self.head_dim**-0.5
        if padding_mask is not None:
            scores = scores.masked_fill(padding_mask[:, None, None, :], float("-inf"))
        weights = scores.softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, d)), weights


class ProteinLM(nn.Module):
    """Residue logits, and contact logits of all pairs from the attention maps. The mask is True at padding."""

    def __init__(self, vocab=24, dim=16, heads=2, layers=2):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.attn = nn.ModuleList([RotaryAttention(dim, heads) for _ in range(layers)])
        self.norm = nn.ModuleList([nn.LayerNorm(dim) for _ in range(layers)])
        self.ffn = nn.ModuleList([nn.Sequential(nn.Linear(dim, 24), nn.GELU(), nn.Linear(24, dim)) for _ in self.attn])
        self.lm_head = nn.Linear(dim, vocab)
        self.contact_head = nn.Linear(heads * layers, 1)

    def forward(self, tokens, padding_mask=None):
        x, maps = self.embed(tokens), []
        for attn, norm, ffn in zip(self.attn, self.norm, self.ffn, strict=True):
            update, weights = attn(norm(x), padding_mask)
            x = x + update
            x = x + ffn(x)
            maps.append(weights)
        pair = torch.cat(maps, dim=1)
        pair = (pair + pair.transpose(-1, -2)).permute(0, 2, 3, 1)
        return self.lm_head(x), self.contact_head(pair).squeeze(-1)


class TNet(nn.Module):
    """A k x k alignment of each cloud, near the identity."""

    def __init__(self, k):
        super().__init__()
        self.k = k
        self.conv1, self.conv2 = nn.Conv1d(k, 8, 1), nn.Conv1d(8, 12, 1)
        self.bn1, self.bn2 = nn.BatchNorm1d(8), nn.BatchNorm1d(12)
        self.fc = nn.Linear(12, k * k)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.fc(torch.max(x, 2)[0])
        return x.view(-1, self.k, self.k) + torch.eye(self.k, device=x.device)


class PointNetParts(nn.Module):
    """The part that each point belongs to; the category of the object helps where it is known."""

    def __init__(self, categories=4, parts=6):
        super().__init__()
        self.categories = categories
        self.stn, self.fstn = TNet(3), TNet(8)
        self.conv1, self.conv2 = nn.Conv1d(3, 8, 1), nn.Conv1d(8, 16, 1)
        self.bn1, self.bn2 = nn.BatchNorm1d(8), nn.BatchNorm1d(16)
        self.seg = nn.Conv1d(8 + 16 + categories, parts, 1)

    def forward(self, points, category=None):
        b, _, n = points.shape
        x = torch.bmm(points.transpose(2, 1), self.stn(points)).transpose(2, 1)
        x = F.relu(self.bn1(self.conv1(x)))
        trans_feat = self.fstn(x)
        local = torch.bmm(x.transpose(2, 1), trans_feat).transpose(2, 1)
        shape = torch.max(self.bn2(self.conv2(local)), 2)[0]
        if category is None:
            category = points.new_zeros(b, self.categories)
        context = torch.cat([shape, category], 1).unsqueeze(-1).repeat(1, 1, n)
        logits = self.seg(torch.cat([local, context], 1)).transpose(2, 1)
        return F.log_softmax(logits, dim=-1), trans_feat


def hours(value):
    return torch.tensor(float(value))


def padding(length, *real):
    return torch.arange(length)[None, :] >= torch.tensor(real)[:, None]


def one_hot(*categories):
    return F.one_hot(torch.tensor(categories), 4).float()


CASES = (
    Case(
        "afno_weather",
        build=WeatherNet,
        example=lambda: call(floats(2, 5, 16, 32), hours(6)),
        good=lambda: [
            call(floats(1, 5, 16, 32), hours(6)),
            call(floats(3, 5, 16, 32), hours(24)),
            call(floats(2, 5, 16, 32), hours(1)),
            call(floats(5, 5, 16, 32), hours(72)),
            call(floats(1, 5, 16, 32), hours(120)),
            call(x=floats(4, 5, 16, 32), lead_time=hours(12)),
        ],
        bad=lambda: [
            raises("4 channels", floats(2, 4, 16, 32), hours(6)),
            raises("17 latitudes", floats(2, 5, 17, 32), hours(6)),
            raises("a doubled grid", floats(2, 5, 32, 64), hours(6)),
            raises("longitudes first", floats(2, 5, 32, 16), hours(6)),
            raises("channels last", floats(2, 16, 32, 5), hours(6)),
            raises("no batch axis", floats(5, 16, 32), hours(6)),
            raises("a time axis", floats(1, 2, 5, 16, 32), hours(6)),
            raises("no lead time", floats(2, 5, 16, 32)),
            raises("a float as lead time", floats(2, 5, 16, 32), 6.0),
            raises("a lead time for each", floats(2, 5, 16, 32), torch.tensor([6.0, 12.0])),
            unmeant("a lead time with an axis", Policy.RANK, floats(2, 5, 16, 32), torch.tensor([6.0])),
            unmeant("an integer lead time", Policy.DTYPE, floats(2, 5, 16, 32), torch.tensor(6)),
            raises("a float64 lead time", floats(2, 5, 16, 32), hours(6).double()),
            raises("float64", floats(2, 5, 16, 32).double(), hours(6)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 5, 16, 32)), hours(6)),
            unmeant("a nan lead time", Policy.FINITE, floats(2, 5, 16, 32), hours("nan")),
        ],
    ),
    Case(
        "rotary_protein_contacts",
        build=ProteinLM,
        example=lambda: call(ids(2, 12, below=24), padding(12, 12, 9)),
        good=lambda: [
            call(ids(1, 1, below=24), padding(1, 1)),
            call(ids(2, 7, below=24), padding(7, 1, 7)),
            call(ids(3, 20, below=24), padding(20, 5, 20, 11)),
            call(ids(4, 9, below=24)),
            call(torch.arange(24)[None], padding(24, 24)),
            call(ids(1, 33, below=24), None),
            call(tokens=ids(2, 16, below=24), padding_mask=padding(16, 16, 16)),
        ],
        bad=lambda: [
            raises("residue 24", torch.tensor([[3, 24]]), padding(2, 2)),
            raises("residue -1", torch.tensor([[3, -1]]), padding(2, 2)),
            raises("float residues", floats(2, 12), padding(12, 12, 9)),
            raises("no batch axis", ids(12, below=24)),
            raises("one-hot residues", F.one_hot(ids(2, 12, below=24), 24), padding(12, 12, 9)),
            raises("a mask too short", ids(2, 12, below=24), padding(11, 11, 9)),
            raises("three masks for two", ids(2, 12, below=24), padding(12, 12, 9, 4)),
            unmeant("one mask for two", Policy.TIE, ids(2, 12, below=24), padding(12, 9)),
            unmeant("a mask of one column", Policy.TIE, ids(2, 12, below=24), padding(1, 1, 1)),
            raises("a float mask", ids(2, 12, below=24), padding(12, 12, 9).float()),
            raises("an int64 mask", ids(2, 12, below=24), padding(12, 12, 9).long()),
            raises("a mask without batch axis", ids(2, 12, below=24), padding(12, 9)[0]),
            unmeant("only padding", Policy.FINITE, ids(2, 12, below=24), padding(12, 12, 0)),
            raises("a sequence of letters", "MKTAYIAKQR"),
            raises("no tokens", padding_mask=padding(12, 12, 9)),
        ],
    ),
    Case(
        "pointnet_parts",
        build=PointNetParts,
        example=lambda: call(floats(2, 3, 32), one_hot(1, 3)),
        good=lambda: [
            call(floats(1, 3, 1), one_hot(0)),
            call(floats(3, 3, 10), one_hot(2, 2, 1)),
            call(floats(4, 3, 128), one_hot(0, 1, 2, 3)),
            call(floats(2, 3, 17)),
            call(floats(5, 3, 3), None),
            call(points=floats(2, 3, 50), category=one_hot(3, 0)),
        ],
        bad=lambda: [
            raises("points with normals", floats(2, 6, 32), one_hot(1, 3)),
            raises("flat points", floats(2, 2, 32), one_hot(1, 3)),
            raises("coordinates last", floats(2, 32, 3), one_hot(1, 3)),
            raises("no batch axis", floats(3, 32)),
            raises("an axis too many", floats(2, 3, 32, 1), one_hot(1, 3)),
            raises("no points", floats(2, 3, 0), one_hot(1, 3)),
            raises("5 categories", floats(2, 3, 32), floats(2, 5)),
            raises("category indices", floats(2, 3, 32), torch.tensor([1, 3])),
            raises("one category for two", floats(2, 3, 32), one_hot(1)),
            raises("three categories for two", floats(2, 3, 32), one_hot(1, 3, 0)),
            raises("a category for each point", floats(2, 3, 32), one_hot(1, 3)[:, :, None].repeat(1, 1, 32)),
            unmeant("integer one-hots", Policy.DTYPE, floats(2, 3, 32), one_hot(1, 3).long()),
            raises("float64", floats(2, 3, 32).double(), one_hot(1, 3)),
            raises("a list of clouds", [floats(3, 32), floats(3, 20)], one_hot(1, 3)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 3, 32)), one_hot(1, 3)),
            unmeant("a nan category", Policy.FINITE, floats(2, 3, 32), with_nan(one_hot(1, 3))),
        ],
    ),
)
