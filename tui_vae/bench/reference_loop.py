"""What the trainer is compared with: the usual script of a lab, written as such scripts are.

``python -m tui_vae.bench.reference_loop STEPS [DEVICE]`` trains the default models one after the other for so many
steps each, and prints a JSON object with what a step took of each: seconds, and seconds of all cores.
``DataLoader`` and ``ToTensor`` over images of PIL, ``torch.distributions``, ``torch.optim.Adam``, and as many threads
as torch takes by itself.
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

from tui_vae.config import IMAGE_SIDE, PIXELS, TrainConfig
from tui_vae.data import load_dataset

_WARM_UP = 10
"""Steps that are not counted."""


class Digits(Dataset[Any]):
    """As ``torchvision.datasets.MNIST`` gives them: an image of PIL, transformed, and its label."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images.view(-1, IMAGE_SIDE, IMAGE_SIDE)
        self.labels = labels
        self.transform = ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index].numpy(), mode="L")
        return self.transform(image), int(self.labels[index])


class LabVAE(nn.Module):
    """Encoder and decoder of the same widths as :class:`tui_vae.model.VAE`."""

    def __init__(self, hidden: Sequence[int], zdim: int, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        self.encoder = mlp(PIXELS, *hidden, 2 * zdim)
        self.decoder = mlp(zdim, *reversed(hidden), PIXELS)

    def forward(self, x: Tensor) -> Tensor:
        """Mean over the batch of -ELBO."""
        mu, log_sigma = self.encoder(x).chunk(2, dim=-1)
        posterior = Normal(mu, log_sigma.exp())
        z = posterior.rsample()
        likelihood: Tensor = Normal(self.decoder(z), self.sigma).log_prob(x).sum(-1)
        kl: Tensor = kl_divergence(posterior, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)
        return (kl - likelihood).mean()


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def seconds_per_step(model: LabVAE, loader: DataLoader[Any], lr: float, steps: int) -> tuple[float, float]:
    """Train for ``steps`` steps after the warm-up, or to the end of the epoch: seconds, and seconds of all cores."""
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    device = next(model.parameters()).device
    total_loss, began, worked, done = 0.0, 0.0, 0.0, 0
    for index, (images, _) in enumerate(itertools.islice(loader, _WARM_UP + steps)):
        if index == _WARM_UP:
            began, worked, done = time.perf_counter(), time.process_time(), 0
        loss = model(images.view(len(images), -1).to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total_loss += loss.item()
        done += 1
    return (time.perf_counter() - began) / done, (time.process_time() - worked) / done


def main(steps: int, device: str = "cpu") -> None:
    config = TrainConfig()
    train = load_dataset(config).train
    seconds = {}
    for spec in config.models:
        model = LabVAE(spec.hidden, config.zdim, float(config.sigma)).to(device)
        loader = DataLoader(Digits(train.images, train.labels), batch_size=config.batch_size, shuffle=True)
        seconds[spec.name] = seconds_per_step(model, loader, config.lr, steps)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
