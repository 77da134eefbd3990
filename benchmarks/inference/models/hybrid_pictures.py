# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Transformers of pictures by hand: DeiT with its distillation token, shifted windows, MobileViT, CCT."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Attention(nn.Module):
    def __init__(self, dim, num_heads=2):
        super().__init__()
        self.num_heads = num_heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x, mask=None):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4).unbind(0)
        attn = q @ k.transpose(-2, -1) * (C // self.num_heads) ** -0.5
        if mask is not None:
            nW = mask.shape[0]
            attn = attn.view(B // nW, nW, self.num_heads, N, N) + mask.unsqueeze(1).unsqueeze(0)
            attn = attn.view(-1, self.num_heads, N, N)
        return self.proj((attn.softmax(dim=-1) @ v).transpose(1, 2).reshape(B, N, C))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class DistilledVisionTransformer(nn.Module):
    def __init__(self, img_size=24, patch=8, dim=12, num_classes=5):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, stride=patch)
        self.cls_token, self.dist_token = nn.Parameter(torch.zeros(1, 1, dim)), nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, (img_size // patch) ** 2 + 2, dim) * 0.02)
        self.img_size = (img_size, img_size)
        self.blocks = nn.ModuleList([Block(dim) for _ in range(2)])
        self.norm = nn.LayerNorm(dim)
        self.head, self.head_dist = nn.Linear(dim, num_classes), nn.Linear(dim, num_classes)

    def forward(self, x):
        B, _, H, W = x.shape
        assert (H, W) == self.img_size, f"Input image size ({H}*{W}) doesn't match model {self.img_size}."
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(B, -1, -1), self.dist_token.expand(B, -1, -1), x), dim=1) + self.pos_embed
        for blk in self.blocks:
            x = blk(x)
        x = self.norm(x)
        x, x_dist = self.head(x[:, 0]), self.head_dist(x[:, 1])
        if self.training:
            return x, x_dist
        return (x + x_dist) / 2


def window_partition(x, size):
    B, H, W, C = x.shape
    x = x.view(B, H // size, size, W // size, size, C)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, size * size, C)


def window_reverse(windows, size, H, W):
    B = int(windows.shape[0] / (H * W / size / size))
    x = windows.view(B, H // size, W // size, size, size, -1)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(B, H * W, -1)


class ShiftedWindowBlock(nn.Module):
    def __init__(self, dim, window, shift):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm, self.attn = nn.LayerNorm(dim), Attention(dim)

    def attention_mask(self, H, W):
        region = torch.zeros(1, H, W, 1)
        slices = (slice(0, -self.window), slice(-self.window, -self.shift), slice(-self.shift, None))
        for i, h in enumerate(slices):
            for j, w in enumerate(slices):
                region[:, h, w, :] = 3 * i + j
        windows = window_partition(region, self.window).squeeze(-1)
        return (windows.unsqueeze(1) != windows.unsqueeze(2)).float() * -100.0

    def forward(self, x, H, W):
        B, L, C = x.shape
        h = self.norm(x).view(B, H, W, C)
        mask = None
        if self.shift:
            h = torch.roll(h, shifts=(-self.shift, -self.shift), dims=(1, 2))
            mask = self.attention_mask(H, W)
        h = window_reverse(self.attn(window_partition(h, self.window), mask), self.window, H, W)
        if self.shift:
            h = torch.roll(h.view(B, H, W, C), shifts=(self.shift, self.shift), dims=(1, 2)).view(B, L, C)
        return x + h


class WindowTransformer(nn.Module):
    """A dense predictor: a feature per patch of 2, attention in windows of 4 patches."""

    def __init__(self, dim=8, window=4, classes=3):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, 2, stride=2)
        self.blocks = nn.ModuleList([ShiftedWindowBlock(dim, window, 0), ShiftedWindowBlock(dim, window, window // 2)])
        self.head = nn.ConvTranspose2d(dim, classes, 2, stride=2)

    def forward(self, x):
        assert x.shape[2] % 8 == 0, "the height is no whole number of windows"
        assert x.shape[3] % 8 == 0, "the width is no whole number of windows"
        x = self.patch_embed(x)
        B, C, H, W = x.shape
        x = x.flatten(2).transpose(1, 2)
        for blk in self.blocks:
            x = blk(x, H, W)
        return self.head(x.transpose(1, 2).reshape(B, C, H, W))


class MobileViTBlock(nn.Module):
    def __init__(self, channels, dim, patch=2):
        super().__init__()
        self.patch = patch
        self.local = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.SiLU(), nn.Conv2d(channels, dim, 1))
        self.transformer = Block(dim)
        self.proj = nn.Conv2d(dim, channels, 1)
        self.fusion = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x):
        y = self.local(x)
        b, d, h, w = y.shape
        p = self.patch
        y = y.view(b, d, h // p, p, w // p, p).permute(0, 3, 5, 2, 4, 1).reshape(b * p * p, -1, d)
        y = self.transformer(y)
        y = y.view(b, p, p, h // p, w // p, d).permute(0, 5, 3, 1, 4, 2).reshape(b, d, h, w)
        return self.fusion(torch.cat((x, self.proj(y)), 1))


class MobileViT(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 2, stride=2), nn.BatchNorm2d(6), nn.SiLU())
        self.block = MobileViTBlock(6, 8)
        self.fc = nn.Linear(6, classes)

    def forward(self, x):
        return self.fc(self.block(self.stem(x)).mean(dim=(2, 3)))


class CCT(nn.Module):
    """Convolutions make the tokens of a grey picture of one size, attention pools them."""

    def __init__(self, size=16, dim=8, classes=10):
        super().__init__()
        self.tokenizer = nn.Sequential(
            nn.Conv2d(1, dim, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.positional_emb = nn.Parameter(torch.randn(1, (size // 2) ** 2, dim) * 0.2)
        self.block = Block(dim)
        self.attention_pool = nn.Linear(dim, 1)
        self.fc = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.tokenizer(x).flatten(2, 3).transpose(-2, -1)
        x = self.block(x + self.positional_emb)
        x = torch.matmul(F.softmax(self.attention_pool(x), dim=1).transpose(-1, -2), x).squeeze(-2)
        return self.fc(x)


CASES = (
    Case(
        "deit_distilled",
        build=DistilledVisionTransformer,
        example=lambda: call(floats(2, 3, 24, 24)),
        good=lambda: [*(call(floats(n, 3, 24, 24)) for n in (1, 3, 4, 9, 16)), call(x=floats(2, 3, 24, 24))],
        bad=lambda: [
            raises("32 pixels", floats(2, 3, 32, 32)),
            raises("25 pixels", floats(2, 3, 25, 25)),
            raises("not square", floats(2, 3, 24, 16)),
            raises("grey", floats(2, 1, 24, 24)),
            raises("with alpha", floats(2, 4, 24, 24)),
            raises("channels last", floats(2, 24, 24, 3)),
            raises("no batch axis", floats(3, 24, 24)),
            raises("an axis too many", floats(1, 2, 3, 24, 24)),
            raises("float64", floats(2, 3, 24, 24).double()),
            raises("uint8", ids(2, 3, 24, 24, below=256, dtype=torch.uint8)),
            raises("a list", [floats(3, 24, 24)]),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 24, 24)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 3, 24, 24))),
        ],
    ),
    Case(
        "shifted_windows_dense",
        build=WindowTransformer,
        example=lambda: call(floats(2, 3, 16, 24)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(2, 3, 8, 24)),
            call(floats(3, 3, 32, 16)),
            call(floats(1, 3, 40, 8)),
            call(floats(5, 3, 16, 16)),
            call(x=floats(2, 3, 24, 48)),
        ],
        bad=lambda: [
            raises("height of 12", floats(1, 3, 12, 16)),
            raises("width of 18", floats(1, 3, 16, 18)),
            raises("odd", floats(1, 3, 15, 16)),
            raises("smaller than a window", floats(1, 3, 4, 4)),
            raises("grey", floats(1, 1, 16, 16)),
            raises("channels last", floats(1, 16, 16, 3)),
            raises("no batch axis", floats(3, 16, 16)),
            raises("an axis too many", floats(1, 1, 3, 16, 16)),
            raises("float64", floats(1, 3, 16, 16).double()),
            raises("uint8", ids(1, 3, 16, 16, below=256, dtype=torch.uint8)),
            raises("sizes too", floats(1, 3, 16, 16), 8, 8),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 16, 16))),
        ],
    ),
    Case(
        "mobilevit_classifier",
        build=MobileViT,
        example=lambda: call(floats(2, 3, 16, 20)),
        good=lambda: [
            call(floats(1, 3, 4, 4)),
            call(floats(2, 3, 4, 12)),
            call(floats(3, 3, 28, 8)),
            call(floats(1, 3, 32, 32)),
            call(floats(7, 3, 8, 16)),
            call(x=floats(2, 3, 20, 40)),
        ],
        bad=lambda: [
            raises("height of 18", floats(1, 3, 18, 16)),
            raises("width of 22", floats(1, 3, 16, 22)),
            raises("height of 2", floats(1, 3, 2, 16)),
            raises("grey", floats(1, 1, 16, 16)),
            raises("channels last", floats(1, 16, 16, 3)),
            raises("no batch axis", floats(3, 16, 16)),
            raises("an axis too many", floats(1, 1, 3, 16, 16)),
            raises("float64", floats(1, 3, 16, 16).double()),
            raises("uint8", ids(1, 3, 16, 16, below=256, dtype=torch.uint8)),
            raises("a dict", {"x": floats(1, 3, 16, 16)}),
            unmeant("a row that the stem drops", Policy.REMAINDER, floats(1, 3, 17, 16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 16, 16))),
        ],
    ),
    Case(
        "cct_grey_digits",
        build=CCT,
        example=lambda: call(floats(2, 1, 16, 16)),
        good=lambda: [*(call(floats(n, 1, 16, 16)) for n in (1, 3, 5, 8, 20)), call(x=floats(2, 1, 16, 16))],
        bad=lambda: [
            raises("28 pixels", floats(2, 1, 28, 28)),
            raises("14 pixels", floats(2, 1, 14, 14)),
            raises("18 pixels wide", floats(2, 1, 16, 18)),
            unmeant("as many tokens, otherwise arranged", Policy.SHAPE, floats(2, 1, 8, 32)),
            raises("colour", floats(2, 3, 16, 16)),
            raises("channels last", floats(2, 16, 16, 1)),
            raises("no channel axis", floats(2, 16, 16)),
            raises("one picture alone", floats(16, 16)),
            raises("flattened", floats(2, 256)),
            raises("float64", floats(2, 1, 16, 16).double()),
            raises("uint8", ids(2, 1, 16, 16, below=256, dtype=torch.uint8)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 16, 16))),
        ],
    ),
)
