# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Pictures from pictures: a painter with several styles, Real-ESRGAN that doubles, disparity from a stereo pair."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class ConvLayer(nn.Module):
    def __init__(self, cin, cout, kernel_size, stride=1):
        super().__init__()
        self.reflection_pad = nn.ReflectionPad2d(kernel_size // 2)
        self.conv2d = nn.Conv2d(cin, cout, kernel_size, stride)

    def forward(self, x):
        return self.conv2d(self.reflection_pad(x))


class UpsampleConvLayer(nn.Module):
    def __init__(self, cin, cout, kernel_size, upsample):
        super().__init__()
        self.upsample = upsample
        self.reflection_pad = nn.ReflectionPad2d(kernel_size // 2)
        self.conv2d = nn.Conv2d(cin, cout, kernel_size)

    def forward(self, x):
        x = F.interpolate(x, mode="nearest", scale_factor=self.upsample)
        return self.conv2d(self.reflection_pad(x))


class ConditionalInstanceNorm2d(nn.Module):
    """A scale and a shift per style."""

    def __init__(self, channels, styles):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels, affine=False)
        self.embed = nn.Embedding(styles, 2 * channels)
        nn.init.normal_(self.embed.weight, 1.0, 0.02)

    def forward(self, x, style):
        gamma, beta = self.embed(style).unsqueeze(-1).unsqueeze(-1).chunk(2, dim=1)
        return gamma * self.norm(x) + beta


class StyledResidual(nn.Module):
    def __init__(self, channels, styles):
        super().__init__()
        self.conv1, self.conv2 = ConvLayer(channels, channels, 3), ConvLayer(channels, channels, 3)
        self.in1, self.in2 = (ConditionalInstanceNorm2d(channels, styles) for _ in range(2))

    def forward(self, x, style):
        out = F.relu(self.in1(self.conv1(x), style))
        return self.in2(self.conv2(out), style) + x


class StylePainter(nn.Module):
    """Johnson's network, with one set of norms for each of several paintings."""

    def __init__(self, styles=6):
        super().__init__()
        self.conv1, self.in1 = ConvLayer(3, 6, 9), ConditionalInstanceNorm2d(6, styles)
        self.conv2, self.in2 = ConvLayer(6, 8, 3, stride=2), ConditionalInstanceNorm2d(8, styles)
        self.conv3, self.in3 = ConvLayer(8, 12, 3, stride=2), ConditionalInstanceNorm2d(12, styles)
        self.residuals = nn.ModuleList([StyledResidual(12, styles) for _ in range(2)])
        self.deconv1, self.in4 = UpsampleConvLayer(12, 8, 3, 2), ConditionalInstanceNorm2d(8, styles)
        self.deconv2, self.in5 = UpsampleConvLayer(8, 6, 3, 2), ConditionalInstanceNorm2d(6, styles)
        self.deconv3 = ConvLayer(6, 3, 9)

    def forward(self, image, style):
        y = F.relu(self.in1(self.conv1(image), style))
        y = F.relu(self.in2(self.conv2(y), style))
        y = F.relu(self.in3(self.conv3(y), style))
        for residual in self.residuals:
            y = residual(y, style)
        y = F.relu(self.in4(self.deconv1(y), style))
        y = F.relu(self.in5(self.deconv2(y), style))
        return torch.sigmoid(self.deconv3(y))


class ResidualDenseBlock(nn.Module):
    def __init__(self, num_feat=8, num_grow_ch=4):
        super().__init__()
        f, g = num_feat, num_grow_ch
        self.conv1, self.conv2 = nn.Conv2d(f, g, 3, 1, 1), nn.Conv2d(f + g, g, 3, 1, 1)
        self.conv3 = nn.Conv2d(f + 2 * g, f, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2, inplace=True)

    def forward(self, x):
        x1 = self.lrelu(self.conv1(x))
        x2 = self.lrelu(self.conv2(torch.cat((x, x1), 1)))
        return self.conv3(torch.cat((x, x1, x2), 1)) * 0.2 + x


class RRDB(nn.Module):
    def __init__(self, num_feat, num_grow_ch):
        super().__init__()
        self.rdb1, self.rdb2 = (ResidualDenseBlock(num_feat, num_grow_ch) for _ in range(2))

    def forward(self, x):
        return self.rdb2(self.rdb1(x)) * 0.2 + x


class RRDBNet(nn.Module):
    """Real-ESRGAN. To double a picture, it is folded by two first and then enlarged four times."""

    def __init__(self, num_in_ch=3, num_out_ch=3, scale=2, num_feat=8, num_block=2, num_grow_ch=4):
        super().__init__()
        self.scale = scale
        if scale == 2:
            num_in_ch = num_in_ch * 4
        self.conv_first = nn.Conv2d(num_in_ch, num_feat, 3, 1, 1)
        self.body = nn.Sequential(*[RRDB(num_feat, num_grow_ch) for _ in range(num_block)])
        self.conv_body = nn.Conv2d(num_feat, num_feat, 3, 1, 1)
        self.conv_up1, self.conv_up2 = (nn.Conv2d(num_feat, num_feat, 3, 1, 1) for _ in range(2))
        self.conv_hr, self.conv_last = nn.Conv2d(num_feat, num_feat, 3, 1, 1), nn.Conv2d(num_feat, num_out_ch, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2, inplace=True)

    def forward(self, x):
        feat = F.pixel_unshuffle(x, 2) if self.scale == 2 else x
        feat = self.conv_first(feat)
        feat = feat + self.conv_body(self.body(feat))
        feat = self.lrelu(self.conv_up1(F.interpolate(feat, scale_factor=2, mode="nearest")))
        feat = self.lrelu(self.conv_up2(F.interpolate(feat, scale_factor=2, mode="nearest")))
        return self.conv_last(self.lrelu(self.conv_hr(feat)))


def convbn(cin, cout, stride=1):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


def convbn_3d(cin, cout, stride=1):
    return nn.Sequential(nn.Conv3d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm3d(cout), nn.ReLU())


class StereoNet(nn.Module):
    """Compares the left picture with the right one, shifted; the disparity is the soft argmin of the cost."""

    def __init__(self, maxdisp=32, channels=6):
        super().__init__()
        self.maxdisp = maxdisp
        self.feature_extraction = nn.Sequential(convbn(3, channels, 2), convbn(channels, channels, 2))
        self.dres0 = convbn_3d(2 * channels, 8)
        self.down1, self.down2 = convbn_3d(8, 12, 2), convbn_3d(12, 12, 2)
        self.up2 = nn.ConvTranspose3d(12, 12, 3, stride=2, padding=1, output_padding=1)
        self.up1 = nn.ConvTranspose3d(12, 8, 3, stride=2, padding=1, output_padding=1)
        self.classify = nn.Conv3d(8, 1, 3, padding=1)

    def forward(self, left, right):
        ref, target = self.feature_extraction(left), self.feature_extraction(right)
        b, c, h, w = ref.shape
        cost = ref.new_zeros(b, 2 * c, self.maxdisp // 4, h, w)
        for i in range(self.maxdisp // 4):
            if i > 0:
                cost[:, :c, i, :, i:] = ref[:, :, :, i:]
                cost[:, c:, i, :, i:] = target[:, :, :, :-i]
            else:
                cost[:, :c, i] = ref
                cost[:, c:, i] = target
        cost0 = self.dres0(cost)
        down1 = self.down1(cost0)
        up = F.relu(self.up2(self.down2(down1)) + down1)
        up = F.relu(self.up1(up) + cost0)
        size = [self.maxdisp, left.size(2), left.size(3)]
        cost = F.interpolate(self.classify(up), size, mode="trilinear", align_corners=False).squeeze(1)
        prob = F.softmax(cost, dim=1)
        disparities = torch.arange(self.maxdisp, device=prob.device, dtype=prob.dtype)
        return (prob * disparities.view(1, -1, 1, 1)).sum(1)


def pair(b, h, w):
    return floats(b, 3, h, w), floats(b, 3, h, w)


CASES = (
    Case(
        "painter_with_styles",
        build=StylePainter,
        example=lambda: call(torch.rand(2, 3, 32, 24), torch.tensor([3, 0])),
        good=lambda: [
            call(torch.rand(1, 3, 16, 16), torch.tensor([0])),
            call(torch.rand(3, 3, 24, 40), torch.tensor([5, 1, 2])),
            call(image=torch.rand(1, 3, 64, 12), style=torch.tensor([4])),
            call(torch.rand(2, 3, 8, 20), ids(2, below=6)),
            call(torch.rand(5, 3, 20, 28), style=ids(5, below=6)),
            call(torch.rand(4, 3, 16, 48), torch.tensor([2, 2, 2, 2])),
        ],
        bad=lambda: [
            raises("style 6", torch.rand(1, 3, 32, 24), torch.tensor([6])),
            raises("style -1", torch.rand(1, 3, 32, 24), torch.tensor([-1])),
            raises("three styles for two", torch.rand(2, 3, 32, 24), torch.tensor([0, 1, 2])),
            unmeant("one style for two", Policy.TIE, torch.rand(2, 3, 32, 24), torch.tensor([1])),
            raises("float style", torch.rand(1, 3, 32, 24), torch.rand(1)),
            raises("a style without batch", torch.rand(2, 3, 32, 24), torch.tensor(3)),
            raises("a style as Python int", torch.rand(1, 3, 32, 24), 3),
            unmeant("int32 style", Policy.DTYPE, torch.rand(1, 3, 32, 24), torch.tensor([3], dtype=torch.int32)),
            raises("styles as a column", torch.rand(2, 3, 32, 24), torch.tensor([[1], [2]])),
            raises("4 x 4", torch.rand(1, 3, 4, 4), torch.tensor([1])),
            raises("a width of 3", torch.rand(1, 3, 32, 3), torch.tensor([1])),
            raises("grey", torch.rand(1, 1, 32, 24), torch.tensor([1])),
            raises("with alpha", torch.rand(1, 4, 32, 24), torch.tensor([1])),
            raises("channels last", torch.rand(1, 32, 24, 3), torch.tensor([1])),
            raises("float64", torch.rand(1, 3, 32, 24).double(), torch.tensor([1])),
            raises("bytes", ids(1, 3, 32, 24, below=256).byte(), torch.tensor([1])),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(1, 3, 32, 24)), torch.tensor([1])),
            raises("no style", torch.rand(1, 3, 32, 24)),
        ],
    ),
    Case(
        "real_esrgan_doubles",
        build=RRDBNet,
        example=lambda: call(torch.rand(1, 3, 24, 16)),
        good=lambda: [
            call(torch.rand(2, 3, 2, 2)),
            call(torch.rand(1, 3, 10, 34)),
            call(x=torch.rand(3, 3, 18, 6)),
            call(torch.rand(1, 3, 40, 26)),
            call(torch.rand(4, 3, 14, 14)),
            call(torch.zeros(1, 3, 4, 50)),
        ],
        bad=lambda: [
            raises("an odd height", torch.rand(1, 3, 25, 16)),
            raises("an odd width", torch.rand(2, 3, 24, 17)),
            raises("one row", torch.rand(1, 3, 1, 16)),
            raises("grey", torch.rand(1, 1, 24, 16)),
            raises("with alpha", torch.rand(1, 4, 24, 16)),
            raises("folded already", torch.rand(1, 12, 12, 8)),
            raises("channels last", torch.rand(1, 24, 16, 3)),
            raises("a row of pixels", torch.rand(1, 3, 24)),
            raises("float64", torch.rand(1, 3, 24, 16).double()),
            raises("bytes", ids(1, 3, 24, 16, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(1, 3, 24, 16))),
            unmeant("infinity", Policy.FINITE, with_inf(torch.rand(1, 3, 24, 16))),
            raises("the scale too", torch.rand(1, 3, 24, 16), 2),
            raises("a list of pictures", [torch.rand(3, 24, 16)]),
            raises("nothing"),
        ],
    ),
    Case(
        "stereo_disparity",
        build=StereoNet,
        example=lambda: call(*pair(1, 32, 48)),
        good=lambda: [
            call(*pair(1, 16, 32)),
            call(*pair(2, 48, 64)),
            call(*pair(3, 16, 80)),
            call(*pair(1, 64, 48)),
            call(left=floats(2, 3, 32, 32), right=floats(2, 3, 32, 32)),
            call(torch.rand(4, 3, 16, 48), torch.rand(4, 3, 16, 48)),
        ],
        bad=lambda: [
            raises("a height of 40", *pair(1, 40, 48)),
            raises("a width of 56", *pair(1, 32, 56)),
            raises("33 x 50", *pair(2, 33, 50)),
            raises("the right one narrower", floats(1, 3, 32, 64), floats(1, 3, 32, 48)),
            raises("the right one higher", floats(1, 3, 32, 48), floats(1, 3, 48, 48)),
            raises("two to the left, three to the right", floats(2, 3, 32, 48), floats(3, 3, 32, 48)),
            unmeant("two to the left, one to the right", Policy.TIE, floats(2, 3, 32, 48), floats(1, 3, 32, 48)),
            raises("grey to the right", floats(1, 3, 32, 48), floats(1, 1, 32, 48)),
            raises("channels last", floats(1, 32, 48, 3), floats(1, 32, 48, 3)),
            raises("no batch axes", floats(3, 32, 48), floats(3, 32, 48)),
            raises("float64", *(picture.double() for picture in pair(1, 32, 48))),
            raises("bytes to the right", floats(1, 3, 32, 48), ids(1, 3, 32, 48, below=256).byte()),
            unmeant("nan to the left", Policy.FINITE, with_nan(floats(1, 3, 32, 48)), floats(1, 3, 32, 48)),
            unmeant("nan to the right", Policy.FINITE, floats(1, 3, 32, 48), with_nan(floats(1, 3, 32, 48))),
            raises("both in one", torch.cat(pair(1, 32, 48), dim=1)),
            raises("as a tuple", pair(1, 32, 48)),
            raises("left only", floats(1, 3, 32, 48)),
        ],
    ),
)
