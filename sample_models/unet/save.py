"""Save the model's weights to unet.pth."""

import torch
from model import UNet

torch.manual_seed(0)
torch.save(UNet().state_dict(), "unet.pth")
