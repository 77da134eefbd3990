# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Pictures read as text, put upright, compared with each other, and seen by an agent that remembers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class CRNN(nn.Module):
    """Reads a line of text 32 pixels high; one distribution over characters per four columns."""

    def __init__(self, img_channel=1, img_height=32, num_class=11, hidden=8):
        super().__init__()
        self.img_height = img_height
        self.cnn = nn.Sequential(
            nn.Conv2d(img_channel, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2),
            nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2),
            nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d((2, 1)),
            nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d((2, 1)),
            nn.Conv2d(8, 12, 2), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.rnn1 = nn.LSTM(12, hidden, bidirectional=True)
        self.dense = nn.Linear(2 * hidden, num_class)

    def forward(self, images):
        if images.size(2) != self.img_height:
            raise ValueError(f"images must be {self.img_height} pixels high, got {images.size(2)}")
        conv = self.cnn(images)
        batch, channel, height, width = conv.size()
        conv = conv.view(batch, channel * height, width).permute(2, 0, 1)
        recurrent, _ = self.rnn1(conv)
        return F.log_softmax(self.dense(recurrent), dim=2)


class SpatialTransformerNet(nn.Module):
    """The tutorial's network for MNIST: a small net predicts how to turn the digit before it is classified."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)
        self.localization = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=7), nn.MaxPool2d(2, stride=2), nn.ReLU(True),
            nn.Conv2d(8, 10, kernel_size=5), nn.MaxPool2d(2, stride=2), nn.ReLU(True),
        )  # fmt: skip
        self.fc_loc = nn.Sequential(nn.Linear(10 * 3 * 3, 32), nn.ReLU(True), nn.Linear(32, 3 * 2))
        self.fc_loc[2].weight.data.mul_(0.1)
        self.fc_loc[2].bias.data.copy_(torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float))

    def stn(self, x):
        xs = self.localization(x)
        xs = xs.view(-1, 10 * 3 * 3)
        theta = self.fc_loc(xs).view(-1, 2, 3)
        grid = F.affine_grid(theta, x.size(), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)

    def forward(self, x):
        x = self.stn(x)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = x.view(-1, 320)
        x = self.fc2(F.relu(self.fc1(x)))
        return F.log_softmax(x, dim=1)


class OpticalFlow(nn.Module):
    """Correlates the features of two frames and refines the flow a few times."""

    def __init__(self, dim=8, num_levels=2, iters=2):
        super().__init__()
        self.num_levels = num_levels
        self.iters = iters
        self.feature_encoder = nn.Sequential(
            nn.Conv2d(3, dim, 7, stride=2, padding=3), nn.InstanceNorm2d(dim), nn.ReLU(),
            nn.Conv2d(dim, dim, 3, stride=2, padding=1), nn.InstanceNorm2d(dim), nn.ReLU(),
            nn.Conv2d(dim, dim, 3, stride=2, padding=1),
        )  # fmt: skip
        self.update = nn.Conv2d(num_levels + 2 + dim, dim, 3, padding=1)
        self.flow_head = nn.Conv2d(dim, 2, 3, padding=1)

    def correlate(self, fmap1, fmap2):
        levels = []
        for level in range(self.num_levels):
            pooled = F.avg_pool2d(fmap2, 2**level) if level else fmap2
            volume = torch.einsum("bchw,bcn->bhwn", fmap1, pooled.flatten(2)) / fmap1.shape[1] ** 0.5
            levels.append(volume.max(dim=-1).values)
        return torch.stack(levels, dim=1)

    def forward(self, image1, image2):
        batch_size, _, h, w = image1.shape
        if image1.shape != image2.shape:
            raise ValueError("input images should have the same shape")
        if (h % 8 != 0) or (w % 8 != 0):
            raise ValueError(f"input image H and W should be divisible by 8, instead got {h} (h) and {w} (w)")
        fmap1 = self.feature_encoder(image1)
        fmap2 = self.feature_encoder(image2)
        min_size = 2 * 2 ** (self.num_levels - 1)
        if any(size < min_size for size in fmap1.shape[-2:]):
            raise ValueError(f"feature maps are too small to be down-sampled, images must be at least {8 * min_size}")
        corr = self.correlate(fmap1, fmap2)
        flow = torch.zeros(batch_size, 2, h // 8, w // 8)
        predictions = []
        for _ in range(self.iters):
            hidden = torch.tanh(self.update(torch.cat([corr, flow, fmap1], dim=1)))
            flow = flow + self.flow_head(hidden)
            predictions.append(8 * F.interpolate(flow, scale_factor=8, mode="bilinear", align_corners=True))
        return predictions


class RecurrentPolicy(nn.Module):
    """An actor-critic that sees raw frames and a few numbers, may forbid actions, and remembers between steps."""

    def __init__(self, vector_dim=5, hidden=12, n_actions=4):
        super().__init__()
        self.hidden = hidden
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 8, 8, stride=4), nn.ReLU(), nn.Conv2d(8, 8, 4, stride=2), nn.ReLU(), nn.Flatten()
        )
        self.fc = nn.Linear(8 * 3 * 3 + vector_dim, 16)
        self.lstm = nn.LSTMCell(16, hidden)
        self.actor = nn.Linear(hidden, n_actions)
        self.critic = nn.Linear(hidden, 1)

    def forward(self, obs: dict[str, Tensor], state: tuple[Tensor, Tensor] | None = None):
        image = obs["image"]
        if image.dtype != torch.uint8:
            raise TypeError(f"image must be uint8, got {image.dtype}")
        features = torch.cat([self.cnn(image.float() / 255.0), obs["vector"]], dim=1)
        h, c = self.lstm(torch.relu(self.fc(features)), state)
        logits = self.actor(h).masked_fill(~obs["action_mask"], -1e8)
        return logits.softmax(dim=-1), self.critic(h).squeeze(-1), (h, c)


def frames(*shape):
    return ids(*shape, below=256).to(torch.uint8)


def seen(n, **changed):
    allowed = torch.tensor([True, False, True, True]).repeat(n, 1)
    return {"image": frames(n, 3, 36, 36), "vector": floats(n, 5), "action_mask": allowed, **changed}


def memory(n, hidden=12):
    return floats(n, hidden), floats(n, hidden)


CASES = (
    Case(
        "crnn_text_line",
        build=CRNN,
        example=lambda: call(floats(2, 1, 32, 100)),
        good=lambda: [
            call(floats(1, 1, 32, 8)),
            call(floats(2, 1, 32, 12)),
            call(floats(1, 1, 32, 100)),
            call(floats(3, 1, 32, 32)),
            call(floats(7, 1, 32, 20)),
            call(images=floats(2, 1, 32, 256)),
        ],
        bad=lambda: [
            raises("31 rows", floats(1, 1, 31, 100)),
            raises("33 rows", floats(1, 1, 33, 100)),
            raises("64 rows", floats(1, 1, 64, 100)),
            raises("7 columns", floats(1, 1, 32, 7)),
            raises("4 columns", floats(1, 1, 32, 4)),
            raises("transposed", floats(1, 1, 100, 32)),
            raises("rgb", floats(1, 3, 32, 100)),
            raises("no channel axis", floats(1, 32, 100)),
            raises("float64", floats(1, 1, 32, 100).double()),
            raises("uint8", frames(1, 1, 32, 100)),
            raises("the text too", floats(1, 1, 32, 100), ids(1, 5, below=11)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 1, 32, 100))),
            raises("a list", [floats(1, 32, 100)]),
        ],
    ),
    Case(
        "spatial_transformer",
        build=SpatialTransformerNet,
        example=lambda: call(floats(4, 1, 28, 28)),
        good=lambda: [call(floats(n, 1, 28, 28)) for n in (1, 2, 3, 7, 16)] + [call(x=floats(5, 1, 28, 28))],
        bad=lambda: [
            raises("27 x 27", floats(1, 1, 27, 27)),
            unmeant("27 x 27, which the view mixes up", Policy.SHAPE, floats(16, 1, 27, 27)),
            raises("32 x 32", floats(1, 1, 32, 32)),
            raises("32 x 32, three of them", floats(3, 1, 32, 32)),
            raises("28 x 20", floats(2, 1, 28, 20)),
            raises("14 x 14", floats(1, 1, 14, 14)),
            raises("rgb", floats(1, 3, 28, 28)),
            raises("channels last", floats(1, 28, 28, 1)),
            raises("no batch axis", floats(1, 28, 28)),
            raises("flat", floats(2, 784)),
            raises("float64", floats(1, 1, 28, 28).double()),
            raises("uint8", frames(1, 1, 28, 28)),
            raises("digits too", floats(1, 1, 28, 28), ids(1, below=10)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 1, 28, 28))),
        ],
    ),
    Case(
        "optical_flow",
        build=OpticalFlow,
        example=lambda: call(floats(1, 3, 40, 48), floats(1, 3, 40, 48)),
        good=lambda: [
            call(floats(1, 3, 32, 32), floats(1, 3, 32, 32)),
            call(floats(2, 3, 32, 40), floats(2, 3, 32, 40)),
            call(floats(1, 3, 64, 32), floats(1, 3, 64, 32)),
            call(floats(3, 3, 48, 56), floats(3, 3, 48, 56)),
            call(floats(1, 3, 32, 104), floats(1, 3, 32, 104)),
            call(image1=floats(5, 3, 40, 40), image2=floats(5, 3, 40, 40)),
        ],
        bad=lambda: [
            raises("24 x 32", floats(1, 3, 24, 32), floats(1, 3, 24, 32)),
            raises("32 x 16", floats(1, 3, 32, 16), floats(1, 3, 32, 16)),
            raises("36 x 32", floats(1, 3, 36, 32), floats(1, 3, 36, 32)),
            raises("32 x 41", floats(1, 3, 32, 41), floats(1, 3, 32, 41)),
            raises("sizes differ", floats(1, 3, 32, 40), floats(1, 3, 40, 32)),
            raises("heights differ", floats(1, 3, 40, 40), floats(1, 3, 32, 40)),
            raises("batches differ", floats(2, 3, 32, 32), floats(3, 3, 32, 32)),
            raises("one beside two", floats(2, 3, 32, 32), floats(1, 3, 32, 32)),
            raises("grey", floats(1, 1, 32, 32), floats(1, 1, 32, 32)),
            raises("no batch axes", floats(3, 32, 32), floats(3, 32, 32)),
            raises("only one", floats(1, 3, 32, 32)),
            raises("a pair in one", floats(2, 3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double(), floats(1, 3, 32, 32).double()),
            raises("uint8", frames(1, 3, 32, 32), frames(1, 3, 32, 32)),
            unmeant("nan in the second", Policy.FINITE, floats(1, 3, 32, 32), with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity in the first", Policy.FINITE, with_inf(floats(1, 3, 32, 32)), floats(1, 3, 32, 32)),
        ],
    ),
    Case(
        "recurrent_policy",
        build=RecurrentPolicy,
        example=lambda: call(seen(2), memory(2)),
        good=lambda: [
            call(seen(1)),
            call(seen(3)),
            call(seen(2), memory(2)),
            call(seen(1), (torch.zeros(1, 12), torch.zeros(1, 12))),
            call(obs=seen(5), state=memory(5)),
            call(seen(2, image=torch.full((2, 3, 36, 36), 255, dtype=torch.uint8)), None),
            call(seen(9), memory(9)),
        ],
        bad=lambda: [
            raises("float frames", seen(2, image=floats(2, 3, 36, 36)), memory(2)),
            raises("int64 frames", seen(2, image=ids(2, 3, 36, 36, below=256))),
            raises("frames of 84", seen(2, image=frames(2, 3, 84, 84))),
            raises("frames of 35", seen(2, image=frames(2, 3, 35, 35))),
            unmeant("frames of 37, cropped", Policy.REMAINDER, seen(2, image=frames(2, 3, 37, 37))),
            raises("channels last", seen(2, image=frames(2, 36, 36, 3))),
            raises("four frames stacked", seen(2, image=frames(2, 12, 36, 36))),
            raises("vector of 4", seen(2, vector=floats(2, 4))),
            raises("vectors of another batch", seen(2, vector=floats(3, 5))),
            raises("mask of five actions", seen(2, action_mask=torch.ones(2, 5).bool())),
            raises("mask as int64", seen(2, action_mask=torch.ones(2, 4).long())),
            unmeant("one mask for two", Policy.TIE, seen(2, action_mask=torch.ones(1, 4).bool())),
            raises("no mask", {"image": frames(2, 3, 36, 36), "vector": floats(2, 5)}),
            unmeant("a reward too", Policy.UNEXPECTED, seen(2, reward=floats(2))),
            raises("state of another batch", seen(2), memory(3)),
            raises("state of 10", seen(2), memory(2, 10)),
            raises("only half a state", seen(2), (floats(2, 12),)),
            raises("a tuple", tuple(seen(2).values())),
            unmeant("nan in the vector", Policy.FINITE, seen(2, vector=with_nan(floats(2, 5)))),
            unmeant("nan in the state", Policy.FINITE, seen(2), (floats(2, 12), with_nan(floats(2, 12)))),
        ],
    ),
)
