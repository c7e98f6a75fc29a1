"""The ELBO on images that are not trained on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.model import VAE
from tui_vae.training.accumulators import DeviceTotals, Totals
from tui_vae.training.hardware import Precision

BATCH = 1000
"""Images that are measured at a time."""


@torch.inference_mode()
def validate(
    vae: VAE, images: Tensor, *, seed: int, precision: Precision, proceed: Callable[[], bool]
) -> Totals | None:
    """Sums of the ELBO's terms over ``images``, with one draw of z an image.

    The noise is the same at every call, for every model and epoch, so that curves differ by their weights only.

    Args:
        vae: The model.
        images: uint8 ``(n, 784)`` on the model's device.
        seed: The run's seed.
        precision: Of the matrix products.
        proceed: Asked between batches.

    Returns:
        ``None`` when ``proceed`` said no.
    """
    noise = generator(seed, "held-out noise", device=images.device)
    totals = DeviceTotals(vae.zdim, images.device)
    for rows in torch.split(images, BATCH):
        if not proceed():
            return None
        epsilon = torch.randn(len(rows), vae.zdim, generator=noise, device=images.device)
        with precision.autocast():
            terms = vae(rows.float() / 255, epsilon)
        totals.add(terms)
    return totals.take()
