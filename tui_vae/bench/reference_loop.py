"""The usual training loop of a PyTorch example, with which the trainer is compared.

``python -m tui_vae.bench.reference_loop STEPS DEVICE MODEL…`` trains models one after the other for so many steps each,
and prints the seconds of a step by model as JSON: the default models by their names, or ``conv``. It uses
``DataLoader`` and ``ToTensor`` on PIL images, ``torch.distributions``, ``torch.optim.Adam``, and torch's own number of
threads.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from tui_vae.bench import convolutional
from tui_vae.bench.programs import CONV
from tui_vae.config import IMAGE_SIDE, PIXELS, TrainConfig
from tui_vae.data import load_dataset

_WARM_UP = 10
"""Steps that are not timed."""


class Digits(Dataset[Any]):
    """Items as in ``torchvision.datasets.MNIST``: a transformed PIL image and its label."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images.view(-1, IMAGE_SIDE, IMAGE_SIDE), labels
        self.transform = ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index].numpy(), mode="L")
        return self.transform(image), int(self.labels[index])


class ReferenceVAE(nn.Module):
    """The model of :class:`tui_vae.model.VAE`, with an objective by ``torch.distributions``."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, sigma: float) -> None:
        super().__init__()
        self.encoder, self.decoder, self.sigma = encoder, decoder, sigma

    @classmethod
    def of(cls, name: str, config: TrainConfig) -> ReferenceVAE:
        """One of the default models, or the convolutional one."""
        zdim, sigma = config.zdim, float(config.sigma)
        if name == CONV:
            return cls(convolutional.Encoder(zdim), convolutional.Decoder(zdim), sigma)
        (hidden,) = (spec.hidden for spec in config.models if spec.name == name)
        return cls(MlpEncoder(hidden, zdim), mlp(zdim, *reversed(hidden), PIXELS), sigma)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of -ELBO over the batch."""
        mu, sigma = self.encoder(x)
        posterior = Normal(mu, sigma)
        z = posterior.rsample()
        likelihood: Tensor = Normal(self.decoder(z), self.sigma).log_prob(x).sum(-1)
        kl: Tensor = kl_divergence(posterior, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)
        return (kl - likelihood).mean()


class MlpEncoder(nn.Module):
    def __init__(self, hidden: Sequence[int], zdim: int) -> None:
        super().__init__()
        self.net = mlp(PIXELS, *hidden, 2 * zdim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_sigma = self.net(x).chunk(2, dim=-1)
        return mu, log_sigma.exp()


def mlp(*widths: int) -> nn.Sequential:
    layers = [nn.Sequential(nn.Linear(*pair), nn.ReLU()) for pair in itertools.pairwise(widths)]
    return nn.Sequential(*itertools.chain.from_iterable(layers))[:-1]


def main(steps: int, device: str, models: Sequence[str]) -> None:
    config = TrainConfig()
    data = load_dataset(config).train
    seconds = {}
    for name in models:
        model = ReferenceVAE.of(name, config).to(device)
        loader = DataLoader(Digits(data.images, data.labels), batch_size=config.batch_size, shuffle=True)
        optimiser = torch.optim.Adam(model.parameters(), lr=config.lr)
        total_loss, began = 0.0, 0.0
        for index, (images, _) in enumerate(itertools.islice(loader, _WARM_UP + steps)):
            if index == _WARM_UP:
                began = time.perf_counter()
            loss = model(images.view(len(images), -1).to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total_loss += loss.item()
        seconds[name] = (time.perf_counter() - began) / steps
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
