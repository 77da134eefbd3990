"""Scores how well a text describes an image."""

import torch
from torch import nn


class Matcher(nn.Module):
    def __init__(self, vocabulary: int = 1000, width: int = 32) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(3, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.words = nn.Embedding(vocabulary, width)
        self.score = nn.Linear(2 * width, 1)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        image = self.image(batch["image"])
        text = self.words(batch["text"]).mean(dim=1)
        return self.score(torch.cat([image, text], dim=1))
