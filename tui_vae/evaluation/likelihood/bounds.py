"""The evidence lower bound of every image, in its parts (Kingma & Welling, arXiv:1312.6114, equation 10).

The importance-weighted lower bound on log p(x) (Burda, Grosse & Salakhutdinov, arXiv:1509.00519, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights, check_values
from tui_vae.evaluation.likelihood.posterior_samples import EncodedImages, PosteriorSamples, encode, posterior_samples
from tui_vae.evaluation.memory import MEMORY
from tui_vae.evaluation.posterior_collapse import LatentUse, measured_use
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE, gaussian_kl


@dataclass(frozen=True)
class Elbo:
    """``elbo = reconstruction - kl`` of each of n images, nats.

    Attributes:
        reconstruction: Mean of log p(x|z) over the draws of z, float64 ``(n,)``.
        kl: KL(q(z|x) || p(z)), in closed form, float64 ``(n,)``.
        use: What the latents tell of these images: KL and Var_x(E_q z_i) of each, and the number of active ones.
    """

    reconstruction: Tensor
    kl: Tensor
    use: LatentUse

    @property
    def elbo(self) -> Tensor:
        return self.reconstruction - self.kl


def elbo_per_image(
    vae: VAE,
    images: Tensor,
    *,
    draws_per_image: int = 1,
    seed: int = 0,
    memory: int = MEMORY,
    report: Report = no_progress,
) -> Elbo:
    """The ELBO of each image, its expectation over z estimated from a few draws.

    Args:
        vae: The model, on any device; nothing of it is changed.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        draws_per_image: PosteriorSamples of z whose log p(x|z) is averaged.
        seed: Decides on the draws.
        memory: Bytes that one batch may take.
        report: Called with the share done, 0 to 1; may raise to cancel.

    Raises:
        UsageError: A single image does not fit into ``memory``.
        EvaluationError: Weights or likelihoods are not finite.
    """
    posterior = encode(vae, images)
    total = torch.zeros(len(images), dtype=torch.float64, device=posterior.mu.device)
    for part in posterior_samples(
        vae,
        images,
        posterior,
        draws_per_image,
        seed=seed,
        purpose="ELBO noise",
        memory=memory,
        report=report,
    ):
        total[part.images] += part.log_likelihood.sum(1)
    kl = gaussian_kl(posterior.mu, posterior.log_sigma)
    result = Elbo((total / draws_per_image).cpu(), kl.double().sum(1).cpu(), measured_use(posterior.mu.cpu(), kl.cpu()))
    check_values(result.elbo)
    return result


def iwae_bound(
    vae: VAE,
    images: Tensor,
    samples: int = 100,
    *,
    seed: int = 0,
    memory: int = MEMORY,
    report: Report = no_progress,
) -> LikelihoodEstimate:
    """IWAE-K of each image: log 1/K Σ_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x).

    Its expectation is a lower bound on log p(x) that rises with K; with K = 1 it is the ELBO.

    Args:
        vae: The model, on any device; nothing of it is changed.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        samples: K.
        seed: Decides on the draws.
        memory: Bytes that one batch may take, for any K.
        report: Called with the share done, 0 to 1; may raise to cancel.

    Raises:
        UsageError: K is below 1, or the memory allowed is too small for a single image.
        EvaluationError: Weights or likelihoods are not finite.
    """
    if samples < 1:
        raise UsageError(f"importance weighting needs at least one sample an image, not {samples}")
    posterior = encode(vae, images)
    weights = LogMeanWeights(len(images))
    for part in posterior_samples(
        vae, images, posterior, samples, seed=seed, purpose="IWAE noise", memory=memory, report=report
    ):
        weights.add(part.images, log_weights(part, posterior))
    return weights.estimate()


def log_weights(part: PosteriorSamples, posterior: EncodedImages) -> Tensor:
    """log p(x, z) - log q(z|x) of each draw, nats, float64 ``(n, k)``; the constants of p(z) and q(z|x) cancel."""
    log_ratio = 0.5 * (part.noise.square().sum(-1) - part.z.square().sum(-1))
    return part.log_likelihood + log_ratio + posterior.log_sigma[part.images].sum(1, keepdim=True)
