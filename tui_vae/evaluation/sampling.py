"""Images that a model generates from the prior, quantised as the data are.

Wherever images of a model are scored or shown, two kinds are distinguished: decoder means mu(z), and samples from
p(x|z), mu(z) + sigma · noise. Both come from the same z ~ N(0, I), a function of the seed alone, so that they differ by
the pixel noise only, and models of one ``zdim`` by their weights only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.data.image_ops import quantised
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE

_BATCH = 500


def prior_latents(n: int, zdim: int, seed: int, draw: int = 0) -> Tensor:
    """z ~ N(0, I) on the CPU, so that every device decodes the same, ``(n, zdim)``; each ``draw`` is another."""
    return torch.randn(n, zdim, generator=generator(seed, "generated z", draw))


def prior_means(vae: VAE, n: int, seed: int, report: Report = no_progress, *, draw: int = 0) -> Tensor:
    """Decoder means of ``n`` latents from the prior, without pixel noise.

    Args:
        vae: The model, on any device.
        n: Number of images.
        seed: Decides on z, together with ``draw``.
        report: Called with the share done, 0 to 1, after every batch; may raise to cancel.
        draw: Number of this set of images among several of the same model.

    Returns:
        uint8 ``(n, 784)`` on the CPU.
    """
    return _generated(vae, prior_latents(n, vae.zdim, seed, draw), seed, report, noisy=False)


def prior_samples(vae: VAE, n: int, seed: int, report: Report = no_progress) -> Tensor:
    """Samples from the model, decoder means of the same z as :func:`prior_means` plus sigma · noise.

    The noise is clipped with the rest at 0 and 1, as no image can show more.
    """
    return _generated(vae, prior_latents(n, vae.zdim, seed), seed, report, noisy=True)


@torch.inference_mode()
def _generated(vae: VAE, latents: Tensor, seed: int, report: Report, *, noisy: bool) -> Tensor:
    noise = generator(seed, "generated pixel noise")
    sigma, device = vae.decoder.sigma, vae.decoder.log_sigma.device
    images: list[Tensor] = []
    done = 0
    for z in torch.split(latents, _BATCH):
        x = vae.decoder(z.to(device)).cpu()
        if noisy:
            x = x + sigma * torch.randn(x.shape, generator=noise)
        images.append(quantised(x))
        done += len(z)
        report(done / len(latents))
    return torch.cat(images)
