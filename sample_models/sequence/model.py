"""Classifies a recording of twelve sensors."""

import torch
from torch import nn


class SensorClassifier(nn.Module):
    def __init__(self, sensors: int = 12, width: int = 16, activities: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(sensors, width, batch_first=True)
        self.head = nn.Linear(width, activities)

    def forward(self, readings: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(readings)
        return self.head(states[:, -1])
