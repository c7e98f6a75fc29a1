"""A stored model as front ends explore it: from z to a digit, and from an image to z. And steps in the space of z."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from tui_vae.view.image_cells import Pixels
from tui_vae.view.series import FloatArray

STEP = 0.25
"""Standard deviations of the prior, N(0, 1), that one key moves along a latent."""

FARTHEST = 4.0
"""Standard deviations from the prior's mean; beyond, there is next to none of it."""


class Encoded(NamedTuple):
    """A held-out image ``(28, 28)``, its number from 0 and its class, and the mean ``(zdim,)`` of q(z|x)."""

    original: Pixels
    number: int
    label: int
    z: FloatArray


class StoredModel(Protocol):
    """A model with the weights of a checkpoint. Each call takes milliseconds, the first of ``encode`` longer.

    To be used from the thread that it was made in. Nothing here raises.
    """

    @property
    def zdim(self) -> int: ...

    @property
    def epoch(self) -> int:
        """Epochs that were complete at the checkpoint."""

    def decode(self, z: FloatArray) -> Pixels:
        """The mean of p(x|z) as grey pixels ``(28, 28)``, for z ``(zdim,)``."""

    def encode(self, image: int) -> Encoded | str:
        """A held-out image, by its number, which begins again after the last; or why there is none, for people."""


def moved(z: FloatArray, latent: int, steps: int) -> FloatArray:
    """``z`` with one latent changed by some steps, not beyond the farthest, unless it is there already."""
    result = z.copy()
    low, high = min(-FARTHEST, z[latent]), max(FARTHEST, z[latent])
    result[latent] = np.clip(z[latent] + steps * STEP, low, high)
    return result
