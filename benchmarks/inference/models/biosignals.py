# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Clinic: trials of an EEG, an ECG with age and sex, a transformer between U-Net halves, two cascaded registrations."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Conv2dWithConstraint(nn.Conv2d):
    def __init__(self, *args, max_norm=1.0, **kwargs):
        self.max_norm = max_norm
        super().__init__(*args, **kwargs)

    def forward(self, x):
        self.weight.data = torch.renorm(self.weight.data, p=2, dim=0, maxnorm=self.max_norm)
        return super().forward(x)


class EEGNet(nn.Module):
    """EEGNet-8,2 on trials of a fixed montage and length."""

    def __init__(self, n_classes=4, channels=8, samples=128, kern_length=32, F1=8, D=2, F2=16, dropout=0.5):
        super().__init__()
        self.block1 = nn.Sequential(
            nn.ZeroPad2d((kern_length // 2 - 1, kern_length - kern_length // 2, 0, 0)),
            nn.Conv2d(1, F1, (1, kern_length), bias=False),
            nn.BatchNorm2d(F1),
            Conv2dWithConstraint(F1, F1 * D, (channels, 1), groups=F1, bias=False, max_norm=1.0),
            nn.BatchNorm2d(F1 * D),
            nn.ELU(),
            nn.AvgPool2d((1, 4)),
            nn.Dropout(dropout),
        )
        self.block2 = nn.Sequential(
            nn.ZeroPad2d((7, 8, 0, 0)),
            nn.Conv2d(F1 * D, F1 * D, (1, 16), groups=F1 * D, bias=False),
            nn.Conv2d(F1 * D, F2, 1, bias=False),
            nn.BatchNorm2d(F2),
            nn.ELU(),
            nn.AvgPool2d((1, 8)),
            nn.Dropout(dropout),
        )
        self.classifier = nn.Linear(F2 * (samples // 32), n_classes)

    def forward(self, x):
        x = self.block1(x)
        x = self.block2(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


class SEBlock1d(nn.Module):
    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv1d(inplanes, planes, 7, stride, 3, bias=False)
        self.bn1 = nn.BatchNorm1d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.2)
        self.conv2 = nn.Conv1d(planes, planes, 7, 1, 3, bias=False)
        self.bn2 = nn.BatchNorm1d(planes)
        self.fc = nn.Sequential(nn.Linear(planes, 4), nn.ReLU(inplace=True), nn.Linear(4, planes), nn.Sigmoid())
        self.downsample = nn.Sequential(nn.Conv1d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm1d(planes))

    def forward(self, x):
        residual = self.downsample(x)
        out = self.dropout(self.relu(self.bn1(self.conv1(x))))
        out = self.bn2(self.conv2(out))
        weight = self.fc(F.adaptive_avg_pool1d(out, 1).squeeze(-1)).unsqueeze(-1)
        return self.relu(out * weight + residual)


class ECGResNet(nn.Module):
    """Twelve leads of any length beside age and sex; several diagnoses may hold at once."""

    def __init__(self, n_leads=12, num_classes=9):
        super().__init__()
        self.conv1 = nn.Conv1d(n_leads, 8, 15, 2, 7, bias=False)
        self.bn1 = nn.BatchNorm1d(8)
        self.maxpool = nn.MaxPool1d(3, 2, 1)
        self.layers = nn.Sequential(SEBlock1d(8, 8, 1), SEBlock1d(8, 12, 2), SEBlock1d(12, 16, 2))
        self.pool = nn.AdaptiveMaxPool1d(1)
        self.fc1 = nn.Linear(2, 5)
        self.fc = nn.Linear(16 + 5, num_classes)

    def forward(self, x, ag):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.pool(self.layers(x))
        x = x.view(x.size(0), -1)
        ag = F.relu(self.fc1(ag))
        return self.fc(torch.cat((ag, x), dim=1))


class StemStage(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(nn.Conv2d(cin, cout, 3, 2, 1, bias=False), nn.GroupNorm(4, cout), nn.ReLU(inplace=True))


class TransUNet(nn.Module):
    """Convolutions down to an eighth, a transformer over what is left, and skips on the way up."""

    def __init__(self, img_size=64, in_channels=1, n_classes=9, hidden_size=16):
        super().__init__()
        self.grid = img_size // 16
        self.stages = nn.ModuleList([StemStage(in_channels, 4), StemStage(4, 8), StemStage(8, 12)])
        self.patch_embeddings = nn.Conv2d(12, hidden_size, 2, 2)
        self.position_embeddings = nn.Parameter(0.02 * torch.randn(1, self.grid**2, hidden_size))
        self.dropout = nn.Dropout(0.1)
        layer = nn.TransformerEncoderLayer(hidden_size, 4, 32, batch_first=True, norm_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(hidden_size), enable_nested_tensor=False)
        self.up = nn.UpsamplingBilinear2d(scale_factor=2)
        cins, couts = (hidden_size + 12, 16 + 8, 12 + 4, 8), (16, 12, 8, 6)
        self.decoder = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in zip(cins, couts, strict=True))
        self.segmentation_head = nn.Conv2d(6, n_classes, 3, padding=1)

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        x = self.patch_embeddings(x)
        b, c, h, w = x.shape
        x = x.flatten(2).transpose(-1, -2)
        x = self.encoder(self.dropout(x + self.position_embeddings))
        x = x.permute(0, 2, 1).contiguous().view(b, c, h, w)
        for conv in self.decoder:
            x = self.up(x)
            if features:
                x = torch.cat([x, features.pop()], dim=1)
            x = F.relu(conv(x))
        return self.segmentation_head(x)


class AffineStem(nn.Module):
    """Six numbers near the identity, from both images."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2, 6, 3, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(6, 8, 3, 2, 1), nn.LeakyReLU(0.1)
        )
        self.fc = nn.Linear(8, 6)
        nn.init.normal_(self.fc.weight, std=1e-3)
        nn.init.zeros_(self.fc.bias)

    def forward(self, fixed, moving):
        x = self.net(torch.cat([fixed, moving], 1)).mean(dim=(2, 3))
        theta = self.fc(x).view(-1, 2, 3) + torch.eye(2, 3, device=x.device)
        grid = F.affine_grid(theta, list(fixed.shape), align_corners=False)
        return F.grid_sample(moving, grid, align_corners=False, padding_mode="border")


class FlowCascade(nn.Module):
    """Refines the warped image with a displacement that a small U-Net of stride 4 predicts."""

    def __init__(self, c=6):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(2, c, 3, 2, 1), nn.Conv2d(c, c, 3, 2, 1)
        self.up1, self.up2 = nn.ConvTranspose2d(c, c, 2, 2), nn.ConvTranspose2d(2 * c, c, 2, 2)
        self.flow = nn.Conv2d(c, 2, 3, padding=1)

    def forward(self, fixed, warped):
        x1 = F.leaky_relu(self.down1(torch.cat([fixed, warped], 1)), 0.1)
        x2 = F.leaky_relu(self.down2(x1), 0.1)
        x = F.leaky_relu(self.up1(x2), 0.1)
        flow = self.flow(F.leaky_relu(self.up2(torch.cat([x, x1], 1)), 0.1)).tanh() * 0.1
        theta = torch.eye(2, 3, device=flow.device).expand(flow.size(0), 2, 3)
        grid = F.affine_grid(theta, list(fixed.shape), align_corners=False) + flow.permute(0, 2, 3, 1)
        return F.grid_sample(warped, grid, align_corners=False, padding_mode="border"), flow


class RecursiveCascadeNetwork(nn.Module):
    def __init__(self, n_cascades=2):
        super().__init__()
        self.stem = AffineStem()
        self.cascades = nn.ModuleList(FlowCascade() for _ in range(n_cascades))

    def forward(self, fixed, moving):
        stem_results = [self.stem(fixed, moving)]
        flows = []
        for cascade in self.cascades:
            warped, flow = cascade(fixed, stem_results[-1])
            stem_results.append(warped)
            flows.append(flow)
        return stem_results, flows


def trials(b, channels=8, samples=128):
    return floats(b, 1, channels, samples)


def patients(b):
    return torch.stack([torch.rand(b), ids(b, below=2).float()], 1)


CASES = (
    Case(
        "eegnet_trials",
        build=EEGNet,
        example=lambda: call(trials(2)),
        good=lambda: [
            call(trials(1)),
            call(trials(3)),
            call(x=trials(4)),
            call(10 * trials(7)),
            call(trials(16)),
            call(torch.zeros(2, 1, 8, 128)),
        ],
        bad=lambda: [
            raises("seven electrodes", trials(2, channels=7)),
            raises("a longer montage", trials(2, channels=22)),
            raises("96 samples", trials(2, samples=96)),
            raises("127 samples", trials(2, samples=127)),
            raises("160 samples", trials(2, samples=160)),
            raises("256 samples", trials(2, samples=256)),
            raises("no channel of the picture", floats(2, 8, 128)),
            raises("no batch axis", floats(8, 128)),
            raises("electrodes as channels", floats(2, 8, 1, 128)),
            raises("samples before electrodes", floats(2, 1, 128, 8)),
            raises("float64", trials(2).double()),
            raises("int16 as recorded", ids(2, 1, 8, 128, below=99, dtype=torch.int16)),
            raises("a list of trials", list(trials(2))),
            unmeant("nan", Policy.FINITE, with_nan(trials(2))),
        ],
    ),
    Case(
        "ecg_resnet_age_sex",
        build=ECGResNet,
        example=lambda: call(floats(2, 12, 200), patients(2)),
        good=lambda: [
            call(floats(1, 12, 128), patients(1)),
            call(floats(3, 12, 500), patients(3)),
            call(floats(2, 12, 97), patients(2)),
            call(x=floats(5, 12, 64), ag=patients(5)),
            call(floats(1, 12, 1000), patients(1)),
            call(floats(4, 12, 33), torch.zeros(4, 2)),
        ],
        bad=lambda: [
            raises("eight leads", floats(2, 8, 200), patients(2)),
            raises("leads last", floats(2, 200, 12), patients(2)),
            raises("no batch axis", floats(12, 200), patients(1)),
            raises("one patient for two", floats(2, 12, 200), patients(1)),
            raises("three patients for two", floats(2, 12, 200), patients(3)),
            raises("age only", floats(2, 12, 200), patients(2)[:, :1]),
            raises("weight too", floats(2, 12, 200), torch.rand(2, 3)),
            raises("a patient without batch", floats(1, 12, 200), patients(1)[0]),
            raises("no patient", floats(2, 12, 200)),
            raises("whole years", floats(2, 12, 200), ids(2, 2, below=99)),
            raises("float64", floats(2, 12, 200).double(), patients(2)),
            raises("int16 as recorded", ids(2, 12, 200, below=99, dtype=torch.int16), patients(2)),
            raises("age and sex apart", floats(2, 12, 200), patients(2)[:, 0], patients(2)[:, 1]),
            unmeant("nan age", Policy.FINITE, floats(2, 12, 200), with_nan(patients(2))),
            unmeant("nan signal", Policy.FINITE, with_nan(floats(2, 12, 200)), patients(2)),
        ],
    ),
    Case(
        "transunet_organs",
        build=TransUNet,
        example=lambda: call(floats(2, 1, 64, 64)),
        good=lambda: [
            call(floats(1, 1, 64, 64)),
            call(floats(3, 1, 64, 64)),
            call(x=floats(4, 1, 64, 64)),
            call(torch.zeros(2, 1, 64, 64)),
            call(torch.rand(6, 1, 64, 64)),
            call(floats(9, 1, 64, 64)),
        ],
        bad=lambda: [
            raises("48 x 48", floats(2, 1, 48, 48)),
            raises("128 x 128", floats(1, 1, 128, 128)),
            raises("64 x 32", floats(2, 1, 64, 32)),
            raises("80 x 64", floats(2, 1, 80, 64)),
            raises("rgb", floats(2, 3, 64, 64)),
            raises("channels last", floats(2, 64, 64, 1)),
            raises("no channel axis", floats(2, 64, 64)),
            raises("no batch and channel axis", floats(64, 64)),
            raises("a volume", floats(1, 1, 4, 64, 64)),
            raises("float64", floats(2, 1, 64, 64).double()),
            raises("float16", floats(2, 1, 64, 64).half()),
            raises("uint8", ids(2, 1, 64, 64, below=256).byte()),
            unmeant("32 x 128, as many patches", Policy.SHAPE, floats(2, 1, 32, 128)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 64, 64))),
        ],
    ),
    Case(
        "cascaded_registration",
        build=RecursiveCascadeNetwork,
        example=lambda: call(floats(2, 1, 32, 32), floats(2, 1, 32, 32)),
        good=lambda: [
            call(floats(1, 1, 16, 16), floats(1, 1, 16, 16)),
            call(floats(3, 1, 24, 40), floats(3, 1, 24, 40)),
            call(floats(2, 1, 8, 12), floats(2, 1, 8, 12)),
            call(fixed=floats(1, 1, 64, 32), moving=floats(1, 1, 64, 32)),
            call(floats(4, 1, 20, 20), moving=floats(4, 1, 20, 20)),
            call(floats(1, 1, 28, 60), floats(1, 1, 28, 60)),
        ],
        bad=lambda: [
            raises("30 x 32", floats(1, 1, 30, 32), floats(1, 1, 30, 32)),
            raises("32 x 33", floats(1, 1, 32, 33), floats(1, 1, 32, 33)),
            raises("the moving image larger", floats(1, 1, 32, 32), floats(1, 1, 36, 32)),
            raises("one moving for two", floats(2, 1, 32, 32), floats(1, 1, 32, 32)),
            raises("one fixed for two", floats(1, 1, 32, 32), floats(2, 1, 32, 32)),
            raises("rgb", floats(1, 3, 32, 32), floats(1, 3, 32, 32)),
            raises("no batch axes", floats(1, 32, 32), floats(1, 32, 32)),
            raises("volumes", floats(1, 1, 8, 32, 32), floats(1, 1, 8, 32, 32)),
            raises("only one", floats(1, 1, 32, 32)),
            raises("as a pair", (floats(1, 1, 32, 32), floats(1, 1, 32, 32))),
            raises("stacked", floats(1, 2, 32, 32)),
            raises("float64", floats(1, 1, 32, 32).double(), floats(1, 1, 32, 32).double()),
            raises("one float64", floats(1, 1, 32, 32), floats(1, 1, 32, 32).double()),
            raises("uint8", ids(1, 1, 32, 32, below=256).byte(), ids(1, 1, 32, 32, below=256).byte()),
            unmeant("nan in the moving", Policy.FINITE, floats(1, 1, 32, 32), with_nan(floats(1, 1, 32, 32))),
        ],
    ),
)
