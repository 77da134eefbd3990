"""Save the model's weights to sequence.pth."""

import torch
from model import SensorClassifier

torch.manual_seed(0)
torch.save(SensorClassifier().state_dict(), "sequence.pth")
