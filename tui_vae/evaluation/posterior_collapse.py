"""Posterior collapse: which latents a model uses, and what theory says of the linear model.

A latent has collapsed when q(z_i|x) is the prior whatever x is: its KL, averaged over the data, is 0, and the mean of
q(z_i|x) does not vary. A latent is active when Var_x(E_q z_i) > 0.01 (Burda, Grosse & Salakhutdinov, arXiv:1509.00519,
section 5.2). In the linear model just the latents beyond #{i : lambda_i > sigma²} collapse (Lucas, Tucker, Grosse &
Norouzi, arXiv:1911.02469). KL is in nats; all that is averaged is averaged over images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.ppca import LinearOptimum
from tui_vae.model import ACTIVE_UNIT_VARIANCE

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)


@dataclass(frozen=True)
class LatentUse:
    """How much information each latent carries about an image, in the model's order of latents.

    Attributes:
        kl_per_latent: Mean of KL(q(z_i|x) || N(0, 1)), nats.
        variance_of_means: Var_x(E_q z_i).
    """

    kl_per_latent: tuple[float, ...]
    variance_of_means: tuple[float, ...]

    @property
    def active_units(self) -> int:
        return sum(variance > ACTIVE_UNIT_VARIANCE for variance in self.variance_of_means)

    @property
    def spectrum(self) -> tuple[float, ...]:
        """The KL of the latents, descending: a model may have them in any order, so that only this is compared."""
        return tuple(sorted(self.kl_per_latent, reverse=True))


def measured_use(mu: Tensor, kl: Tensor) -> LatentUse:
    """How a model uses its latents on a set of images.

    Args:
        mu: Means of q(z|x), ``(n, zdim)``.
        kl: KL of each latent, nats, ``(n, zdim)``.
    """
    kl_per_latent = kl.double().mean(0)
    variance = mu.double().var(0, correction=0)
    return LatentUse(tuple(kl_per_latent.tolist()), tuple(variance.tolist()))


def predicted_use(optimum: LinearOptimum) -> LatentUse:
    """How the optimal linear model uses them on its training images: Var_x(E_q z_i) is 1 - sigma²/lambda_i, or 0."""
    variance = torch.zeros_like(optimum.kl_per_latent)
    known = len(optimum.eigenvalues)
    variance[:known] = (1 - optimum.sigma**2 / optimum.eigenvalues).clamp_min(0)
    return LatentUse(tuple(optimum.kl_per_latent.tolist()), tuple(variance.tolist()))


def bin_edges(largest: float, most: int = 12) -> tuple[float, ...]:
    """Edges of equal bins from 0 to beyond ``largest``, at most ``most`` bins of a round width.

    The same edges serve all models that are compared: ``largest`` is the greatest KL of any of their latents, finite.
    """
    power = 10.0 ** math.floor(math.log10(max(largest, 0.01) / most))
    # The last bin holds ``largest`` itself, also where that is a multiple of the width.
    width, bins = next(
        (width, bins) for width in (power * step for step in _ROUND) if (bins := int(largest // width) + 1) <= most
    )
    return tuple(index * width for index in range(bins + 1))


def histogram(kl_per_latent: Sequence[float], edges: Sequence[float]) -> tuple[int, ...]:
    """Number of latents with their KL in each bin, its lower edge included.

    What rounding puts outside the edges counts in the nearest bin, so that none is lost.
    """
    counts = [0] * (len(edges) - 1)
    for value in kl_per_latent:
        counts[sum(value >= edge for edge in edges[1:-1])] += 1
    return tuple(counts)
