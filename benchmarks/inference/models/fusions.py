# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Several senses: a question about a picture, a lesion with its history, a digit by its label, words beside voices."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class StackedAttention(nn.Module):
    def __init__(self, dim, att):
        super().__init__()
        self.image, self.question, self.score = nn.Linear(dim, att, bias=False), nn.Linear(dim, att), nn.Linear(att, 1)

    def forward(self, v, q):
        h = torch.tanh(self.image(v) + self.question(q).unsqueeze(1))
        p = self.score(h).squeeze(2).softmax(dim=1)
        return q + (p.unsqueeze(2) * v).sum(dim=1), p


class StackedAttentionVQA(nn.Module):
    """Reads a padded question, looks at the regions of a picture twice, picks an answer."""

    def __init__(self, vocab=60, dim=12, answers=20):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
            nn.Conv2d(6, 10, 3, 2, 1), nn.BatchNorm2d(10), nn.ReLU(inplace=True),
            nn.Conv2d(10, dim, 3, 2, 1),
        )  # fmt: skip
        self.embed, self.lstm = nn.Embedding(vocab, 8, padding_idx=0), nn.LSTM(8, dim, batch_first=True)
        self.san = nn.ModuleList([StackedAttention(dim, 10), StackedAttention(dim, 10)])
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(dim, answers))

    def forward(self, v, q, q_len):
        v = self.cnn(v).flatten(2).transpose(1, 2)
        v = v / (v.norm(p=2, dim=2, keepdim=True) + 1e-8)
        packed = pack_padded_sequence(torch.tanh(self.embed(q)), q_len.cpu(), batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        u, maps = h[-1], []
        for layer in self.san:
            u, p = layer(v, u)
            maps.append(p)
        return self.classifier(u), torch.stack(maps, dim=1)


def question(t, *lengths):
    words, count = 1 + ids(len(lengths), t, below=59), torch.tensor(lengths)
    words[torch.arange(t) >= count[:, None]] = 0
    return words, count


class MetaBlock(nn.Module):
    """The history of the patient weighs the channels."""

    def __init__(self, V, U):
        super().__init__()
        self.fb, self.gb = (
            nn.Sequential(nn.Linear(U, V), nn.BatchNorm1d(V)),
            nn.Sequential(nn.Linear(U, V), nn.BatchNorm1d(V)),
        )

    def forward(self, V, U):
        t1, t2 = self.fb(U), self.gb(U)
        return torch.sigmoid(torch.tanh(V * t1.unsqueeze(-1)) + t2.unsqueeze(-1))


class LesionNet(nn.Module):
    def __init__(self, n_metadata=9, feat_maps=16, num_class=6):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
            nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
            nn.Conv2d(8, feat_maps, 1, bias=False), nn.BatchNorm2d(feat_maps), nn.SiLU(),
        )  # fmt: skip
        self.feat_maps = feat_maps
        self.combination = MetaBlock(feat_maps, n_metadata)
        self.classifier = nn.Linear(feat_maps, num_class)

    def forward(self, img, meta_data):
        x = self.features(img)
        x = x.view(x.size(0), self.feat_maps, -1)
        x = self.combination(x, meta_data.float())
        return self.classifier(x.mean(dim=2))


class ConditionalVAE(nn.Module):
    """The label becomes one more channel of the picture and a part of the code."""

    def __init__(self, num_classes=10, latent_dim=6, img_size=16):
        super().__init__()
        self.num_classes, self.img_size = num_classes, img_size
        self.embed_class, self.embed_data = nn.Linear(num_classes, img_size**2), nn.Conv2d(1, 1, 1)
        self.encoder = nn.Sequential(
            nn.Conv2d(2, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.LeakyReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.LeakyReLU()
        )
        self.fc_mu, self.fc_var = nn.Linear(8 * 16, latent_dim), nn.Linear(8 * 16, latent_dim)
        self.decoder_input = nn.Linear(latent_dim + num_classes, 8 * 16)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1), nn.LeakyReLU(),
            nn.ConvTranspose2d(6, 1, 3, 2, 1, output_padding=1), nn.Sigmoid(),
        )  # fmt: skip

    def reparameterize(self, mu, logvar):
        if not self.training:
            return mu
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def forward(self, input, labels):  # noqa: A002
        y = F.one_hot(labels, self.num_classes).float()
        embedded_class = self.embed_class(y).view(-1, self.img_size, self.img_size).unsqueeze(1)
        x = torch.cat([self.embed_data(input), embedded_class], dim=1)
        h = torch.flatten(self.encoder(x), start_dim=1)
        mu, log_var = self.fc_mu(h), self.fc_var(h)
        z = torch.cat([self.reparameterize(mu, log_var), y], dim=1)
        return [self.decoder(self.decoder_input(z).view(-1, 8, 4, 4)), input, mu, log_var]


class CrossmodalLayer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm_q, self.norm_kv, self.norm_ff = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, 2)
        self.fc1, self.fc2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)

    def forward(self, x, x_kv):
        kv = self.norm_kv(x_kv)
        x = x + self.attn(self.norm_q(x), kv, kv)[0]
        return x + self.fc2(F.relu(self.fc1(self.norm_ff(x))))


def positions(x):
    steps = torch.arange(x.size(0), device=x.device).float().unsqueeze(1)
    div = torch.exp(torch.arange(0, x.size(2), 2, device=x.device).float() * (-math.log(10000.0) / x.size(2)))
    return torch.cat([torch.sin(steps * div), torch.cos(steps * div)], dim=1).unsqueeze(1)


class MULT(nn.Module):
    """Words, voice and face of one utterance, not aligned: each has a pace of its own."""

    def __init__(self, orig_d_l=30, orig_d_a=7, orig_d_v=11, d=8):
        super().__init__()
        self.proj_l = nn.Conv1d(orig_d_l, d, 1, bias=False)
        self.proj_a = nn.Conv1d(orig_d_a, d, 1, bias=False)
        self.proj_v = nn.Conv1d(orig_d_v, d, 1, bias=False)
        self.trans = nn.ModuleDict({name: CrossmodalLayer(d) for name in ("la", "lv", "al", "av", "vl", "va")})
        self.mem = nn.ModuleDict({name: nn.TransformerEncoderLayer(2 * d, 2, 32) for name in ("l", "a", "v")})
        self.out_layer = nn.Linear(6 * d, 1)

    def forward(self, x_l, x_a, x_v):
        x_l = F.dropout(x_l.transpose(1, 2), p=0.25, training=self.training)
        x_a, x_v = x_a.transpose(1, 2), x_v.transpose(1, 2)
        proj = {
            "l": self.proj_l(x_l).permute(2, 0, 1),
            "a": self.proj_a(x_a).permute(2, 0, 1),
            "v": self.proj_v(x_v).permute(2, 0, 1),
        }
        proj = {name: x + positions(x) for name, x in proj.items()}
        last = []
        for name, mem in self.mem.items():
            others = [self.trans[name + other](proj[name], proj[other]) for other in "lav" if other != name]
            last.append(mem(torch.cat(others, dim=2))[-1])
        last_hs = torch.cat(last, dim=1)
        return self.out_layer(last_hs), last_hs


def utterances(b, words, sounds, faces):
    return floats(b, words, 30), floats(b, sounds, 7), floats(b, faces, 11)


CASES = (
    Case(
        "vqa_stacked_attention",
        build=StackedAttentionVQA,
        example=lambda: call(floats(2, 3, 32, 40), *question(7, 7, 4)),
        good=lambda: [
            call(floats(1, 3, 16, 16), *question(1, 1)),
            call(floats(3, 3, 24, 48), *question(9, 2, 9, 5)),
            call(v=floats(2, 3, 64, 32), q=1 + ids(2, 5, below=59), q_len=torch.tensor([5, 5])),
            call(floats(2, 3, 40, 24), *question(12, 3, 12)),
            call(floats(1, 3, 32, 32), torch.tensor([[59, 1, 59]]), torch.tensor([3])),
            call(floats(4, 3, 8, 8), *question(6, 6, 1, 2, 3)),
        ],
        bad=lambda: [
            raises("word 60", floats(2, 3, 32, 32), torch.full((2, 5), 60), torch.tensor([5, 4])),
            raises("word -1", floats(2, 3, 32, 32), torch.full((2, 5), -1), torch.tensor([5, 4])),
            raises("length 0", floats(2, 3, 32, 32), 1 + ids(2, 5, below=59), torch.tensor([5, 0])),
            raises("length 6 of 5", floats(2, 3, 32, 32), 1 + ids(2, 5, below=59), torch.tensor([6, 2])),
            raises("three lengths for two", floats(2, 3, 32, 32), 1 + ids(2, 5, below=59), torch.tensor([5, 4, 3])),
            unmeant("one length for two", Policy.TIE, floats(2, 3, 32, 32), 1 + ids(2, 5, below=59), torch.tensor([5])),
            raises("three pictures for two", floats(3, 3, 32, 32), *question(5, 5, 2)),
            unmeant("one picture for two", Policy.TIE, floats(1, 3, 32, 32), *question(5, 5, 2)),
            unmeant("one question for two", Policy.TIE, floats(2, 3, 32, 32), *question(5, 5)),
            raises("grey", floats(2, 1, 32, 32), *question(5, 5, 2)),
            raises("a picture without batch", floats(3, 32, 32), *question(5, 5)),
            raises("a question without batch", floats(1, 3, 32, 32), 1 + ids(5, below=59), torch.tensor([5])),
            raises("no lengths", floats(2, 3, 32, 32), 1 + ids(2, 5, below=59)),
            raises("python lengths", floats(2, 3, 32, 32), 1 + ids(2, 5, below=59), [5, 2]),
            raises("float words", floats(2, 3, 32, 32), torch.rand(2, 5), torch.tensor([5, 2])),
            raises("float64 picture", floats(2, 3, 32, 32).double(), *question(5, 5, 2)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 3, 32, 32)), *question(5, 5, 2)),
        ],
    ),
    Case(
        "lesion_with_history",
        build=LesionNet,
        example=lambda: call(floats(2, 3, 32, 32), floats(2, 9)),
        good=lambda: [
            call(floats(1, 3, 24, 24), floats(1, 9)),
            call(floats(3, 3, 16, 40), floats(3, 9)),
            call(img=floats(2, 3, 64, 48), meta_data=floats(2, 9)),
            call(floats(5, 3, 32, 20), torch.zeros(5, 9)),
            call(floats(1, 3, 100, 60), torch.ones(1, 9)),
            call(floats(8, 3, 12, 12), floats(8, 9)),
        ],
        bad=lambda: [
            raises("eight answers", floats(2, 3, 32, 32), floats(2, 8)),
            raises("ten answers", floats(2, 3, 32, 32), floats(2, 10)),
            raises("history of three for two", floats(2, 3, 32, 32), floats(3, 9)),
            unmeant("history of one for two", Policy.TIE, floats(2, 3, 32, 32), floats(1, 9)),
            unmeant("one picture for two", Policy.TIE, floats(1, 3, 32, 32), floats(2, 9)),
            raises("history without batch", floats(1, 3, 32, 32), floats(9)),
            raises("a grey picture", floats(2, 1, 32, 32), floats(2, 9)),
            raises("a picture without batch", floats(3, 32, 32), floats(1, 9)),
            raises("channels last", floats(2, 32, 32, 3), floats(2, 9)),
            raises("float64 picture", floats(2, 3, 32, 32).double(), floats(2, 9)),
            raises("bytes", ids(2, 3, 32, 32, below=256).byte(), floats(2, 9)),
            unmeant("float64 history", Policy.DTYPE, floats(2, 3, 32, 32), floats(2, 9).double()),
            raises("no history", floats(2, 3, 32, 32)),
            unmeant("nan picture", Policy.FINITE, with_nan(floats(2, 3, 32, 32)), floats(2, 9)),
            unmeant("nan history", Policy.FINITE, floats(2, 3, 32, 32), with_nan(floats(2, 9))),
        ],
    ),
    Case(
        "conditional_vae_digits",
        build=ConditionalVAE,
        example=lambda: call(torch.rand(3, 1, 16, 16), ids(3, below=10)),
        good=lambda: [
            call(torch.rand(1, 1, 16, 16), ids(1, below=10)),
            call(torch.rand(2, 1, 16, 16), torch.tensor([0, 9])),
            call(input=torch.rand(5, 1, 16, 16), labels=ids(5, below=10)),
            call(floats(4, 1, 16, 16), torch.tensor([9, 9, 9, 9])),
            call(torch.zeros(2, 1, 16, 16), ids(2, below=10)),
            call(torch.rand(20, 1, 16, 16), ids(20, below=10)),
        ],
        bad=lambda: [
            raises("label 10", torch.rand(2, 1, 16, 16), torch.tensor([3, 10])),
            raises("label -1", torch.rand(2, 1, 16, 16), torch.tensor([3, -1])),
            raises("float labels", torch.rand(2, 1, 16, 16), torch.tensor([3.0, 1.0])),
            raises("int32 labels", torch.rand(2, 1, 16, 16), torch.tensor([3, 1]).int()),
            raises("one label for two", torch.rand(2, 1, 16, 16), torch.tensor([3])),
            raises("three labels for two", torch.rand(2, 1, 16, 16), torch.tensor([3, 1, 2])),
            raises("labels as a column", torch.rand(2, 1, 16, 16), torch.tensor([[3], [1]])),
            raises("14 x 14", torch.rand(2, 1, 14, 14), torch.tensor([3, 1])),
            raises("32 x 32", torch.rand(2, 1, 32, 32), torch.tensor([3, 1])),
            raises("16 x 8", torch.rand(2, 1, 16, 8), torch.tensor([3, 1])),
            raises("rgb", torch.rand(2, 3, 16, 16), torch.tensor([3, 1])),
            raises("no channel axis", torch.rand(2, 16, 16), torch.tensor([3, 1])),
            raises("flat pictures", torch.rand(2, 256), torch.tensor([3, 1])),
            raises("float64", torch.rand(2, 1, 16, 16).double(), torch.tensor([3, 1])),
            raises("no labels", torch.rand(2, 1, 16, 16)),
            unmeant("nan", Policy.FINITE, with_nan(torch.rand(2, 1, 16, 16)), torch.tensor([3, 1])),
        ],
    ),
    Case(
        "words_voices_faces",
        build=MULT,
        example=lambda: call(*utterances(2, 5, 8, 6)),
        good=lambda: [
            call(*utterances(1, 1, 1, 1)),
            call(*utterances(3, 7, 4, 9)),
            call(*utterances(2, 5, 5, 5)),
            call(**dict(zip(("x_l", "x_a", "x_v"), utterances(4, 3, 20, 10), strict=True))),
            call(*utterances(1, 12, 2, 40)),
            call(*utterances(6, 2, 9, 3)),
        ],
        bad=lambda: [
            raises("29 features a word", floats(2, 5, 29), floats(2, 8, 7), floats(2, 6, 11)),
            raises("voice and face swapped", floats(2, 5, 30), floats(2, 6, 11), floats(2, 8, 7)),
            raises("words batch last", floats(30, 5, 2), floats(2, 8, 7), floats(2, 6, 11)),
            raises("voices of three for two", floats(2, 5, 30), floats(3, 8, 7), floats(2, 6, 11)),
            raises("faces of one for two", floats(2, 5, 30), floats(2, 8, 7), floats(1, 6, 11)),
            raises("words of one for two", floats(1, 5, 30), floats(2, 8, 7), floats(2, 6, 11)),
            raises("no batch axes", floats(5, 30), floats(8, 7), floats(6, 11)),
            raises("no word", floats(2, 0, 30), floats(2, 8, 7), floats(2, 6, 11)),
            raises("no faces", floats(2, 5, 30), floats(2, 8, 7)),
            raises("as one tuple", utterances(2, 5, 8, 6)),
            raises("float64 voices", floats(2, 5, 30), floats(2, 8, 7).double(), floats(2, 6, 11)),
            raises("word ids", ids(2, 5, below=30), floats(2, 8, 7), floats(2, 6, 11)),
            unmeant("nan voice", Policy.FINITE, floats(2, 5, 30), with_nan(floats(2, 8, 7)), floats(2, 6, 11)),
        ],
    ),
)
