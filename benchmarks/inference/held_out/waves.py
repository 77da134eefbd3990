# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Waveforms and text: stems of a song, learnt band-passes, pitch of a frame, a keyword, durations of phonemes."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Demucs(nn.Module):
    """Stereo in, four stereo stems out; pads to a length that the strides divide and cuts the end off again."""

    def __init__(self, sources=4, audio_channels=2, channels=6, depth=3, kernel_size=8, stride=4):
        super().__init__()
        self.sources, self.audio_channels = sources, audio_channels
        self.depth, self.kernel_size, self.stride = depth, kernel_size, stride
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        in_channels = audio_channels
        for index in range(depth):
            encode = [nn.Conv1d(in_channels, channels, kernel_size, stride), nn.ReLU()]
            encode += [nn.Conv1d(channels, 2 * channels, 1), nn.GLU(dim=1)]
            self.encoder.append(nn.Sequential(*encode))
            out_channels = in_channels if index > 0 else sources * audio_channels
            decode = [nn.Conv1d(channels, 2 * channels, 3, padding=1), nn.GLU(dim=1)]
            decode += [nn.ConvTranspose1d(channels, out_channels, kernel_size, stride)]
            if index > 0:
                decode.append(nn.ReLU())
            self.decoder.insert(0, nn.Sequential(*decode))
            in_channels, channels = channels, channels + 4
        self.lstm = nn.LSTM(in_channels, in_channels, num_layers=2, bidirectional=True)
        self.linear = nn.Linear(2 * in_channels, in_channels)

    def valid_length(self, length):
        for _ in range(self.depth):
            length = math.ceil((length - self.kernel_size) / self.stride) + 1
            length = max(length, 1)
        for _ in range(self.depth):
            length = (length - 1) * self.stride + self.kernel_size
        return int(length)

    def forward(self, mix):
        length = mix.shape[-1]
        mono = mix.mean(dim=1, keepdim=True)
        mean = mono.mean(dim=-1, keepdim=True)
        std = mono.std(dim=-1, keepdim=True)
        x = (mix - mean) / (1e-5 + std)
        delta = self.valid_length(length) - length
        x = F.pad(x, (delta // 2, delta - delta // 2))
        saved = []
        for encode in self.encoder:
            x = encode(x)
            saved.append(x)
        x, _ = self.lstm(x.permute(2, 0, 1))
        x = self.linear(x).permute(1, 2, 0)
        for decode in self.decoder:
            skip = saved.pop(-1)
            x = decode(x + skip[..., : x.shape[-1]])
        x = x[..., delta // 2 : delta // 2 + length]
        x = x * std + mean
        return x.view(x.size(0), self.sources, self.audio_channels, x.size(-1))


class SincConv(nn.Module):
    """Band-passes whose cut-off frequencies are learnt."""

    def __init__(self, out_channels, kernel_size, sample_rate=8000, min_low_hz=50, min_band_hz=50):
        super().__init__()
        self.kernel_size, self.sample_rate = kernel_size, sample_rate
        self.min_low_hz, self.min_band_hz = min_low_hz, min_band_hz
        hz = torch.linspace(30, sample_rate / 2 - 100, out_channels + 1)
        self.low_hz_ = nn.Parameter(hz[:-1].view(-1, 1))
        self.band_hz_ = nn.Parameter(torch.diff(hz).view(-1, 1))
        n = torch.linspace(0, (kernel_size / 2) - 1, steps=kernel_size // 2)
        self.window_ = 0.54 - 0.46 * torch.cos(2 * math.pi * n / kernel_size)
        self.n_ = 2 * math.pi * torch.arange(-(kernel_size - 1) / 2, 0).view(1, -1) / sample_rate

    def forward(self, waveforms):
        self.n_ = self.n_.to(waveforms.device)
        self.window_ = self.window_.to(waveforms.device)
        low = self.min_low_hz + torch.abs(self.low_hz_)
        high = torch.clamp(low + self.min_band_hz + torch.abs(self.band_hz_), self.min_low_hz, self.sample_rate / 2)
        band = (high - low)[:, 0]
        left = (torch.sin(high @ self.n_) - torch.sin(low @ self.n_)) / (self.n_ / 2) * self.window_
        band_pass = torch.cat([left, 2 * band.view(-1, 1), torch.flip(left, dims=[1])], dim=1) / (2 * band[:, None])
        return F.conv1d(waveforms, band_pass.view(-1, 1, self.kernel_size))


class SincNet(nn.Module):
    """Which of the known speakers a chunk of 400 samples is by."""

    def __init__(self, input_dim=400, n_filt=8, len_filt=51, pool=3, n_speakers=12):
        super().__init__()
        self.ln0 = nn.LayerNorm(input_dim)
        self.sinc = SincConv(n_filt, len_filt)
        first = (input_dim - len_filt + 1) // pool
        second = (first - 5 + 1) // pool
        self.pool = pool
        self.ln1, self.conv2, self.ln2 = (
            nn.LayerNorm([n_filt, first]),
            nn.Conv1d(n_filt, 6, 5),
            nn.LayerNorm([6, second]),
        )
        self.fc1, self.bn, self.fc2 = nn.Linear(6 * second, 16), nn.BatchNorm1d(16), nn.Linear(16, n_speakers)

    def forward(self, x):
        batch = x.shape[0]
        seq_len = x.shape[1]
        x = self.ln0(x)
        x = x.view(batch, 1, seq_len)
        x = F.leaky_relu(self.ln1(F.max_pool1d(torch.abs(self.sinc(x)), self.pool)))
        x = F.leaky_relu(self.ln2(F.max_pool1d(self.conv2(x), self.pool)))
        x = x.view(batch, -1)
        return F.log_softmax(self.fc2(F.leaky_relu(self.bn(self.fc1(x)))), dim=1)


class Crepe(nn.Module):
    """Pitch classes of frames of 128 samples."""

    def __init__(self, channels=(8, 6, 6), in_features=4 * 6, pitch_bins=36):
        super().__init__()
        self.in_features = in_features
        self.conv1, self.conv1_BN = nn.Conv2d(1, channels[0], (32, 1), stride=(4, 1)), nn.BatchNorm2d(channels[0])
        self.conv2, self.conv2_BN = nn.Conv2d(channels[0], channels[1], (8, 1)), nn.BatchNorm2d(channels[1])
        self.conv3, self.conv3_BN = nn.Conv2d(channels[1], channels[2], (8, 1)), nn.BatchNorm2d(channels[2])
        self.classifier = nn.Linear(in_features, pitch_bins)

    def layer(self, x, conv, batch_norm, padding):
        x = F.pad(x, (0, 0, *padding))
        x = batch_norm(F.relu(conv(x)))
        return F.max_pool2d(x, (2, 1), (2, 1))

    def embed(self, x):
        x = x[:, None, :, None]
        x = self.layer(x, self.conv1, self.conv1_BN, (14, 14))
        x = self.layer(x, self.conv2, self.conv2_BN, (3, 4))
        return self.layer(x, self.conv3, self.conv3_BN, (3, 4))

    def forward(self, x, embed=False):
        x = self.embed(x)
        if embed:
            return x
        x = x.permute(0, 2, 1, 3).reshape(-1, self.in_features)
        return torch.sigmoid(self.classifier(x))


class AttentionRNN(nn.Module):
    """Spots a keyword: the middle frame asks which frames matter."""

    def __init__(self, n_mels=20, hidden=8, n_classes=12):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, (5, 1), padding=(2, 0)), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 1, (5, 1), padding=(2, 0)), nn.BatchNorm2d(1)
        self.lstm1 = nn.LSTM(n_mels, hidden, bidirectional=True, batch_first=True)
        self.lstm2 = nn.LSTM(2 * hidden, hidden, bidirectional=True, batch_first=True)
        self.query = nn.Linear(2 * hidden, 2 * hidden)
        self.dense, self.output = nn.Linear(2 * hidden, 16), nn.Linear(16, n_classes)

    def forward(self, mel):
        x = mel.transpose(1, 2).unsqueeze(1)  # [B, 1, T, n_mels]
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x))).squeeze(1)
        x, _ = self.lstm1(x)
        x, _ = self.lstm2(x)
        query = self.query(x[:, x.size(1) // 2])
        att_scores = torch.softmax(torch.bmm(x, query.unsqueeze(2)).squeeze(2), dim=-1)
        att_vector = torch.bmm(att_scores.unsqueeze(1), x).squeeze(1)
        return self.output(F.relu(self.dense(att_vector))), att_scores


class FastSpeech(nn.Module):
    """Phonemes to mel frames: each is repeated as long as it is predicted to last. 0 pads."""

    def __init__(self, n_symbols=40, d_model=16, n_mels=10, max_seq_len=50):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.src_word_emb = nn.Embedding(n_symbols, d_model, padding_idx=0)
        self.position_enc = nn.Parameter(0.1 * torch.randn(1, max_seq_len, d_model), requires_grad=False)
        self.encoder = nn.TransformerEncoderLayer(d_model, 2, 32, batch_first=True)
        self.decoder = nn.TransformerEncoderLayer(d_model, 2, 32, batch_first=True)
        self.duration, self.to_duration = nn.Sequential(nn.Linear(d_model, 8), nn.ReLU()), nn.Linear(8, 1)
        nn.init.constant_(self.to_duration.bias, 1.0)
        self.mel_linear = nn.Linear(d_model, n_mels)

    def forward(self, texts, src_lens, d_control=1.0):
        src_masks = torch.arange(texts.size(1), device=texts.device).unsqueeze(0) >= src_lens.unsqueeze(1)
        x = self.src_word_emb(texts) + self.position_enc[:, : texts.size(1)]
        x = self.encoder(x, src_key_padding_mask=src_masks)
        log_durations = self.to_duration(self.duration(x)).squeeze(-1).masked_fill(src_masks, 0.0)
        durations = torch.clamp(torch.round(torch.exp(log_durations) - 1) * d_control, min=0).long()
        frames = [torch.repeat_interleave(row, count, dim=0) for row, count in zip(x, durations, strict=True)]
        mel_lens = durations.sum(1)
        output = pad_sequence(frames, batch_first=True)
        mel_masks = torch.arange(output.size(1), device=output.device).unsqueeze(0) >= mel_lens.unsqueeze(1)
        mel = self.mel_linear(self.decoder(output, src_key_padding_mask=mel_masks))
        return mel, log_durations, mel_lens


def phonemes(t, *lengths):
    texts, src_lens = 1 + ids(len(lengths), t, below=39), torch.tensor(lengths)
    texts[torch.arange(t) >= src_lens[:, None]] = 0
    return texts, src_lens


CASES = (
    Case(
        "demucs_stems",
        build=Demucs,
        example=lambda: call(floats(2, 2, 300)),
        good=lambda: [
            call(floats(1, 2, 200)),
            call(floats(3, 2, 501)),
            call(mix=floats(2, 2, 64)),
            call(floats(1, 2, 1000)),
            call(floats(4, 2, 33)),
            call(0.1 * floats(2, 2, 777)),
        ],
        bad=lambda: [
            raises("mono", floats(2, 1, 300)),
            raises("six channels", floats(2, 6, 300)),
            raises("channels last", floats(2, 300, 2)),
            raises("no batch axis", floats(2, 300)),
            raises("neither batch nor channel axis", floats(300)),
            raises("an axis too many", floats(1, 1, 2, 300)),
            raises("float64", floats(2, 2, 300).double()),
            raises("int16 as recorded", ids(2, 2, 300, below=99, dtype=torch.int16)),
            unmeant("no sample", Policy.EMPTY, floats(2, 2, 0)),
            raises("a list of songs", list(floats(2, 2, 300))),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 2, 300))),
        ],
    ),
    Case(
        "sincnet_speakers",
        build=SincNet,
        example=lambda: call(floats(2, 400)),
        good=lambda: [
            call(floats(1, 400)),
            call(floats(3, 400)),
            call(x=floats(6, 400)),
            call(torch.zeros(2, 400)),
            call(1000 * floats(4, 400)),
            call(floats(30, 400)),
        ],
        bad=lambda: [
            raises("399 samples", floats(2, 399)),
            raises("401 samples", floats(2, 401)),
            raises("200 samples", floats(2, 200)),
            raises("800 samples", floats(2, 800)),
            raises("a channel axis of two", floats(3, 2, 400)),
            raises("samples first", floats(400, 2)),
            raises("no batch axis", floats(400)),
            raises("float64", floats(2, 400).double()),
            raises("float16", floats(2, 400).half()),
            raises("int16 as recorded", ids(2, 400, below=99, dtype=torch.int16)),
            raises("python numbers", [[0.0] * 400]),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 400))),
        ],
    ),
    Case(
        "crepe_pitch",
        build=Crepe,
        example=lambda: call(floats(3, 128)),
        good=lambda: [
            call(floats(1, 128)),
            call(floats(2, 128)),
            call(x=floats(5, 128)),
            call(torch.zeros(4, 128)),
            call(floats(9, 128)),
            call(floats(40, 128)),
        ],
        bad=lambda: [
            raises("a frame of 120", floats(1, 120)),
            raises("a frame of 64", floats(1, 64)),
            unmeant("two frames of 64, read as one", Policy.SHAPE, floats(2, 64)),
            unmeant("a frame of 256, read as two", Policy.SHAPE, floats(3, 256)),
            raises("no batch axis", floats(128)),
            raises("a channel axis", floats(3, 1, 128)),
            raises("samples first", floats(128, 3)),
            raises("float64", floats(3, 128).double()),
            raises("int16", ids(3, 128, below=99, dtype=torch.int16)),
            unmeant("embeddings", Policy.FLAG, floats(3, 128), embed=True),
            unmeant("embeddings by place", Policy.FLAG, floats(3, 128), True),
            unmeant("nan", Policy.FINITE, with_nan(floats(3, 128))),
        ],
    ),
    Case(
        "keyword_attention_rnn",
        build=AttentionRNN,
        example=lambda: call(floats(2, 20, 15)),
        good=lambda: [
            call(floats(1, 20, 1)),
            call(floats(3, 20, 32)),
            call(mel=floats(2, 20, 7)),
            call(floats(5, 20, 20)),
            call(floats(1, 20, 98)),
            call(floats(8, 20, 4)),
        ],
        bad=lambda: [
            raises("19 mels", floats(2, 19, 15)),
            raises("40 mels", floats(2, 40, 15)),
            raises("frames before mels", floats(2, 15, 20)),
            raises("no frame", floats(2, 20, 0)),
            raises("no batch axis", floats(20, 15)),
            raises("a channel axis", floats(2, 1, 20, 15)),
            raises("float64", floats(2, 20, 15).double()),
            raises("bfloat16", floats(2, 20, 15).bfloat16()),
            raises("int64", ids(2, 20, 15, below=9)),
            raises("a dict", {"mel": floats(2, 20, 15)}),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 20, 15))),
        ],
    ),
    Case(
        "fastspeech_durations",
        build=FastSpeech,
        example=lambda: call(*phonemes(9, 9, 6)),
        good=lambda: [
            call(*phonemes(4, 4)),
            call(*phonemes(12, 3, 12, 7)),
            call(*phonemes(50, 50)),
            call(texts=1 + ids(2, 6, below=39), src_lens=torch.tensor([6, 6])),
            call(*phonemes(20, 20, 1, 11, 5)),
            call(torch.tensor([[39, 1, 39]]), torch.tensor([3])),
        ],
        bad=lambda: [
            raises("symbol 40", torch.full((2, 5), 40), torch.tensor([5, 5])),
            raises("symbol -1", torch.full((2, 5), -1), torch.tensor([5, 5])),
            raises("51 symbols", 1 + ids(1, 51, below=39), torch.tensor([51])),
            unmeant("length 6 of 5", Policy.VALUE, 1 + ids(2, 5, below=39), torch.tensor([6, 5])),
            raises("three lengths for two", 1 + ids(2, 5, below=39), torch.tensor([5, 4, 3])),
            raises("one length for two", 1 + ids(2, 5, below=39), torch.tensor([5])),
            raises("lengths as a column", 1 + ids(2, 5, below=39), torch.tensor([[5], [4]])),
            raises("no lengths", 1 + ids(2, 5, below=39)),
            raises("no batch axis", 1 + ids(5, below=39), torch.tensor([5])),
            raises("float symbols", torch.rand(2, 5), torch.tensor([5, 5])),
            unmeant("int32 symbols", Policy.DTYPE, 1 + ids(2, 5, below=39).int(), torch.tensor([5, 5])),
            raises("python lengths", 1 + ids(2, 5, below=39), [5, 4]),
            unmeant("slower", Policy.FLAG, 1 + ids(2, 5, below=39), torch.tensor([5, 4]), d_control=2.0),
        ],
    ),
)
