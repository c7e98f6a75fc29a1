"""The order in which images are seen, and the seeds of everything else that is random.

Every consumer of randomness has a generator of its own, seeded from the run's seed and the consumer's purpose, so that
none can shift another's stream. The order of an epoch depends on (seed, epoch) only: it can be found again from any
position, and is the same for all models.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A 63-bit seed for one purpose; distinct purposes give unrelated streams."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str, index: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator on ``device``, seeded by :func:`derived_seed`."""
    return torch.Generator(device).manual_seed(derived_seed(seed, purpose, index))


def image_order(seed: int, epoch: int, images: int) -> torch.Tensor:
    """A permutation of ``range(images)`` as int64 ``(images,)``, drawn on the CPU, so it is the same on all devices."""
    return torch.randperm(images, generator=generator(seed, "image order", epoch))
