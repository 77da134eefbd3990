# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Scans: dilated blocks over a brain, neighbouring slices read by an LSTM, tissue in a pyramid, patches of a slide."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class DilatedBlock(nn.Module):
    """Two convolutions of one dilation; the shortcut gets zeros where it has fewer channels."""

    def __init__(self, in_channels, out_channels, dilation):
        super().__init__()
        self.extra = out_channels - in_channels
        layers = []
        for cin in (in_channels, out_channels):
            layers += [
                nn.BatchNorm3d(cin),
                nn.ReLU(),
                nn.ConstantPad3d(dilation, 0),
                nn.Conv3d(cin, out_channels, 3, dilation=dilation, bias=False),
            ]
        self.convs = nn.Sequential(*layers)

    def forward(self, x):
        out = self.convs(x)
        if self.extra > 0:
            x = F.pad(x, (0, 0, 0, 0, 0, 0, 0, self.extra))
        return x + out


class HighRes3DNet(nn.Module):
    """Full resolution throughout; dilations of 1, 2 and 4 widen the view."""

    def __init__(self, in_channels=1, out_channels=4, width=4, dropout=0.5):
        super().__init__()
        self.first = nn.Sequential(
            nn.ConstantPad3d(1, 0), nn.Conv3d(in_channels, width, 3, bias=False), nn.BatchNorm3d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            DilatedBlock(width, width, 1), DilatedBlock(width, 2 * width, 2), DilatedBlock(2 * width, 2 * width, 4)
        )
        self.dropout = nn.Dropout3d(dropout)
        self.classifier = nn.Conv3d(2 * width, out_channels, 1)

    def forward(self, x):
        x = self.dropout(self.blocks(self.first(x)))
        return F.softmax(self.classifier(x), dim=1)


class SliceSequenceModel(nn.Module):
    """Each slice comes with its two neighbours as channels; an LSTM reads along the spine, a logit per slice."""

    def __init__(self, channels=3, hidden=12, n_classes=7):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
            nn.Conv2d(6, 10, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(10), nn.ReLU(inplace=True),
            nn.Conv2d(10, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.lstm = nn.LSTM(16, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * hidden, 16), nn.LeakyReLU(0.1), nn.Linear(16, n_classes))
        self.overall = nn.Linear(2 * hidden, 1)

    def forward(self, x):
        bs, n_slice, in_chans, image_h, image_w = x.shape
        x = x.reshape(bs * n_slice, in_chans, image_h, image_w)
        feat = self.pool(self.encoder(x)).flatten(1)
        feat, _ = self.lstm(feat.view(bs, n_slice, -1))
        return self.head(feat), self.overall(feat.max(dim=1).values).squeeze(-1)


class PPM(nn.Module):
    def __init__(self, in_dim, reduction_dim, bins):
        super().__init__()
        self.features = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(b), nn.Conv2d(in_dim, reduction_dim, 1, bias=False),
                nn.BatchNorm2d(reduction_dim), nn.ReLU(inplace=True),
            )
            for b in bins
        )  # fmt: skip

    def forward(self, x):
        size = x.shape[2:]
        out = [x]
        for f in self.features:
            out.append(F.interpolate(f(x), size, mode="bilinear", align_corners=True))
        return torch.cat(out, 1)


class PSPNet(nn.Module):
    """Tissue classes of a tile; `zoom_factor` as in semseg, so sizes are 8k + 1."""

    def __init__(self, bins=(1, 2, 3, 6), classes=5, zoom_factor=8):
        super().__init__()
        self.zoom_factor = zoom_factor
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(6, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(inplace=True),
            nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(12), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.ppm = PPM(12, 3, bins)
        self.cls = nn.Sequential(nn.Conv2d(24, 12, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(12, classes, 1))
        self.aux = nn.Conv2d(12, classes, 1)

    def forward(self, x):
        x_size = x.size()
        assert (x_size[2] - 1) % 8 == 0
        assert (x_size[3] - 1) % 8 == 0
        h = int((x_size[2] - 1) / 8 * self.zoom_factor + 1)
        w = int((x_size[3] - 1) / 8 * self.zoom_factor + 1)
        features = self.layers(x)
        x = self.cls(self.ppm(features))
        if self.zoom_factor != 1:
            x = F.interpolate(x, size=(h, w), mode="bilinear", align_corners=True)
        if self.training:
            aux = F.interpolate(self.aux(features), size=(h, w), mode="bilinear", align_corners=True)
            return x, aux
        return x


class TransLayer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, 4, batch_first=True)

    def forward(self, x):
        y = self.norm(x)
        return x + self.attn(y, y, y, need_weights=False)[0]


class PPEG(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.proj = nn.Conv2d(dim, dim, 7, 1, 7 // 2, groups=dim)
        self.proj1 = nn.Conv2d(dim, dim, 5, 1, 5 // 2, groups=dim)
        self.proj2 = nn.Conv2d(dim, dim, 3, 1, 3 // 2, groups=dim)

    def forward(self, x, H, W):
        B, _, C = x.shape
        cls_token, feat_token = x[:, 0], x[:, 1:]
        cnn_feat = feat_token.transpose(1, 2).view(B, C, H, W)
        x = self.proj(cnn_feat) + cnn_feat + self.proj1(cnn_feat) + self.proj2(cnn_feat)
        x = x.flatten(2).transpose(1, 2)
        return torch.cat((cls_token.unsqueeze(1), x), dim=1)


class TransMIL(nn.Module):
    """Patches of a slide, as many as it has, laid out as a square whose end repeats the start."""

    def __init__(self, n_classes=3, in_dim=24, dim=16):
        super().__init__()
        self.pos_layer = PPEG(dim=dim)
        self._fc1 = nn.Sequential(nn.Linear(in_dim, dim), nn.ReLU())
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.layer1 = TransLayer(dim=dim)
        self.layer2 = TransLayer(dim=dim)
        self.norm = nn.LayerNorm(dim)
        self._fc2 = nn.Linear(dim, n_classes)

    def forward(self, **kwargs):
        h = kwargs["data"].float()  # [B, n, 24]
        h = self._fc1(h)

        H = h.shape[1]
        _H, _W = int(np.ceil(np.sqrt(H))), int(np.ceil(np.sqrt(H)))
        add_length = _H * _W - H
        h = torch.cat([h, h[:, :add_length, :]], dim=1)

        B = h.shape[0]
        cls_tokens = self.cls_token.expand(B, -1, -1)
        h = torch.cat((cls_tokens, h), dim=1)
        h = self.layer1(h)
        h = self.pos_layer(h, _H, _W)
        h = self.layer2(h)
        h = self.norm(h)[:, 0]

        logits = self._fc2(h)
        Y_hat = torch.argmax(logits, dim=1)
        Y_prob = F.softmax(logits, dim=1)
        return {"logits": logits, "Y_prob": Y_prob, "Y_hat": Y_hat}


CASES = (
    Case(
        "highres3dnet_brain",
        build=HighRes3DNet,
        example=lambda: call(floats(2, 1, 9, 10, 11)),
        good=lambda: [
            call(floats(1, 1, 8, 8, 8)),
            call(floats(3, 1, 5, 7, 6)),
            call(floats(1, 1, 16, 4, 9)),
            call(floats(2, 1, 3, 12, 12)),
            call(x=floats(1, 1, 12, 6, 5)),
            call(floats(5, 1, 4, 4, 4)),
        ],
        bad=lambda: [
            raises("two modalities", floats(1, 2, 8, 8, 8)),
            raises("channels last", floats(1, 8, 8, 8, 1)),
            raises("no batch axis", floats(1, 8, 8, 8)),
            raises("neither batch nor channel axis", floats(8, 8, 8)),
            raises("one slice in the plane", floats(2, 1, 8, 8)[0]),
            raises("an axis too many", floats(1, 1, 1, 8, 8, 8)),
            raises("float64", floats(1, 1, 8, 8, 8).double()),
            raises("float16", floats(1, 1, 8, 8, 8).half()),
            raises("int16 as stored", ids(1, 1, 8, 8, 8, below=900, dtype=torch.int16)),
            raises("a list of scans", [floats(1, 8, 8, 8)]),
            raises("a mask too", floats(1, 1, 8, 8, 8), floats(1, 1, 8, 8, 8)),
            raises("nothing"),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 8, 8, 8))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 1, 8, 8, 8))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 1, 8, 8, 8)),
        ],
    ),
    Case(
        "spine_slices_lstm",
        build=SliceSequenceModel,
        example=lambda: call(floats(2, 5, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 1, 3, 32, 32)),
            call(floats(1, 9, 3, 16, 24)),
            call(floats(4, 3, 3, 24, 16)),
            call(floats(2, 15, 3, 32, 32)),
            call(x=floats(3, 2, 3, 40, 8)),
            call(floats(2, 4, 3, 64, 48)),
        ],
        bad=lambda: [
            raises("one channel a slice", floats(2, 5, 1, 32, 32)),
            raises("five channels a slice", floats(2, 5, 5, 32, 32)),
            raises("slices and channels swapped", floats(2, 3, 5, 32, 32)),
            raises("channels last", floats(2, 5, 32, 32, 3)),
            raises("no batch axis", floats(5, 3, 32, 32)),
            raises("a single slice", floats(3, 32, 32)),
            raises("an axis too many", floats(1, 2, 5, 3, 32, 32)),
            raises("float64", floats(2, 5, 3, 32, 32).double()),
            raises("uint8", ids(2, 5, 3, 32, 32, below=256).byte()),
            raises("a list of slices", list(floats(5, 2, 3, 32, 32))),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 5, 3, 32, 32))),
            raises("the number of slices too", floats(2, 5, 3, 32, 32), 5),
        ],
    ),
    Case(
        "pspnet_histology",
        build=PSPNet,
        example=lambda: call(floats(2, 3, 41, 41)),
        good=lambda: [
            call(floats(1, 3, 33, 33)),
            call(floats(3, 3, 49, 25)),
            call(floats(1, 3, 17, 65)),
            call(x=floats(2, 3, 57, 57)),
            call(floats(5, 3, 25, 33)),
            call(floats(1, 3, 97, 41)),
        ],
        bad=lambda: [
            raises("40 x 40", floats(1, 3, 40, 40)),
            raises("41 x 48", floats(1, 3, 41, 48)),
            raises("42 x 41", floats(1, 3, 42, 41)),
            raises("64 x 33", floats(1, 3, 64, 33)),
            raises("grey", floats(1, 1, 41, 41)),
            raises("with alpha", floats(1, 4, 41, 41)),
            raises("channels last", floats(1, 41, 41, 3)),
            raises("no batch axis", floats(3, 41, 41)),
            raises("an axis too many", floats(1, 1, 3, 41, 41)),
            raises("uint8", ids(1, 3, 41, 41, below=256).byte()),
            raises("float64", floats(1, 3, 41, 41).double()),
            raises("labels too", floats(1, 3, 41, 41), ids(1, 41, 41, below=5)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 41, 41))),
        ],
    ),
    Case(
        "transmil_slide",
        build=TransMIL,
        example=lambda: call(data=floats(1, 12, 24)),
        good=lambda: [
            call(data=floats(1, 9, 24)),
            call(data=floats(1, 7, 24)),
            call(data=floats(2, 30, 24)),
            call(data=floats(1, 101, 24)),
            call(data=floats(4, 2, 24)),
            call(data=floats(3, 50, 24)),
        ],
        bad=lambda: [
            raises("by place", floats(1, 12, 24)),
            raises("under another name", x=floats(1, 12, 24)),
            raises("nothing"),
            raises("23 features", data=floats(1, 12, 23)),
            raises("48 features", data=floats(1, 12, 48)),
            raises("patches last", data=floats(1, 24, 12)),
            raises("no batch axis", data=floats(12, 24)),
            raises("an axis too many", data=floats(1, 2, 12, 24)),
            raises("no patch", data=floats(1, 0, 24)),
            raises("a list of patches", data=list(floats(12, 24))),
            unmeant("float64", Policy.DTYPE, data=floats(1, 12, 24).double()),
            unmeant("int64", Policy.DTYPE, data=ids(1, 12, 24, below=9)),
            unmeant("the label too", Policy.UNEXPECTED, data=floats(1, 12, 24), label=torch.tensor([1])),
            unmeant("nan", Policy.FINITE, data=with_nan(floats(1, 12, 24))),
        ],
    ),
)
