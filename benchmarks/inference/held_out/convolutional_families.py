# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Convolutional networks: RepVGG's branches, GhostNet's cheap maps, SegNet's kept indices, DeepLab's dilations."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class RepVGGBlock(nn.Module):
    """A 3x3, a 1x1 and an identity in parallel; one convolution once it is deployed."""

    def __init__(self, in_channels, out_channels, stride=1, groups=1, deploy=False):
        super().__init__()
        self.in_channels, self.groups = in_channels, groups
        self.nonlinearity = nn.ReLU()
        if deploy:
            self.rbr_reparam = nn.Conv2d(in_channels, out_channels, 3, stride, 1, groups=groups)
            return
        same = out_channels == in_channels and stride == 1
        self.rbr_identity = nn.BatchNorm2d(in_channels) if same else None
        self.rbr_dense = nn.Sequential()
        self.rbr_dense.add_module("conv", nn.Conv2d(in_channels, out_channels, 3, stride, 1, groups=groups, bias=False))
        self.rbr_dense.add_module("bn", nn.BatchNorm2d(out_channels))
        self.rbr_1x1 = nn.Sequential()
        self.rbr_1x1.add_module("conv", nn.Conv2d(in_channels, out_channels, 1, stride, 0, groups=groups, bias=False))
        self.rbr_1x1.add_module("bn", nn.BatchNorm2d(out_channels))

    def forward(self, inputs):
        if hasattr(self, "rbr_reparam"):
            return self.nonlinearity(self.rbr_reparam(inputs))
        id_out = 0 if self.rbr_identity is None else self.rbr_identity(inputs)
        return self.nonlinearity(self.rbr_dense(inputs) + self.rbr_1x1(inputs) + id_out)


class RepVGG(nn.Module):
    def __init__(self, num_blocks=(2, 2, 1), widths=(8, 16, 24), num_classes=7):
        super().__init__()
        self.in_planes = 8
        self.stage0 = RepVGGBlock(3, self.in_planes, stride=2)
        self.cur_layer_idx = 1
        self.stages = nn.ModuleList([self._make_stage(w, n) for w, n in zip(widths, num_blocks, strict=True)])
        self.gap = nn.AdaptiveAvgPool2d(output_size=1)
        self.linear = nn.Linear(widths[-1], num_classes)

    def _make_stage(self, planes, num_blocks):
        blocks = []
        for stride in [2] + [1] * (num_blocks - 1):
            groups = 2 if self.cur_layer_idx % 2 == 0 else 1
            blocks.append(RepVGGBlock(self.in_planes, planes, stride=stride, groups=groups))
            self.in_planes = planes
            self.cur_layer_idx += 1
        return nn.Sequential(*blocks)

    def forward(self, x):
        out = self.stage0(x)
        for stage in self.stages:
            out = stage(out)
        out = self.gap(out)
        out = out.view(out.size(0), -1)
        return self.linear(out)


class GhostModule(nn.Module):
    def __init__(self, inp, oup, ratio=2, relu=True):
        super().__init__()
        self.oup = oup
        init_channels = math.ceil(oup / ratio)
        new_channels = init_channels * (ratio - 1)
        self.primary_conv = nn.Sequential(
            nn.Conv2d(inp, init_channels, 1, bias=False),
            nn.BatchNorm2d(init_channels),
            nn.ReLU() if relu else nn.Identity(),
        )
        self.cheap_operation = nn.Sequential(
            nn.Conv2d(init_channels, new_channels, 3, 1, 1, groups=init_channels, bias=False),
            nn.BatchNorm2d(new_channels),
            nn.ReLU() if relu else nn.Identity(),
        )

    def forward(self, x):
        x1 = self.primary_conv(x)
        x2 = self.cheap_operation(x1)
        return torch.cat([x1, x2], dim=1)[:, : self.oup, :, :]


class SqueezeExcite(nn.Module):
    def __init__(self, chs, reduced):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_reduce = nn.Conv2d(chs, reduced, 1)
        self.conv_expand = nn.Conv2d(reduced, chs, 1)

    def forward(self, x):
        x_se = self.conv_expand(F.relu(self.conv_reduce(self.avg_pool(x))))
        return x * F.hardsigmoid(x_se)


class GhostBottleneck(nn.Module):
    def __init__(self, in_chs, mid_chs, out_chs, kernel=3, stride=1, se=False):
        super().__init__()
        self.stride = stride
        self.ghost1 = GhostModule(in_chs, mid_chs)
        if stride > 1:
            self.conv_dw = nn.Conv2d(mid_chs, mid_chs, kernel, stride, kernel // 2, groups=mid_chs, bias=False)
            self.bn_dw = nn.BatchNorm2d(mid_chs)
        self.se = SqueezeExcite(mid_chs, 4) if se else None
        self.ghost2 = GhostModule(mid_chs, out_chs, relu=False)
        if in_chs == out_chs and stride == 1:
            self.shortcut = nn.Sequential()
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_chs, in_chs, kernel, stride, kernel // 2, groups=in_chs, bias=False),
                nn.BatchNorm2d(in_chs),
                nn.Conv2d(in_chs, out_chs, 1, bias=False),
                nn.BatchNorm2d(out_chs),
            )

    def forward(self, x):
        residual = x
        x = self.ghost1(x)
        if self.stride > 1:
            x = self.bn_dw(self.conv_dw(x))
        if self.se is not None:
            x = self.se(x)
        return self.ghost2(x) + self.shortcut(residual)


class GhostNet(nn.Module):
    def __init__(self, num_classes=6):
        super().__init__()
        self.conv_stem = nn.Conv2d(1, 8, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(
            GhostBottleneck(8, 15, 8),
            GhostBottleneck(8, 20, 12, stride=2),
            GhostBottleneck(12, 25, 16, kernel=5, stride=2, se=True),
        )
        self.global_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.conv_head = nn.Conv2d(16, 24, 1)
        self.classifier = nn.Linear(24, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv_stem(x)))
        x = self.global_pool(self.blocks(x))
        x = F.relu(self.conv_head(x))
        return self.classifier(x.view(x.size(0), -1))


def conv_bn(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class SegNet(nn.Module):
    """The decoder puts maxima back to where the encoder found them."""

    def __init__(self, in_chn=3, out_chn=5):
        super().__init__()
        self.encode1, self.encode2, self.encode3 = conv_bn(in_chn, 8), conv_bn(8, 12), conv_bn(12, 16)
        self.decode3, self.decode2 = conv_bn(16, 12), conv_bn(12, 8)
        self.decode1 = nn.Conv2d(8, out_chn, 3, padding=1)
        self.MaxEn = nn.MaxPool2d(2, stride=2, return_indices=True)
        self.MaxDe = nn.MaxUnpool2d(2, stride=2)

    def forward(self, x):
        x = self.encode1(x)
        size1 = x.size()
        x, ind1 = self.MaxEn(x)
        x = self.encode2(x)
        size2 = x.size()
        x, ind2 = self.MaxEn(x)
        x = self.encode3(x)
        size3 = x.size()
        x, ind3 = self.MaxEn(x)

        x = self.decode3(self.MaxDe(x, ind3, output_size=size3))
        x = self.decode2(self.MaxDe(x, ind2, output_size=size2))
        x = self.decode1(self.MaxDe(x, ind1, output_size=size1))
        return F.softmax(x, dim=1)


class ASPP(nn.Module):
    def __init__(self, inplanes, planes, dilations=(1, 2, 4)):
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Conv2d(inplanes, planes, 1 if d == 1 else 3, padding=0 if d == 1 else d, dilation=d) for d in dilations]
        )
        self.global_avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Conv2d(inplanes, planes, 1))
        self.conv1 = nn.Conv2d(planes * (len(dilations) + 1), planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)

    def forward(self, x):
        outs = [branch(x) for branch in self.branches]
        pooled = self.global_avg_pool(x)
        outs.append(F.interpolate(pooled, size=x.size()[2:], mode="bilinear", align_corners=True))
        return F.relu(self.bn1(self.conv1(torch.cat(outs, dim=1))))


class DeepLab(nn.Module):
    """Version 3+: dilations at stride 8, and a decoder that looks at stride 4 again."""

    def __init__(self, num_classes=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.layer1 = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.ReLU())
        self.layer3 = nn.Sequential(nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.ReLU())
        self.aspp = ASPP(16, 12)
        self.reduce = nn.Conv2d(12, 6, 1)
        self.last_conv = nn.Sequential(conv_bn(18, 12), nn.Dropout(0.5), nn.Conv2d(12, num_classes, 1))

    def forward(self, image):
        low_level_feat = self.layer1(self.stem(image))
        x = self.aspp(self.layer3(self.layer2(low_level_feat)))
        x = F.interpolate(x, size=low_level_feat.size()[2:], mode="bilinear", align_corners=True)
        x = self.last_conv(torch.cat((x, self.reduce(low_level_feat)), dim=1))
        return F.interpolate(x, size=image.size()[2:], mode="bilinear", align_corners=True)


CASES = (
    Case(
        "repvgg_branches",
        build=RepVGG,
        example=lambda: call(floats(2, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(3, 3, 48, 32)),
            call(x=floats(1, 3, 16, 64)),
            call(floats(2, 3, 40, 40)),
            call(floats(5, 3, 64, 16)),
            call(torch.zeros(1, 3, 96, 64)),
        ],
        bad=lambda: [
            raises("grey", floats(2, 1, 32, 32)),
            raises("with alpha", floats(2, 4, 32, 32)),
            raises("channels last", floats(2, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a clip", floats(1, 2, 3, 32, 32)),
            raises("no rows", floats(1, 3, 0, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("float16", floats(1, 3, 32, 32).half()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("two pictures", floats(1, 3, 32, 32), floats(1, 3, 32, 32)),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
    Case(
        "ghostnet_grey",
        build=GhostNet,
        example=lambda: call(floats(4, 1, 28, 28)),
        good=lambda: [
            call(floats(1, 1, 28, 28)),
            call(floats(3, 1, 32, 48)),
            call(x=floats(2, 1, 64, 16)),
            call(floats(1, 1, 40, 40)),
            call(floats(7, 1, 16, 16)),
            call(torch.zeros(1, 1, 28, 56)),
        ],
        bad=lambda: [
            raises("colours", floats(2, 3, 28, 28)),
            raises("channels last", floats(2, 28, 28, 1)),
            raises("no channel axis", floats(2, 28, 28)),
            raises("no batch axis", floats(1, 28, 28)),
            raises("a clip", floats(1, 2, 1, 28, 28)),
            raises("no columns", floats(1, 1, 28, 0)),
            raises("float64", floats(1, 1, 28, 28).double()),
            raises("int64", ids(1, 1, 28, 28, below=256)),
            raises("bytes", ids(1, 1, 28, 28, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 28, 28))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 1, 28, 28))),
            raises("a list of pictures", [floats(1, 28, 28)]),
            raises("nothing"),
        ],
    ),
    Case(
        "segnet_unpooling",
        build=SegNet,
        example=lambda: call(floats(2, 3, 32, 48)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(3, 3, 8, 16)),
            call(x=floats(1, 3, 40, 24)),
            call(floats(2, 3, 64, 8)),
            call(floats(4, 3, 16, 56)),
            call(torch.zeros(1, 3, 24, 24)),
        ],
        bad=lambda: [
            raises("4 x 32", floats(1, 3, 4, 32)),
            raises("32 x 7", floats(1, 3, 32, 7)),
            raises("one pixel", floats(1, 3, 1, 1)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("with alpha", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a clip", floats(1, 2, 3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
    Case(
        "deeplab_dilations",
        build=DeepLab,
        example=lambda: call(floats(1, 3, 64, 64)),
        good=lambda: [
            call(floats(2, 3, 32, 32)),
            call(floats(1, 3, 32, 64)),
            call(image=floats(3, 3, 48, 16)),
            call(floats(4, 3, 16, 40)),
            call(floats(1, 3, 80, 56)),
            call(torch.zeros(2, 3, 24, 24)),
        ],
        bad=lambda: [
            raises("grey", floats(1, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("a clip", floats(1, 2, 3, 64, 64)),
            raises("no rows", floats(1, 3, 0, 64)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("a picture in a dict", {"image": floats(1, 3, 32, 32)}),
            raises("nothing"),
        ],
    ),
)
