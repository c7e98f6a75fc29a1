"""A convolutional pair by the convention of networks of one's own, on which the general step is measured."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WIDTH, _HIDDEN = 16, 256
_FLAT = 2 * _WIDTH * 7 * 7


class Encoder(nn.Module):
    """28×28 → 14×14 → 7×7 → fully connected."""

    def __init__(self, zdim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            *(nn.Conv2d(1, _WIDTH, 4, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(_WIDTH, 2 * _WIDTH, 4, stride=2, padding=1), nn.ReLU()),
            nn.Flatten(),
            *(nn.Linear(_FLAT, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2 * zdim)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_sigma = self.net(x).chunk(2, dim=1)
        return mu, torch.exp(log_sigma)


class Decoder(nn.Sequential):
    """The mirror image."""

    def __init__(self, zdim: int) -> None:
        super().__init__(
            *(nn.Linear(zdim, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _FLAT), nn.ReLU()),
            nn.Unflatten(1, (2 * _WIDTH, 7, 7)),
            *(nn.ConvTranspose2d(2 * _WIDTH, _WIDTH, 4, stride=2, padding=1), nn.ReLU()),
            nn.ConvTranspose2d(_WIDTH, 1, 4, stride=2, padding=1),
            nn.Flatten(),
        )
