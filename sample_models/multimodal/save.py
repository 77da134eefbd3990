"""Save the model's weights to multimodal.pth."""

import torch
from model import Matcher

torch.manual_seed(0)
torch.save(Matcher().state_dict(), "multimodal.pth")
