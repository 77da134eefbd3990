# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Networks of medical volumes: a U-Net that pads odd sizes, a 3-D DenseNet with ages, a small SwinUNETR."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class TwoConv(nn.Sequential):
    def __init__(self, cin, cout):
        layers = []
        for channels in (cin, cout):
            layers += [nn.Conv3d(channels, cout, 3, padding=1), nn.InstanceNorm3d(cout, affine=True), nn.LeakyReLU(0.1)]
        super().__init__(*layers)


class Down(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(nn.MaxPool3d(2), TwoConv(cin, cout))


class UpCat(nn.Module):
    """Upsamples and joins the skip connection, padded by one where pooling halved an odd size."""

    def __init__(self, cin, ccat, cout):
        super().__init__()
        self.upsample = nn.ConvTranspose3d(cin, cin // 2, 2, stride=2)
        self.convs = TwoConv(ccat + cin // 2, cout)

    def forward(self, x, x_e):
        x_0 = self.upsample(x)
        sp = [0] * 6
        for i in range(3):
            if x_e.shape[-i - 1] != x_0.shape[-i - 1]:
                sp[i * 2 + 1] = 1
        x_0 = F.pad(x_0, sp, "replicate")
        return self.convs(torch.cat([x_e, x_0], dim=1))


class BasicUNet(nn.Module):
    def __init__(self, in_channels=2, out_channels=3, features=(4, 4, 8, 8)):
        super().__init__()
        f = features
        self.conv_0 = TwoConv(in_channels, f[0])
        self.down_1, self.down_2, self.down_3 = Down(f[0], f[1]), Down(f[1], f[2]), Down(f[2], f[3])
        self.upcat_3, self.upcat_2 = UpCat(f[3], f[2], f[2]), UpCat(f[2], f[1], f[1])
        self.upcat_1 = UpCat(f[1], f[0], f[0])
        self.final_conv = nn.Conv3d(f[0], out_channels, 1)

    def forward(self, x):
        x0 = self.conv_0(x)
        x1 = self.down_1(x0)
        x2 = self.down_2(x1)
        x3 = self.down_3(x2)
        u3 = self.upcat_3(x3, x2)
        u2 = self.upcat_2(u3, x1)
        u1 = self.upcat_1(u2, x0)
        return self.final_conv(u1)


class DenseLayer(nn.Module):
    def __init__(self, cin, growth, bn_size=2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm3d(cin),
            nn.ReLU(inplace=True),
            nn.Conv3d(cin, bn_size * growth, 1, bias=False),
            nn.BatchNorm3d(bn_size * growth),
            nn.ReLU(inplace=True),
            nn.Conv3d(bn_size * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return torch.cat([x, self.layers(x)], 1)


class DenseNet3D(nn.Module):
    """Grades a scan; the patient's age and sex join before the classifier."""

    def __init__(self, in_channels=1, num_clinical=2, init_features=8, growth=4, block_config=(2, 3, 2), classes=3):
        super().__init__()
        features = [
            nn.Conv3d(in_channels, init_features, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm3d(init_features),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(3, stride=2, padding=1),
        ]
        c = init_features
        for i, layers in enumerate(block_config):
            for _ in range(layers):
                features.append(DenseLayer(c, growth))
                c += growth
            if i < len(block_config) - 1:
                features += [nn.BatchNorm3d(c), nn.ReLU(inplace=True), nn.Conv3d(c, c // 2, 1, bias=False)]
                features.append(nn.AvgPool3d(2, stride=2))
                c = c // 2
        self.features = nn.Sequential(*features, nn.BatchNorm3d(c))
        self.clinical = nn.Sequential(nn.Linear(num_clinical, 6), nn.ReLU())
        self.class_layers = nn.Linear(c + 6, classes)

    def forward(self, scan, clinical):
        x = F.relu(self.features(scan), inplace=True)
        x = F.adaptive_avg_pool3d(x, 1).flatten(1)
        return self.class_layers(torch.cat([x, self.clinical(clinical)], dim=1))


def window_partition(x, w):
    b, d, h, wd, c = x.shape
    x = x.view(b, d // w, w, h // w, w, wd // w, w, c)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, w**3, c)


def window_reverse(windows, w, dims):
    b, d, h, wd = dims
    x = windows.view(b, d // w, h // w, wd // w, w, w, w, -1)
    return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, d, h, wd, -1)


class WindowAttention(nn.Module):
    relative_position_index: torch.Tensor

    def __init__(self, dim, heads, w):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.relative_position_bias_table = nn.Parameter(torch.randn((2 * w - 1) ** 3, heads) * 0.02)
        coords = torch.stack(torch.meshgrid(*[torch.arange(w)] * 3, indexing="ij")).flatten(1)
        relative = (coords[:, :, None] - coords[:, None, :]).permute(1, 2, 0) + w - 1
        index = (relative * torch.tensor([(2 * w - 1) ** 2, 2 * w - 1, 1])).sum(-1)
        self.register_buffer("relative_position_index", index)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attn = (q * self.scale) @ k.transpose(-2, -1)
        bias = self.relative_position_bias_table[self.relative_position_index.reshape(-1)]
        attn = attn + bias.reshape(n, n, -1).permute(2, 0, 1).unsqueeze(0)
        return self.proj((attn.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


class SwinBlock(nn.Module):
    def __init__(self, dim, heads, window, shift):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, heads, window)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        _, d, h, wd, _ = x.shape
        y = self.norm1(x)
        pads = [(self.window - size % self.window) % self.window for size in (d, h, wd)]
        y = F.pad(y, (0, 0, 0, pads[2], 0, pads[1], 0, pads[0]))
        dims = y.shape[:4]
        y = torch.roll(y, (-self.shift,) * 3, dims=(1, 2, 3)) if self.shift else y
        y = window_reverse(self.attn(window_partition(y, self.window)), self.window, dims)
        y = torch.roll(y, (self.shift,) * 3, dims=(1, 2, 3)) if self.shift else y
        x = x + y[:, :d, :h, :wd]
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(8 * dim), nn.Linear(8 * dim, 2 * dim, bias=False)

    def forward(self, x):
        parts = [x[:, i::2, j::2, k::2] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        return self.reduction(self.norm(torch.cat(parts, -1)))


class SwinUNETR(nn.Module):
    """Two stages of windows; the sizes must be multiples of eight."""

    def __init__(self, in_channels=4, out_channels=3, dim=8, heads=2, window=2):
        super().__init__()
        self.patch_embed = nn.Conv3d(in_channels, dim, 2, stride=2)
        self.stage1 = nn.Sequential(SwinBlock(dim, heads, window, 0), SwinBlock(dim, heads, window, 1))
        self.merge1 = PatchMerging(dim)
        self.stage2 = nn.Sequential(SwinBlock(2 * dim, heads, window, 0), SwinBlock(2 * dim, heads, window, 1))
        self.merge2 = PatchMerging(2 * dim)
        self.encoder0, self.encoder1 = TwoConv(in_channels, dim), TwoConv(dim, dim)
        self.encoder2, self.bottom = TwoConv(2 * dim, 2 * dim), TwoConv(4 * dim, 4 * dim)
        self.decoder2, self.decoder1 = UpCat(4 * dim, 2 * dim, 2 * dim), UpCat(2 * dim, dim, dim)
        self.decoder0 = UpCat(dim, dim, dim)
        self.out = nn.Conv3d(dim, out_channels, 1)

    @staticmethod
    def check_input_size(spatial_shape):
        wrong = [i for i, size in enumerate(spatial_shape) if size % 8 != 0]
        if wrong:
            raise ValueError(f"spatial dimensions {wrong} of input image must be divisible by 8")

    def proj_out(self, x):
        x = F.layer_norm(x, x.shape[-1:])
        return x.permute(0, 4, 1, 2, 3)

    def forward(self, x_in):
        self.check_input_size(x_in.shape[2:])
        x0 = self.stage1(self.patch_embed(x_in).permute(0, 2, 3, 4, 1))
        x1 = self.stage2(self.merge1(x0))
        x2 = self.merge2(x1)
        enc0, enc1, enc2 = self.encoder0(x_in), self.encoder1(self.proj_out(x0)), self.encoder2(self.proj_out(x1))
        dec = self.decoder2(self.bottom(self.proj_out(x2)), enc2)
        return self.out(self.decoder0(self.decoder1(dec, enc1), enc0))


CASES = (
    Case(
        "basic_unet_odd_sizes",
        build=BasicUNet,
        example=lambda: call(floats(1, 2, 16, 24, 16)),
        good=lambda: [
            call(floats(2, 2, 16, 16, 16)),
            call(floats(1, 2, 17, 21, 30)),
            call(x=floats(3, 2, 16, 32, 19)),
            call(floats(1, 2, 33, 18, 25)),
            call(floats(1, 2, 40, 16, 16)),
            call(floats(4, 2, 23, 17, 16)),
        ],
        bad=lambda: [
            raises("seven slices", floats(1, 2, 7, 24, 24)),
            raises("a width of 5", floats(1, 2, 24, 24, 5)),
            raises("one voxel is left", floats(1, 2, 8, 8, 8)),
            raises("one voxel is left of odd sizes", floats(2, 2, 15, 13, 11)),
            raises("one modality", floats(1, 1, 16, 16, 16)),
            raises("three modalities", floats(1, 3, 16, 16, 16)),
            raises("channels last", floats(1, 16, 16, 16, 2)),
            raises("a slice", floats(1, 2, 24, 24)),
            raises("no batch axis", floats(2, 16, 16, 16)),
            raises("no batch and channel axes", floats(16, 16, 16)),
            raises("float64", floats(1, 2, 16, 16, 16).double()),
            raises("int16", ids(1, 2, 16, 16, 16, below=900).short()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 2, 16, 16, 16))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 2, 16, 16, 16))),
            raises("a list of volumes", [floats(2, 16, 16, 16)]),
            raises("the spacing too", floats(1, 2, 16, 16, 16), floats(1, 3)),
            raises("nothing"),
        ],
    ),
    Case(
        "densenet_3d_with_clinic",
        build=DenseNet3D,
        example=lambda: call(floats(2, 1, 32, 32, 16), floats(2, 2)),
        good=lambda: [
            call(floats(1, 1, 16, 16, 16), floats(1, 2)),
            call(floats(3, 1, 16, 32, 48), floats(3, 2)),
            call(scan=floats(1, 1, 48, 16, 32), clinical=floats(1, 2)),
            call(floats(2, 1, 64, 16, 16), floats(2, 2)),
            call(floats(5, 1, 32, 16, 16), clinical=torch.tensor([[61.0, 1.0]]).repeat(5, 1)),
            call(torch.zeros(1, 1, 32, 48, 32), torch.zeros(1, 2)),
        ],
        bad=lambda: [
            raises("12 slices", floats(1, 1, 12, 32, 32), floats(1, 2)),
            raises("4 x 4 x 4", floats(1, 1, 4, 4, 4), floats(1, 2)),
            raises("two channels", floats(1, 2, 16, 16, 16), floats(1, 2)),
            raises("channels last", floats(1, 16, 16, 16, 1), floats(1, 2)),
            raises("a scan without batch and channel", floats(16, 16, 16), floats(1, 2)),
            raises("a scan without batch", floats(1, 16, 16, 16), floats(1, 2)),
            raises("three numbers of the clinic", floats(1, 1, 16, 16, 16), floats(1, 3)),
            raises("patients without batch", floats(1, 1, 16, 16, 16), floats(2)),
            raises("one patient for two scans", floats(2, 1, 16, 16, 16), floats(1, 2)),
            raises("three patients for two scans", floats(2, 1, 16, 16, 16), floats(3, 2)),
            raises("float64 scan", floats(1, 1, 16, 16, 16).double(), floats(1, 2)),
            raises("float64 patient", floats(1, 1, 16, 16, 16), floats(1, 2).double()),
            raises("int64 patient", floats(1, 1, 16, 16, 16), ids(1, 2, below=80)),
            raises("int16 scan", ids(1, 1, 16, 16, 16, below=900).short(), floats(1, 2)),
            unmeant("nan scan", Policy.FINITE, with_nan(floats(1, 1, 16, 16, 16)), floats(1, 2)),
            unmeant("nan age", Policy.FINITE, floats(1, 1, 16, 16, 16), with_nan(floats(1, 2))),
            raises("exchanged", floats(1, 2), floats(1, 1, 16, 16, 16)),
            raises("no patient", floats(1, 1, 16, 16, 16)),
        ],
    ),
    Case(
        "swin_unetr_by_8",
        build=SwinUNETR,
        example=lambda: call(floats(1, 4, 16, 16, 24)),
        good=lambda: [
            call(floats(1, 4, 16, 16, 16)),
            call(floats(2, 4, 16, 8, 24)),
            call(x_in=floats(1, 4, 32, 16, 16)),
            call(floats(3, 4, 16, 16, 8)),
            call(floats(1, 4, 24, 24, 16)),
            call(x_in=floats(1, 4, 8, 40, 8)),
        ],
        bad=lambda: [
            raises("20 slices", floats(1, 4, 20, 16, 16)),
            raises("a width of 17", floats(1, 4, 16, 16, 17)),
            raises("a height of 4", floats(1, 4, 16, 4, 16)),
            raises("one voxel is left", floats(1, 4, 8, 8, 8)),
            raises("three modalities", floats(1, 3, 16, 16, 16)),
            raises("channels last", floats(1, 16, 16, 16, 4)),
            raises("a slice", floats(1, 4, 16, 16)),
            raises("no batch axis", floats(4, 16, 16, 16)),
            raises("no batch and channel axes", floats(16, 16, 16)),
            raises("float64", floats(1, 4, 16, 16, 16).double()),
            raises("int16", ids(1, 4, 16, 16, 16, below=900).short()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 4, 16, 16, 16))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 4, 16, 16, 16))),
            raises("a list of volumes", [floats(4, 16, 16, 16)]),
            raises("nothing"),
        ],
    ),
)
