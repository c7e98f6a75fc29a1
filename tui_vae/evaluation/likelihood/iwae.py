"""The importance-weighted lower bound on log p(x) (Burda, Grosse & Salakhutdinov, arXiv:1509.00519, section 3)."""

from __future__ import annotations

from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.batch_size import MEMORY
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights
from tui_vae.evaluation.likelihood.posterior_samples import Draws, EncodedImages, draws, encoded
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE


def importance_weighted(
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
        memory: Bytes allowed for what is worked on at once, whatever K is.
        report: Told the share done, 0 to 1; may raise to end the work.

    Raises:
        UsageError: K is below 1, or the memory allowed is too small for a single image.
        EvaluationError: Weights or likelihoods are not finite.
    """
    if samples < 1:
        raise UsageError(f"importance weighting needs at least one sample an image, not {samples}")
    posterior = encoded(vae, images)
    weights = LogMeanWeights(len(images))
    for part in draws(vae, images, posterior, samples, seed=seed, purpose="IWAE noise", memory=memory, report=report):
        weights.add(part.images, log_weights(part, posterior))
    return weights.estimate()


def log_weights(part: Draws, posterior: EncodedImages) -> Tensor:
    """log p(x, z) - log q(z|x) of each draw, nats, float64 ``(n, k)``; the constants of p(z) and q(z|x) cancel."""
    log_ratio = 0.5 * (part.noise.square().sum(-1) - part.z.square().sum(-1))
    return part.log_likelihood + log_ratio + posterior.log_sigma[part.images].sum(1, keepdim=True)
