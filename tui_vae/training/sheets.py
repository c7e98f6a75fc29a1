"""The picture of a model at an epoch: what it makes of fixed z and of fixed images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tui_vae.data import Split
from tui_vae.data.order import generator
from tui_vae.data.pixels import quantised, tiled
from tui_vae.data.selection import one_of_each
from tui_vae.events import SheetLayout
from tui_vae.model import VAE
from tui_vae.training.hardware import Precision

# Fifty steps of a chain of ten images take a hundredth of an epoch of MNIST; where a linear model's chain ends, and
# whether a deep one's stays with its digit, is seen by then.
LAYOUT = SheetLayout(columns=10, prior=2, pairs=1, interpolations=2, chain=(10, 50))


class SheetMaker:
    """Draws the same z and shows the same images at every epoch and for every model of a run."""

    def __init__(self, held_out: Split, zdim: int, seed: int) -> None:
        device = held_out.images.device
        count = LAYOUT.columns * LAYOUT.prior
        # Drawn on the CPU, so that the same z is shown on every device.
        self._z = torch.randn(count, zdim, generator=generator(seed, "sample sheet")).to(device)
        self._images = held_out.images[one_of_each(held_out.labels, LAYOUT.columns * LAYOUT.pairs).to(device)]

    @torch.inference_mode()
    def draw(self, vae: VAE, precision: Precision) -> npt.NDArray[np.uint8]:
        """Decoder means, without pixel noise, in the rows of ``LAYOUT``: uint8 ``(rows · 28, columns · 28)``."""
        with precision.autocast():
            prior = vae.decoder(self._z)
            mu, _ = vae.encoder(self._images.float() / 255)
            reconstructions = vae.decoder(mu)
            between = vae.decoder(_lines(mu))
            chain = _chain(vae, reconstructions)
        parts = (
            *(quantised(prior), self._images, quantised(reconstructions)),
            *(self._with_ends(quantised(between)), quantised(chain)),
        )
        return tiled(torch.cat(parts), LAYOUT.columns)

    def _with_ends(self, between: Tensor) -> Tensor:
        """Each interpolation between the two images themselves, ``(interpolations · columns, 784)``."""
        n, half = LAYOUT.interpolations, len(self._images) // 2
        first, last = self._images[:n, None], self._images[half : half + n, None]
        return torch.cat((first, between.view(n, -1, between.shape[-1]), last), dim=1).flatten(0, 1)


def _lines(mu: Tensor) -> Tensor:
    """Straight lines between latents, those of the first images and of the first of the second half.

    Args:
        mu: Means of q(z|x), ``(images, zdim)``.

    Returns:
        ``(interpolations · (columns - 2), zdim)``, the ends among them.
    """
    n, half = LAYOUT.interpolations, len(mu) // 2
    weight = torch.linspace(0, 1, LAYOUT.columns - 2, device=mu.device, dtype=mu.dtype)
    return torch.lerp(mu[:n, None], mu[half : half + n, None], weight[:, None]).flatten(0, 1)


def _chain(vae: VAE, reconstructions: Tensor) -> Tensor:
    """What reconstructions, the first step, become by encoding and decoding means again: those of each of
    ``LAYOUT.chain`` below each other, ``(len(chain) · n, 784)``.
    """
    x, kept = reconstructions, []
    for t in range(2, LAYOUT.chain[-1] + 1):
        mu, _ = vae.encoder(x)
        x = vae.decoder(mu)
        if t in LAYOUT.chain:
            kept.append(x)
    return torch.cat(kept)
