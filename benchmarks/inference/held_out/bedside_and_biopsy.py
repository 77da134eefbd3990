# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Clinics: UNet++, nnU-Net with thick slices, survival from bags of patches, GRU-D over irregular charts."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class VGGBlock(nn.Module):
    def __init__(self, in_channels, middle_channels, out_channels):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, middle_channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(middle_channels)
        self.conv2 = nn.Conv2d(middle_channels, out_channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)))


class NestedUNet(nn.Module):
    """UNet++: every decoder node sees all nodes of its row before it; a mask for each depth of the decoder."""

    def __init__(self, num_classes=1, input_channels=3, deep_supervision=True):
        super().__init__()
        nb_filter = [4, 6, 8, 8, 10]
        self.deep_supervision = deep_supervision
        self.pool = nn.MaxPool2d(2, 2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv0_0 = VGGBlock(input_channels, nb_filter[0], nb_filter[0])
        for row in range(1, 5):
            setattr(self, f"conv{row}_0", VGGBlock(nb_filter[row - 1], nb_filter[row], nb_filter[row]))
        for column in range(1, 5):
            for row in range(5 - column):
                width = nb_filter[row]
                block = VGGBlock(width * column + nb_filter[row + 1], width, width)
                setattr(self, f"conv{row}_{column}", block)
        if deep_supervision:
            self.finals = nn.ModuleList([nn.Conv2d(nb_filter[0], num_classes, 1) for _ in range(4)])
        else:
            self.final = nn.Conv2d(nb_filter[0], num_classes, 1)

    def forward(self, x_in):
        x = {(0, 0): self.conv0_0(x_in)}
        for row in range(1, 5):
            x[row, 0] = getattr(self, f"conv{row}_0")(self.pool(x[row - 1, 0]))
            for column in range(1, row + 1):
                r = row - column
                before = [x[r, c] for c in range(column)]
                below = self.up(x[r + 1, column - 1])
                x[r, column] = getattr(self, f"conv{r}_{column}")(torch.cat([*before, below], 1))
        if self.deep_supervision:
            return [final(x[0, column + 1]) for column, final in enumerate(self.finals)]
        return self.final(x[0, 4])


class StackedConvBlocks(nn.Module):
    def __init__(self, num_convs, cin, cout, kernel_size, initial_stride):
        super().__init__()
        layers = []
        for i in range(num_convs):
            stride = initial_stride if i == 0 else 1
            depth, height, width = kernel_size
            padding = ((depth - 1) // 2, (height - 1) // 2, (width - 1) // 2)
            layers += [
                nn.Conv3d(cin if i == 0 else cout, cout, kernel_size, stride, padding),
                nn.InstanceNorm3d(cout, eps=1e-5, affine=True),
                nn.LeakyReLU(0.01, inplace=True),
            ]
        self.convs = nn.Sequential(*layers)

    def forward(self, x):
        return self.convs(x)


class ThickSliceUNet(nn.Module):
    """nnU-Net's plan for thick slices: the first stages halve within the slice only. CT and PET are the channels."""

    def __init__(self, input_channels=2, num_classes=3, features=(4, 8, 12, 12), deep_supervision=True):
        super().__init__()
        kernels = ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3))
        strides = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2))
        self.deep_supervision = deep_supervision
        self.encoder = nn.ModuleList()
        cin = input_channels
        for width, kernel, stride in zip(features, kernels, strides, strict=True):
            self.encoder.append(StackedConvBlocks(2, cin, width, kernel, stride))
            cin = width
        self.transpconvs, self.stages, self.seg_layers = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for s in range(len(features) - 1, 0, -1):
            below, skip = features[s], features[s - 1]
            self.transpconvs.append(nn.ConvTranspose3d(below, skip, strides[s], strides[s]))
            self.stages.append(StackedConvBlocks(2, 2 * skip, skip, kernels[s - 1], 1))
            self.seg_layers.append(nn.Conv3d(skip, num_classes, 1))

    def forward(self, x):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        lres_input = skips[-1]
        seg_outputs = []
        for s, stage in enumerate(self.stages):
            x = self.transpconvs[s](lres_input)
            x = torch.cat((x, skips[-(s + 2)]), 1)
            x = stage(x)
            seg_outputs.append(self.seg_layers[s](x))
            lres_input = x
        seg_outputs.reverse()
        return seg_outputs if self.deep_supervision else seg_outputs[0]


class SlideSurvival(nn.Module):
    """Hazards over intervals of time, from padded bags of patch features and a few clinical numbers."""

    def __init__(self, path_dim=24, hidden=12, clinical_dim=5, n_intervals=4):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(path_dim, hidden), nn.ReLU(), nn.Dropout(0.25))
        self.attn_v = nn.Linear(hidden, 8)
        self.attn_u = nn.Linear(hidden, 8)
        self.attn_w = nn.Linear(8, 1)
        self.clinical = nn.Sequential(nn.Linear(clinical_dim, 6), nn.SELU(), nn.Linear(6, 6))
        self.fusion = nn.Sequential(nn.Linear((hidden + 1) * 7, 16), nn.ReLU(), nn.Linear(16, n_intervals))

    def forward(self, bags, clinical, mask=None):
        h = self.embed(bags)
        scores = self.attn_w(torch.tanh(self.attn_v(h)) * torch.sigmoid(self.attn_u(h))).squeeze(-1)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        attention = scores.softmax(dim=1)
        path = torch.bmm(attention.unsqueeze(1), h).squeeze(1)
        omic = self.clinical(clinical)
        one = torch.ones(path.shape[0], 1, dtype=path.dtype, device=path.device)
        path, omic = torch.cat([path, one], 1), torch.cat([omic, one], 1)
        fused = torch.bmm(path.unsqueeze(2), omic.unsqueeze(1)).flatten(1)
        hazards = torch.sigmoid(self.fusion(fused))
        survival = torch.cumprod(1 - hazards, dim=1)
        return {"hazards": hazards, "survival": survival, "risk": -survival.sum(1), "attention": attention}


def real(*counts):
    """Which patches of each bag are no padding."""
    return torch.arange(max(counts)) < torch.tensor(counts)[:, None]


class GRUD(nn.Module):
    """Mortality from a chart with holes: what was not measured decays from its last value towards the mean."""

    x_mean: torch.Tensor

    def __init__(self, input_size=7, hidden_size=10, output_size=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.register_buffer("x_mean", torch.randn(input_size))
        self.w_dg_x = nn.Parameter(torch.rand(input_size) * 0.1)
        self.b_dg_x = nn.Parameter(torch.zeros(input_size))
        self.w_dg_h = nn.Linear(input_size, hidden_size)
        self.z = nn.Linear(2 * input_size + hidden_size, hidden_size)
        self.r = nn.Linear(2 * input_size + hidden_size, hidden_size)
        self.h = nn.Linear(2 * input_size + hidden_size, hidden_size)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(hidden_size, output_size)

    def step(self, x, x_last, m, d, h):
        gamma_x = torch.exp(-torch.relu(self.w_dg_x * d + self.b_dg_x))
        gamma_h = torch.exp(-torch.relu(self.w_dg_h(d)))
        x_last = m * x + (1 - m) * x_last
        x = m * x + (1 - m) * (gamma_x * x_last + (1 - gamma_x) * self.x_mean)
        h = gamma_h * h
        gates = torch.cat([x, h, m], dim=1)
        z, r = torch.sigmoid(self.z(gates)), torch.sigmoid(self.r(gates))
        candidate = torch.tanh(self.h(torch.cat([x, r * h, m], dim=1)))
        return (1 - z) * h + z * candidate, x_last

    def forward(self, values, mask, delta):
        batch, steps, _ = values.shape
        h = values.new_zeros(batch, self.hidden_size)
        x_last = self.x_mean.expand(batch, -1)
        for t in range(steps):
            h, x_last = self.step(values[:, t], x_last, mask[:, t], delta[:, t], h)
        return torch.sigmoid(self.out(self.drop(F.relu(h)))).squeeze(-1)


def chart(b, t, f=7):
    return {"values": floats(b, t, f), "mask": ids(b, t, f, below=2).float(), "delta": torch.rand(b, t, f)}


CASES = (
    Case(
        "unetpp_nested",
        build=NestedUNet,
        example=lambda: call(floats(2, 3, 48, 32)),
        good=lambda: [
            call(floats(1, 3, 16, 16)),
            call(floats(1, 3, 32, 64)),
            call(floats(3, 3, 64, 16)),
            call(floats(2, 3, 32, 32)),
            call(x_in=floats(1, 3, 80, 48)),
            call(torch.rand(4, 3, 16, 48)),
        ],
        bad=lambda: [
            raises("height 40", floats(1, 3, 40, 32)),
            raises("width 24", floats(1, 3, 32, 24)),
            raises("width 33", floats(1, 3, 32, 33)),
            raises("8 x 8", floats(1, 3, 8, 8)),
            raises("height 31", floats(1, 3, 31, 32)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("four channels", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a stack of batches", floats(1, 2, 3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            raises("a list of images", [floats(3, 32, 32)]),
            raises("nothing"),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
        ],
    ),
    Case(
        "nnunet_thick_slices",
        build=ThickSliceUNet,
        example=lambda: call(floats(2, 2, 6, 16, 24)),
        good=lambda: [
            call(floats(1, 2, 4, 16, 16)),
            call(floats(1, 2, 2, 16, 32)),
            call(floats(2, 2, 10, 24, 16)),
            call(floats(3, 2, 4, 32, 16)),
            call(x=floats(1, 2, 8, 40, 24)),
            call(100 * floats(4, 2, 2, 24, 24)),
        ],
        bad=lambda: [
            raises("five slices", floats(1, 2, 5, 16, 16)),
            raises("one slice", floats(1, 2, 1, 16, 16)),
            raises("height 20", floats(1, 2, 4, 20, 16)),
            raises("width 12", floats(1, 2, 4, 16, 12)),
            raises("width 17", floats(1, 2, 4, 16, 17)),
            raises("height 4", floats(1, 2, 4, 4, 16)),
            raises("CT only", floats(1, 1, 4, 16, 16)),
            raises("three channels", floats(1, 3, 4, 16, 16)),
            raises("channels last", floats(1, 4, 16, 16, 2)),
            raises("no batch axis", floats(2, 4, 16, 16)),
            raises("a slice alone", floats(1, 2, 16, 16)[0]),
            raises("float16", floats(1, 2, 4, 16, 16).half()),
            raises("int16, as stored", ids(1, 2, 4, 16, 16, below=999).to(torch.int16)),
            raises("spacing too", floats(1, 2, 4, 16, 16), floats(1, 3)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 2, 4, 16, 16))),
        ],
    ),
    Case(
        "slide_survival_bags",
        build=SlideSurvival,
        example=lambda: call(floats(2, 9, 24), floats(2, 5), real(9, 6)),
        good=lambda: [
            call(floats(1, 1, 24), floats(1, 5)),
            call(floats(3, 7, 24), floats(3, 5)),
            call(floats(3, 8, 24), floats(3, 5), real(8, 1, 5)),
            call(bags=floats(1, 60, 24), clinical=floats(1, 5), mask=real(60)),
            call(floats(5, 2, 24), clinical=floats(5, 5), mask=None),
            call(floats(2, 30, 24), floats(2, 5), mask=real(30, 30)),
            call(floats(1, 4, 24), 10 * floats(1, 5), torch.tensor([[False, True, False, True]])),
        ],
        bad=lambda: [
            raises("23 features", floats(2, 9, 23), floats(2, 5)),
            raises("4 clinical numbers", floats(2, 9, 24), floats(2, 4)),
            raises("6 clinical numbers", floats(2, 9, 24), floats(2, 6)),
            raises("clinic of one for two", floats(2, 9, 24), floats(1, 5)),
            raises("clinic of three for two", floats(2, 9, 24), floats(3, 5)),
            raises("one bag without batch", floats(9, 24), floats(5)),
            raises("bag without batch, clinic with", floats(9, 24), floats(1, 5)),
            raises("mask of 8 for 9", floats(2, 9, 24), floats(2, 5), real(8, 4)),
            raises("masks of three for two", floats(2, 9, 24), floats(2, 5), real(9, 4, 2)),
            unmeant("one mask for two", Policy.TIE, floats(2, 9, 24), floats(2, 5), real(9)),
            unmeant("mask without batch", Policy.RANK, floats(2, 9, 24), floats(2, 5), real(9)[0]),
            unmeant("mask of one for all patches", Policy.TIE, floats(2, 9, 24), floats(2, 5), real(1, 1)),
            raises("mask as floats", floats(2, 9, 24), floats(2, 5), real(9, 6).float()),
            raises("mask as int64", floats(2, 9, 24), floats(2, 5), real(9, 6).long()),
            raises("no clinic", floats(2, 9, 24)),
            raises("float64 bags", floats(2, 9, 24).double(), floats(2, 5)),
            raises("int64 clinic", floats(2, 9, 24), ids(2, 5, below=90)),
            raises("a list of bags", [floats(9, 24), floats(6, 24)], floats(2, 5)),
            unmeant("nan patch", Policy.FINITE, with_nan(floats(2, 9, 24)), floats(2, 5)),
            unmeant("nan clinic", Policy.FINITE, floats(2, 9, 24), with_nan(floats(2, 5))),
        ],
    ),
    Case(
        "grud_irregular_chart",
        build=GRUD,
        example=lambda: call(**chart(3, 6)),
        good=lambda: [
            call(**chart(1, 1)),
            call(**chart(1, 9)),
            call(**chart(4, 2)),
            call(*chart(2, 24).values()),
            call(**{**chart(2, 5), "mask": torch.zeros(2, 5, 7)}),
            call(**{**chart(3, 4), "mask": torch.ones(3, 4, 7), "delta": torch.zeros(3, 4, 7)}),
            call(**{**chart(2, 3), "delta": 48 * torch.rand(2, 3, 7)}),
        ],
        bad=lambda: [
            raises("six measures", **chart(2, 5, 6)),
            raises("eight measures", **chart(2, 5, 8)),
            raises("one patient without batch", **{name: value[0] for name, value in chart(1, 5).items()}),
            raises("mask of fewer steps", **{**chart(2, 5), "mask": torch.ones(2, 4, 7)}),
            unmeant("mask of more steps", Policy.TIE, **{**chart(2, 5), "mask": torch.ones(2, 6, 7)}),
            raises("delta of fewer steps", **{**chart(2, 5), "delta": torch.rand(2, 3, 7)}),
            unmeant("delta of more steps", Policy.TIE, **{**chart(2, 5), "delta": torch.rand(2, 7, 7)}),
            raises("one delta for all measures", **{**chart(2, 5), "delta": torch.rand(2, 5, 1)}),
            raises("mask of one patient for two", **{**chart(2, 5), "mask": torch.ones(1, 5, 7)}),
            unmeant("delta of one patient for two", Policy.TIE, **{**chart(2, 5), "delta": torch.rand(1, 5, 7)}),
            raises("delta of three for two", **{**chart(2, 5), "delta": torch.rand(3, 5, 7)}),
            raises("bool mask", **{**chart(2, 5), "mask": torch.ones(2, 5, 7).bool()}),
            unmeant("int64 mask", Policy.DTYPE, **{**chart(2, 5), "mask": ids(2, 5, 7, below=2)}),
            raises("int64 delta", **{**chart(2, 5), "delta": ids(2, 5, 7, below=9)}),
            raises("float64 values", **{**chart(2, 5), "values": floats(2, 5, 7).double()}),
            raises("no delta", floats(2, 5, 7), torch.ones(2, 5, 7)),
            raises("one stacked tensor", floats(3, 2, 5, 7)),
            unmeant("nan value", Policy.FINITE, **{**chart(2, 5), "values": with_nan(floats(2, 5, 7))}),
            unmeant("nan delta", Policy.FINITE, **{**chart(2, 5), "delta": with_nan(torch.rand(2, 5, 7))}),
        ],
    ),
)
