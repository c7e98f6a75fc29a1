"""The picture of a model at an epoch: what it makes of fixed z and of fixed images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from tui_vae.data import Split
from tui_vae.data.balanced_subset import one_of_each
from tui_vae.data.generators import generator
from tui_vae.data.image_ops import quantised, tiled
from tui_vae.events import SheetLayout
from tui_vae.model import VAE
from tui_vae.model.chain import MEANS, chain, links_at
from tui_vae.model.interpolation import interpolations
from tui_vae.training.hardware import Precision

# Fifty steps of a chain of ten images take a hundredth of an epoch of MNIST; where a linear model's chain ends, and
# whether a deep one's stays with its digit, is seen by then.
LAYOUT = SheetLayout(columns=10, prior=2, pairs=1, interpolations=2, chain=(10, 50))


class SheetMaker:
    """Draws the same z and shows the same images at every epoch and for every model of a run."""

    def __init__(self, held_out: Split, zdim: int, seed: int) -> None:
        self._seed = seed
        device = held_out.images.device
        count = LAYOUT.columns * LAYOUT.prior
        # Drawn on the CPU, so that the same z is shown on every device.
        self._z = torch.randn(count, zdim, generator=generator(seed, "sample sheet")).to(device)
        self._images = held_out.images[one_of_each(held_out.labels, LAYOUT.columns * LAYOUT.pairs).to(device)]

    @torch.inference_mode()
    def draw(self, vae: VAE, precision: Precision) -> npt.NDArray[np.uint8]:
        """Decoder means, without pixel noise, in the rows of ``LAYOUT``: uint8 ``(rows · 28, columns · 28)``."""
        images, n, half = self._images, LAYOUT.interpolations, len(self._images) // 2
        x = images.float() / 255
        with precision.autocast():
            prior = vae.decoder(self._z)
            links = list(links_at(chain(vae, x, MEANS, self._seed), (1, *LAYOUT.chain)))
            lines = interpolations(vae, images[:n], images[half : half + n], LAYOUT.columns - 3)
        reconstructions, *later = (quantised(link.x) for link in links)
        parts = (quantised(prior), images, reconstructions, lines.flatten(0, 1), *later)
        return tiled(torch.cat(parts), LAYOUT.columns)
