"""Segments single-channel scans."""

import itertools

import torch
from torch import nn


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self, channels: int = 1, classes: int = 2, width: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList([block(channels, widths[0]), *map(block, widths, widths[1:])])
        self.rise = nn.ModuleList(
            [nn.ConvTranspose2d(deep, shallow, kernel_size=2, stride=2) for shallow, deep in itertools.pairwise(widths)]
        )
        self.up = nn.ModuleList([block(2 * shallow, shallow) for shallow in widths[:-1]])
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(widths[0], classes, kernel_size=1)

    def forward(self, scan: torch.Tensor) -> torch.Tensor:
        skips = []
        x = scan
        for level, down in enumerate(self.down):
            x = down(x if level == 0 else self.pool(x))
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = torch.cat([skips[level], self.rise[level](x)], dim=1)
            x = self.up[level](x)
        return self.head(x)
