"""Random generators: one for each purpose, seeded from the run's seed and the purpose, and the order of images.

No consumer of randomness can shift another's stream. The order of an epoch is a function of (seed, epoch): a resumed
run finds it again, and it is the same for all models.
"""

from __future__ import annotations

import hashlib

import torch


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
