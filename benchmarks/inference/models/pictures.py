# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Image models: an encoder-decoder by 32, ConvNeXt, super-resolution, a siamese network."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class ConvBNReLU(nn.Sequential):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__(nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


class SegmentationModel(nn.Module):
    """An encoder of stride 32 and a decoder with skips; says so itself when a size does not fit."""

    output_stride = 32

    def __init__(self, in_channels=3, classes=1, c=6):
        super().__init__()
        self.encoder = nn.ModuleList([ConvBNReLU(in_channels if i == 0 else c, c, 2) for i in range(5)])
        self.decoder = nn.ModuleList([ConvBNReLU(2 * c, c) for _ in range(4)])
        self.segmentation_head = nn.Conv2d(c, classes, 3, padding=1)

    def check_input_shape(self, x):
        h, w = x.shape[-2:]
        if h % self.output_stride != 0 or w % self.output_stride != 0:
            raise RuntimeError(
                f"Wrong input shape height={h}, width={w}. Expected image height and width divisible by "
                f"{self.output_stride}."
            )

    def forward(self, x):
        self.check_input_shape(x)
        features = []
        for stage in self.encoder:
            x = stage(x)
            features.append(x)
        x = features.pop()
        for block in self.decoder:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, features.pop()], dim=1))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.segmentation_head(x)


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = nn.Conv2d(dim, 2 * dim, 1)
        self.pwconv2 = nn.Conv2d(2 * dim, dim, 1)

    def forward(self, x):
        return x + self.pwconv2(F.gelu(self.pwconv1(self.norm(self.dwconv(x)))))


class ConvNeXt(nn.Module):
    """A patchify stem of 4, then stages with a convolution of stride 2 between them."""

    def __init__(self, dims=(8, 12, 16), num_classes=5):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), LayerNorm2d(dims[0]))
        self.stages = nn.Sequential(
            ConvNeXtBlock(dims[0]),
            LayerNorm2d(dims[0]), nn.Conv2d(dims[0], dims[1], 2, 2), ConvNeXtBlock(dims[1]),
            LayerNorm2d(dims[1]), nn.Conv2d(dims[1], dims[2], 2, 2), ConvNeXtBlock(dims[2]),
        )  # fmt: skip
        self.norm = nn.LayerNorm(dims[-1])
        self.head = nn.Linear(dims[-1], num_classes)

    def forward(self, x):
        x = self.stages(self.stem(x))
        return self.head(self.norm(x.mean([-2, -1])))


class ESPCN(nn.Module):
    """Enlarges an image by 3: the luminance in, residual over bicubic."""

    def __init__(self, upscale_factor=3):
        super().__init__()
        self.upscale_factor = upscale_factor
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 8, 3, padding=1)
        self.conv3 = nn.Conv2d(8, upscale_factor**2, 3, padding=1)
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)

    def forward(self, lr):
        x = torch.tanh(self.conv1(lr))
        x = torch.tanh(self.conv2(x))
        base = F.interpolate(lr, scale_factor=self.upscale_factor, mode="bicubic", align_corners=False)
        return base + self.pixel_shuffle(self.conv3(x))


class SiameseNetwork(nn.Module):
    """Are these two signatures by the same hand? 40 x 30 pixels each."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU()
        )
        self.fc = nn.Sequential(nn.Linear(8 * 20 * 15, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward_once(self, x):
        output = self.cnn(x)
        output = output.view(output.size(0), -1)
        return self.fc(output)

    def forward(self, input1, input2):
        return F.pairwise_distance(self.forward_once(input1), self.forward_once(input2))


CASES = (
    Case(
        "segmentation_by_32",
        build=SegmentationModel,
        example=lambda: call(floats(1, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 32, 96)),
            call(floats(1, 3, 64, 32)),
            call(floats(3, 3, 64, 64)),
            call(floats(1, 3, 160, 32)),
            call(floats(2, 3, 96, 128)),
        ],
        bad=lambda: [
            raises("16 x 32", floats(1, 3, 16, 32)),
            raises("48 x 64", floats(1, 3, 48, 64)),
            raises("33 x 32", floats(1, 3, 33, 32)),
            raises("64 x 31", floats(1, 3, 64, 31)),
            raises("1 x 1", floats(1, 3, 1, 1)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("uint8", ids(1, 3, 32, 32, below=256).to(torch.uint8)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
        ],
    ),
    Case(
        "convnext",
        build=ConvNeXt,
        example=lambda: call(floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 16, 16)),
            call(floats(2, 3, 20, 16)),
            call(floats(1, 3, 32, 64)),
            call(floats(3, 3, 36, 28)),
            call(floats(1, 3, 100, 24)),
            call(floats(5, 3, 48, 48)),
        ],
        bad=lambda: [
            raises("12 x 16", floats(1, 3, 12, 16)),
            raises("15 x 32", floats(1, 3, 15, 32)),
            raises("32 x 3", floats(1, 3, 32, 3)),
            unmeant("18 x 16, cropped", Policy.REMAINDER, floats(1, 3, 18, 16)),
            unmeant("32 x 33, cropped", Policy.REMAINDER, floats(1, 3, 32, 33)),
            raises("one channel", floats(1, 1, 32, 32)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float16", floats(1, 3, 32, 32).half()),
            raises("int64", ids(1, 3, 32, 32, below=256)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 32, 32)),
        ],
    ),
    Case(
        "super_resolution",
        build=ESPCN,
        example=lambda: call(floats(1, 1, 17, 17)),
        good=lambda: [
            call(floats(1, 1, 1, 1)),
            call(floats(2, 1, 3, 5)),
            call(floats(1, 1, 24, 24)),
            call(floats(4, 1, 9, 31)),
            call(floats(1, 1, 50, 2)),
            call(lr=floats(3, 1, 11, 11)),
        ],
        bad=lambda: [
            raises("rgb", floats(1, 3, 24, 24)),
            raises("two channels", floats(1, 2, 24, 24)),
            raises("channels last", floats(1, 24, 24, 1)),
            raises("no channel axis", floats(2, 24, 24)),
            raises("no batch axis", floats(1, 24, 24)),
            raises("float64", floats(1, 1, 24, 24).double()),
            raises("uint8", ids(1, 1, 24, 24, below=256).to(torch.uint8)),
            raises("zero width", floats(1, 1, 24, 0)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 24, 24))),
            raises("a list", [floats(1, 1, 24, 24)]),
            raises("scale too", floats(1, 1, 24, 24), 2),
        ],
    ),
    Case(
        "siamese_signatures",
        build=SiameseNetwork,
        example=lambda: call(floats(2, 1, 40, 30), floats(2, 1, 40, 30)),
        good=lambda: (
            [call(floats(n, 1, 40, 30), floats(n, 1, 40, 30)) for n in (1, 2, 3, 7, 20)]
            + [call(input1=floats(4, 1, 40, 30), input2=floats(4, 1, 40, 30))]
        ),
        bad=lambda: [
            raises("30 x 40 beside 40 x 40", floats(2, 1, 30, 40), floats(2, 1, 40, 40)),
            raises("38 x 30", floats(2, 1, 38, 30), floats(2, 1, 38, 30)),
            raises("80 x 60", floats(2, 1, 80, 60), floats(2, 1, 80, 60)),
            unmeant("30 x 40, as many features", Policy.SHAPE, floats(2, 1, 30, 40), floats(2, 1, 30, 40)),
            raises("batches differ", floats(2, 1, 40, 30), floats(3, 1, 40, 30)),
            unmeant("one beside two", Policy.TIE, floats(2, 1, 40, 30), floats(1, 1, 40, 30)),
            raises("rgb", floats(2, 3, 40, 30), floats(2, 3, 40, 30)),
            raises("no batch axes", floats(1, 40, 30), floats(1, 40, 30)),
            raises("only one", floats(2, 1, 40, 30)),
            raises("a pair", (floats(2, 1, 40, 30), floats(2, 1, 40, 30))),
            raises("float64", floats(2, 1, 40, 30).double(), floats(2, 1, 40, 30).double()),
            unmeant("nan in the second", Policy.FINITE, floats(2, 1, 40, 30), with_nan(floats(2, 1, 40, 30))),
            raises("stacked", floats(2, 2, 1, 40, 30)),
        ],
    ),
)
