# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Speech: x-vectors, keywords from MFCCs, a HiFi-GAN vocoder, a quantising codec, an attention encoder with CTC."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class XVector(nn.Module):
    """Speaker embeddings: frame layers, mean and deviation over time, segment layers."""

    def __init__(self, n_mels=24, channels=8, speakers=5):
        super().__init__()
        self.tdnn1 = nn.Conv1d(n_mels, channels, 5)
        self.tdnn2 = nn.Conv1d(channels, channels, 3, dilation=2)
        self.tdnn3 = nn.Conv1d(channels, channels, 3, dilation=3)
        self.bn = nn.ModuleList([nn.BatchNorm1d(channels) for _ in range(3)])
        self.segment = nn.Linear(2 * channels, 6)
        self.out = nn.Linear(6, speakers)

    def forward(self, x):
        x = x.transpose(1, 2)
        for tdnn, bn in zip((self.tdnn1, self.tdnn2, self.tdnn3), self.bn, strict=True):
            x = bn(F.relu(tdnn(x)))
        stats = torch.cat([x.mean(dim=-1), (x.var(dim=-1, unbiased=False) + 1e-5).sqrt()], dim=-1)
        embedding = self.segment(stats)
        return embedding, self.out(F.relu(embedding))


class TCBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv1d(cin, cout, 9, stride=2, padding=4, bias=False)
        self.conv2 = nn.Conv1d(cout, cout, 9, padding=4, bias=False)
        self.short = nn.Conv1d(cin, cout, 1, stride=2, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm1d(cout), nn.BatchNorm1d(cout)

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.short(x))


class TCResNet(nn.Module):
    """Keywords from MFCCs [batch, coefficients, frames]; the coefficients are the channels."""

    def __init__(self, n_mfcc=20, keywords=12):
        super().__init__()
        self.first = nn.Conv1d(n_mfcc, 8, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(TCBlock(8, 12), TCBlock(12, 16))
        self.fc = nn.Linear(16, keywords)

    def forward(self, mfcc):
        assert mfcc.ndim == 3, "expected [batch, n_mfcc, frames]"
        x = self.blocks(self.first(mfcc))
        return {"logits": self.fc(F.adaptive_avg_pool1d(x, 1).flatten(1)), "frames": x.transpose(1, 2)}


class MRF(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(channels, channels, 3, padding=d, dilation=d) for d in (1, 3)])

    def forward(self, x):
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, 0.1))
        return x


class HiFiGenerator(nn.Module):
    """A waveform from mel frames, and from a speaker where there are several."""

    def __init__(self, n_mels=10, width=8, speakers=4):
        super().__init__()
        self.conv_pre = nn.Conv1d(n_mels, width, 7, padding=3)
        self.cond = nn.Embedding(speakers, width)
        self.ups = nn.ModuleList([nn.ConvTranspose1d(width, 4, 8, 4, padding=2), nn.ConvTranspose1d(4, 2, 4, 2, 1)])
        self.resblocks = nn.ModuleList([MRF(4), MRF(2)])
        self.conv_post = nn.Conv1d(2, 1, 7, padding=3)

    def forward(self, x, g=None):
        x = self.conv_pre(x)
        if g is not None:
            x = x + self.cond(g).unsqueeze(-1)
        for up, block in zip(self.ups, self.resblocks, strict=True):
            x = block(up(F.leaky_relu(x, 0.1)))
        return torch.tanh(self.conv_post(F.leaky_relu(x)))


class NeuralCodec(nn.Module):
    """Pads a waveform to whole frames, quantises each frame twice, and cuts the padding off again."""

    def __init__(self, strides=(2, 4), width=6, codes=16):
        super().__init__()
        self.hop_length = math.prod(strides)
        a, b = strides
        self.encoder = nn.Sequential(
            nn.Conv1d(1, width, 7, padding=3), nn.ELU(), nn.Conv1d(width, width, a, a), nn.Conv1d(width, width, b, b)
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(width, width, b, b), nn.ELU(), nn.ConvTranspose1d(width, 1, a, a), nn.Tanh()
        )
        self.codebooks = nn.Parameter(torch.randn(2, codes, width))

    def preprocess(self, audio):
        pad = math.ceil(audio.shape[-1] / self.hop_length) * self.hop_length - audio.shape[-1]
        return F.pad(audio, (0, pad))

    def forward(self, audio_data):
        length = audio_data.shape[-1]
        z = self.encoder(self.preprocess(audio_data)).transpose(1, 2)
        quantized, codes = torch.zeros_like(z), []
        for book in self.codebooks:
            residual = z - quantized
            index = (residual.unsqueeze(2) - book).pow(2).sum(-1).argmin(-1)
            quantized = quantized + F.embedding(index, book)
            codes.append(index)
        audio = self.decoder(quantized.transpose(1, 2))
        return {"audio": audio[..., :length], "codes": torch.stack(codes, dim=1), "z": z}


class SpeechEncoder(nn.Module):
    """Log-probabilities for CTC, and how many frames of each utterance are real."""

    def __init__(self, n_mels=12, d_model=8, heads=2, vocab=9):
        super().__init__()
        self.subsample = nn.Conv1d(n_mels, d_model, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(d_model)
        self.attn = nn.MultiheadAttention(d_model, heads, batch_first=True)
        self.depthwise = nn.Conv1d(d_model, d_model, 5, padding=2, groups=d_model)
        self.ctc = nn.Linear(d_model, vocab)

    def forward(self, feats, feat_lengths):
        x = self.subsample(feats.transpose(1, 2)).transpose(1, 2)
        lengths = torch.div(feat_lengths - 1, 2, rounding_mode="floor") + 1
        padding = torch.arange(x.size(1), device=x.device)[None, :] >= lengths[:, None]
        h = self.norm(x)
        x = x + self.attn(h, h, h, key_padding_mask=padding, need_weights=False)[0]
        x = x.masked_fill(padding.unsqueeze(-1), 0.0)
        x = x + F.silu(self.depthwise(x.transpose(1, 2))).transpose(1, 2)
        return self.ctc(x).log_softmax(-1), lengths


CASES = (
    Case(
        "xvector_speakers",
        build=XVector,
        example=lambda: call(floats(2, 40, 24)),
        good=lambda: [
            call(floats(1, 15, 24)),
            call(floats(2, 16, 24)),
            call(floats(3, 17, 24)),
            call(floats(7, 31, 24)),
            call(floats(1, 100, 24)),
            call(x=floats(4, 60, 24)),
        ],
        bad=lambda: [
            raises("14 frames", floats(2, 14, 24)),
            raises("one frame", floats(2, 1, 24)),
            raises("23 mels", floats(2, 40, 23)),
            raises("40 mels", floats(2, 40, 40)),
            raises("channels first", floats(2, 24, 40)),
            raises("no batch axis", floats(40, 24)),
            raises("an axis too many", floats(1, 2, 40, 24)),
            raises("a waveform", floats(2, 4000)),
            raises("float64", floats(2, 40, 24).double()),
            raises("float16", floats(2, 40, 24).half()),
            raises("int16 samples", ids(2, 40, 24, below=9, dtype=torch.int16)),
            raises("a list of utterances", [floats(40, 24), floats(30, 24)]),
            raises("lengths too", floats(2, 40, 24), torch.tensor([40, 30])),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 40, 24))),
        ],
    ),
    Case(
        "tc_resnet_keywords",
        build=TCResNet,
        example=lambda: call(floats(2, 20, 49)),
        good=lambda: [
            call(floats(1, 20, 1)),
            call(floats(2, 20, 6)),
            call(floats(3, 20, 51)),
            call(floats(9, 20, 20)),
            call(floats(1, 20, 98)),
            call(mfcc=floats(4, 20, 101)),
        ],
        bad=lambda: [
            raises("13 coefficients", floats(2, 13, 49)),
            raises("40 coefficients", floats(2, 40, 49)),
            raises("frames first", floats(2, 49, 20)),
            raises("no batch axis", floats(20, 49)),
            raises("as a picture", floats(2, 1, 20, 49)),
            raises("a waveform", floats(16000)),
            raises("float64", floats(2, 20, 49).double()),
            raises("bfloat16", floats(2, 20, 49).bfloat16()),
            raises("int64", ids(2, 20, 49, below=9)),
            raises("a dict", {"mfcc": floats(2, 20, 49)}),
            raises("another name", x=floats(2, 20, 49)),
            raises("nothing"),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 20, 49))),
        ],
    ),
    Case(
        "hifigan_speakers",
        build=HiFiGenerator,
        example=lambda: call(floats(2, 10, 12), ids(2, below=4)),
        good=lambda: [
            call(floats(1, 10, 1), ids(1, below=4)),
            call(floats(3, 10, 5), ids(3, below=4)),
            call(floats(5, 10, 40), torch.tensor([0, 1, 2, 3, 0])),
            call(floats(2, 10, 9), g=ids(2, below=4)),
            call(floats(2, 10, 7)),
            call(x=floats(4, 10, 3), g=None),
        ],
        bad=lambda: [
            raises("speaker 4", floats(1, 10, 12), torch.tensor([4])),
            raises("speaker -1", floats(1, 10, 12), torch.tensor([-1])),
            raises("float speaker", floats(1, 10, 12), torch.tensor([1.0])),
            raises("three speakers for two", floats(2, 10, 12), ids(3, below=4)),
            unmeant("one speaker for two", Policy.TIE, floats(2, 10, 12), ids(1, below=4)),
            unmeant("two speakers for one", Policy.TIE, floats(1, 10, 12), ids(2, below=4)),
            raises("80 mels", floats(2, 80, 12), ids(2, below=4)),
            raises("frames first", floats(2, 12, 10), ids(2, below=4)),
            unmeant("no batch axis", Policy.RANK, floats(10, 12)),
            raises("an axis too many", floats(1, 2, 10, 12), ids(2, below=4)),
            raises("float64", floats(2, 10, 12).double(), ids(2, below=4)),
            raises("int64 mels", ids(2, 10, 12, below=9), ids(2, below=4)),
            raises("no mels", g=ids(2, below=4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 10, 12)), ids(2, below=4)),
        ],
    ),
    Case(
        "neural_codec",
        build=NeuralCodec,
        example=lambda: call(floats(2, 1, 64)),
        good=lambda: [
            call(floats(1, 1, 8)),
            call(floats(2, 1, 61)),
            call(floats(3, 1, 100)),
            call(floats(1, 1, 1)),
            call(floats(5, 1, 17)),
            call(audio_data=floats(2, 1, 200)),
        ],
        bad=lambda: [
            raises("stereo", floats(2, 2, 64)),
            raises("no channel axis", floats(2, 64)),
            raises("samples alone", floats(64)),
            raises("channels last", floats(2, 64, 1)),
            raises("an axis too many", floats(1, 2, 1, 64)),
            raises("float64", floats(2, 1, 64).double()),
            raises("float16", floats(2, 1, 64).half()),
            raises("int16 samples", ids(2, 1, 64, below=99, dtype=torch.int16)),
            raises("a list of sounds", [floats(1, 64)]),
            raises("a sample rate too", floats(2, 1, 64), 16000),
            raises("another name", audio=floats(2, 1, 64)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 64))),
        ],
    ),
    Case(
        "ctc_attention_encoder",
        build=SpeechEncoder,
        example=lambda: call(floats(2, 20, 12), torch.tensor([20, 13])),
        good=lambda: [
            call(floats(1, 1, 12), torch.tensor([1])),
            call(floats(2, 9, 12), torch.tensor([9, 1])),
            call(floats(3, 21, 12), torch.tensor([4, 21, 8])),
            call(floats(4, 6, 12), torch.tensor([6, 6, 6, 6])),
            call(floats(1, 50, 12), torch.tensor([50])),
            call(feats=floats(2, 33, 12), feat_lengths=torch.tensor([30, 33])),
        ],
        bad=lambda: [
            raises("11 mels", floats(2, 20, 11), torch.tensor([20, 13])),
            raises("channels first", floats(2, 12, 20), torch.tensor([20, 13])),
            raises("no batch axis", floats(20, 12), torch.tensor([20])),
            raises("an axis too many", floats(1, 2, 20, 12), torch.tensor([20, 13])),
            raises("three lengths for two", floats(2, 20, 12), torch.tensor([20, 13, 5])),
            raises("one length for two", floats(2, 20, 12), torch.tensor([20])),
            raises("a scalar length", floats(1, 20, 12), torch.tensor(20)),
            raises("an int as length", floats(1, 20, 12), 20),
            raises("lengths in a list", floats(2, 20, 12), [20, 13]),
            raises("no lengths", floats(2, 20, 12)),
            raises("float64", floats(2, 20, 12).double(), torch.tensor([20, 13])),
            unmeant("a length behind the end", Policy.VALUE, floats(2, 20, 12), torch.tensor([20, 30])),
            unmeant("a length of -3", Policy.VALUE, floats(2, 20, 12), torch.tensor([20, -3])),
            unmeant("float lengths", Policy.DTYPE, floats(2, 20, 12), torch.tensor([20.0, 13.0])),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 20, 12)), torch.tensor([20, 13])),
        ],
    ),
)
