# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Recognition in daily use: Inception v3 without its auxiliary head, ArcFace embeddings, HRNet's poses."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class BasicConv2d(nn.Module):
    def __init__(self, cin, cout, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(cout, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionA(nn.Module):
    def __init__(self, cin, width, pool_features):
        super().__init__()
        self.branch1x1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch5x5_1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch5x5_2 = BasicConv2d(width, width, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch3x3dbl_2 = BasicConv2d(width, width, kernel_size=3, padding=1)
        self.branch_pool = BasicConv2d(cin, pool_features, kernel_size=1)

    def forward(self, x):
        branch5x5 = self.branch5x5_2(self.branch5x5_1(x))
        branch3x3dbl = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branch_pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([self.branch1x1(x), branch5x5, branch3x3dbl, branch_pool], 1)


class InceptionB(nn.Module):
    def __init__(self, cin, width):
        super().__init__()
        self.branch3x3 = BasicConv2d(cin, width, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch3x3dbl_2 = BasicConv2d(width, width, kernel_size=3, stride=2)

    def forward(self, x):
        branch3x3dbl = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat([self.branch3x3(x), branch3x3dbl, F.max_pool2d(x, kernel_size=3, stride=2)], 1)


class InceptionC(nn.Module):
    def __init__(self, cin, width):
        super().__init__()
        self.branch1x1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch7x7_1 = BasicConv2d(cin, width, kernel_size=1)
        self.branch7x7_2 = BasicConv2d(width, width, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7_3 = BasicConv2d(width, width, kernel_size=(7, 1), padding=(3, 0))

    def forward(self, x):
        return torch.cat([self.branch1x1(x), self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))], 1)


class Inception3(nn.Module):
    """As torchvision builds it in eval mode, thinner; `transform_input` undoes the normalisation of ImageNet."""

    def __init__(self, num_classes=6, transform_input=True):
        super().__init__()
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = BasicConv2d(3, 4, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(4, 4, kernel_size=3)
        self.Conv2d_2b_3x3 = BasicConv2d(4, 8, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = BasicConv2d(8, 8, kernel_size=1)
        self.Conv2d_4a_3x3 = BasicConv2d(8, 12, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = InceptionA(12, 4, 4)
        self.Mixed_6a = InceptionB(16, 6)
        self.Mixed_6b = InceptionC(28, 8)
        self.Mixed_7a = InceptionB(16, 6)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout()
        self.fc = nn.Linear(28, num_classes)

    def _transform_input(self, x):
        if self.transform_input:
            x_ch0 = torch.unsqueeze(x[:, 0], 1) * (0.229 / 0.5) + (0.485 - 0.5) / 0.5
            x_ch1 = torch.unsqueeze(x[:, 1], 1) * (0.224 / 0.5) + (0.456 - 0.5) / 0.5
            x_ch2 = torch.unsqueeze(x[:, 2], 1) * (0.225 / 0.5) + (0.406 - 0.5) / 0.5
            x = torch.cat((x_ch0, x_ch1, x_ch2), 1)
        return x

    def forward(self, x):
        x = self._transform_input(x)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))
        x = self.Mixed_5b(self.maxpool2(x))
        x = self.Mixed_7a(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.dropout(self.avgpool(x))
        return self.fc(torch.flatten(x, 1))


class IBasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inplanes)
        self.conv1 = nn.Conv2d(inplanes, planes, 3, padding=1, bias=False)
        self.bn2, self.prelu = nn.BatchNorm2d(planes), nn.PReLU(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return out + (x if self.downsample is None else self.downsample(x))


class FaceEmbedder(nn.Module):
    """ArcFace's residual network on aligned faces of 64 x 64; the mirrored face is averaged in."""

    def __init__(self, widths=(8, 8, 12, 16), dim=20, side=64):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.prelu = nn.PReLU(8)
        blocks, cin = [], 8
        for width in widths:
            blocks += [IBasicBlock(cin, width, stride=2), IBasicBlock(width, width)]
            cin = width
        self.layers = nn.Sequential(*blocks)
        self.bn2, self.dropout = nn.BatchNorm2d(cin), nn.Dropout(0.4)
        self.fc = nn.Linear(cin * (side // 16) ** 2, dim)
        self.features = nn.BatchNorm1d(dim, eps=1e-05)

    def embed(self, x):
        x = self.layers(self.prelu(self.bn1(self.conv1(x))))
        x = self.dropout(torch.flatten(self.bn2(x), 1))
        return self.features(self.fc(x))

    def forward(self, faces):
        return F.normalize(self.embed(faces) + self.embed(torch.flip(faces, dims=[3])), dim=1)


def conv_bn(cin, cout, stride=1, act=True):
    layers = [nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if act else []))


class FuseLayer(nn.Module):
    """Every branch receives the sum of all branches, brought to its resolution."""

    def __init__(self, channels):
        super().__init__()
        self.paths = nn.ModuleList()
        for i, cout in enumerate(channels):
            for j, cin in enumerate(channels):
                if j > i:
                    up = nn.Upsample(scale_factor=2 ** (j - i), mode="nearest")
                    path = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), up)
                elif j == i:
                    path = nn.Sequential()
                else:
                    downs = [conv_bn(cin, cin, 2) for _ in range(i - j - 1)]
                    path = nn.Sequential(*downs, conv_bn(cin, cout, 2, act=False))
                self.paths.append(path)

    def forward(self, x):
        out = []
        for i in range(len(x)):
            y = self.paths[i * len(x)](x[0])
            for j in range(1, len(x)):
                y = y + self.paths[i * len(x) + j](x[j])
            out.append(F.relu(y))
        return out


class PoseHighResolutionNet(nn.Module):
    """A heat map of a quarter of the picture's size for each joint."""

    def __init__(self, channels=(8, 12, 16), joints=5):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 8, 2), conv_bn(8, 8, 2))
        self.transitions = nn.ModuleList([conv_bn(8, channels[0]), conv_bn(8, channels[1], 2)])
        self.stage2 = nn.ModuleList([conv_bn(c, c) for c in channels[:2]])
        self.fuse2 = FuseLayer(channels[:2])
        self.transition3 = conv_bn(channels[1], channels[2], 2)
        self.stage3 = nn.ModuleList([conv_bn(c, c) for c in channels])
        self.fuse3 = FuseLayer(channels)
        self.final_layer = nn.Conv2d(channels[0], joints, 1)

    def forward(self, x):
        x = self.stem(x)
        xs = [transition(x) for transition in self.transitions]
        xs = self.fuse2([branch(y) for branch, y in zip(self.stage2, xs, strict=True)])
        xs.append(self.transition3(xs[-1]))
        xs = self.fuse3([branch(y) for branch, y in zip(self.stage3, xs, strict=True)])
        return self.final_layer(xs[0])


CASES = (
    Case(
        "inception_without_auxiliary",
        build=Inception3,
        example=lambda: call(floats(2, 3, 91, 91)),
        good=lambda: [
            call(floats(1, 3, 75, 75)),
            call(floats(3, 3, 75, 107)),
            call(x=floats(1, 3, 123, 91)),
            call(floats(2, 3, 83, 75)),
            call(floats(6, 3, 99, 99)),
            call(torch.zeros(1, 3, 139, 83)),
        ],
        bad=lambda: [
            raises("41 x 91", floats(1, 3, 41, 91)),
            raises("91 x 33", floats(1, 3, 91, 33)),
            raises("21 x 21", floats(1, 3, 21, 21)),
            raises("grey", floats(2, 1, 91, 91)),
            unmeant("with alpha, which is never read", Policy.REMAINDER, floats(1, 4, 91, 91)),
            unmeant("an even height", Policy.REMAINDER, floats(1, 3, 92, 91)),
            unmeant("an even width", Policy.REMAINDER, floats(2, 3, 91, 100)),
            unmeant("four rows over", Policy.REMAINDER, floats(1, 3, 97, 91)),
            raises("channels last", floats(1, 91, 91, 3)),
            raises("no batch axis", floats(3, 91, 91)),
            raises("a clip", floats(1, 3, 2, 91, 91)),
            raises("float64", floats(1, 3, 91, 91).double()),
            unmeant("bytes", Policy.DTYPE, ids(1, 3, 91, 91, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 91, 91))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 91, 91))),
            raises("a list of pictures", [floats(3, 91, 91)]),
            raises("nothing"),
        ],
    ),
    Case(
        "arcface_mirrored",
        build=FaceEmbedder,
        example=lambda: call(floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 64, 64)),
            call(floats(3, 3, 64, 64)),
            call(faces=floats(9, 3, 64, 64)),
            call(torch.rand(2, 3, 64, 64) * 2 - 1),
            call(torch.zeros(1, 3, 64, 64)),
            call(faces=floats(5, 3, 64, 64)),
        ],
        bad=lambda: [
            raises("112 x 112", floats(1, 3, 112, 112)),
            raises("48 x 48", floats(1, 3, 48, 48)),
            raises("64 x 80", floats(1, 3, 64, 80)),
            unmeant("32 x 128, as many features", Policy.SHAPE, floats(1, 3, 32, 128)),
            raises("grey", floats(2, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("pairs of faces", floats(2, 2, 3, 64, 64)),
            raises("float64", floats(1, 3, 64, 64).double()),
            raises("bytes", ids(1, 3, 64, 64, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 64, 64))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 64, 64))),
            raises("two faces apart", floats(1, 3, 64, 64), floats(1, 3, 64, 64)),
            raises("a list of faces", [floats(3, 64, 64)]),
            raises("nothing"),
        ],
    ),
    Case(
        "hrnet_pose",
        build=PoseHighResolutionNet,
        example=lambda: call(floats(2, 3, 64, 48)),
        good=lambda: [
            call(floats(1, 3, 64, 48)),
            call(floats(3, 3, 32, 32)),
            call(x=floats(1, 3, 96, 64)),
            call(floats(2, 3, 16, 80)),
            call(floats(5, 3, 48, 16)),
            call(torch.zeros(1, 3, 128, 96)),
        ],
        bad=lambda: [
            raises("a height of 68", floats(1, 3, 68, 48)),
            raises("a width of 56", floats(1, 3, 64, 56)),
            raises("50 x 50", floats(2, 3, 50, 50)),
            raises("24 x 24", floats(1, 3, 24, 24)),
            raises("grey", floats(2, 1, 64, 48)),
            raises("with alpha", floats(1, 4, 64, 48)),
            raises("channels last", floats(1, 64, 48, 3)),
            raises("no batch axis", floats(3, 64, 48)),
            raises("a clip", floats(1, 2, 3, 64, 48)),
            raises("float64", floats(1, 3, 64, 48).double()),
            raises("bytes", ids(1, 3, 64, 48, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 64, 48))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 64, 48))),
            raises("a list of pictures", [floats(3, 64, 48)]),
            raises("nothing"),
        ],
    ),
)
