# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Speech: separable convolutions with lengths, speakers with relative lengths, sound events, a transducer."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class MaskedConv1d(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, groups=1):
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, kernel // 2
        self.conv = nn.Conv1d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)

    def get_seq_len(self, lens):
        return (lens + 2 * self.padding - self.kernel) // self.stride + 1

    def forward(self, x, lens):
        mask = torch.arange(x.size(2), device=x.device).unsqueeze(0) >= lens.unsqueeze(1)
        x = x.masked_fill(mask.unsqueeze(1), 0)
        return self.conv(x), self.get_seq_len(lens)


class JasperBlock(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, repeat=2, residual=True):
        super().__init__()
        self.mconv = nn.ModuleList()
        for i in range(repeat):
            c = cin if i == 0 else cout
            self.mconv.append(MaskedConv1d(c, c, kernel, stride if i == 0 else 1, groups=c))
            self.mconv.append(MaskedConv1d(c, cout, 1))
            self.mconv.append(nn.BatchNorm1d(cout, eps=1e-3))
        self.res = MaskedConv1d(cin, cout, 1) if residual else None

    def forward(self, x, lens):
        out, out_lens = x, lens
        for layer in self.mconv:
            if isinstance(layer, MaskedConv1d):
                out, out_lens = layer(out, out_lens)
            else:
                out = layer(out)
        if self.res is not None:
            out = out + self.res(x, lens)[0]
        return F.relu(out), out_lens


class QuartzNet(nn.Module):
    """Log-probabilities of characters, and how many of the frames hold speech."""

    def __init__(self, feat_in=16, num_classes=29):
        super().__init__()
        self.encoder = nn.ModuleList(
            [
                JasperBlock(feat_in, 12, 11, stride=2, repeat=1, residual=False),
                JasperBlock(12, 12, 13),
                JasperBlock(12, 16, 15),
            ]
        )
        self.decoder = nn.Conv1d(16, num_classes, 1)

    def forward(self, audio_signal, length):
        for block in self.encoder:
            audio_signal, length = block(audio_signal, length)
        return F.log_softmax(self.decoder(audio_signal).transpose(1, 2), dim=-1), length


class TDNNBlock(nn.Module):
    def __init__(self, cin, cout, kernel, dilation=1):
        super().__init__()
        self.pad = dilation * (kernel - 1) // 2
        self.conv = nn.Conv1d(cin, cout, kernel, dilation=dilation)
        self.norm = nn.BatchNorm1d(cout)

    def forward(self, x):
        if self.pad:
            x = F.pad(x, (self.pad, self.pad), mode="reflect")
        return self.norm(F.relu(self.conv(x)))


class SERes2NetBlock(nn.Module):
    def __init__(self, channels, dilation, scale=4):
        super().__init__()
        self.scale = scale
        self.tdnn1, self.tdnn2 = TDNNBlock(channels, channels, 1), TDNNBlock(channels, channels, 1)
        width = channels // scale
        self.blocks = nn.ModuleList(TDNNBlock(width, width, 3, dilation) for _ in range(scale - 1))
        self.se1, self.se2 = nn.Conv1d(channels, 4, 1), nn.Conv1d(4, channels, 1)

    def forward(self, x, lengths=None):
        residual = x
        x = self.tdnn1(x)
        y = []
        for i, part in enumerate(torch.chunk(x, self.scale, dim=1)):
            if i == 0:
                out = part
            elif i == 1:
                out = self.blocks[0](part)
            else:
                out = self.blocks[i - 1](part + out)
            y.append(out)
        x = self.tdnn2(torch.cat(y, dim=1))
        mask = frame_mask(x, lengths)
        s = (x * mask).sum(dim=2, keepdim=True) / mask.sum(dim=2, keepdim=True)
        return x * torch.sigmoid(self.se2(F.relu(self.se1(s)))) + residual


def frame_mask(x, lengths):
    L = x.shape[-1]
    if lengths is None:
        lengths = torch.ones(x.shape[0], device=x.device)
    steps = torch.arange(L, device=x.device).expand(x.shape[0], L)
    return (steps < (lengths * L).unsqueeze(1)).unsqueeze(1).to(x.dtype)


class ECAPA_TDNN(nn.Module):
    """An embedding of the speaker; `lengths` are relative to the longest, as in speechbrain."""

    def __init__(self, input_size=20, channels=16, lin_neurons=12):
        super().__init__()
        self.block0 = TDNNBlock(input_size, channels, 5)
        self.blocks = nn.ModuleList(SERes2NetBlock(channels, dilation) for dilation in (2, 3, 4))
        self.mfa = TDNNBlock(3 * channels, 24, 1)
        self.attention = nn.Sequential(nn.Conv1d(3 * 24, 8, 1), nn.Tanh(), nn.Conv1d(8, 24, 1))
        self.asp_bn, self.fc = nn.BatchNorm1d(48), nn.Conv1d(48, lin_neurons, 1)

    def stats(self, x, weight):
        mean = (weight * x).sum(2)
        return mean, ((weight * (x - mean.unsqueeze(2)) ** 2).sum(2)).clamp(1e-12).sqrt()

    def forward(self, x, lengths=None):
        x = self.block0(x.transpose(1, 2))
        xl = []
        for layer in self.blocks:
            x = layer(x, lengths=lengths)
            xl.append(x)
        x = self.mfa(torch.cat(xl, dim=1))
        mask = frame_mask(x, lengths)
        mean, std = self.stats(x, mask / mask.sum(dim=2, keepdim=True))
        context = torch.stack([mean, std], 0).unsqueeze(-1).expand(-1, -1, -1, x.shape[-1])
        attn = self.attention(torch.cat([x, *context], dim=1)).masked_fill(mask == 0, float("-inf"))
        mean, std = self.stats(x, F.softmax(attn, dim=2))
        return self.fc(self.asp_bn(torch.cat((mean, std), dim=1)).unsqueeze(2)).transpose(1, 2)


class AttBlock(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.att, self.cla = nn.Conv1d(n_in, n_out, 1), nn.Conv1d(n_in, n_out, 1)

    def forward(self, x):
        norm_att = torch.softmax(torch.tanh(self.att(x)), dim=-1)
        cla = torch.sigmoid(self.cla(x))
        return torch.sum(norm_att * cla, dim=2), cla


class SoundEventCRNN(nn.Module):
    """Log-mels in, as many frames of event probabilities out, and a tag for the clip."""

    def __init__(self, n_mels=32, classes_num=10, interpolate_ratio=4):
        super().__init__()
        self.interpolate_ratio = interpolate_ratio
        self.bn0 = nn.BatchNorm2d(n_mels)
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.Conv2d(6, 12, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(6), nn.BatchNorm2d(12)
        self.gru = nn.GRU(12, 8, batch_first=True, bidirectional=True)
        self.att_block = AttBlock(16, classes_num)

    def forward(self, input, mixup_lambda=None):  # noqa: A002
        x = self.bn0(input.transpose(1, 3)).transpose(1, 3)  # (batch, 1, frames, mels)
        if self.training and mixup_lambda is not None:
            x = x[0::2] * mixup_lambda[0::2, None, None, None] + x[1::2] * mixup_lambda[1::2, None, None, None]
        x = F.avg_pool2d(F.relu_(self.bn1(self.conv1(x))), 2)
        x = F.avg_pool2d(F.relu_(self.bn2(self.conv2(x))), 2)
        x = torch.mean(x, dim=3).transpose(1, 2)
        x, _ = self.gru(x)
        clipwise_output, segmentwise = self.att_block(x.transpose(1, 2))
        framewise = segmentwise.transpose(1, 2).repeat_interleave(self.interpolate_ratio, dim=1)
        return {"framewise_output": framewise, "clipwise_output": clipwise_output}


class Transducer(nn.Module):
    """Encoder over pairs of frames, predictor over the labels so far, and their joint lattice."""

    def __init__(self, n_mels=16, vocab=20, hidden=16, blank=0, time_reduction=2):
        super().__init__()
        self.blank, self.stride = blank, time_reduction
        self.encoder = nn.LSTM(n_mels * time_reduction, hidden, 2, batch_first=True)
        self.embedding = nn.Embedding(vocab, hidden)
        self.predictor = nn.LSTM(hidden, hidden, batch_first=True)
        self.enc_proj, self.pred_proj = nn.Linear(hidden, 12), nn.Linear(hidden, 12)
        self.joint = nn.Linear(12, vocab)

    def forward(self, sources, targets, predictor_state=None):
        B, T, D = sources.shape
        num_frames = T - (T % self.stride)
        sources = sources[:, :num_frames, :].contiguous().view(B, num_frames // self.stride, D * self.stride)
        enc, _ = self.encoder(sources)
        targets = F.pad(targets, (1, 0), value=self.blank)
        pred, state = self.predictor(self.embedding(targets), predictor_state)
        joint = torch.tanh(self.enc_proj(enc).unsqueeze(2) + self.pred_proj(pred).unsqueeze(1))
        return self.joint(joint), state


def state(b, size=16):
    return floats(1, b, size), floats(1, b, size)


CASES = (
    Case(
        "quartznet_lengths",
        build=QuartzNet,
        example=lambda: call(floats(3, 16, 40), torch.tensor([40, 31, 8])),
        good=lambda: [
            call(floats(1, 16, 25), torch.tensor([25])),
            call(floats(2, 16, 64), torch.tensor([10, 64])),
            call(audio_signal=floats(4, 16, 33), length=torch.tensor([33, 1, 5, 20])),
            call(floats(2, 16, 8), torch.tensor([8, 8])),
            call(floats(1, 16, 100), torch.tensor([57])),
            call(floats(5, 16, 50), torch.arange(46, 51)),
        ],
        bad=lambda: [
            unmeant("length 41 of 40", Policy.VALUE, floats(2, 16, 40), torch.tensor([41, 3])),
            unmeant("length -1", Policy.VALUE, floats(2, 16, 40), torch.tensor([40, -1])),
            unmeant("one length for two", Policy.TIE, floats(2, 16, 40), torch.tensor([40])),
            raises("three lengths for two", floats(2, 16, 40), torch.tensor([40, 3, 9])),
            raises("lengths as a column", floats(2, 16, 40), torch.tensor([[40], [3]])),
            unmeant("float lengths", Policy.DTYPE, floats(2, 16, 40), torch.tensor([40.0, 3.0])),
            unmeant("int32 lengths", Policy.DTYPE, floats(2, 16, 40), torch.tensor([40, 3]).int()),
            raises("python lengths", floats(2, 16, 40), [40, 3]),
            raises("no lengths", floats(2, 16, 40)),
            raises("15 features", floats(2, 15, 40), torch.tensor([40, 3])),
            raises("features last", floats(2, 40, 16), torch.tensor([40, 3])),
            raises("float64", floats(2, 16, 40).double(), torch.tensor([40, 3])),
            raises("int16", ids(2, 16, 40, below=9, dtype=torch.int16), torch.tensor([40, 3])),
            raises("an axis too many", floats(2, 1, 16, 40), torch.tensor([40, 3])),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 16, 40)), torch.tensor([40, 3])),
        ],
    ),
    Case(
        "ecapa_relative_lengths",
        build=ECAPA_TDNN,
        example=lambda: call(floats(3, 30, 20), torch.tensor([1.0, 0.7, 0.4])),
        good=lambda: [
            call(floats(1, 12, 20)),
            call(floats(2, 50, 20)),
            call(floats(2, 41, 20), torch.tensor([0.5, 1.0])),
            call(x=floats(4, 9, 20), lengths=torch.ones(4)),
            call(floats(1, 100, 20), lengths=torch.tensor([0.9])),
            call(floats(3, 17, 20), None),
        ],
        bad=lambda: [
            raises("19 features", floats(2, 30, 19)),
            raises("features before frames", floats(2, 20, 30)),
            raises("four frames, too few to reflect", floats(2, 4, 20)),
            raises("no batch axis", floats(30, 20)),
            raises("an axis too many", floats(1, 2, 30, 20)),
            raises("three lengths for two", floats(2, 30, 20), torch.tensor([1.0, 0.5, 0.2])),
            unmeant("one length for two", Policy.TIE, floats(2, 30, 20), torch.tensor([0.5])),
            raises("lengths as a column", floats(2, 30, 20), torch.tensor([[1.0], [0.5]])),
            raises("float64", floats(2, 30, 20).double()),
            raises("int64", ids(2, 30, 20, below=9)),
            raises("python lengths", floats(2, 30, 20), [1.0, 0.5]),
            raises("nothing"),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 30, 20))),
            unmeant("nan length", Policy.FINITE, floats(2, 30, 20), torch.tensor([float("nan"), 0.5])),
        ],
    ),
    Case(
        "sound_events_crnn",
        build=SoundEventCRNN,
        example=lambda: call(floats(2, 1, 24, 32)),
        good=lambda: [
            call(floats(1, 1, 16, 32)),
            call(floats(3, 1, 40, 32)),
            call(floats(2, 1, 100, 32)),
            call(input=floats(4, 1, 8, 32)),
            call(floats(1, 1, 200, 32)),
            call(floats(7, 1, 12, 32)),
        ],
        bad=lambda: [
            raises("40 mels", floats(2, 1, 24, 40)),
            raises("mels before frames", floats(2, 1, 32, 24)),
            raises("stereo", floats(2, 2, 24, 32)),
            raises("no channel axis", floats(2, 24, 32)),
            raises("no batch and channel axis", floats(24, 32)),
            raises("an axis too many", floats(1, 2, 1, 24, 32)),
            raises("three frames", floats(2, 1, 3, 32)),
            raises("float64", floats(2, 1, 24, 32).double()),
            raises("int64", ids(2, 1, 24, 32, below=9)),
            raises("a list", [floats(1, 24, 32)]),
            unmeant("mixing weights", Policy.LEFT_OUT, floats(2, 1, 24, 32), torch.rand(2)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 24, 32))),
        ],
    ),
    Case(
        "rnnt_transducer",
        build=Transducer,
        example=lambda: call(floats(2, 12, 16), ids(2, 5, below=20)),
        good=lambda: [
            call(floats(1, 4, 16), ids(1, 1, below=20)),
            call(floats(3, 20, 16), ids(3, 7, below=20)),
            call(floats(2, 6, 16), ids(2, 9, below=20), state(2)),
            call(sources=floats(4, 10, 16), targets=torch.full((4, 3), 19)),
            call(floats(1, 30, 16), torch.tensor([[0, 19]]), predictor_state=state(1)),
            call(floats(2, 8, 16), ids(2, 2, below=20), None),
        ],
        bad=lambda: [
            raises("label 20", floats(2, 12, 16), torch.full((2, 5), 20)),
            raises("label -1", floats(2, 12, 16), torch.full((2, 5), -1)),
            unmeant("13 frames, of which one is cut", Policy.REMAINDER, floats(2, 13, 16), ids(2, 5, below=20)),
            raises("one frame", floats(2, 1, 16), ids(2, 5, below=20)),
            raises("15 mels", floats(2, 12, 15), ids(2, 5, below=20)),
            raises("mels before frames", floats(2, 16, 12), ids(2, 5, below=20)),
            raises("no batch axes", floats(12, 16), ids(5, below=20)),
            raises("labels of three utterances for two", floats(2, 12, 16), ids(3, 5, below=20)),
            unmeant("labels of one utterance for two", Policy.TIE, floats(2, 12, 16), ids(1, 5, below=20)),
            unmeant("one utterance for two rows of labels", Policy.TIE, floats(1, 12, 16), ids(2, 5, below=20)),
            raises("state of three for two", floats(2, 12, 16), ids(2, 5, below=20), state(3)),
            raises("state of another width", floats(2, 12, 16), ids(2, 5, below=20), state(2, 12)),
            raises("half a state", floats(2, 12, 16), ids(2, 5, below=20), state(2)[:1]),
            raises("float labels", floats(2, 12, 16), torch.rand(2, 5)),
            unmeant("int32 labels", Policy.DTYPE, floats(2, 12, 16), ids(2, 5, below=20).int()),
            raises("float64 frames", floats(2, 12, 16).double(), ids(2, 5, below=20)),
            raises("no labels", floats(2, 12, 16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 12, 16)), ids(2, 5, below=20)),
        ],
    ),
)
