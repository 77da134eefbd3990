# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Medical imaging: SegResNet, UNETR, a cascade over k-space, attention over the patches of a slide."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class ResBlock(nn.Module):
    def __init__(self, channels, groups=4):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        x = self.conv1(self.act(self.norm1(x)))
        x = self.conv2(self.act(self.norm2(x)))
        return x + identity


class SegResNet(nn.Module):
    """3D MRI segmentation; the skips are added, not concatenated."""

    def __init__(self, init_filters=8, in_channels=1, out_channels=2, blocks_down=(1, 1, 1)):
        super().__init__()
        self.convInit = nn.Conv3d(in_channels, init_filters, 3, padding=1, bias=False)
        self.down_layers = nn.ModuleList()
        self.up_samples = nn.ModuleList()
        self.up_layers = nn.ModuleList()
        for i, blocks in enumerate(blocks_down):
            c = init_filters * 2**i
            pre = nn.Conv3d(c // 2, c, 3, stride=2, padding=1, bias=False) if i > 0 else nn.Identity()
            self.down_layers.append(nn.Sequential(pre, *[ResBlock(c) for _ in range(blocks)]))
        for i in reversed(range(len(blocks_down) - 1)):
            c = init_filters * 2**i
            self.up_samples.append(
                nn.Sequential(
                    nn.Conv3d(2 * c, c, 1, bias=False),
                    nn.Upsample(scale_factor=2, mode="trilinear", align_corners=False),
                )
            )
            self.up_layers.append(ResBlock(c))
        self.conv_final = nn.Sequential(
            nn.GroupNorm(4, init_filters), nn.ReLU(inplace=True), nn.Conv3d(init_filters, out_channels, 1)
        )

    def encode(self, x):
        x = self.convInit(x)
        down_x = []
        for down in self.down_layers:
            x = down(x)
            down_x.append(x)
        return x, down_x

    def decode(self, x, down_x):
        for i, (up, upl) in enumerate(zip(self.up_samples, self.up_layers, strict=False)):
            x = up(x) + down_x[i + 1]
            x = upl(x)
        return self.conv_final(x)

    def forward(self, x):
        x, down_x = self.encode(x)
        down_x.reverse()
        return self.decode(x, down_x)


class UNETR(nn.Module):
    """A vision transformer as the encoder of a 3D U-Net; made for one size of volume."""

    def __init__(self, in_channels=1, out_channels=3, img_size=(16, 16, 32), patch_size=8, hidden_size=24, feature=4):
        super().__init__()
        self.feat_size = tuple(s // patch_size for s in img_size)
        n_patches = self.feat_size[0] * self.feat_size[1] * self.feat_size[2]
        self.patch_embedding = nn.Conv3d(in_channels, hidden_size, patch_size, stride=patch_size)
        self.position_embeddings = nn.Parameter(torch.randn(1, n_patches, hidden_size) * 0.02)
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(hidden_size, 3, 48, batch_first=True, norm_first=True) for _ in range(2)]
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.encoder1 = nn.Conv3d(in_channels, feature, 3, padding=1)
        self.encoder2 = nn.Sequential(
            nn.ConvTranspose3d(hidden_size, feature, 2, stride=2), nn.ConvTranspose3d(feature, feature, 2, stride=2)
        )
        self.up2 = nn.ConvTranspose3d(hidden_size, feature, 4, stride=4)
        self.decoder2 = nn.Conv3d(2 * feature, feature, 3, padding=1)
        self.up1 = nn.ConvTranspose3d(feature, feature, 2, stride=2)
        self.decoder1 = nn.Conv3d(2 * feature, feature, 3, padding=1)
        self.out = nn.Conv3d(feature, out_channels, 1)

    def proj_feat(self, x, hidden_size):
        x = x.view(x.size(0), *self.feat_size, hidden_size)
        return x.permute(0, 4, 1, 2, 3).contiguous()

    def forward(self, x_in):
        x = self.patch_embedding(x_in).flatten(2).transpose(-1, -2)
        x = x + self.position_embeddings
        hidden_states_out = []
        for blk in self.blocks:
            x = blk(x)
            hidden_states_out.append(x)
        x = self.norm(x)
        enc1 = torch.relu(self.encoder1(x_in))
        enc2 = self.encoder2(self.proj_feat(hidden_states_out[0], x.size(-1)))
        dec = self.up2(self.proj_feat(x, x.size(-1)))
        dec = torch.relu(self.decoder2(torch.cat((dec, enc2), dim=1)))
        dec = self.up1(dec)
        dec = torch.relu(self.decoder1(torch.cat((dec, enc1), dim=1)))
        return self.out(dec)


class Cascade(nn.Module):
    """One step of an unrolled reconstruction: a network on the image, then back to the measured k-space."""

    def __init__(self, chans=6):
        super().__init__()
        self.dc_weight = nn.Parameter(torch.ones(1))
        self.model = nn.Sequential(nn.Conv2d(2, chans, 3, padding=1), nn.ReLU(), nn.Conv2d(chans, 2, 3, padding=1))

    def forward(self, current_kspace, ref_kspace, mask):
        zero = torch.zeros(1, dtype=current_kspace.dtype, device=current_kspace.device)
        soft_dc = torch.where(mask, current_kspace - ref_kspace, zero) * self.dc_weight
        image = torch.fft.ifft2(current_kspace, norm="ortho").mean(dim=1)
        refined = self.model(torch.view_as_real(image).permute(0, 3, 1, 2))
        refined = torch.view_as_complex(refined.permute(0, 2, 3, 1).contiguous())
        return current_kspace - soft_dc - torch.fft.fft2(refined, norm="ortho").unsqueeze(1)


class VarNet(nn.Module):
    """masked_kspace is complex [batch, coils, rows, columns]; mask tells which columns were measured."""

    def __init__(self, num_cascades=2):
        super().__init__()
        self.cascades = nn.ModuleList([Cascade() for _ in range(num_cascades)])

    def forward(self, masked_kspace, mask):
        scale = torch.view_as_real(masked_kspace).abs().amax(dim=(1, 2, 3, 4)).clamp(min=1e-6).view(-1, 1, 1, 1)
        masked_kspace = masked_kspace / scale
        mask = mask[:, None, None, :]
        kspace_pred = masked_kspace.clone()
        for cascade in self.cascades:
            kspace_pred = cascade(kspace_pred, masked_kspace, mask)
        image = torch.fft.ifft2(kspace_pred, norm="ortho").abs().pow(2).sum(dim=1).sqrt()
        return image * scale.squeeze(1)


def scan(b, coils, rows, columns):
    return torch.randn(b, coils, rows, columns, dtype=torch.complex64), measured(b, columns)


def measured(*shape):
    return ids(*shape, below=2).bool()


class CLAM(nn.Module):
    """Attention over all patches of one slide, whose features were extracted before."""

    def __init__(self, size=(20, 12, 8), n_classes=2):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(size[0], size[1]), nn.ReLU(), nn.Dropout(0.25))
        self.attention_a = nn.Sequential(nn.Linear(size[1], size[2]), nn.Tanh())
        self.attention_b = nn.Sequential(nn.Linear(size[1], size[2]), nn.Sigmoid())
        self.attention_c = nn.Linear(size[2], 1)
        self.classifiers = nn.Linear(size[1], n_classes)

    def forward(self, h, attention_only=False):
        h = self.fc(h)
        A = self.attention_c(self.attention_a(h).mul(self.attention_b(h)))
        A = torch.transpose(A, 1, 0)
        A_raw = A
        if attention_only:
            return A_raw
        A = F.softmax(A, dim=1)
        M = torch.mm(A, h)
        logits = self.classifiers(M)
        Y_hat = torch.topk(logits, 1, dim=1)[1]
        return logits, F.softmax(logits, dim=1), Y_hat, A_raw


CASES = (
    Case(
        "segresnet_3d",
        build=SegResNet,
        example=lambda: call(floats(1, 1, 16, 16, 8)),
        good=lambda: [
            call(floats(1, 1, 4, 4, 4)),
            call(floats(2, 1, 8, 4, 12)),
            call(floats(1, 1, 16, 16, 8)),
            call(floats(3, 1, 4, 8, 4)),
            call(floats(1, 1, 20, 12, 16)),
            call(x=floats(2, 1, 8, 8, 8)),
        ],
        bad=lambda: [
            raises("depth 6", floats(1, 1, 6, 8, 8)),
            raises("height 10", floats(1, 1, 8, 10, 8)),
            raises("width 9", floats(1, 1, 8, 8, 9)),
            raises("width 2", floats(1, 1, 8, 8, 2)),
            raises("depth 3", floats(1, 1, 3, 8, 8)),
            unmeant("one slice, which becomes four", Policy.TIE, floats(1, 1, 1, 8, 8)),
            raises("two channels", floats(1, 2, 8, 8, 8)),
            raises("channels last", floats(1, 8, 8, 8, 1)),
            raises("a slice without depth", floats(1, 1, 8, 8)),
            raises("no channel axis", floats(8, 8, 8)),
            raises("float64", floats(1, 1, 8, 8, 8).double()),
            raises("int16", ids(1, 1, 8, 8, 8, below=99).to(torch.int16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 8, 8, 8))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 1, 8, 8, 8))),
        ],
    ),
    Case(
        "unetr_one_size",
        build=UNETR,
        example=lambda: call(floats(1, 1, 16, 16, 32)),
        good=lambda: [call(floats(n, 1, 16, 16, 32)) for n in (1, 2, 3, 4, 5)] + [call(x_in=floats(2, 1, 16, 16, 32))],
        bad=lambda: [
            raises("16 x 16 x 16", floats(1, 1, 16, 16, 16)),
            raises("32 x 16 x 16, as many patches", floats(1, 1, 32, 16, 16)),
            raises("16 x 32 x 16, as many patches", floats(1, 1, 16, 32, 16)),
            raises("32 x 32 x 64", floats(1, 1, 32, 32, 64)),
            raises("16 x 16 x 33", floats(1, 1, 16, 16, 33)),
            raises("17 x 16 x 32", floats(1, 1, 17, 16, 32)),
            raises("16 x 16 x 31", floats(1, 1, 16, 16, 31)),
            raises("two channels", floats(1, 2, 16, 16, 32)),
            raises("channels last", floats(1, 16, 16, 32, 1)),
            raises("no batch axis", floats(1, 16, 16, 32)),
            raises("float64", floats(1, 1, 16, 16, 32).double()),
            raises("uint8", ids(1, 1, 16, 16, 32, below=256).to(torch.uint8)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 16, 16, 32))),
            raises("the spacing too", floats(1, 1, 16, 16, 32), floats(1, 3)),
        ],
    ),
    Case(
        "kspace_cascades",
        build=VarNet,
        example=lambda: call(*scan(1, 4, 16, 12)),
        good=lambda: [
            call(*scan(1, 1, 1, 1)),
            call(*scan(2, 3, 8, 10)),
            call(*scan(1, 5, 7, 9)),
            call(*scan(3, 2, 20, 4)),
            call(torch.randn(2, 4, 6, 6, dtype=torch.complex64), torch.ones(2, 6).bool()),
            call(
                masked_kspace=torch.randn(1, 2, 5, 8, dtype=torch.complex64),
                mask=torch.zeros(1, 8, dtype=torch.bool),
            ),
        ],
        bad=lambda: [
            raises("mask for other columns", scan(2, 3, 8, 10)[0], measured(2, 8)),
            unmeant("one mask for two scans", Policy.TIE, scan(2, 3, 8, 10)[0], measured(1, 10)),
            unmeant("two masks for one scan", Policy.TIE, scan(1, 3, 8, 10)[0], measured(2, 10)),
            raises("float32", floats(2, 3, 8, 10), measured(2, 10)),
            raises("masks of another batch", scan(2, 3, 8, 10)[0], measured(3, 10)),
            unmeant("one column for all", Policy.TIE, scan(2, 3, 8, 10)[0], measured(2, 1)),
            raises("mask without batch", scan(1, 3, 8, 10)[0], measured(10)),
            raises("mask as floats", scan(2, 3, 8, 10)[0], measured(2, 10).float()),
            raises("mask as int64", scan(2, 3, 8, 10)[0], measured(2, 10).long()),
            raises("real and imaginary parts", floats(2, 3, 8, 10, 2), measured(2, 10)),
            raises("complex128", scan(2, 3, 8, 10)[0].to(torch.complex128), measured(2, 10)),
            raises("one coil without its axis", scan(2, 3, 8, 10)[0][:, 0], measured(2, 10)),
            raises("no mask", scan(2, 3, 8, 10)[0]),
            raises("swapped", measured(2, 10), scan(2, 3, 8, 10)[0]),
            unmeant("nan", Policy.FINITE, with_nan(scan(2, 3, 8, 10)[0]), measured(2, 10)),
        ],
    ),
    Case(
        "clam_slide",
        build=CLAM,
        example=lambda: call(floats(50, 20)),
        good=lambda: [call(floats(n, 20)) for n in (1, 2, 3, 17, 200)] + [call(h=floats(6, 20))],
        bad=lambda: [
            raises("19 features", floats(9, 19)),
            raises("21 features", floats(9, 21)),
            raises("transposed", floats(20, 9)),
            raises("one patch without its axis", floats(20)),
            raises("a batch of slides", floats(2, 9, 20)),
            raises("slides of one", floats(1, 9, 20)),
            raises("float64", floats(9, 20).double()),
            raises("float16", floats(9, 20).half()),
            raises("int64", ids(9, 20, below=5)),
            unmeant("only the attention", Policy.FLAG, floats(9, 20), attention_only=True),
            raises("label too", floats(9, 20), label=ids(1, below=2)),
            unmeant("nan", Policy.FINITE, with_nan(floats(9, 20))),
            raises("a list", [floats(20), floats(20)]),
            unmeant("no patches", Policy.EMPTY, floats(0, 20)),
        ],
    ),
)
