# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Operators between functions: DeepONet at any points, a Fourier operator on any grid."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class DeepONet(nn.Module):
    """A function sampled at fixed sensors, its image evaluated at points that all functions share."""

    def __init__(self, sensors=20, coords=2, width=16, p=8):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(sensors, width), nn.Tanh(), nn.Linear(width, p))
        self.trunk = nn.Sequential(nn.Linear(coords, width), nn.Tanh(), nn.Linear(width, p), nn.Tanh())
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, u, y):
        return torch.einsum("bi,ni->bn", self.branch(u), self.trunk(y)) + self.b


class SpectralConv1d(nn.Module):
    def __init__(self, in_channels, out_channels, modes1):
        super().__init__()
        self.out_channels, self.modes1 = out_channels, modes1
        scale = 1 / (in_channels * out_channels)
        self.weights1 = nn.Parameter(scale * torch.rand(in_channels, out_channels, modes1, dtype=torch.cfloat))

    def forward(self, x):
        batchsize = x.shape[0]
        x_ft = torch.fft.rfft(x)
        out_ft = torch.zeros(batchsize, self.out_channels, x.size(-1) // 2 + 1, device=x.device, dtype=torch.cfloat)
        out_ft[:, :, : self.modes1] = torch.einsum("bix,iox->box", x_ft[:, :, : self.modes1], self.weights1)
        return torch.fft.irfft(out_ft, n=x.size(-1))


class FNO1d(nn.Module):
    def __init__(self, modes=6, width=8):
        super().__init__()
        self.p = nn.Linear(2, width)
        self.convs = nn.ModuleList([SpectralConv1d(width, width, modes) for _ in range(2)])
        self.ws = nn.ModuleList([nn.Conv1d(width, width, 1) for _ in range(2)])
        self.q = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, 1))

    def get_grid(self, shape, device):
        batchsize, size_x = shape[0], shape[1]
        gridx = torch.linspace(0, 1, size_x, device=device)
        return gridx.reshape(1, size_x, 1).repeat([batchsize, 1, 1])

    def forward(self, x):
        grid = self.get_grid(x.shape, x.device)
        x = self.p(torch.cat((x, grid), dim=-1)).permute(0, 2, 1)
        for conv, w in zip(self.convs, self.ws, strict=True):
            x = F.gelu(conv(x) + w(x))
        return self.q(x.permute(0, 2, 1))


CASES = (
    Case(
        "deeponet_sensors_and_points",
        build=DeepONet,
        example=lambda: call(floats(3, 20), floats(5, 2)),
        good=lambda: [
            call(floats(1, 20), floats(1, 2)),
            call(floats(1, 20), floats(7, 2)),
            call(floats(4, 20), floats(1, 2)),
            call(u=floats(2, 20), y=floats(30, 2)),
            call(floats(9, 20), floats(9, 2)),
            call(torch.zeros(2, 20), torch.zeros(3, 2)),
        ],
        bad=lambda: [
            raises("nineteen sensors", floats(2, 19), floats(5, 2)),
            raises("points of three coordinates", floats(2, 20), floats(5, 3)),
            raises("points on a line", floats(2, 20), floats(5, 1)),
            raises("one function without batch", floats(20), floats(5, 2)),
            raises("one point without its axis", floats(2, 20), floats(2)),
            raises("points for each function", floats(2, 20), floats(2, 5, 2)),
            raises("float64 sensors", floats(2, 20).double(), floats(5, 2)),
            raises("float64 points", floats(2, 20), floats(5, 2).double()),
            raises("integers", ids(2, 20, below=3), floats(5, 2)),
            raises("no points", floats(2, 20)),
            raises("points first", floats(5, 2), floats(2, 20)),
            unmeant("nan at a sensor", Policy.FINITE, with_nan(floats(2, 20)), floats(5, 2)),
            raises("a python list", floats(2, 20).tolist(), floats(5, 2)),
        ],
    ),
    Case(
        "fourier_operator_1d",
        build=FNO1d,
        example=lambda: call(floats(2, 16, 1)),
        good=lambda: [
            call(floats(1, 16, 1)),
            call(floats(3, 32, 1)),
            call(x=floats(2, 17, 1)),
            call(floats(2, 10, 1)),
            call(floats(5, 11, 1)),
            call(torch.zeros(1, 64, 1)),
        ],
        bad=lambda: [
            raises("nine points, with five modes", floats(2, 9, 1)),
            raises("four points", floats(2, 4, 1)),
            raises("one point", floats(2, 1, 1)),
            raises("two fields", floats(2, 16, 2)),
            raises("no axis of fields", floats(2, 16)),
            raises("points last", floats(2, 1, 16)),
            raises("an axis too many", floats(1, 2, 16, 1)),
            raises("float64", floats(2, 16, 1).double()),
            raises("complex numbers", torch.complex(floats(2, 16, 1), floats(2, 16, 1))),
            unmeant("nan at a point", Policy.FINITE, with_nan(floats(2, 16, 1))),
            raises("the grid too", floats(2, 16, 1), floats(2, 16, 1)),
            raises("a python list", floats(2, 16, 1).tolist()),
            raises("nothing"),
        ],
    ),
)
