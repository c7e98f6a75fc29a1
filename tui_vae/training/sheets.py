"""The picture of a model at an epoch: prior samples of fixed z, and reconstructions of fixed images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from tui_vae.data import Split
from tui_vae.data.order import generator
from tui_vae.data.pixels import quantised, tiled
from tui_vae.data.selection import one_of_each
from tui_vae.events import SheetLayout
from tui_vae.model import VAE
from tui_vae.training.hardware import Precision

LAYOUT = SheetLayout(columns=10, prior=2, pairs=1)


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
        return tiled(torch.cat((quantised(prior), self._images, quantised(reconstructions))), LAYOUT.columns)
