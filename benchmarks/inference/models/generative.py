# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Generative models: a diffusion U-Net with time steps and classes, a normalising flow, a radiance field."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


def timestep_embedding(timesteps, dim, max_period=10000):
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32) / half)
    args = timesteps[:, None].float() * freqs[None]
    return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)


class TimeBlock(nn.Module):
    def __init__(self, c_in, c_out, emb_dim):
        super().__init__()
        self.norm = nn.GroupNorm(4, c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb_dim, c_out))
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm(x)))
        h = h + self.emb_layers(emb)[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(h))


class DiffusionUNet(nn.Module):
    """Predicts the noise in x at step t; the class y may be left out, for guidance without a classifier."""

    def __init__(self, channels=3, c=8, emb_dim=16, num_timesteps=100, num_classes=5):
        super().__init__()
        alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, num_timesteps), dim=0)
        self.register_buffer("sqrt_alphas_cumprod", alphas_cumprod.sqrt())
        self.emb_dim = emb_dim
        self.time_embed = nn.Sequential(nn.Linear(emb_dim, emb_dim), nn.SiLU(), nn.Linear(emb_dim, emb_dim))
        self.label_emb = nn.Embedding(num_classes, emb_dim)
        self.conv_in = nn.Conv2d(channels, c, 3, padding=1)
        self.down1 = nn.Conv2d(c, c, 3, stride=2, padding=1)
        self.block1 = TimeBlock(c, 2 * c, emb_dim)
        self.down2 = nn.Conv2d(2 * c, 2 * c, 3, stride=2, padding=1)
        self.middle = TimeBlock(2 * c, 2 * c, emb_dim)
        self.up2 = TimeBlock(4 * c, c, emb_dim)
        self.up1 = TimeBlock(2 * c, c, emb_dim)
        self.conv_out = nn.Conv2d(c, channels, 3, padding=1)

    def forward(self, x, t, y=None):
        scale = self.sqrt_alphas_cumprod.gather(-1, t).reshape(-1, 1, 1, 1)
        emb = self.time_embed(timestep_embedding(t, self.emb_dim))
        if y is not None:
            assert y.shape == (x.shape[0],)
            emb = emb + self.label_emb(y)
        h0 = self.conv_in(x / scale)
        h1 = self.block1(self.down1(h0), emb)
        h = self.middle(self.down2(h1), emb)
        h = self.up2(torch.cat([F.interpolate(h, scale_factor=2, mode="nearest"), h1], dim=1), emb)
        h = self.up1(torch.cat([F.interpolate(h, scale_factor=2, mode="nearest"), h0], dim=1), emb)
        return self.conv_out(F.silu(h))


def noisy(b, height, width):
    return floats(b, 3, height, width), ids(b, below=100)


class RealNVP(nn.Module):
    """Maps samples to the latent space, with the log-likelihood of each."""

    def __init__(self, dim=6, hidden=16, layers=4):
        super().__init__()
        pattern = torch.tensor([[i % 2 for i in range(dim)], [(i + 1) % 2 for i in range(dim)]], dtype=torch.float32)
        self.register_buffer("mask", pattern.repeat(layers // 2, 1))
        self.s = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(dim, hidden), nn.LeakyReLU(), nn.Linear(hidden, dim), nn.Tanh())
                for _ in range(layers)
            ]
        )
        self.t = nn.ModuleList(
            [nn.Sequential(nn.Linear(dim, hidden), nn.LeakyReLU(), nn.Linear(hidden, dim)) for _ in range(layers)]
        )

    def forward(self, x):
        log_det_J, z = x.new_zeros(x.shape[0]), x
        for i in reversed(range(len(self.t))):
            z_ = self.mask[i] * z
            s = self.s[i](z_) * (1 - self.mask[i])
            t = self.t[i](z_) * (1 - self.mask[i])
            z = (1 - self.mask[i]) * (z - t) * torch.exp(-s) + z_
            log_det_J = log_det_J - s.sum(dim=1)
        prior = -0.5 * (z.pow(2) + math.log(2 * math.pi)).sum(dim=1)
        return z, prior + log_det_J


class Embedder(nn.Module):
    def __init__(self, num_freqs):
        super().__init__()
        self.register_buffer("freq_bands", 2.0 ** torch.arange(num_freqs))

    def forward(self, inputs):
        out = [inputs]
        for freq in self.freq_bands:
            out.append(torch.sin(inputs * freq))
            out.append(torch.cos(inputs * freq))
        return torch.cat(out, -1)


class NeRF(nn.Module):
    """Colour and density at points, seen from directions."""

    def __init__(self, D=4, W=16, multires=3, multires_views=2, skips=(2,)):
        super().__init__()
        self.embed_fn = Embedder(multires)
        self.embeddirs_fn = Embedder(multires_views)
        input_ch, input_ch_views = 3 + 3 * 2 * multires, 3 + 3 * 2 * multires_views
        self.skips = skips
        self.pts_linears = nn.ModuleList(
            [nn.Linear(input_ch, W)] + [nn.Linear(W + input_ch if i in skips else W, W) for i in range(D - 1)]
        )
        self.alpha_linear = nn.Linear(W, 1)
        self.views_linear = nn.Linear(W + input_ch_views, W // 2)
        self.rgb_linear = nn.Linear(W // 2, 3)

    def forward(self, input_pts, input_views):
        pts, views = self.embed_fn(input_pts), self.embeddirs_fn(input_views)
        h = pts
        for i, layer in enumerate(self.pts_linears):
            h = F.relu(layer(h))
            if i in self.skips:
                h = torch.cat([pts, h], -1)
        alpha = F.relu(self.alpha_linear(h))
        h = F.relu(self.views_linear(torch.cat([h, views], -1)))
        return {"rgb": torch.sigmoid(self.rgb_linear(h)), "sigma": alpha.squeeze(-1)}


def directions(*shape):
    return F.normalize(floats(*shape), dim=-1)


CASES = (
    Case(
        "diffusion_unet",
        build=DiffusionUNet,
        example=lambda: call(*noisy(2, 16, 16)),
        good=lambda: [
            call(*noisy(1, 4, 4)),
            call(*noisy(2, 8, 12)),
            call(*noisy(3, 20, 4), torch.tensor([4, 0, 2])),
            call(floats(2, 3, 16, 16), torch.tensor([0, 99])),
            call(*noisy(1, 32, 24), y=torch.tensor([3])),
            call(x=floats(5, 3, 8, 8), t=ids(5, below=100), y=None),
        ],
        bad=lambda: [
            raises("step 100", floats(1, 3, 8, 8), torch.tensor([100])),
            raises("step -1", floats(1, 3, 8, 8), torch.tensor([-1])),
            raises("class 5", *noisy(1, 8, 8), torch.tensor([5])),
            raises("class -1", *noisy(1, 8, 8), torch.tensor([-1])),
            unmeant("one step for two", Policy.TIE, floats(2, 3, 8, 8), torch.tensor([50])),
            unmeant("two steps for one", Policy.TIE, floats(1, 3, 8, 8), torch.tensor([50, 51])),
            raises("three steps for two", floats(2, 3, 8, 8), ids(3, below=100)),
            raises("one class for two", *noisy(2, 8, 8), torch.tensor([1])),
            raises("classes as a column", *noisy(2, 8, 8), torch.tensor([[1], [2]])),
            raises("steps as a column", floats(2, 3, 8, 8), ids(2, 1, below=100)),
            raises("float steps", floats(2, 3, 8, 8), torch.tensor([0.1, 0.9])),
            unmeant("int32 steps", Policy.DTYPE, floats(2, 3, 8, 8), ids(2, below=100).int()),
            raises("6 x 8", *noisy(1, 6, 8)),
            raises("8 x 9", *noisy(1, 8, 9)),
            raises("2 x 4", *noisy(1, 2, 4)),
            raises("grey", floats(1, 1, 8, 8), ids(1, below=100)),
            unmeant("no batch axis", Policy.RANK, floats(3, 8, 8), ids(1, below=100)),
            raises("no step", floats(1, 3, 8, 8)),
            raises("float64", floats(1, 3, 8, 8).double(), ids(1, below=100)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 8, 8)), ids(1, below=100)),
        ],
    ),
    Case(
        "real_nvp",
        build=RealNVP,
        example=lambda: call(floats(8, 6)),
        good=lambda: [call(floats(n, 6)) for n in (1, 2, 3, 7, 40)] + [call(x=torch.zeros(4, 6))],
        bad=lambda: [
            raises("5 features", floats(3, 5)),
            raises("7 features", floats(3, 7)),
            unmeant("one feature, broadcast by the mask", Policy.TIE, floats(3, 1)),
            raises("no batch axis", floats(6)),
            raises("an axis too many", floats(2, 3, 6)),
            unmeant("one set of samples", Policy.RANK, floats(1, 8, 6)),
            raises("float64", floats(3, 6).double()),
            unmeant("int64", Policy.DTYPE, ids(3, 6, below=9)),
            unmeant("float16", Policy.DTYPE, floats(3, 6).half()),
            unmeant("empty batch", Policy.EMPTY, floats(0, 6)),
            unmeant("nan", Policy.FINITE, with_nan(floats(3, 6))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(3, 6))),
            raises("a condition too", floats(3, 6), floats(3, 2)),
            raises("None", None),
        ],
    ),
    Case(
        "nerf_field",
        build=NeRF,
        example=lambda: call(floats(64, 3), directions(64, 3)),
        good=lambda: (
            [call(floats(n, 3), directions(n, 3)) for n in (1, 2, 3, 9, 200)]
            + [call(input_pts=floats(5, 3), input_views=directions(5, 3))]
        ),
        bad=lambda: [
            raises("points in the plane", floats(4, 2), directions(4, 3)),
            raises("directions as two angles", floats(4, 3), floats(4, 2)),
            raises("one direction for four", floats(4, 3), directions(1, 3)),
            raises("five directions for four", floats(4, 3), directions(5, 3)),
            raises("direction without its axis", floats(4, 3), directions(3)),
            unmeant("no batch axes", Policy.RANK, floats(3), directions(3)),
            unmeant("samples along rays", Policy.RANK, floats(4, 8, 3), directions(4, 8, 3)),
            raises("samples along rays, a direction per ray", floats(4, 8, 3), directions(4, 3)),
            raises("float64", floats(4, 3).double(), directions(4, 3).double()),
            unmeant("points on a grid of int64", Policy.DTYPE, ids(4, 3, below=9), directions(4, 3)),
            raises("no directions", floats(4, 3)),
            raises("both in one", floats(4, 6)),
            unmeant("nan", Policy.FINITE, with_nan(floats(4, 3)), directions(4, 3)),
            unmeant("infinity", Policy.FINITE, with_inf(floats(4, 3)), directions(4, 3)),
            unmeant("empty", Policy.EMPTY, floats(0, 3), directions(0, 3)),
        ],
    ),
)
