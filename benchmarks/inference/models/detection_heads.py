# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Detection: CenterNet on an hourglass, a YOLO head over a list of levels, keypoints of boxes in feature maps."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Hourglass(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.up1 = nn.Conv2d(width, width, 3, padding=1)
        self.low1 = nn.Conv2d(width, width, 3, padding=1)
        self.low2 = Hourglass(depth - 1, width) if depth > 1 else nn.Conv2d(width, width, 3, padding=1)
        self.low3 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        low = F.relu(self.low1(F.max_pool2d(x, 2, 2)))
        low = F.relu(self.low3(F.relu(self.low2(low))))
        return F.relu(self.up1(x)) + F.interpolate(low, scale_factor=2, mode="nearest")


class CenterNet(nn.Module):
    """Heat map of centres, sizes and offsets on a grid of half the picture; all three in a dict."""

    def __init__(self, heads=None, width=6):
        super().__init__()
        heads = heads or {"hm": 4, "wh": 2, "reg": 2}
        self.stem = nn.Sequential(nn.Conv2d(3, width, 2, stride=2), nn.BatchNorm2d(width), nn.ReLU())
        self.hourglass = Hourglass(2, width)
        self.heads = nn.ModuleDict({name: nn.Conv2d(width, channels, 1) for name, channels in heads.items()})

    def forward(self, images):
        x = self.hourglass(self.stem(images))
        z = {name: head(x) for name, head in self.heads.items()}
        z["hm"] = z["hm"].sigmoid()
        return [z]


class Detect(nn.Module):
    """Boxes and class scores of every cell of three levels of a pyramid."""

    def __init__(self, nc=4, ch=(4, 6, 8), strides=(8, 16, 32)):
        super().__init__()
        self.no = nc + 5
        self.strides = strides
        self.m = nn.ModuleList([nn.Conv2d(c, self.no, 1) for c in ch])

    def forward(self, x):
        assert len(x) == len(self.m), f"{len(x)} levels, {len(self.m)} expected"
        z = []
        for level, m, stride in zip(x, self.m, self.strides, strict=True):
            y = m(level)
            bs, _, ny, nx = y.shape
            y = y.permute(0, 2, 3, 1).sigmoid()
            grid = torch.stack(torch.meshgrid(torch.arange(nx), torch.arange(ny), indexing="xy"), dim=-1)
            xy = (y[..., 0:2] * 2 - 0.5 + grid) * stride
            wh = (y[..., 2:4] * 2) ** 2 * stride
            z.append(torch.cat((xy, wh, y[..., 4:]), dim=-1).view(bs, ny * nx, self.no))
        return torch.cat(z, dim=1)


class KeypointHead(nn.Module):
    """Keypoints of N boxes (x1, y1, x2, y2 in cells), each in the picture that `image_ids` names."""

    def __init__(self, channels=6, keypoints=5, pool=4):
        super().__init__()
        self.pool = pool
        self.conv = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU())
        self.deconv = nn.ConvTranspose2d(8, keypoints, 4, stride=2, padding=1)

    def forward(self, features, boxes, image_ids):
        _, _, h, w = features.shape
        x1, y1, x2, y2 = boxes.unbind(-1)
        t = torch.linspace(0, 1, self.pool, device=boxes.device)
        xs, ys = torch.lerp(x1[:, None], x2[:, None], t), torch.lerp(y1[:, None], y2[:, None], t)
        n = boxes.shape[0]
        gx = (xs * 2 / w - 1)[:, None, :].expand(n, self.pool, self.pool)
        gy = (ys * 2 / h - 1)[:, :, None].expand(n, self.pool, self.pool)
        rois = F.grid_sample(features.index_select(0, image_ids), torch.stack([gx, gy], -1), align_corners=False)
        heat = self.deconv(self.conv(rois)).flatten(2)
        prob = heat.softmax(-1).view(n, -1, 2 * self.pool, 2 * self.pool)
        pos = torch.linspace(0, 1, 2 * self.pool)
        px = x1[:, None] + (prob.sum(2) * pos).sum(-1) * (x2 - x1)[:, None]
        py = y1[:, None] + (prob.sum(3) * pos).sum(-1) * (y2 - y1)[:, None]
        return torch.stack([px, py], dim=-1), heat.amax(-1)


def levels(n, h=2, w=2):
    return [floats(n, 4, 4 * h, 4 * w), floats(n, 6, 2 * h, 2 * w), floats(n, 8, h, w)]


def boxes(n):
    corner = 3 * torch.rand(n, 2)
    return torch.cat([corner, corner + 0.5 + 3 * torch.rand(n, 2)], dim=-1)


CASES = (
    Case(
        "centernet_hourglass",
        build=CenterNet,
        example=lambda: call(floats(2, 3, 16, 24)),
        good=lambda: [
            call(floats(1, 3, 8, 8)),
            call(floats(2, 3, 8, 32)),
            call(floats(3, 3, 24, 8)),
            call(floats(1, 3, 40, 40)),
            call(floats(6, 3, 16, 16)),
            call(images=floats(2, 3, 32, 24)),
        ],
        bad=lambda: [
            raises("height of 20", floats(1, 3, 20, 16)),
            raises("width of 12", floats(1, 3, 16, 12)),
            raises("height of 18", floats(1, 3, 18, 16)),
            raises("too small", floats(1, 3, 4, 4)),
            raises("grey", floats(1, 1, 16, 16)),
            raises("channels last", floats(1, 16, 16, 3)),
            raises("no batch axis", floats(3, 16, 16)),
            raises("an axis too many", floats(1, 1, 3, 16, 16)),
            raises("float64", floats(1, 3, 16, 16).double()),
            raises("uint8", ids(1, 3, 16, 16, below=256, dtype=torch.uint8)),
            raises("a list of pictures", [floats(3, 16, 16)]),
            unmeant("a row that the stem drops", Policy.REMAINDER, floats(1, 3, 17, 16)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 16, 16))),
        ],
    ),
    Case(
        "yolo_detect_levels",
        build=Detect,
        example=lambda: call(levels(2)),
        good=lambda: [
            call(levels(1, 1, 1)),
            call(levels(2, 1, 3)),
            call(levels(3, 4, 2)),
            call(levels(1, 5, 5)),
            call(levels(6, 2, 1)),
            call(x=levels(2, 3, 3)),
        ],
        bad=lambda: [
            raises("two levels", levels(2)[:2]),
            raises("four levels", [*levels(2), floats(2, 8, 1, 1)]),
            raises("levels in reverse", levels(2)[::-1]),
            raises("one level alone", levels(3)[0]),
            raises("level by level", *levels(2)),
            raises("batches differ", [*levels(2)[:2], floats(3, 8, 2, 2)]),
            raises("channels of the last level", [*levels(2)[:2], floats(2, 6, 2, 2)]),
            raises("no batch axes", [floats(4, 8, 8), floats(6, 4, 4), floats(8, 2, 2)]),
            raises("one level without batch axis", [*levels(2)[:2], floats(8, 2, 2)]),
            raises("float64", [level.double() for level in levels(2)]),
            raises("one level as float64", [levels(2)[0].double(), *levels(2)[1:]]),
            raises("a dict", dict(zip(("p3", "p4", "p5"), levels(2), strict=True))),
            raises("int64", [ids(2, c, 2, 2, below=9) for c in (4, 6, 8)]),
            unmeant("nan in the last level", Policy.FINITE, [*levels(2)[:2], with_nan(floats(2, 8, 2, 2))]),
        ],
    ),
    Case(
        "keypoints_of_boxes",
        build=KeypointHead,
        example=lambda: call(floats(2, 6, 8, 10), boxes(5), ids(5, below=2)),
        good=lambda: [
            call(floats(1, 6, 7, 7), boxes(1), torch.zeros(1, dtype=torch.int64)),
            call(floats(3, 6, 8, 9), boxes(2), torch.tensor([2, 0])),
            call(floats(2, 6, 16, 8), boxes(7), ids(7, below=2)),
            call(floats(4, 6, 11, 20), boxes(4), torch.tensor([3, 3, 3, 3])),
            call(floats(1, 6, 10, 10), boxes(9), ids(9, below=1)),
            call(features=floats(2, 6, 9, 9), boxes=boxes(3), image_ids=torch.tensor([0, 1, 1])),
        ],
        bad=lambda: [
            raises("picture 2 of 2", floats(2, 6, 8, 8), boxes(1), torch.tensor([2])),
            raises("picture -1", floats(2, 6, 8, 8), boxes(1), torch.tensor([-1])),
            raises("4 pictures for 5 boxes", floats(2, 6, 8, 8), boxes(5), ids(4, below=2)),
            raises("one picture for 5 boxes", floats(2, 6, 8, 8), boxes(5), ids(1, below=2)),
            raises("float picture", floats(2, 6, 8, 8), boxes(1), torch.tensor([1.0])),
            raises("picture in each box", floats(2, 6, 8, 8), floats(5, 5), ids(5, below=2)),
            raises("two corners", floats(2, 6, 8, 8), floats(5, 2, 2), ids(5, below=2)),
            raises("4 channels", floats(2, 4, 8, 8), boxes(5), ids(5, below=2)),
            raises("no batch axis", floats(6, 8, 8), boxes(5), ids(5, below=2)),
            raises("float64 features", floats(2, 6, 8, 8).double(), boxes(5), ids(5, below=2)),
            raises("float64 boxes", floats(2, 6, 8, 8), boxes(5).double(), ids(5, below=2)),
            raises("no picture ids", floats(2, 6, 8, 8), boxes(5)),
            raises("boxes by picture", floats(2, 6, 8, 8), [boxes(2), boxes(3)], ids(5, below=2)),
            unmeant("nan in a box", Policy.FINITE, floats(2, 6, 8, 8), with_nan(boxes(5)), ids(5, below=2)),
        ],
    ),
)
