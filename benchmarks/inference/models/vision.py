# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Image classifiers: convolutions before a flatten or a pooling, vision transformers, a patch mixer."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def conv_block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True), nn.MaxPool2d(2)
    )


class SmallConvNet(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.features = nn.Sequential(conv_block(3, 8), conv_block(8, 16), conv_block(16, 16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(16, num_classes)

    def forward(self, images):
        x = self.features(images)
        x = self.avgpool(x).flatten(1)
        return self.classifier(x)


class LazyNet(nn.Module):
    """Lets a first batch decide the channels and the features, as notebooks do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3, padding=1)
        self.pool = nn.AdaptiveMaxPool2d(4)
        self.fc = nn.LazyLinear(5)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.fc(self.pool(x).flatten(1))


def make_lazy_net():
    model = LazyNet()
    model(torch.zeros(1, 2, 16, 16))
    return model


class VisionTransformer(nn.Module):
    def __init__(self, image_size=32, patch_size=8, dim=32, depth=2, heads=4, num_classes=7):
        super().__init__()
        num_patches = (image_size // patch_size) ** 2
        self.patch_embed = nn.Conv2d(3, dim, kernel_size=patch_size, stride=patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, num_patches + 1, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat([cls, x], dim=1) + self.pos_embed
        x = self.norm(self.encoder(x))
        return self.head(x[:, 0])


class DinoStyleViT(nn.Module):
    """Interpolates its position grid to the image at hand."""

    def __init__(self, grid=4, patch_size=8, dim=24, heads=3):
        super().__init__()
        self.grid = grid
        self.patch_embed = nn.Conv2d(3, dim, patch_size, patch_size)
        self.pos_embed = nn.Parameter(torch.randn(1, grid * grid, dim) * 0.02)
        self.block = nn.TransformerEncoderLayer(dim, heads, 48, batch_first=True)

    def interpolate_pos_encoding(self, h, w):
        if h == self.grid and w == self.grid:
            return self.pos_embed
        pos = self.pos_embed.reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        pos = F.interpolate(pos, size=(h, w), mode="bicubic", align_corners=False)
        return pos.permute(0, 2, 3, 1).reshape(1, h * w, -1)

    def forward(self, pixel_values):
        x = self.patch_embed(pixel_values)
        h, w = x.shape[-2:]
        x = x.flatten(2).transpose(1, 2) + self.interpolate_pos_encoding(h, w)
        x = self.block(x)
        return {"patch_tokens": x, "pooled": x.mean(dim=1)}


class ConvMixer(nn.Module):
    def __init__(self, dim=16, kernel_size=5, patch_size=16, n_classes=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, dim, patch_size, stride=patch_size), nn.GELU(), nn.BatchNorm2d(dim))
        self.depthwise = nn.Sequential(nn.Conv2d(dim, dim, kernel_size, groups=dim, padding="same"), nn.GELU())
        self.pointwise = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GELU())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(dim, n_classes))

    def forward(self, img):
        x = self.stem(img)
        x = x + self.depthwise(x)
        return self.head(self.pointwise(x))


CASES = (
    Case(
        "lenet_flatten",
        build=LeNet,
        example=lambda: call(floats(4, 1, 32, 32)),
        good=lambda: [call(floats(n, 1, 32, 32)) for n in (1, 2, 3, 5, 8, 20)],
        bad=lambda: [
            raises("MNIST size", floats(2, 1, 28, 28)),
            raises("31 x 31", floats(2, 1, 31, 31)),
            raises("36 x 36", floats(2, 1, 36, 36)),
            raises("32 x 64", floats(2, 1, 32, 64)),
            unmeant("33 x 33, last row and column dropped", Policy.REMAINDER, floats(2, 1, 33, 33)),
            unmeant("32 x 35, last columns dropped", Policy.REMAINDER, floats(2, 1, 32, 35)),
            unmeant("16 x 112, as many features", Policy.SHAPE, floats(1, 1, 16, 112)),
            raises("three channels", floats(2, 3, 32, 32)),
            raises("channels last", floats(2, 32, 32, 1)),
            raises("no batch axis", floats(1, 32, 32)),
            raises("no channel axis", floats(2, 32, 32)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 1, 32, 32)),
            raises("uint8 pixels", ids(2, 1, 32, 32, below=256).to(torch.uint8)),
            raises("float64", floats(2, 1, 32, 32, dtype=torch.float64)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 1, 32, 32))),
            raises("a list of images", [floats(1, 32, 32)]),
        ],
    ),
    Case(
        "cnn_adaptive",
        build=SmallConvNet,
        example=lambda: call(floats(1, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(2, 3, 8, 31)),
            call(floats(3, 3, 9, 8)),
            call(floats(1, 3, 64, 64)),
            call(floats(2, 3, 30, 50)),
            call(floats(5, 3, 17, 15)),
            call(floats(1, 3, 11, 160)),
        ],
        bad=lambda: [
            raises("7 x 8", floats(1, 3, 7, 8)),
            raises("8 x 7", floats(1, 3, 8, 7)),
            raises("1 x 1", floats(1, 3, 1, 1)),
            raises("64 x 4", floats(1, 3, 64, 4)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("alpha channel", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("video", floats(1, 3, 4, 32, 32)),
            raises("float16", floats(1, 3, 32, 32, dtype=torch.float16)),
            raises("int64", ids(1, 3, 32, 32, below=256)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 32, 32)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
        ],
    ),
    Case(
        "lazy_first_layer",
        build=make_lazy_net,
        example=lambda: call(floats(2, 2, 16, 16)),
        good=lambda: [
            call(floats(1, 2, 1, 1)),
            call(floats(2, 2, 4, 4)),
            call(floats(3, 2, 16, 16)),
            call(floats(1, 2, 3, 40)),
            call(floats(4, 2, 21, 5)),
            call(floats(7, 2, 10, 10)),
        ],
        bad=lambda: [
            raises("three channels", floats(2, 3, 16, 16)),
            raises("one channel", floats(2, 1, 16, 16)),
            raises("channels last", floats(2, 16, 16, 2)),
            raises("no batch axis", floats(2, 16, 16)),
            raises("a vector", floats(2, 5)),
            raises("zero height", floats(2, 2, 0, 16)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 2, 16, 16)),
            raises("float64", floats(2, 2, 16, 16, dtype=torch.float64)),
            raises("int64", ids(2, 2, 16, 16, below=9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 2, 16, 16))),
            raises("a mask too", floats(2, 2, 16, 16), floats(2, 1, 16, 16)),
        ],
    ),
    Case(
        "vit_fixed",
        build=VisionTransformer,
        example=lambda: call(floats(2, 3, 32, 32)),
        good=lambda: [call(floats(n, 3, 32, 32)) for n in (1, 2, 3, 4, 9, 16)],
        bad=lambda: [
            raises("40 x 40", floats(1, 3, 40, 40)),
            raises("24 x 24", floats(1, 3, 24, 24)),
            raises("224 x 224", floats(1, 3, 224, 224)),
            raises("31 x 32", floats(1, 3, 31, 32)),
            unmeant("33 x 33, cropped", Policy.REMAINDER, floats(1, 3, 33, 33)),
            unmeant("39 x 32, cropped", Policy.REMAINDER, floats(1, 3, 39, 32)),
            unmeant("16 x 64, as many patches", Policy.SHAPE, floats(1, 3, 16, 64)),
            unmeant("64 x 16, as many patches", Policy.SHAPE, floats(1, 3, 64, 16)),
            raises("one channel", floats(1, 1, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32, dtype=torch.float64)),
            raises("uint8", ids(1, 3, 32, 32, below=256).to(torch.uint8)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 3, 32, 32))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 32, 32)),
        ],
    ),
    Case(
        "vit_interpolated",
        build=DinoStyleViT,
        example=lambda: call(floats(1, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(2, 3, 32, 32)),
            call(floats(1, 3, 40, 24)),
            call(floats(3, 3, 16, 64)),
            call(floats(2, 3, 8, 56)),
            call(floats(1, 3, 72, 72)),
        ],
        bad=lambda: [
            unmeant("36 x 32, cropped", Policy.REMAINDER, floats(1, 3, 36, 32)),
            unmeant("32 x 33, cropped", Policy.REMAINDER, floats(1, 3, 32, 33)),
            unmeant("15 x 8, cropped", Policy.REMAINDER, floats(1, 3, 15, 8)),
            raises("7 x 32", floats(1, 3, 7, 32)),
            raises("32 x 4", floats(1, 3, 32, 4)),
            raises("two channels", floats(1, 2, 32, 32)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("bfloat16", floats(1, 3, 32, 32, dtype=torch.bfloat16)),
            raises("int64", ids(1, 3, 32, 32, below=256)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 32, 32)),
            raises("wrong name", images=floats(1, 3, 32, 32)),
        ],
    ),
    Case(
        "patch_mixer",
        build=ConvMixer,
        example=lambda: call(floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 16, 16)),
            call(floats(2, 3, 16, 48)),
            call(floats(1, 3, 64, 64)),
            call(floats(3, 3, 32, 16)),
            call(floats(5, 3, 48, 80)),
            call(floats(1, 3, 112, 16)),
        ],
        bad=lambda: [
            unmeant("17 x 16, cropped", Policy.REMAINDER, floats(1, 3, 17, 16)),
            unmeant("40 x 40, cropped", Policy.REMAINDER, floats(1, 3, 40, 40)),
            unmeant("64 x 31, cropped", Policy.REMAINDER, floats(1, 3, 64, 31)),
            raises("8 x 32", floats(1, 3, 8, 32)),
            raises("15 x 15", floats(1, 3, 15, 15)),
            raises("one channel", floats(1, 1, 32, 32)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32, dtype=torch.float64)),
            raises("int32", ids(1, 3, 32, 32, below=256).int()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 3, 32, 32)),
        ],
    ),
)
