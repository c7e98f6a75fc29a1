"""A convolutional pair, and how arguments reach it.

tui-vae --model deep=512,256 --model conv=docs/examples/conv.py
tui-vae --model 'wide=docs/examples/conv.py(width=64)'
"""

import torch
from torch import nn


class Encoder(nn.Module):
    """28×28 → 14×14 → 7×7 → fully connected."""

    def __init__(self, zdim, width=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 7 * 7, 256),
            nn.ReLU(),
        )
        self.mu = nn.Linear(256, zdim)
        self.log_sigma = nn.Linear(256, zdim)

    def forward(self, x):
        h = self.net(x)
        return self.mu(h), torch.exp(self.log_sigma(h))


class Decoder(nn.Module):
    """The mirror image; it returns images (batch, 1, 28, 28)."""

    def __init__(self, zdim, width=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(zdim, 256),
            nn.ReLU(),
            nn.Linear(256, 2 * width * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        )

    def forward(self, z):
        return self.net(z)
