# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Pyramids: PVT v2 with reduced keys, MaxViT's windows and grids, EfficientDet on a BiFPN."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class OverlapPatchEmbed(nn.Module):
    def __init__(self, patch_size, stride, in_chans, embed_dim):
        super().__init__()
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, stride, padding=patch_size // 2)
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, x):
        x = self.proj(x)
        _, _, H, W = x.shape
        return self.norm(x.flatten(2).transpose(1, 2)), H, W


class SpatialReductionBlock(nn.Module):
    """Attention whose keys and values are seen through a strided convolution, then an MLP with a depthwise one."""

    def __init__(self, dim, num_heads, sr_ratio):
        super().__init__()
        self.num_heads, self.sr_ratio = num_heads, sr_ratio
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.q, self.kv, self.proj = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
        if sr_ratio > 1:
            self.sr = nn.Conv2d(dim, dim, kernel_size=sr_ratio, stride=sr_ratio)
            self.sr_norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, 2 * dim)
        self.dwconv = nn.Conv2d(2 * dim, 2 * dim, 3, 1, 1, groups=2 * dim)
        self.fc2 = nn.Linear(2 * dim, dim)

    def attend(self, x, H, W):
        B, N, C = x.shape
        q = self.q(x).reshape(B, N, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        if self.sr_ratio > 1:
            x = x.permute(0, 2, 1).reshape(B, C, H, W)
            x = self.sr_norm(self.sr(x).reshape(B, C, -1).permute(0, 2, 1))
        kv = self.kv(x).reshape(B, -1, 2, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, kv[0], kv[1])
        return self.proj(x.transpose(1, 2).reshape(B, N, C))

    def forward(self, x, H, W):
        x = x + self.attend(self.norm1(x), H, W)
        y = self.fc1(self.norm2(x))
        B, _, C = y.shape
        y = self.dwconv(y.transpose(1, 2).view(B, C, H, W)).flatten(2).transpose(1, 2)
        return x + self.fc2(F.gelu(y))


class PyramidVisionTransformerV2(nn.Module):
    def __init__(self, embed_dims=(8, 16, 24, 32), num_heads=(1, 2, 3, 4), sr_ratios=(8, 4, 2, 1)):
        super().__init__()
        self.num_stages = 4
        for i in range(self.num_stages):
            embed = OverlapPatchEmbed(
                7 if i == 0 else 3, 4 if i == 0 else 2, 3 if i == 0 else embed_dims[i - 1], embed_dims[i]
            )
            setattr(self, f"patch_embed{i + 1}", embed)
            setattr(self, f"block{i + 1}", SpatialReductionBlock(embed_dims[i], num_heads[i], sr_ratios[i]))
            setattr(self, f"norm{i + 1}", nn.LayerNorm(embed_dims[i]))

    def forward(self, x):
        B = x.shape[0]
        outs = []
        for i in range(self.num_stages):
            x, H, W = getattr(self, f"patch_embed{i + 1}")(x)
            x = getattr(self, f"norm{i + 1}")(getattr(self, f"block{i + 1}")(x, H, W))
            x = x.reshape(B, H, W, -1).permute(0, 3, 1, 2).contiguous()
            outs.append(x)
        return outs


class MBConv(nn.Module):
    def __init__(self, inp, oup, downsample):
        super().__init__()
        stride = 2 if downsample else 1
        self.shortcut = (
            nn.Sequential(nn.AvgPool2d(stride, stride), nn.Conv2d(inp, oup, 1)) if downsample else nn.Identity()
        )
        self.conv = nn.Sequential(
            nn.BatchNorm2d(inp), nn.Conv2d(inp, 2 * oup, 1), nn.BatchNorm2d(2 * oup), nn.GELU(),
            nn.Conv2d(2 * oup, 2 * oup, 3, stride, 1, groups=2 * oup), nn.BatchNorm2d(2 * oup), nn.GELU(),
            nn.Conv2d(2 * oup, oup, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.shortcut(x) + self.conv(x)


class RelativeAttention(nn.Module):
    def __init__(self, dim, heads, window):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)
        self.rel_pos_bias = nn.Embedding((2 * window - 1) ** 2, heads)
        grid = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        relative = grid[:, :, None] - grid[:, None, :] + window - 1
        self.register_buffer("rel_pos_indices", relative[0] * (2 * window - 1) + relative[1], persistent=False)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.to_qkv(self.norm(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.rel_pos_bias(self.rel_pos_indices).permute(2, 0, 1)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.to_out(x.transpose(1, 2).reshape(b, n, c))


class MaxViTStage(nn.Module):
    def __init__(self, inp, dim, window=4):
        super().__init__()
        self.w = window
        self.conv = MBConv(inp, dim, downsample=True)
        self.block_attn, self.block_mlp = RelativeAttention(dim, 2, window), Mlp(dim, 2 * dim)
        self.grid_attn, self.grid_mlp = RelativeAttention(dim, 2, window), Mlp(dim, 2 * dim)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        s = self.w
        t = x.reshape(b, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, c)
        t = t + self.block_attn(t)
        t = t + self.block_mlp(t)
        x = t.reshape(b, h // s, w // s, s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        t = x.reshape(b, s, h // s, s, w // s, c).permute(0, 2, 4, 1, 3, 5).reshape(-1, s * s, c)
        t = t + self.grid_attn(t)
        t = t + self.grid_mlp(t)
        x = t.reshape(b, h // s, w // s, s, s, c).permute(0, 3, 1, 4, 2, 5).reshape(b, h, w, c)
        return x.permute(0, 3, 1, 2)


class MaxViT(nn.Module):
    def __init__(self, dims=(12, 16), num_classes=4):
        super().__init__()
        self.conv_stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 3, padding=1))
        self.layers = nn.Sequential(MaxViTStage(8, dims[0]), MaxViTStage(dims[0], dims[1]))
        self.norm = nn.LayerNorm(dims[1])
        self.mlp_head = nn.Linear(dims[1], num_classes)

    def forward(self, x):
        x = self.layers(self.conv_stem(x))
        return self.mlp_head(self.norm(x.mean((2, 3))))


class DepthwiseSeparable(nn.Sequential):
    def __init__(self, channels, out=None):
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, out or channels, 1),
            nn.BatchNorm2d(out or channels),
        )


class BiFPN(nn.Module):
    """Three levels, fused downwards and upwards with weights that are learnt."""

    def __init__(self, channels, epsilon=1e-4):
        super().__init__()
        self.epsilon = epsilon
        self.conv4_td, self.conv3_out = DepthwiseSeparable(channels), DepthwiseSeparable(channels)
        self.conv4_out, self.conv5_out = DepthwiseSeparable(channels), DepthwiseSeparable(channels)
        self.w4_td, self.w3 = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
        self.w4, self.w5 = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))

    def fuse(self, weights, *features):
        weights = F.relu(weights)
        weights = weights / (weights.sum() + self.epsilon)
        return F.silu(sum(w * f for w, f in zip(weights, features, strict=True)))

    def forward(self, p3, p4, p5):
        td4 = self.conv4_td(self.fuse(self.w4_td, p4, F.interpolate(p5, scale_factor=2, mode="nearest")))
        out3 = self.conv3_out(self.fuse(self.w3, p3, F.interpolate(td4, scale_factor=2, mode="nearest")))
        out4 = self.conv4_out(self.fuse(self.w4, p4, td4, F.max_pool2d(out3, 3, 2, 1)))
        out5 = self.conv5_out(self.fuse(self.w5, p5, F.max_pool2d(out4, 3, 2, 1)))
        return out3, out4, out5


class EfficientDet(nn.Module):
    def __init__(self, num_classes=4, num_anchors=3, channels=12):
        super().__init__()
        self.num_classes = num_classes
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU())
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.SiLU())
                for i, o in [(8, 8), (8, 12), (12, 16)]
            ]
        )
        self.lateral = nn.ModuleList([nn.Conv2d(c, channels, 1) for c in (8, 12, 16)])
        self.bifpn = nn.ModuleList([BiFPN(channels) for _ in range(2)])
        self.classifier = DepthwiseSeparable(channels, num_anchors * num_classes)
        self.regressor = DepthwiseSeparable(channels, num_anchors * 4)

    def forward(self, img_batch):
        x = self.stem(img_batch)
        features = []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            features.append(lateral(x))
        for layer in self.bifpn:
            features = layer(*features)
        B = img_batch.shape[0]
        classification = [self.classifier(f).permute(0, 2, 3, 1).reshape(B, -1, self.num_classes) for f in features]
        regression = [self.regressor(f).permute(0, 2, 3, 1).reshape(B, -1, 4) for f in features]
        return features, torch.cat(regression, dim=1), torch.cat(classification, dim=1).sigmoid()


def scene(b, h, w):
    return floats(b, 3, h, w)


CASES = (
    Case(
        "pvt_v2_stages",
        build=PyramidVisionTransformerV2,
        example=lambda: call(scene(1, 64, 64)),
        good=lambda: [
            call(scene(2, 32, 32)),
            call(scene(1, 32, 64)),
            call(x=scene(3, 96, 32)),
            call(scene(5, 64, 32)),
            call(scene(1, 128, 64)),
            call(torch.zeros(2, 3, 64, 96)),
        ],
        bad=lambda: [
            raises("28 x 64", scene(1, 28, 64)),
            raises("32 x 16", scene(1, 32, 16)),
            raises("16 x 16", scene(1, 16, 16)),
            raises("one pixel", scene(1, 1, 1)),
            raises("grey", floats(1, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("a clip", floats(1, 2, 3, 64, 64)),
            raises("float64", scene(1, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(scene(1, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(scene(1, 32, 32))),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
    Case(
        "maxvit_windows_and_grids",
        build=MaxViT,
        example=lambda: call(scene(2, 32, 32)),
        good=lambda: [
            call(scene(1, 32, 32)),
            call(scene(3, 32, 64)),
            call(x=scene(1, 96, 32)),
            call(scene(2, 64, 64)),
            call(scene(4, 64, 32)),
            call(torch.zeros(1, 3, 128, 32)),
        ],
        bad=lambda: [
            raises("40 x 32", scene(1, 40, 32)),
            raises("32 x 48", scene(1, 32, 48)),
            raises("16 x 16", scene(1, 16, 16)),
            raises("36 x 36", scene(1, 36, 36)),
            raises("30 x 32", scene(1, 30, 32)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("with alpha", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a clip", floats(1, 2, 3, 32, 32)),
            raises("float64", scene(1, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(scene(1, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(scene(1, 32, 32))),
            raises("nothing"),
        ],
    ),
    Case(
        "efficientdet_bifpn",
        build=EfficientDet,
        example=lambda: call(scene(1, 64, 64)),
        good=lambda: [
            call(scene(2, 32, 32)),
            call(scene(1, 32, 64)),
            call(img_batch=scene(3, 96, 32)),
            call(scene(4, 64, 32)),
            call(scene(1, 128, 96)),
            call(torch.zeros(2, 3, 64, 64)),
        ],
        bad=lambda: [
            raises("40 x 64", scene(1, 40, 64)),
            raises("64 x 48", scene(1, 64, 48)),
            raises("16 x 16", scene(1, 16, 16)),
            unmeant("8 x 32, where one row meets two", Policy.TIE, scene(1, 8, 32)),
            raises("100 x 100", scene(1, 100, 100)),
            raises("grey", floats(1, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("float64", scene(1, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(scene(1, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(scene(1, 32, 32))),
            raises("a list of pictures", [floats(3, 64, 64), floats(3, 64, 64)]),
            raises("pictures with boxes", [scene(1, 64, 64), torch.rand(1, 2, 5)]),
            raises("nothing"),
        ],
    ),
)
