"""Interpolation between images, on straight lines of the latent space."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.data.image_ops import quantised
from tui_vae.model.vae import VAE


@torch.inference_mode()
def interpolations(vae: VAE, first: Tensor, last: Tensor, steps: int) -> Tensor:
    """From each image to another: means of p(x|z) for z on the line between the means of q(z|x).

    Args:
        vae: The model.
        first: Images that are gone from, uint8 ``(n, 784)``, on the model's device.
        last: Those that are gone to, likewise.
        steps: From one mean of q(z|x) to the other.

    Returns:
        uint8 ``(n, steps + 3, 784)``: the image itself, the means from that of the one to that of the other, and the
        other image.
    """
    mu, _ = vae.encoder(torch.cat((first, last)).float() / 255)
    weight = torch.linspace(0, 1, steps + 1, device=mu.device)
    z = torch.lerp(mu[: len(first), None], mu[len(first) :, None], weight[:, None])  # (n, steps + 1, zdim)
    return torch.cat((first[:, None], quantised(vae.decoder(z)), last[:, None]), dim=1)
