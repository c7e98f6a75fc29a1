"""Where the encode–decode chains of an evaluation start: from the prior, or from data."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.evaluation.sampling import prior_latents
from tui_vae.model import VAE
from tui_vae.model.chain import Variant, decoded


@torch.inference_mode()
def start_from_prior(vae: VAE, n: int, variant: Variant, seed: int) -> Tensor:
    """x_0 decoded from z ~ N(0, I), the z of ``generation``, on the model's device, ``(n, 784)``."""
    z = prior_latents(n, vae.zdim, seed).to(vae.decoder.log_sigma.device)
    return decoded(vae, z, variant, generator(seed, "chain start noise"))


def start_from_data(images: Tensor) -> Tensor:
    """x_0 of uint8 images ``(n, 784)``."""
    return images.float() / 255
