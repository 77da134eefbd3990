# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Sound: Conv-TasNet, M5 on raw waveforms, Deep Speech with lengths, a WaveNet conditioned on mel frames."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class GlobalLayerNorm(nn.Module):
    def __init__(self, dim, eps=1e-8):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim, 1))
        self.bias = nn.Parameter(torch.zeros(dim, 1))
        self.eps = eps

    def forward(self, x):
        mean = torch.mean(x, (1, 2), keepdim=True)
        var = torch.mean((x - mean) ** 2, (1, 2), keepdim=True)
        return self.weight * (x - mean) / torch.sqrt(var + self.eps) + self.bias


class Conv1D_Block(nn.Module):
    def __init__(self, in_channels=8, out_channels=12, dilation=1):
        super().__init__()
        self.conv1x1 = nn.Conv1d(in_channels, out_channels, 1)
        self.prelu1 = nn.PReLU()
        self.norm1 = GlobalLayerNorm(out_channels)
        self.dwconv = nn.Conv1d(out_channels, out_channels, 3, padding=dilation, dilation=dilation, groups=out_channels)
        self.sc_conv = nn.Conv1d(out_channels, in_channels, 1)

    def forward(self, x):
        w = self.norm1(self.prelu1(self.conv1x1(x)))
        return self.sc_conv(self.dwconv(w)) + x


class ConvTasNet(nn.Module):
    """Separates a mixture [batch, samples] into its speakers."""

    def __init__(self, N=12, L=16, B=8, num_spks=2):
        super().__init__()
        self.encoder = nn.Conv1d(1, N, L, stride=L // 2)
        self.LayerN_S = GlobalLayerNorm(N)
        self.BottleN_S = nn.Conv1d(N, B, 1)
        self.separation = nn.Sequential(*[Conv1D_Block(B, 12, 2**i) for i in range(3)])
        self.gen_masks = nn.Conv1d(B, num_spks * N, 1)
        self.decoder = nn.ConvTranspose1d(N, 1, L, stride=L // 2)
        self.num_spks = num_spks

    def forward(self, x):
        if x.dim() >= 3:
            raise RuntimeError(f"ConvTasNet accept 1/2D tensor as input, but got {x.dim():d}")
        if x.dim() == 1:
            x = torch.unsqueeze(x, 0)
        w = torch.relu(self.encoder(torch.unsqueeze(x, 1)))
        e = self.separation(self.BottleN_S(self.LayerN_S(w)))
        m = torch.relu(self.gen_masks(e))
        m = torch.chunk(m, chunks=self.num_spks, dim=1)
        d = [w * m[i] for i in range(self.num_spks)]
        return [self.decoder(d[i]).squeeze(1) for i in range(self.num_spks)]


class M5(nn.Module):
    def __init__(self, n_input=1, n_output=10, stride=4, n_channel=8):
        super().__init__()
        self.conv1 = nn.Conv1d(n_input, n_channel, kernel_size=20, stride=stride)
        self.bn1 = nn.BatchNorm1d(n_channel)
        self.pool1 = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(n_channel, n_channel, kernel_size=3)
        self.bn2 = nn.BatchNorm1d(n_channel)
        self.pool2 = nn.MaxPool1d(4)
        self.fc1 = nn.Linear(n_channel, n_output)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.pool1(x)
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.pool2(x)
        x = F.avg_pool1d(x, x.shape[-1])
        x = x.permute(0, 2, 1)
        return F.log_softmax(self.fc1(x), dim=2)


class MaskConv(nn.Module):
    """Zeroes what lies behind each sample's end after every layer, so that padding never leaks in."""

    def __init__(self, seq_module):
        super().__init__()
        self.seq_module = seq_module

    def forward(self, x, lengths):
        for module in self.seq_module:
            x = module(x)
            mask = torch.zeros(x.size(), dtype=torch.bool, device=x.device)
            for i, length in enumerate(lengths):
                length = length.item()
                if (mask[i].size(2) - length) > 0:
                    mask[i].narrow(2, length, mask[i].size(2) - length).fill_(1)
            x = x.masked_fill(mask, 0)
        return x, lengths


class DeepSpeech(nn.Module):
    """Spectrograms [batch, 1, frequency, time] with the number of frames of each."""

    def __init__(self, n_freq=16, hidden=10, labels=7):
        super().__init__()
        self.conv = MaskConv(
            nn.ModuleList(
                [
                    nn.Conv2d(1, 3, kernel_size=(5, 11), stride=(1, 2), padding=(2, 5)),
                    nn.BatchNorm2d(3),
                    nn.Hardtanh(0, 20),
                ]
            )
        )
        self.rnn = nn.LSTM(3 * n_freq, hidden, bidirectional=True)
        self.fc = nn.Linear(hidden, labels, bias=False)

    def get_seq_lens(self, input_length):
        return torch.div(input_length - 1, 2, rounding_mode="floor") + 1

    def forward(self, x, lengths):
        lengths = lengths.cpu()
        output_lengths = self.get_seq_lens(lengths)
        x, _ = self.conv(x, output_lengths)
        n, c, f, t = x.size()
        x = x.view(n, c * f, t).permute(2, 0, 1).contiguous()
        x = pack_padded_sequence(x, output_lengths, enforce_sorted=False)
        x, _ = self.rnn(x)
        x, _ = pad_packed_sequence(x)
        x = x.view(x.size(0), x.size(1), 2, -1).sum(2)
        return F.log_softmax(self.fc(x).transpose(0, 1), dim=-1), output_lengths


def lengths(*values):
    return torch.tensor(values)


class WaveNet(nn.Module):
    """Next-sample prediction over 8-bit mu-law codes; the mel frames are stretched to the samples."""

    def __init__(self, n_in_channels=64, n_mel_channels=10, residual=8, n_layers=3, hop_length=8):
        super().__init__()
        self.upsample = nn.ConvTranspose1d(n_mel_channels, n_mel_channels, hop_length, hop_length)
        self.embed = nn.Embedding(n_in_channels, residual)
        self.dilate = nn.ModuleList([nn.Conv1d(residual, 2 * residual, 2, dilation=2**i) for i in range(n_layers)])
        self.cond = nn.ModuleList([nn.Conv1d(n_mel_channels, 2 * residual, 1) for _ in range(n_layers)])
        self.res = nn.ModuleList([nn.Conv1d(residual, residual, 1) for _ in range(n_layers)])
        self.out = nn.Conv1d(residual, n_in_channels, 1)

    def forward(self, features, forward_input):
        cond_input = self.upsample(features)
        x = self.embed(forward_input).transpose(1, 2)
        skip = 0
        for i, (dilate, cond, res) in enumerate(zip(self.dilate, self.cond, self.res, strict=False)):
            in_act = dilate(F.pad(x, (2**i, 0))) + cond(cond_input)
            t_act, s_act = in_act.chunk(2, dim=1)
            acts = torch.tanh(t_act) * torch.sigmoid(s_act)
            x = (x + res(acts)) * math.sqrt(0.5)
            skip = skip + acts
        return self.out(torch.relu(skip))


def utterance(b, frames):
    return floats(b, 10, frames), ids(b, 8 * frames, below=64)


CASES = (
    Case(
        "conv_tasnet",
        build=ConvTasNet,
        example=lambda: call(floats(2, 320)),
        good=lambda: [
            call(floats(1, 16)),
            call(floats(2, 24)),
            call(floats(1, 800)),
            call(floats(3, 40)),
            call(floats(5, 160)),
            call(x=floats(2, 96)),
        ],
        bad=lambda: [
            raises("15 samples", floats(1, 15)),
            raises("one sample", floats(1, 1)),
            unmeant("no batch axis", Policy.RANK, floats(320)),
            raises("with a channel axis", floats(2, 1, 320)),
            raises("stereo", floats(1, 2, 320)),
            raises("float64", floats(2, 320).double()),
            raises("float16", floats(2, 320).half()),
            raises("int16", ids(2, 320, below=99).to(torch.int16)),
            raises("int64", ids(2, 320, below=99)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 320))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 320))),
            raises("sample rate too", floats(2, 320), 8000),
            raises("None", None),
        ],
    ),
    Case(
        "m5_raw_waveform",
        build=M5,
        example=lambda: call(floats(2, 1, 496)),
        good=lambda: [
            call(floats(1, 1, 112)),
            call(floats(2, 1, 176)),
            call(floats(3, 1, 240)),
            call(floats(1, 1, 496)),
            call(floats(6, 1, 112)),
            call(x=floats(4, 1, 304)),
        ],
        bad=lambda: [
            raises("111 samples", floats(1, 1, 111)),
            raises("20 samples", floats(1, 1, 20)),
            raises("stereo", floats(1, 2, 496)),
            raises("channel last", floats(1, 496, 1)),
            raises("no channel axis", floats(2, 496)),
            raises("only samples", floats(496)),
            raises("an image", floats(1, 1, 20, 20)),
            raises("float64", floats(1, 1, 496).double()),
            raises("int16", ids(1, 1, 496, below=99).to(torch.int16)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 1, 496)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 496))),
            raises("label too", floats(1, 1, 496), ids(1, below=10)),
        ],
    ),
    Case(
        "deep_speech_lengths",
        build=DeepSpeech,
        example=lambda: call(floats(2, 1, 16, 30), lengths(30, 21)),
        good=lambda: [
            call(floats(1, 1, 16, 1), lengths(1)),
            call(floats(2, 1, 16, 20), lengths(7, 20)),
            call(floats(3, 1, 16, 9), lengths(9, 9, 9)),
            call(floats(2, 1, 16, 12), lengths(3, 5)),
            call(floats(1, 1, 16, 60), lengths(44)),
            call(x=floats(4, 1, 16, 5), lengths=lengths(5, 1, 2, 4)),
        ],
        bad=lambda: [
            raises("length 0", floats(2, 1, 16, 20), lengths(20, 0)),
            raises("length -2", floats(2, 1, 16, 20), lengths(20, -2)),
            raises("length 24 of 20", floats(2, 1, 16, 20), lengths(24, 5)),
            raises("three lengths for two", floats(2, 1, 16, 20), lengths(20, 9, 4)),
            unmeant("one length for two", Policy.TIE, floats(2, 1, 16, 20), lengths(20)),
            raises("15 bands", floats(2, 1, 15, 20), lengths(20, 9)),
            raises("32 bands", floats(2, 1, 32, 20), lengths(20, 9)),
            raises("two channels", floats(2, 2, 16, 20), lengths(20, 9)),
            raises("time before frequency", floats(2, 1, 20, 16), lengths(16, 9)),
            raises("no channel axis", floats(2, 16, 20), lengths(20, 9)),
            raises("no lengths", floats(2, 1, 16, 20)),
            raises("lengths as a column", floats(2, 1, 16, 20), lengths(20, 9)[:, None]),
            raises("float64", floats(2, 1, 16, 20).double(), lengths(20, 9)),
            raises("swapped", lengths(20, 9), floats(2, 1, 16, 20)),
            raises("lengths as a list", floats(2, 1, 16, 20), [20, 9]),
            raises("float lengths", floats(2, 1, 16, 20), torch.tensor([20.0, 9.0])),
            unmeant("int32 lengths", Policy.DTYPE, floats(2, 1, 16, 20), lengths(20, 9).int()),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 16, 20)), lengths(20, 9)),
        ],
    ),
    Case(
        "wavenet_on_mels",
        build=WaveNet,
        example=lambda: call(*utterance(2, 5)),
        good=lambda: [
            call(*utterance(1, 1)),
            call(*utterance(2, 3)),
            call(*utterance(1, 20)),
            call(*utterance(3, 2)),
            call(floats(1, 10, 1), torch.tensor([[0, 63, 0, 63, 1, 2, 3, 4]])),
            call(features=floats(4, 10, 2), forward_input=ids(4, 16, below=64)),
        ],
        bad=lambda: [
            raises("code 64", floats(1, 10, 1), torch.full((1, 8), 64)),
            raises("code -1", floats(1, 10, 1), torch.full((1, 8), -1)),
            raises("39 samples for 5 frames", floats(2, 10, 5), ids(2, 39, below=64)),
            raises("41 samples for 5 frames", floats(2, 10, 5), ids(2, 41, below=64)),
            raises("as many samples as frames", floats(2, 10, 16), ids(2, 16, below=64)),
            raises("48 samples for 5 frames", floats(2, 10, 5), ids(2, 48, below=64)),
            unmeant("one sample for 5 frames", Policy.TIE, floats(2, 10, 5), ids(2, 1, below=64)),
            raises("9 mels", floats(2, 9, 5), ids(2, 40, below=64)),
            raises("frames before mels", floats(2, 5, 10), ids(2, 40, below=64)),
            raises("batches differ", floats(2, 10, 5), ids(3, 40, below=64)),
            unmeant("one sound for two", Policy.TIE, floats(1, 10, 5), ids(2, 40, below=64)),
            unmeant("two sounds, one recording", Policy.TIE, floats(2, 10, 5), ids(1, 40, below=64)),
            raises("samples as floats", floats(2, 10, 5), floats(2, 40)),
            unmeant("samples as int32", Policy.DTYPE, floats(2, 10, 5), ids(2, 40, below=64).int()),
            raises("mels as float64", floats(2, 10, 5).double(), ids(2, 40, below=64)),
            raises("no batch axes", floats(10, 5), ids(40, below=64)),
            raises("only mels", floats(2, 10, 5)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 10, 5)), ids(2, 40, below=64)),
        ],
    ),
)
