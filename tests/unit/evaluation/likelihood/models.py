"""Small models whose weights are random."""

from __future__ import annotations

import torch

from tui_vae.config import ModelSpec
from tui_vae.model import VAE


def small_vae(hidden: tuple[int, ...] = (12, 8), zdim: int = 3, sigma: float = 0.3, seed: int = 0) -> VAE:
    return VAE.from_spec(ModelSpec("x", hidden), zdim, sigma, torch.Generator().manual_seed(seed))
