"""Random generators: one for each purpose, seeded from the run's seed and the purpose, and the order of images.

No consumer of randomness can shift another's stream. The order of an epoch and the noise of its pixels are functions of
(seed, epoch): a resumed run finds them again, and they are the same for all models.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from tui_vae.config import PIXELS

_WORD = 8
"""Bytes of an int64: the cheapest to draw."""


def derived_seed(seed: int, purpose: str, index: int = 0) -> int:
    """Return a 63-bit seed for a purpose; distinct purposes give unrelated streams."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str, index: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new generator on ``device``, seeded by :func:`derived_seed`."""
    return torch.Generator(device).manual_seed(derived_seed(seed, purpose, index))


def image_order(seed: int, epoch: int, images: int) -> torch.Tensor:
    """Return a permutation of ``range(images)``, int64 ``(images,)``, drawn on the CPU: the same on all devices."""
    return torch.randperm(images, generator=generator(seed, "image order", epoch))


class PixelNoise:
    """Random bytes, one for each pixel of a number of images: the fraction of a grey level by which it is dequantised.

    The bytes of image ``i`` are those of two random rows, combined by exclusive or: row ``i // side`` of one table and
    row ``i % side`` of another, each of the square root of the number of images. So each byte is uniform, those of an
    image are independent, and so are those of any two images: the mean and the variance of a gradient, which are all
    that pairs decide, are those of noise drawn for every pixel. That would take a tenth of a linear model's step; this
    takes a hundredth of the draws.

    Args:
        seed: The seed.
        purpose: Of the noise, as for :func:`generator`.
        images: The number of images.
        index: Which one of that purpose, such as the epoch.
        device: Where the noise is written; it is drawn on the CPU and so the same on all devices.
    """

    def __init__(
        self, seed: int, purpose: str, images: int, index: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        self._images = images
        self._side = math.isqrt(max(1, images) - 1) + 1
        words = torch.empty(2, self._side, PIXELS // _WORD, dtype=torch.int64)
        # From the least int64 on: without a range the sign, and with it a bit of every eighth byte, would stay 0.
        words.random_(-(2**63), None, generator=generator(seed, purpose, index))
        self._tens, self._ones = words.to(device)

    def write(self, first: int, noise: Tensor) -> Tensor:
        """Write the bytes of images ``first``, ``first + 1``, … to ``noise``, uint8 ``(n, 784)``, and return it."""
        words, end = noise.view(torch.int64), first + len(noise)
        for row in range(first // self._side, -(-end // self._side)):
            start, stop = max(first, row * self._side), min(end, (row + 1) * self._side)
            ones = self._ones[start - row * self._side : stop - row * self._side]
            torch.bitwise_xor(ones, self._tens[row], out=words[start - first : stop - first])
        return noise

    def all(self) -> Tensor:
        """Return the bytes of all images, uint8 ``(images, 784)``."""
        noise = torch.empty(self._images, PIXELS, dtype=torch.uint8, device=self._ones.device)
        return self.write(0, noise)
