"""Save the model's weights to model.pth."""

import torch
from model import MyModel

torch.manual_seed(0)
torch.save(MyModel(20).state_dict(), "model.pth")
