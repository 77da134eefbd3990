"""Save the model's weights to image.pth."""

import torch
from model import ImageClassifier

torch.manual_seed(0)
torch.save(ImageClassifier().state_dict(), "image.pth")
