# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Volumes: a 3-d attention U-Net with deep supervision, V-Net, a registration of two scans."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class ConvBlock(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(nn.Conv3d(cin, cout, 3, padding=1), nn.BatchNorm3d(cout), nn.ReLU(inplace=True))


class GridAttentionGate(nn.Module):
    """Weighs the skip connection by what the coarser level sees."""

    def __init__(self, channels, gating, inter):
        super().__init__()
        self.theta = nn.Conv3d(channels, inter, 2, stride=2, bias=False)
        self.phi = nn.Conv3d(gating, inter, 1)
        self.psi = nn.Conv3d(inter, 1, 1)

    def forward(self, x, g):
        att = torch.sigmoid(self.psi(F.relu(self.theta(x) + self.phi(g))))
        return x * F.interpolate(att, size=x.shape[2:], mode="trilinear", align_corners=False)


class AttentionUNet3D(nn.Module):
    def __init__(self, in_channels=2, n_classes=3, width=4, deep_supervision=True):
        super().__init__()
        self.deep_supervision = deep_supervision
        self.enc1, self.enc2 = ConvBlock(in_channels, width), ConvBlock(width, 2 * width)
        self.center = ConvBlock(2 * width, 4 * width)
        self.pool = nn.MaxPool3d(2)
        self.gate1, self.gate2 = (
            GridAttentionGate(width, 2 * width, width),
            GridAttentionGate(2 * width, 4 * width, width),
        )
        self.up2 = nn.ConvTranspose3d(4 * width, 2 * width, 2, stride=2)
        self.up1 = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
        self.dec2, self.dec1 = ConvBlock(4 * width, 2 * width), ConvBlock(2 * width, width)
        self.aux, self.final = nn.Conv3d(2 * width, n_classes, 1), nn.Conv3d(width, n_classes, 1)

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(self.pool(e1))
        c = self.center(self.pool(e2))
        d2 = self.dec2(torch.cat([self.gate2(e2, c), self.up2(c)], dim=1))
        d1 = self.dec1(torch.cat([self.gate1(e1, d2), self.up1(d2)], dim=1))
        out = self.final(d1)
        if not self.deep_supervision:
            return out
        return [out, F.interpolate(self.aux(d2), scale_factor=2, mode="trilinear", align_corners=False)]


class VNet(nn.Module):
    """The first residual repeats the scan's one channel up to the width."""

    def __init__(self, width=4):
        super().__init__()
        self.width = width
        self.input = nn.Sequential(nn.Conv3d(1, width, 5, padding=2), nn.BatchNorm3d(width))
        self.down = nn.Sequential(nn.Conv3d(width, 2 * width, 2, stride=2), nn.BatchNorm3d(2 * width), nn.ELU())
        self.deep = nn.Sequential(nn.Conv3d(2 * width, 2 * width, 5, padding=2), nn.BatchNorm3d(2 * width))
        self.up = nn.Sequential(nn.ConvTranspose3d(2 * width, width, 2, stride=2), nn.BatchNorm3d(width), nn.ELU())
        self.out = nn.Conv3d(2 * width, 2, 1)

    def forward(self, x):
        skip = F.elu(self.input(x) + torch.cat([x] * self.width, 1))
        down = self.down(skip)
        down = F.elu(self.deep(down) + down)
        out = self.out(torch.cat([self.up(down), skip], 1))
        out = out.permute(0, 2, 3, 4, 1).contiguous()
        return F.softmax(out.view(out.numel() // 2, 2), dim=1).view(out.shape)


class SpatialTransformer(nn.Module):
    def __init__(self, size):
        super().__init__()
        vectors = [torch.arange(0, s) for s in size]
        grid = torch.stack(torch.meshgrid(vectors, indexing="ij")).unsqueeze(0).float()
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, src, flow):
        new_locs = self.grid + flow
        shape = flow.shape[2:]
        locs = torch.stack([2 * (new_locs[:, i] / (shape[i] - 1) - 0.5) for i in range(len(shape))], dim=-1)
        return F.grid_sample(src, locs[..., [2, 1, 0]], align_corners=True, mode="bilinear")


class VxmDense(nn.Module):
    """Registers a moving scan to a fixed one; both have the size that the network was made for."""

    def __init__(self, inshape=(8, 12, 4), width=4):
        super().__init__()
        self.down = nn.Conv3d(2, width, 3, stride=2, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.flow = nn.Conv3d(width + 2, 3, 3, padding=1)
        self.transformer = SpatialTransformer(inshape)

    def forward(self, source, target, registration=False):
        x = torch.cat([source, target], dim=1)
        h = F.leaky_relu(self.down(x), 0.2)
        flow = self.flow(torch.cat([self.up(h), x], dim=1))
        y_source = self.transformer(source, flow)
        return (y_source, flow) if not registration else (y_source, flow.detach())


def scan(*batch, channels=1):
    return floats(*batch, channels, 8, 12, 4)


CASES = (
    Case(
        "attention_unet_3d",
        build=AttentionUNet3D,
        example=lambda: call(floats(2, 2, 8, 8, 8)),
        good=lambda: [
            call(floats(1, 2, 4, 4, 4)),
            call(floats(2, 2, 4, 8, 12)),
            call(floats(3, 2, 12, 4, 8)),
            call(floats(1, 2, 16, 16, 4)),
            call(floats(5, 2, 8, 4, 4)),
            call(x=floats(1, 2, 20, 8, 8)),
        ],
        bad=lambda: [
            raises("depth of 10", floats(1, 2, 10, 8, 8)),
            raises("height of 6", floats(1, 2, 8, 6, 8)),
            raises("width of 9", floats(1, 2, 8, 8, 9)),
            raises("too shallow", floats(1, 2, 2, 8, 8)),
            raises("one modality", floats(1, 1, 8, 8, 8)),
            raises("three modalities", floats(1, 3, 8, 8, 8)),
            raises("channels last", floats(1, 8, 8, 8, 2)),
            raises("no batch axis", floats(2, 8, 8, 8)),
            raises("an axis too many", floats(1, 1, 2, 8, 8, 8)),
            raises("float64", floats(1, 2, 8, 8, 8).double()),
            raises("int16 as stored", ids(1, 2, 8, 8, 8, below=99, dtype=torch.int16)),
            raises("a list of modalities", [floats(1, 8, 8, 8), floats(1, 8, 8, 8)]),
            raises("a mask too", floats(1, 2, 8, 8, 8), floats(1, 1, 8, 8, 8)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 2, 8, 8, 8))),
        ],
    ),
    Case(
        "vnet_prostate",
        build=VNet,
        example=lambda: call(floats(2, 1, 8, 6, 4)),
        good=lambda: [
            call(floats(1, 1, 2, 2, 2)),
            call(floats(2, 1, 2, 4, 6)),
            call(floats(3, 1, 10, 8, 2)),
            call(floats(1, 1, 14, 6, 6)),
            call(floats(6, 1, 4, 4, 4)),
            call(x=floats(1, 1, 6, 12, 10)),
        ],
        bad=lambda: [
            raises("odd depth", floats(1, 1, 7, 6, 4)),
            raises("odd height", floats(1, 1, 8, 5, 4)),
            raises("odd width", floats(1, 1, 8, 6, 3)),
            raises("one slice", floats(1, 1, 1, 6, 4)),
            raises("two channels", floats(1, 2, 8, 6, 4)),
            raises("no channel axis", floats(2, 8, 6, 4)),
            raises("neither batch nor channel axis", floats(8, 6, 4)),
            raises("channels last", floats(1, 8, 6, 4, 1)),
            raises("float64", floats(1, 1, 8, 6, 4).double()),
            raises("float16", floats(1, 1, 8, 6, 4).half()),
            raises("int64", ids(1, 1, 8, 6, 4, below=9)),
            raises("a dict", {"image": floats(1, 1, 8, 6, 4)}),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 8, 6, 4))),
        ],
    ),
    Case(
        "voxelmorph_pair",
        build=VxmDense,
        example=lambda: call(scan(2), scan(2)),
        good=lambda: [
            call(scan(1), scan(1)),
            call(scan(3), scan(3)),
            call(scan(4), scan(4)),
            call(scan(7), torch.zeros(7, 1, 8, 12, 4)),
            call(source=scan(2), target=scan(2)),
            call(scan(5), target=scan(5)),
        ],
        bad=lambda: [
            raises("one moving scan for two", scan(1), scan(2)),
            raises("one fixed scan for two", scan(2), scan(1)),
            raises("another size", floats(1, 1, 8, 8, 8), floats(1, 1, 8, 8, 8)),
            raises("axes swapped", floats(1, 1, 12, 8, 4), floats(1, 1, 12, 8, 4)),
            raises("sizes differ", scan(1), floats(1, 1, 8, 12, 6)),
            raises("two channels", scan(1, channels=2), scan(1, channels=2)),
            raises("no batch axes", scan(), scan()),
            raises("neither batch nor channel axes", floats(8, 12, 4), floats(8, 12, 4)),
            raises("float64", scan(1).double(), scan(1).double()),
            raises("int64", ids(1, 1, 8, 12, 4, below=9), ids(1, 1, 8, 12, 4, below=9)),
            raises("no fixed scan", scan(1)),
            raises("the pair in a tuple", (scan(1), scan(1))),
            raises("the pair stacked", scan(1, channels=2)),
            unmeant("the flag turned", Policy.FLAG, scan(1), scan(1), registration=True),
            unmeant("nan in the fixed scan", Policy.FINITE, scan(1), with_nan(scan(1))),
        ],
    ),
)
