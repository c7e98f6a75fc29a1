"""What is measured and drawn of a model at the end of an epoch: its held-out ELBO, and a grid of sample images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tui_vae.config import TrainConfig
from tui_vae.data import Split
from tui_vae.data.generators import PixelNoise, generator
from tui_vae.data.image_ops import one_of_each, quantised, tiled, unit_interval
from tui_vae.events import SheetLayout
from tui_vae.model import VAE
from tui_vae.model.chain import MEANS, chain, interpolations, links_at
from tui_vae.training.accumulators import DeviceTotals, Totals
from tui_vae.training.hardware import Precision

BATCH = 1000
"""Images that are measured at a time."""

# Fifty steps of a chain of ten images take a hundredth of an epoch of MNIST, and show where a linear model's chain ends
# and whether a deep model's stays with its digit.
LAYOUT = SheetLayout(columns=10, prior=2, pairs=1, interpolations=2, chain=(10, 50))


def held_out_noise(config: TrainConfig, images: int, device: torch.device | str = "cpu") -> Tensor | None:
    """Return the random bytes by which a run dequantises its held-out images, uint8 ``(images, 784)``, if it does.

    They are the same for all models, epochs and seeds of a run, so that curves differ by weights only.
    """
    return PixelNoise(config.seed, "held-out pixels", images, device=device).all() if config.dequantize else None


@torch.inference_mode()
def validate(
    vae: VAE,
    images: Tensor,
    *,
    seed: int,
    precision: Precision,
    proceed: Callable[[], bool],
    pixel_noise: Tensor | None = None,
) -> Totals | None:
    """Sum the terms of the ELBO over ``images``: exactly with a linear decoder, else with one draw of z for each image.

    The noise is the same at every call, for every model and epoch, so that curves differ by their weights only.

    Args:
        vae: The model.
        images: uint8 ``(n, 784)`` on the model's device.
        seed: The run's seed.
        precision: Precision of the matrix products.
        proceed: Called between batches; False ends the validation.
        pixel_noise: Random bytes by which the images are dequantised, uint8 ``(n, 784)``; ``None`` if they are not.

    Returns:
        ``None`` if ``proceed`` returned False.
    """
    noise = generator(seed, "held-out noise", device=images.device)
    totals = DeviceTotals(vae.zdim, images.device)
    with in_evaluation(vae):
        for first in range(0, len(images), BATCH):
            if not proceed():
                return None
            rows = slice(first, first + BATCH)
            x = unit_interval(images[rows], None if pixel_noise is None else pixel_noise[rows])
            with precision.autocast():
                terms = vae.expected_terms(x)
                if terms is None:
                    terms = vae(x, torch.randn(len(x), vae.zdim, generator=noise, device=x.device))
            totals.add(terms)
    return totals.take()


@contextlib.contextmanager
def in_evaluation(vae: VAE) -> Iterator[None]:
    """A context in which the model is in evaluation mode, as layers such as dropout know it."""
    vae.eval()
    try:
        yield
    finally:
        vae.train()


class SampleGrid:
    """Draws the same z and reconstructs the same images at every epoch and for every model of a run.

    Args:
        held_out: The held-out images.
        zdim: The latent dimension.
        seed: The run's seed.
    """

    def __init__(self, held_out: Split, zdim: int, seed: int) -> None:
        self._seed = seed
        device = held_out.images.device
        count = LAYOUT.columns * LAYOUT.prior
        # Drawn on the CPU: the same z on every device.
        self._z = torch.randn(count, zdim, generator=generator(seed, "sample sheet")).to(device)
        self._images = held_out.images[one_of_each(held_out.labels, LAYOUT.columns * LAYOUT.pairs).to(device)]

    @torch.inference_mode()
    def draw(self, vae: VAE, precision: Precision) -> npt.NDArray[np.uint8]:
        """Return decoder means in the rows of ``LAYOUT``: uint8 ``(rows · 28, columns · 28)``."""
        images, n, half = self._images, LAYOUT.interpolations, len(self._images) // 2
        x = images.float() / 255
        with precision.autocast(), in_evaluation(vae):
            prior = vae.decoder(self._z)
            links = list(links_at(chain(vae, x, MEANS, self._seed), (1, *LAYOUT.chain)))
            lines = interpolations(vae, images[:n], images[half : half + n], LAYOUT.columns - 3)
        reconstructions, *later = (quantised(link.x) for link in links)
        parts = (quantised(prior), images, reconstructions, lines.flatten(0, 1), *later)
        return tiled(torch.cat(parts), LAYOUT.columns)
