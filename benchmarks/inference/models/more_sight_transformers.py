# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
# mypy: disable-error-code="call-arg"
"""More transformers of pictures: CaiT's talking heads and EVA-02's rotary patches by hand, GLPN and CvT of transformers."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class TalkingHeadAttn(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.proj_l = nn.Linear(num_heads, num_heads)
        self.proj_w = nn.Linear(num_heads, num_heads)

    def forward(self, x):
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0] * self.scale, qkv[1], qkv[2]
        attn = q @ k.transpose(-2, -1)
        attn = self.proj_l(attn.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        attn = attn.softmax(dim=-1)
        attn = self.proj_w(attn.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.proj((attn @ v).transpose(1, 2).reshape(B, N, C))


class ClassAttn(nn.Module):
    """The class token asks; the patches only answer."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.q, self.k, self.v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        q = self.q(x[:, 0]).unsqueeze(1).reshape(B, 1, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        k = self.k(x).reshape(B, N, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        v = self.v(x).reshape(B, N, self.num_heads, C // self.num_heads).permute(0, 2, 1, 3)
        x_cls = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x_cls.transpose(1, 2).reshape(B, 1, C))


class LayerScaleBlock(nn.Module):
    def __init__(self, dim, attn, init_values=1e-4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = attn
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.gamma_1 = nn.Parameter(init_values * torch.ones(dim))
        self.gamma_2 = nn.Parameter(init_values * torch.ones(dim))

    def forward(self, x, x_cls=None):
        if x_cls is None:
            x = x + self.gamma_1 * self.attn(self.norm1(x))
            return x + self.gamma_2 * self.mlp(self.norm2(x))
        u = torch.cat((x_cls, x), dim=1)
        x_cls = x_cls + self.gamma_1 * self.attn(self.norm1(u))
        return x_cls + self.gamma_2 * self.mlp(self.norm2(x_cls))


class Cait(nn.Module):
    def __init__(self, img_size=40, patch_size=8, num_classes=6, embed_dim=24, depth=2, num_heads=4):
        super().__init__()
        num_patches = (img_size // patch_size) ** 2
        self.patch_embed = nn.Conv2d(3, embed_dim, patch_size, stride=patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, num_patches, embed_dim))
        self.blocks = nn.ModuleList(
            [LayerScaleBlock(embed_dim, TalkingHeadAttn(embed_dim, num_heads)) for _ in range(depth)]
        )
        self.blocks_token_only = nn.ModuleList(
            [LayerScaleBlock(embed_dim, ClassAttn(embed_dim, num_heads)) for _ in range(2)]
        )
        self.norm = nn.LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, num_classes)

    def forward_features(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = x + self.pos_embed
        cls_tokens = self.cls_token.expand(x.shape[0], -1, -1)
        for blk in self.blocks:
            x = blk(x)
        for blk in self.blocks_token_only:
            cls_tokens = blk(x, cls_tokens)
        return self.norm(torch.cat((cls_tokens, x), dim=1))

    def forward(self, x):
        return self.head(self.forward_features(x)[:, 0])


def rotate_half(x):
    return torch.stack([-x[..., 1::2], x[..., ::2]], -1).reshape(x.shape)


class Rotary2d(nn.Module):
    """Half of a head's channels turn with the row, half with the column."""

    bands: torch.Tensor

    def __init__(self, dim, temperature=10000.0):
        super().__init__()
        self.register_buffer("bands", temperature ** -(torch.arange(dim // 4).float() / (dim // 4)), persistent=False)

    def forward(self, height, width):
        rows = torch.arange(height, device=self.bands.device, dtype=self.bands.dtype)
        cols = torch.arange(width, device=self.bands.device, dtype=self.bands.dtype)
        grid = torch.stack(torch.meshgrid(rows, cols, indexing="ij"), dim=-1)
        angles = (grid.unsqueeze(-1) * self.bands).reshape(height * width, -1).repeat_interleave(2, -1)
        return angles.sin(), angles.cos()


class EvaBlock(nn.Module):
    def __init__(self, dim, num_heads, prefix):
        super().__init__()
        self.num_heads, self.prefix = num_heads, prefix
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.q_proj, self.k_proj = nn.Linear(dim, dim), nn.Linear(dim, dim, bias=False)
        self.v_proj, self.proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        hidden = int(dim * 8 / 3)
        self.fc1_g, self.fc1_x = nn.Linear(dim, hidden), nn.Linear(dim, hidden)
        self.norm_mlp, self.fc2 = nn.LayerNorm(hidden), nn.Linear(hidden, dim)

    def turn(self, x, rope):
        sin, cos = rope
        head, patches = x[:, :, : self.prefix], x[:, :, self.prefix :]
        return torch.cat([head, patches * cos + rotate_half(patches) * sin], dim=2)

    def forward(self, x, rope):
        B, N, C = x.shape
        y = self.norm1(x)
        q = self.turn(self.q_proj(y).view(B, N, self.num_heads, -1).transpose(1, 2), rope)
        k = self.turn(self.k_proj(y).view(B, N, self.num_heads, -1).transpose(1, 2), rope)
        v = self.v_proj(y).view(B, N, self.num_heads, -1).transpose(1, 2)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C))
        y = self.norm2(x)
        return x + self.fc2(self.norm_mlp(F.silu(self.fc1_g(y)) * self.fc1_x(y)))


class Eva(nn.Module):
    """Positions come from rotation alone, so that pictures may have any size."""

    def __init__(self, patch_size=8, num_classes=5, embed_dim=24, depth=2, num_heads=3, num_reg_tokens=2):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, embed_dim, kernel_size=patch_size, stride=patch_size)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, embed_dim))
        self.reg_token = nn.Parameter(0.02 * torch.randn(1, num_reg_tokens, embed_dim))
        self.num_prefix_tokens = 1 + num_reg_tokens
        self.rope = Rotary2d(embed_dim // num_heads)
        self.blocks = nn.ModuleList([EvaBlock(embed_dim, num_heads, self.num_prefix_tokens) for _ in range(depth)])
        self.fc_norm = nn.LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, num_classes)

    def forward(self, x):
        x = self.patch_embed(x)
        B, _, H, W = x.shape
        rope = self.rope(H, W)
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(B, -1, -1), self.reg_token.expand(B, -1, -1), x], dim=1)
        for blk in self.blocks:
            x = blk(x, rope)
        return self.head(self.fc_norm(x[:, self.num_prefix_tokens :].mean(dim=1)))


def make_glpn():
    from transformers import GLPNConfig, GLPNForDepthEstimation

    config = GLPNConfig(
        depths=[1, 1, 1, 1], sr_ratios=[8, 4, 2, 1], hidden_sizes=[8, 12, 16, 24], num_attention_heads=[1, 2, 2, 4],
        mlp_ratios=[2, 2, 2, 2], decoder_hidden_size=8,
    )  # fmt: skip
    return GLPNForDepthEstimation(config)


def make_cvt():
    from transformers import CvtConfig, CvtForImageClassification

    config = CvtConfig(
        embed_dim=[8, 16, 24], num_heads=[1, 2, 3], depth=[1, 2, 3], mlp_ratio=[2.0, 2.0, 2.0], num_labels=7
    )
    return CvtForImageClassification(config)


CASES = (
    Case(
        "cait_talking_heads",
        build=Cait,
        example=lambda: call(floats(2, 3, 40, 40)),
        good=lambda: [
            call(floats(1, 3, 40, 40)),
            call(floats(3, 3, 40, 40)),
            call(floats(7, 3, 40, 40)),
            call(x=torch.rand(2, 3, 40, 40)),
            call(10 * floats(4, 3, 40, 40)),
            call(torch.zeros(1, 3, 40, 40)),
        ],
        bad=lambda: [
            raises("a picture of 48", floats(1, 3, 48, 48)),
            raises("a picture of 32", floats(1, 3, 32, 32)),
            raises("a picture of 40 x 48", floats(1, 3, 40, 48)),
            raises("a grey picture", floats(1, 1, 40, 40)),
            raises("four channels", floats(1, 4, 40, 40)),
            raises("channels last", floats(1, 40, 40, 3)),
            raises("without batch", floats(3, 40, 40)),
            raises("a film", floats(1, 2, 3, 40, 40)),
            unmeant("five rows over", Policy.REMAINDER, floats(1, 3, 45, 40)),
            unmeant("as many patches in one row", Policy.SHAPE, floats(1, 3, 8, 200)),
            raises("bytes", ids(1, 3, 40, 40, below=256).byte()),
            raises("float64", floats(1, 3, 40, 40).double()),
            raises("float16", floats(1, 3, 40, 40).half()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 40, 40))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 40, 40))),
            raises("a list of pictures", list(floats(2, 3, 40, 40))),
            raises("two pictures apart", floats(1, 3, 40, 40), floats(1, 3, 40, 40)),
            raises("nothing"),
        ],
    ),
    Case(
        "eva_rotary_patches",
        build=Eva,
        example=lambda: call(floats(2, 3, 24, 40)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(1, 3, 16, 64)),
            call(floats(5, 3, 32, 24)),
            call(floats(2, 3, 48, 48)),
            call(x=torch.rand(3, 3, 40, 16)),
            call(10 * floats(1, 3, 72, 8)),
        ],
        bad=lambda: [
            raises("smaller than a patch", floats(1, 3, 7, 24)),
            raises("narrower than a patch", floats(1, 3, 24, 7)),
            unmeant("four rows over", Policy.REMAINDER, floats(1, 3, 28, 24)),
            unmeant("one column over", Policy.REMAINDER, floats(1, 3, 24, 25)),
            raises("a grey picture", floats(1, 1, 24, 24)),
            raises("four channels", floats(1, 4, 24, 24)),
            raises("channels last", floats(1, 24, 24, 3)),
            raises("without batch", floats(3, 24, 24)),
            raises("a film", floats(1, 2, 3, 24, 24)),
            raises("bytes", ids(1, 3, 24, 24, below=256).byte()),
            raises("float64", floats(1, 3, 24, 24).double()),
            raises("bfloat16", floats(1, 3, 24, 24).bfloat16()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 24, 24))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 24, 24))),
            raises("a list of pictures", list(floats(2, 3, 24, 24))),
            raises("a dict", {"x": floats(2, 3, 24, 24)}),
            raises("nothing"),
        ],
    ),
    Case(
        "glpn_depth",
        needs="transformers",
        build=make_glpn,
        example=lambda: call(pixel_values=floats(2, 3, 32, 64)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(1, 3, 96, 32)),
            call(floats(3, 3, 64, 96)),
            call(floats(4, 3, 64, 64)),
            call(pixel_values=torch.rand(2, 3, 32, 128)),
            call(pixel_values=10 * floats(1, 3, 64, 32)),
        ],
        bad=lambda: [
            raises("a picture of 40", floats(1, 3, 40, 40)),
            raises("a picture of 64 x 48", floats(1, 3, 64, 48)),
            raises("a picture of 16", floats(1, 3, 16, 16)),
            raises("a picture of 80 x 64", floats(1, 3, 80, 64)),
            raises("a grey picture", floats(1, 1, 32, 32)),
            raises("four channels", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("without batch", floats(3, 32, 32)),
            raises("a film", floats(1, 2, 3, 32, 32)),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            raises("float64", floats(1, 3, 32, 32).double()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("a list of pictures", list(floats(2, 3, 32, 32))),
            unmeant("the true depth too", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=1 + torch.rand(2, 32, 32)),
            unmeant("a tuple back", Policy.FLAG, floats(2, 3, 32, 32), return_dict=False),
            raises("nothing"),
        ],
    ),
    Case(
        "cvt_convolved_tokens",
        needs="transformers",
        build=make_cvt,
        example=lambda: call(pixel_values=floats(2, 3, 32, 48)),
        good=lambda: [
            call(floats(1, 3, 16, 16)),
            call(floats(1, 3, 64, 32)),
            call(floats(5, 3, 32, 32)),
            call(floats(2, 3, 48, 80)),
            call(pixel_values=torch.rand(3, 3, 16, 64)),
            call(pixel_values=10 * floats(1, 3, 64, 64)),
        ],
        bad=lambda: [
            raises("two rows", floats(1, 3, 2, 32)),
            raises("two columns", floats(1, 3, 32, 2)),
            unmeant("a row that no window reaches", Policy.REMAINDER, floats(1, 3, 34, 32)),
            unmeant("a column that no window reaches", Policy.REMAINDER, floats(1, 3, 32, 18)),
            raises("a grey picture", floats(1, 1, 32, 32)),
            raises("four channels", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("without batch", floats(3, 32, 32)),
            raises("a film", floats(1, 2, 3, 32, 32)),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            raises("float64", floats(1, 3, 32, 32).double()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("a list of pictures", list(floats(2, 3, 32, 32))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=torch.tensor([0, 6])),
            unmeant("a tuple back", Policy.FLAG, floats(2, 3, 32, 32), return_dict=False),
            raises("nothing"),
        ],
    ),
)
