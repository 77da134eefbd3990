# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Networks that answer per pixel or voxel, or per level: U-Nets, a detector's heads, a video network."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class UNet(nn.Module):
    def __init__(self, n_channels=3, n_classes=2, width=4):
        super().__init__()
        self.inc = DoubleConv(n_channels, width)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(width, 2 * width))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(2 * width, 4 * width))
        self.down3 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4 * width, 8 * width))
        self.up1 = nn.ConvTranspose2d(8 * width, 4 * width, 2, stride=2)
        self.conv1 = DoubleConv(8 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.conv2 = DoubleConv(4 * width, 2 * width)
        self.up3 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.conv3 = DoubleConv(2 * width, width)
        self.outc = nn.Conv2d(width, n_classes, 1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.conv1(torch.cat([x3, self.up1(x4)], dim=1))
        x = self.conv2(torch.cat([x2, self.up2(x)], dim=1))
        x = self.conv3(torch.cat([x1, self.up3(x)], dim=1))
        return self.outc(x)


class StackedConvs(nn.Sequential):
    """Instance norm and leaky ReLU after each convolution, as in nnU-Net."""

    def __init__(self, c_in, c_out, stride):
        super().__init__(
            nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1),
            nn.InstanceNorm2d(c_out, affine=True),
            nn.LeakyReLU(0.01),
        )


class PlainConvUNet(nn.Module):
    """A CT slice in, logits per pixel out. The bottleneck is 16 times smaller than the slice."""

    def __init__(self, channels=(4, 8, 8, 8, 8), num_classes=3):
        super().__init__()
        self.stages = nn.ModuleList()
        c_in = 1
        for i, c in enumerate(channels):
            pool = nn.Identity() if i == 0 else nn.MaxPool2d(2)
            self.stages.append(nn.Sequential(pool, StackedConvs(c_in, c, 1)))
            c_in = c
        self.transpconvs = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for skip in reversed(channels[:-1]):
            self.transpconvs.append(nn.ConvTranspose2d(c_in, skip, 2, 2))
            self.decoder.append(StackedConvs(2 * skip, skip, 1))
            c_in = skip
        self.seg_layer = nn.Conv2d(c_in, num_classes, 1)

    def forward(self, x):
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        for up, conv, skip in zip(self.transpconvs, self.decoder, reversed(skips[:-1]), strict=True):
            x = conv(torch.cat((up(x), skip), 1))
        return self.seg_layer(x)


class RetinaHeads(nn.Module):
    """A backbone, a feature pyramid, and heads shared by its levels; returns lists, one tensor per level."""

    def __init__(self, num_anchors=2, num_classes=4, c=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, 2, 1), nn.ReLU(), nn.Conv2d(c, c, 3, 2, 1), nn.ReLU())
        self.c3 = nn.Sequential(nn.Conv2d(c, c, 3, 2, 1), nn.ReLU())
        self.c4 = nn.Sequential(nn.Conv2d(c, c, 3, 2, 1), nn.ReLU())
        self.lateral3 = nn.Conv2d(c, c, 1)
        self.lateral4 = nn.Conv2d(c, c, 1)
        self.cls_head = nn.Conv2d(c, num_anchors * num_classes, 3, padding=1)
        self.box_head = nn.Conv2d(c, num_anchors * 4, 3, padding=1)

    def forward(self, image):
        c3 = self.c3(self.stem(image))
        c4 = self.c4(c3)
        p4 = self.lateral4(c4)
        p3 = self.lateral3(c3) + F.interpolate(p4, size=c3.shape[-2:], mode="nearest")
        levels = [p3, p4]
        return [self.cls_head(p) for p in levels], [self.box_head(p) for p in levels]


class VideoNet(nn.Module):
    """C3D in small: 3-d convolutions over a clip."""

    def __init__(self, num_classes=6):
        super().__init__()
        self.conv1 = nn.Conv3d(3, 8, kernel_size=3, padding=1)
        self.pool1 = nn.MaxPool3d(kernel_size=(1, 2, 2), stride=(1, 2, 2))
        self.conv2 = nn.Conv3d(8, 8, kernel_size=3, padding=1)
        self.pool2 = nn.MaxPool3d(kernel_size=2, stride=2)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, clip):
        x = self.pool1(torch.relu(self.conv1(clip)))
        x = self.pool2(torch.relu(self.conv2(x)))
        x = x.mean(dim=(2, 3, 4))
        return self.fc(x)


CASES = (
    Case(
        "unet_by_8",
        build=UNet,
        example=lambda: call(floats(1, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(2, 3, 8, 40)),
            call(floats(1, 3, 24, 16)),
            call(floats(3, 3, 32, 32)),
            call(floats(2, 3, 56, 8)),
            call(floats(1, 3, 72, 48)),
        ],
        bad=lambda: [
            raises("12 x 16", floats(1, 3, 12, 16)),
            raises("16 x 20", floats(1, 3, 16, 20)),
            raises("9 x 8", floats(1, 3, 9, 8)),
            raises("33 x 33", floats(1, 3, 33, 33)),
            raises("4 x 4", floats(1, 3, 4, 4)),
            raises("one channel", floats(1, 1, 16, 16)),
            raises("channels last", floats(1, 16, 16, 3)),
            raises("no batch axis", floats(3, 16, 16)),
            raises("float64", floats(1, 3, 16, 16, dtype=torch.float64)),
            raises("uint8", ids(1, 3, 16, 16, below=256).to(torch.uint8)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 16, 16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 16, 16))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 16, 16))),
            raises("a list", [floats(3, 16, 16)]),
        ],
    ),
    Case(
        "unet_by_16_instance_norm",
        build=PlainConvUNet,
        example=lambda: call(floats(2, 1, 64, 64)),
        good=lambda: [
            call(floats(1, 1, 32, 32)),
            call(floats(2, 1, 16, 32)),
            call(floats(1, 1, 48, 16)),
            call(floats(3, 1, 32, 64)),
            call(floats(1, 1, 80, 32)),
            call(floats(5, 1, 48, 48)),
        ],
        bad=lambda: [
            raises("16 x 16, one pixel is left to normalise", floats(2, 1, 16, 16)),
            raises("24 x 32", floats(1, 1, 24, 32)),
            raises("32 x 40", floats(1, 1, 32, 40)),
            raises("33 x 32", floats(1, 1, 33, 32)),
            raises("8 x 64", floats(1, 1, 8, 64)),
            raises("rgb", floats(1, 3, 32, 32)),
            raises("a volume", floats(1, 1, 32, 32, 32)),
            raises("no channel axis", floats(2, 32, 32)),
            raises("int16 pixels", ids(1, 1, 32, 32, below=1000).to(torch.int16)),
            raises("float64", floats(1, 1, 32, 32, dtype=torch.float64)),
            raises("empty batch", floats(0, 1, 32, 32)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 32, 32))),
        ],
    ),
    Case(
        "detector_heads",
        build=RetinaHeads,
        example=lambda: call(floats(1, 3, 128, 96)),
        good=lambda: [
            call(floats(1, 3, 64, 64)),
            call(floats(2, 3, 33, 65)),
            call(floats(1, 3, 1, 1)),
            call(floats(1, 3, 100, 31)),
            call(floats(3, 3, 16, 8)),
            call(floats(1, 3, 7, 120)),
        ],
        bad=lambda: [
            raises("grey", floats(1, 1, 64, 64)),
            raises("alpha channel", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("a list of images", [floats(3, 64, 64), floats(3, 64, 64)]),
            raises("a matrix", floats(64, 64)),
            raises("float64", floats(1, 3, 64, 64, dtype=torch.float64)),
            raises("uint8", ids(1, 3, 64, 64, below=256).to(torch.uint8)),
            raises("zero height", floats(1, 3, 0, 64)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 64, 64)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 64, 64))),
            raises("targets too", floats(1, 3, 64, 64), [{"boxes": floats(2, 4)}]),
        ],
    ),
    Case(
        "video_conv3d",
        build=VideoNet,
        example=lambda: call(floats(1, 3, 8, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 2, 4, 4)),
            call(floats(2, 3, 3, 8, 5)),
            call(floats(1, 3, 8, 16, 16)),
            call(floats(3, 3, 4, 6, 12)),
            call(floats(1, 3, 16, 4, 24)),
            call(floats(2, 3, 5, 32, 32)),
        ],
        bad=lambda: [
            raises("one frame", floats(1, 3, 1, 16, 16)),
            raises("height 3", floats(1, 3, 4, 3, 16)),
            raises("width 1", floats(1, 3, 4, 16, 1)),
            raises("frames before channels", floats(1, 8, 3, 16, 16)),
            raises("one channel", floats(1, 1, 4, 16, 16)),
            raises("no batch axis", floats(3, 4, 16, 16)),
            raises("an image", floats(3, 16, 16)),
            raises("channels last", floats(1, 4, 16, 16, 3)),
            raises("float64", floats(1, 3, 4, 16, 16, dtype=torch.float64)),
            raises("uint8", ids(1, 3, 4, 16, 16, below=256).to(torch.uint8)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 4, 16, 16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 4, 16, 16))),
        ],
    ),
)
