"""The terms of the evidence lower bound in closed form, constants kept, in nats.

The tests compare them with ``torch.distributions``; the closed forms need fewer passes over memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_vae.config import PIXELS

LOG_2_PI = math.log(2 * math.pi)
ACTIVE_UNIT_VARIANCE = 0.01
"""A latent is active when Var_x(E_q z_i) is above this (Burda et al., arXiv:1509.00519, section 5.2)."""


@dataclass(frozen=True)
class ElboTerms:
    """The terms of the ELBO per image and per latent: ``elbo = reconstruction - kl.sum(1)``.

    Attributes:
        reconstruction: log p(x|z) for the drawn z, ``(batch,)``.
        kl: KL(q(z_i|x) || N(0, 1)) of each latent, ``(batch, zdim)``.
        mu: Means of q(z|x), ``(batch, zdim)``.
    """

    reconstruction: Tensor
    kl: Tensor
    mu: Tensor

    def loss(self) -> Tensor:
        """Return the mean of -ELBO over the batch, a scalar."""
        return (self.kl.sum() - self.reconstruction.sum()) / len(self.reconstruction)

    def objective(self, kl_weight: Tensor, free_bits: float) -> Tensor:
        """Return what training minimises where the KL is weighted, or free up to some nats, a scalar.

        It is w Σ_i max(free bits, KL_i) - reconstruction, all means over the batch. w is beta (beta-VAE, Higgins et
        al., 2017) as far as it has warmed up (Sønderby et al., arXiv:1602.02282); the maximum is of each latent (Kingma
        et al., arXiv:1606.04934, equation 15).

        Args:
            kl_weight: w, a scalar.
            free_bits: Nats up to which a latent costs the same; 0 for none.
        """
        kl = self.kl.mean(0)
        return kl_weight * (kl.clamp_min(free_bits) if free_bits else kl).sum() - self.reconstruction.mean()


def gaussian_log_likelihood(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return log N(x; mean, sigma² I) of each image, ``(batch,)``.

    Args:
        x: Images ``(batch, 784)``.
        mean: Means ``(batch, 784)``.
        log_sigma: Log standard deviation, a scalar.
    """
    squared_error = (x - mean).square().sum(-1)
    return -0.5 * squared_error * torch.exp(-2 * log_sigma) - PIXELS * (log_sigma + 0.5 * LOG_2_PI)


def expected_log_likelihood(x: Tensor, layer: nn.Linear, mu: Tensor, log_sigma_z: Tensor, log_sigma: Tensor) -> Tensor:
    """Return E log N(x; W z + b, sigma² I) over z ~ N(mu, diag(sigma_z²)) of each image, ``(batch,)``.

    The expectation of a square is that of its mean and its variance:
    E |x - W z - b|² = |x - W mu - b|² + Σ_i sigma_z,i² |w_i|², with the columns w_i of W.

    Args:
        x: Images ``(batch, 784)``.
        layer: W ``(784, zdim)`` and b.
        mu: Means of z, ``(batch, zdim)``.
        log_sigma_z: Log standard deviations of z, ``(batch, zdim)``.
        log_sigma: Log standard deviation of the pixels, a scalar.
    """
    at_mean = gaussian_log_likelihood(x, layer(mu), log_sigma)
    # A sum and not a product of matrices, which autocast would take in half precision.
    variance = (torch.exp(2 * log_sigma_z) * layer.weight.square().sum(0)).sum(-1)
    return at_mean - 0.5 * variance * torch.exp(-2 * log_sigma)


def gaussian_kl(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """Return KL(N(mu, sigma²) || N(0, 1)), elementwise (arXiv:1312.6114, appendix B)."""
    return 0.5 * (mu.square() + torch.exp(2 * log_sigma) - 1) - log_sigma
