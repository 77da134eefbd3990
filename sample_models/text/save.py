"""Save the model's weights to text.pth."""

import torch
from model import TextClassifier

torch.manual_seed(0)
torch.save(TextClassifier().state_dict(), "text.pth")
