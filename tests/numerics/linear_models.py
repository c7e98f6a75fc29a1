"""Linear VAEs whose likelihood is known: at the optimum, and away from it."""

from __future__ import annotations

import math

import torch

from tui_vae.evaluation.ppca import LinearOptimum
from tui_vae.model import VAE


def optimal_vae(optimum: LinearOptimum, dtype: torch.dtype = torch.float32) -> VAE:
    """A linear VAE at the optimum: probabilistic PCA's decoder and its exact posterior."""
    zdim = optimum.weight.shape[1]
    vae = VAE.fully_connected((), zdim, optimum.sigma).to(dtype)
    variance = optimum.sigma**2
    active = optimum.kl_per_latent > 0
    # Mean of z_i: W_iᵀ(x - mean) / lambda_i; variance sigma²/lambda_i; a collapsed latent keeps the prior.
    rows = torch.where(active[:, None], optimum.weight.T / optimum.eigenvalues[:, None], 0.0)
    log_sigma = torch.where(active, 0.5 * torch.log(variance / optimum.eigenvalues), 0.0)
    with torch.no_grad():
        vae.decoder.log_sigma.fill_(math.log(optimum.sigma))
        vae.decoder.net[0].weight.copy_(optimum.weight)
        vae.decoder.net[0].bias.copy_(optimum.mean)
        vae.encoder.net[0].weight.copy_(torch.cat((rows, torch.zeros(zdim, 784))))
        vae.encoder.net[0].bias.copy_(torch.cat((-rows @ optimum.mean, log_sigma)))
    return vae


def perturbed_vae(optimum: LinearOptimum, size: float = 0.1, seed: int = 0) -> VAE:
    """The optimum with noise on its decoder, and an encoder that is off: both lose, and no posterior is factorial."""
    random = torch.Generator().manual_seed(seed)
    vae = optimal_vae(optimum)
    zdim = vae.zdim
    with torch.no_grad():
        noise = torch.randn(784, zdim, generator=random)
        vae.decoder.net[0].weight.add_(size * noise * vae.decoder.net[0].weight.norm() / noise.norm())
        vae.encoder.net[0].bias[:zdim].add_(size * torch.randn(zdim, generator=random))
        vae.encoder.net[0].bias[zdim:].add_(3 * size * torch.rand(zdim, generator=random))
    return vae
