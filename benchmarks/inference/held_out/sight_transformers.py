# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Transformers of pictures by hand: CrossViT's two patch sizes, XCiT between channels, Restormer's unshuffled pixels."""

import math

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


class PatchEmbed(nn.Module):
    def __init__(self, img_size, patch_size, embed_dim):
        super().__init__()
        self.img_size = img_size
        self.proj = nn.Conv2d(3, embed_dim, patch_size, patch_size)

    def forward(self, x):
        H, W = x.shape[-2:]
        assert (H, W) == (self.img_size, self.img_size), f"Input size ({H}*{W}) doesn't match ({self.img_size})."
        return self.proj(x).flatten(2).transpose(1, 2)


class CrossAttention(nn.Module):
    """The class token of one branch asks the patches of the other."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.wq = nn.Linear(dim, dim)
        self.wk = nn.Linear(dim, dim)
        self.wv = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        q = self.wq(x[:, 0:1]).reshape(B, 1, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        k = self.wk(x).reshape(B, N, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        v = self.wv(x).reshape(B, N, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        attn = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        return self.proj((attn @ v).transpose(1, 2).reshape(B, 1, C))


class CrossViT(nn.Module):
    def __init__(self, img_size=48, patch_size=(8, 12), embed_dim=(16, 24), num_classes=5):
        super().__init__()
        self.patch_embed = nn.ModuleList(
            [PatchEmbed(img_size, p, d) for p, d in zip(patch_size, embed_dim, strict=True)]
        )
        self.pos_embed = nn.ParameterList(
            [
                nn.Parameter(0.02 * torch.randn(1, 1 + (img_size // p) ** 2, d))
                for p, d in zip(patch_size, embed_dim, strict=True)
            ]
        )
        self.cls_token = nn.ParameterList([nn.Parameter(torch.zeros(1, 1, d)) for d in embed_dim])
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(d, 2, 2 * d, batch_first=True, norm_first=True) for d in embed_dim]
        )
        self.projs = nn.ModuleList([nn.Linear(embed_dim[i], embed_dim[1 - i]) for i in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(embed_dim[1 - i]) for i in range(2)])
        self.fusion = nn.ModuleList([CrossAttention(embed_dim[1 - i], 2) for i in range(2)])
        self.revert = nn.ModuleList([nn.Linear(embed_dim[1 - i], embed_dim[i]) for i in range(2)])
        self.norm = nn.ModuleList([nn.LayerNorm(d) for d in embed_dim])
        self.head = nn.ModuleList([nn.Linear(d, num_classes) for d in embed_dim])

    def forward(self, x):
        B = x.shape[0]
        xs = []
        for i in range(2):
            tokens = self.patch_embed[i](x)
            tokens = torch.cat((self.cls_token[i].expand(B, -1, -1), tokens), dim=1) + self.pos_embed[i]
            xs.append(self.blocks[i](tokens))
        proj_cls = [proj(x[:, 0:1]) for x, proj in zip(xs, self.projs, strict=True)]
        outs = []
        for i in range(2):
            tmp = torch.cat((proj_cls[i], xs[1 - i][:, 1:]), dim=1)
            fused = self.revert[i](proj_cls[i] + self.fusion[i](self.norms[i](tmp)))
            outs.append(self.norm[i](torch.cat((fused, xs[i][:, 1:]), dim=1))[:, 0])
        logits = [head(out) for head, out in zip(self.head, outs, strict=True)]
        return torch.mean(torch.stack(logits, dim=0), dim=0)


class PositionalEncodingFourier(nn.Module):
    def __init__(self, hidden_dim=8, dim=24, temperature=10000):
        super().__init__()
        self.token_projection = nn.Conv2d(hidden_dim * 2, dim, kernel_size=1)
        self.scale = 2 * math.pi
        self.temperature = temperature
        self.hidden_dim = hidden_dim

    def forward(self, B, H, W):
        mask = torch.zeros(B, H, W, dtype=torch.bool, device=self.token_projection.weight.device)
        y_embed = (~mask).cumsum(1, dtype=torch.float32)
        x_embed = (~mask).cumsum(2, dtype=torch.float32)
        y_embed = y_embed / (y_embed[:, -1:, :] + 1e-6) * self.scale
        x_embed = x_embed / (x_embed[:, :, -1:] + 1e-6) * self.scale
        dim_t = torch.arange(self.hidden_dim, dtype=torch.float32, device=mask.device)
        dim_t = self.temperature ** (2 * torch.div(dim_t, 2, rounding_mode="floor") / self.hidden_dim)
        pos_x, pos_y = x_embed[:, :, :, None] / dim_t, y_embed[:, :, :, None] / dim_t
        pos_x = torch.stack((pos_x[..., 0::2].sin(), pos_x[..., 1::2].cos()), dim=4).flatten(3)
        pos_y = torch.stack((pos_y[..., 0::2].sin(), pos_y[..., 1::2].cos()), dim=4).flatten(3)
        return self.token_projection(torch.cat((pos_y, pos_x), dim=3).permute(0, 3, 1, 2))


class XCABlock(nn.Module):
    """Attention between channels, then a local interaction of patches."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.temperature = nn.Parameter(torch.ones(num_heads, 1, 1))
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.lpi = nn.Sequential(
            nn.Conv2d(dim, dim, 3, padding=1, groups=dim), nn.GELU(), nn.BatchNorm2d(dim),
            nn.Conv2d(dim, dim, 3, padding=1, groups=dim),
        )  # fmt: skip
        self.mlp = Mlp(dim, 2 * dim)

    def attend(self, x):
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 4, 1)
        q, k, v = qkv.unbind(0)
        attn = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)) * self.temperature
        return self.proj((attn.softmax(dim=-1) @ v).permute(0, 3, 1, 2).reshape(B, N, C))

    def forward(self, x, H, W):
        x = x + self.attend(self.norm1(x))
        B, N, C = x.shape
        local = self.lpi(self.norm3(x).permute(0, 2, 1).reshape(B, C, H, W))
        x = x + local.reshape(B, C, N).permute(0, 2, 1)
        return x + self.mlp(self.norm2(x))


class XCiT(nn.Module):
    def __init__(self, dim=24, depth=2, num_classes=6):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, dim // 2, 3, 2, 1, bias=False), nn.BatchNorm2d(dim // 2), nn.GELU(),
            nn.Conv2d(dim // 2, dim, 3, 2, 1, bias=False), nn.BatchNorm2d(dim),
        )  # fmt: skip
        self.pos_embeder = PositionalEncodingFourier(dim=dim)
        self.blocks = nn.ModuleList([XCABlock(dim, 3) for _ in range(depth)])
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.cls_attn = nn.MultiheadAttention(dim, 3, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x):
        x = self.stem(x)
        B, _, Hp, Wp = x.shape
        x = (x + self.pos_embeder(B, Hp, Wp)).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x, Hp, Wp)
        cls = self.cls_token.expand(B, -1, -1)
        x = self.norm(torch.cat((cls, x), dim=1))
        cls = cls + self.cls_attn(x[:, :1], x, x, need_weights=False)[0]
        return self.head(cls[:, 0])


class TransposedAttention(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.temperature = nn.Parameter(torch.ones(num_heads, 1, 1))
        self.qkv = nn.Conv2d(dim, dim * 3, kernel_size=1, bias=False)
        self.qkv_dwconv = nn.Conv2d(dim * 3, dim * 3, 3, padding=1, groups=dim * 3, bias=False)
        self.project_out = nn.Conv2d(dim, dim, kernel_size=1, bias=False)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.qkv_dwconv(self.qkv(x)).reshape(b, 3, self.num_heads, c // self.num_heads, h * w).unbind(1)
        attn = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)) * self.temperature
        return self.project_out((attn.softmax(dim=-1) @ v).reshape(b, c, h, w))


class RestormerBlock(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(1, dim), nn.GroupNorm(1, dim)
        self.attn = TransposedAttention(dim, num_heads)
        self.project_in = nn.Conv2d(dim, 4 * dim, kernel_size=1)
        self.dwconv = nn.Conv2d(4 * dim, 4 * dim, 3, padding=1, groups=4 * dim)
        self.project_out = nn.Conv2d(2 * dim, dim, kernel_size=1)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        x1, x2 = self.dwconv(self.project_in(self.norm2(x))).chunk(2, dim=1)
        return x + self.project_out(F.gelu(x1) * x2)


class Restormer(nn.Module):
    """Restores noisy pictures; each level unshuffles the pixels of the one before."""

    def __init__(self, dim=8):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, 3, padding=1, bias=False)
        self.encoder_level1 = RestormerBlock(dim, 1)
        self.down1_2 = nn.Sequential(nn.Conv2d(dim, dim // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2))
        self.encoder_level2 = RestormerBlock(dim * 2, 2)
        self.down2_3 = nn.Sequential(nn.Conv2d(dim * 2, dim, 3, padding=1, bias=False), nn.PixelUnshuffle(2))
        self.latent = RestormerBlock(dim * 4, 4)
        self.up3_2 = nn.Sequential(nn.Conv2d(dim * 4, dim * 8, 3, padding=1, bias=False), nn.PixelShuffle(2))
        self.reduce_chan_level2 = nn.Conv2d(dim * 4, dim * 2, 1, bias=False)
        self.decoder_level2 = RestormerBlock(dim * 2, 2)
        self.up2_1 = nn.Sequential(nn.Conv2d(dim * 2, dim * 4, 3, padding=1, bias=False), nn.PixelShuffle(2))
        self.decoder_level1 = RestormerBlock(dim * 2, 1)
        self.output = nn.Conv2d(dim * 2, 3, 3, padding=1)

    def forward(self, inp_img):
        enc1 = self.encoder_level1(self.patch_embed(inp_img))
        enc2 = self.encoder_level2(self.down1_2(enc1))
        latent = self.latent(self.down2_3(enc2))
        dec2 = torch.cat([self.up3_2(latent), enc2], 1)
        dec2 = self.decoder_level2(self.reduce_chan_level2(dec2))
        dec1 = self.decoder_level1(torch.cat([self.up2_1(dec2), enc1], 1))
        return self.output(dec1) + inp_img


CASES = (
    Case(
        "crossvit_two_patch_sizes",
        build=CrossViT,
        example=lambda: call(floats(2, 3, 48, 48)),
        good=lambda: [
            call(floats(1, 3, 48, 48)),
            call(floats(3, 3, 48, 48)),
            call(x=floats(5, 3, 48, 48)),
            call(torch.zeros(2, 3, 48, 48)),
            call(100 * floats(1, 3, 48, 48)),
            call(floats(16, 3, 48, 48)),
        ],
        bad=lambda: [
            raises("24 x 24", floats(1, 3, 24, 24)),
            raises("48 x 72", floats(1, 3, 48, 72)),
            raises("72 x 32, as many pixels", floats(1, 3, 72, 32)),
            raises("49 x 49", floats(1, 3, 49, 49)),
            raises("grey", floats(1, 1, 48, 48)),
            raises("with alpha", floats(1, 4, 48, 48)),
            raises("channels last", floats(1, 48, 48, 3)),
            raises("no batch axis", floats(3, 48, 48)),
            raises("an axis too many", floats(1, 2, 3, 48, 48)),
            raises("float64", floats(1, 3, 48, 48).double()),
            raises("bytes", ids(1, 3, 48, 48, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 48, 48))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 48, 48))),
            raises("a list of pictures", [floats(3, 48, 48)]),
            raises("nothing"),
        ],
    ),
    Case(
        "xcit_between_channels",
        build=XCiT,
        example=lambda: call(floats(2, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(3, 3, 16, 48)),
            call(x=floats(1, 3, 64, 32)),
            call(floats(2, 3, 8, 8)),
            call(floats(5, 3, 32, 40)),
            call(torch.zeros(1, 3, 80, 80)),
        ],
        bad=lambda: [
            raises("grey", floats(1, 1, 32, 32)),
            raises("with alpha", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("an axis too many", floats(1, 2, 3, 32, 32)),
            raises("no rows", floats(1, 3, 0, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("float16", floats(1, 3, 32, 32).half()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
    Case(
        "restormer_denoises",
        build=Restormer,
        example=lambda: call(torch.rand(1, 3, 32, 32)),
        good=lambda: [
            call(torch.rand(2, 3, 32, 32)),
            call(torch.rand(1, 3, 16, 40)),
            call(inp_img=torch.rand(3, 3, 4, 4)),
            call(torch.rand(1, 3, 12, 8)),
            call(torch.rand(5, 3, 20, 16)),
            call(torch.rand(1, 3, 64, 36)),
        ],
        bad=lambda: [
            raises("34 x 32", torch.rand(1, 3, 34, 32)),
            raises("32 x 30", torch.rand(1, 3, 32, 30)),
            raises("33 x 33", torch.rand(1, 3, 33, 33)),
            raises("2 x 2", torch.rand(1, 3, 2, 2)),
            raises("grey", torch.rand(1, 1, 32, 32)),
            raises("with alpha", torch.rand(1, 4, 32, 32)),
            raises("channels last", torch.rand(1, 32, 32, 3)),
            raises("no batch axis", torch.rand(3, 32, 32)),
            raises("a clip", torch.rand(1, 2, 3, 32, 32)),
            raises("float64", torch.rand(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(torch.rand(1, 3, 32, 32))),
            raises("noise level too", torch.rand(1, 3, 32, 32), 0.1),
            raises("nothing"),
        ],
    ),
)
