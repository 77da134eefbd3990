# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Sound and volumes: a spectrogram network, a causal network with weight norm, strided convolutions, a 3-d U-Net."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class SoundClassifier(nn.Module):
    """Waveform in; log power spectrogram, convolutions, classes."""

    def __init__(self, n_fft=64, hop_length=32, num_classes=6):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.register_buffer("window", torch.hann_window(n_fft))
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.fc = nn.Linear(8, num_classes)

    def forward(self, waveform):
        spec = torch.stft(
            waveform, self.n_fft, hop_length=self.hop_length, window=self.window, center=True, return_complex=True
        )
        x = torch.log1p(spec.abs().pow(2)).unsqueeze(1)
        return self.fc(self.conv(x).mean(dim=(2, 3)))


class Chomp1d(nn.Module):
    def __init__(self, chomp_size):
        super().__init__()
        self.chomp_size = chomp_size

    def forward(self, x):
        return x[:, :, : -self.chomp_size].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, n_inputs, n_outputs, dilation, kernel_size=3):
        super().__init__()
        padding = (kernel_size - 1) * dilation
        self.net = nn.Sequential(
            weight_norm(nn.Conv1d(n_inputs, n_outputs, kernel_size, padding=padding, dilation=dilation)),
            Chomp1d(padding),
            nn.ReLU(),
            nn.Dropout(0.2),
        )
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None

    def forward(self, x):
        res = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.net(x) + res)


class TCN(nn.Module):
    """Reads [batch, time, features] and predicts the next value at every step."""

    def __init__(self, input_size=4, channels=(8, 8, 8)):
        super().__init__()
        sizes = [input_size, *channels]
        self.tcn = nn.Sequential(*[TemporalBlock(sizes[i], sizes[i + 1], 2**i) for i in range(len(channels))])
        self.linear = nn.Linear(channels[-1], 1)

    def forward(self, inputs):
        y = self.tcn(inputs.transpose(1, 2))
        return self.linear(y.transpose(1, 2))


class FeatureExtractor(nn.Module):
    """The strided convolutions of wav2vec in small: 20 times fewer frames than samples."""

    def __init__(self, dim=12):
        super().__init__()
        self.conv_layers = nn.ModuleList(
            [
                nn.Conv1d(1, dim, 10, stride=5, bias=False),
                nn.Conv1d(dim, dim, 2, stride=2, bias=False),
                nn.Conv1d(dim, dim, 2, stride=2, bias=False),
            ]
        )
        self.layer_norm = nn.LayerNorm(dim)
        self.proj = nn.Linear(dim, 7)

    def forward(self, input_values):
        x = input_values[:, None]
        for conv in self.conv_layers:
            x = nn.functional.gelu(conv(x))
        return self.proj(self.layer_norm(x.transpose(1, 2)))


class Block3d(nn.Sequential):
    def __init__(self, c_in, c_out, stride):
        super().__init__(
            nn.Conv3d(c_in, c_out, 3, stride, 1), nn.InstanceNorm3d(c_out, affine=True), nn.LeakyReLU(0.01)
        )


class DynUNet3d(nn.Module):
    """Four MRI sequences in, three tumour regions out."""

    def __init__(self, in_channels=4, out_channels=3, filters=(4, 6, 8)):
        super().__init__()
        self.input_block = Block3d(in_channels, filters[0], 1)
        self.down1 = Block3d(filters[0], filters[1], 2)
        self.down2 = Block3d(filters[1], filters[2], 2)
        self.up2 = nn.ConvTranspose3d(filters[2], filters[1], 2, 2)
        self.dec2 = Block3d(2 * filters[1], filters[1], 1)
        self.up1 = nn.ConvTranspose3d(filters[1], filters[0], 2, 2)
        self.dec1 = Block3d(2 * filters[0], filters[0], 1)
        self.output_block = nn.Conv3d(filters[0], out_channels, 1)

    def forward(self, x):
        x0 = self.input_block(x)
        x1 = self.down1(x0)
        x2 = self.down2(x1)
        x = self.dec2(torch.cat((self.up2(x2), x1), dim=1))
        x = self.dec1(torch.cat((self.up1(x), x0), dim=1))
        return self.output_block(x)


CASES = (
    Case(
        "spectrogram_cnn",
        build=SoundClassifier,
        example=lambda: call(floats(1, 1600)),
        good=lambda: [
            call(floats(1, 33)),
            call(floats(2, 64)),
            call(floats(3, 100)),
            call(floats(1, 1600)),
            call(floats(5, 257)),
            call(waveform=floats(2, 800)),
        ],
        bad=lambda: [
            raises("32 samples, too few to reflect", floats(1, 32)),
            raises("one sample", floats(1, 1)),
            raises("no batch axis", floats(1600)),
            raises("with a channel axis", floats(1, 1, 1600)),
            raises("float64", floats(1, 1600).double()),
            raises("int16", ids(1, 1600, below=99).to(torch.int16)),
            raises("int64", ids(1, 1600, below=99)),
            raises("empty batch", floats(0, 1600)),
            raises("sample rate too", floats(1, 1600), 16000),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1600))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 1600))),
            raises("python list", [[0.0] * 1600]),
        ],
    ),
    Case(
        "tcn_weight_norm",
        build=TCN,
        example=lambda: call(floats(2, 30, 4)),
        good=lambda: [
            call(floats(1, 1, 4)),
            call(floats(2, 7, 4)),
            call(floats(1, 100, 4)),
            call(floats(3, 2, 4)),
            call(floats(9, 16, 4)),
            call(inputs=floats(4, 5, 4)),
        ],
        bad=lambda: [
            raises("features first", floats(2, 4, 30)),
            raises("3 features", floats(2, 30, 3)),
            raises("5 features", floats(2, 30, 5)),
            raises("no batch axis", floats(30, 4)),
            raises("an axis too many", floats(2, 1, 30, 4)),
            raises("float64", floats(2, 30, 4).double()),
            raises("int64", ids(2, 30, 4, below=9)),
            raises("no steps", floats(2, 0, 4)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 30, 4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 30, 4))),
            raises("None", None),
        ],
    ),
    Case(
        "wav2vec_features",
        build=FeatureExtractor,
        example=lambda: call(floats(1, 425)),
        good=lambda: [
            call(floats(1, 25)),
            call(floats(2, 45)),
            call(floats(3, 105)),
            call(floats(1, 425)),
            call(floats(6, 65)),
            call(input_values=floats(2, 1005)),
        ],
        bad=lambda: [
            raises("24 samples", floats(1, 24)),
            raises("one sample", floats(1, 1)),
            raises("no batch axis", floats(425)),
            raises("with a channel axis", floats(1, 1, 425)),
            raises("stereo", floats(1, 2, 425)),
            raises("float64", floats(1, 425).double()),
            raises("float16", floats(1, 425).half()),
            raises("int16", ids(1, 425, below=99).to(torch.int16)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 425)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 425))),
            raises("mask too", floats(1, 425), attention_mask=torch.ones(1, 425)),
        ],
    ),
    Case(
        "dynunet_3d",
        build=DynUNet3d,
        example=lambda: call(floats(1, 4, 16, 16, 16)),
        good=lambda: [
            call(floats(1, 4, 8, 8, 8)),
            call(floats(2, 4, 4, 8, 4)),
            call(floats(1, 4, 16, 4, 12)),
            call(floats(1, 4, 20, 8, 8)),
            call(floats(3, 4, 8, 12, 4)),
            call(floats(1, 4, 16, 16, 16)),
        ],
        bad=lambda: [
            raises("4 x 4 x 4, one voxel is left to normalise", floats(1, 4, 4, 4, 4)),
            raises("depth 6", floats(1, 4, 6, 8, 8)),
            raises("height 10", floats(1, 4, 8, 10, 8)),
            raises("width 9", floats(1, 4, 8, 8, 9)),
            raises("width 2", floats(1, 4, 8, 8, 2)),
            raises("one sequence", floats(1, 1, 8, 8, 8)),
            raises("sequences last", floats(1, 8, 8, 8, 4)),
            raises("no batch axis", floats(4, 8, 8, 8)),
            raises("a slice", floats(1, 4, 8, 8)),
            raises("float64", floats(1, 4, 8, 8, 8).double()),
            raises("int16", ids(1, 4, 8, 8, 8, below=99).to(torch.int16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 4, 8, 8, 8))),
        ],
    ),
)
