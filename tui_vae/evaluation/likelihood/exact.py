"""The exact log p(x) of a linear decoder, and what a linear model loses where.

For a linear decoder p(x) = N(b, W Wᵀ + sigma² I). With the limit, log p(x) of the optimal linear decoder (probabilistic
PCA of the training images), what the ELBO lacks divides in two:

    limit - ELBO = (limit - exact) + (exact - ELBO) = loss of the decoder + gap of the encoder,

the latter being the mean of KL(q(z|x) || p(z|x)), which is never negative (Cremer, Li & Duvenaud, arXiv:1801.03558).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.conditional_likelihood import check_finite
from tui_vae.evaluation.likelihood.estimate import check_values
from tui_vae.evaluation.ppca import LinearOptimum, linear_log_likelihood
from tui_vae.model import VAE, Decoder


def is_linear(decoder: Decoder) -> bool:
    """Whether the decoder is one fully connected layer."""
    return len(decoder.net) == 1


def exact_log_likelihood(vae: VAE, images: Tensor) -> Tensor:
    """log p(x) of each image under a model with a linear decoder, nats, float64 ``(n,)``.

    Args:
        vae: The model; its encoder does not matter.
        images: uint8, or floating in [0, 1], ``(n, 784)``.

    Raises:
        UsageError: The decoder is not linear, so that nothing exact is known.
        EvaluationError: Weights are not finite.
    """
    if not is_linear(vae.decoder):
        raise UsageError("only a decoder without hidden layers has an exact likelihood")
    check_finite(vae.decoder)
    layer = vae.decoder.net[0]
    assert isinstance(layer, nn.Linear)
    values = linear_log_likelihood(images, layer.weight.detach(), layer.bias.detach(), vae.decoder.sigma)
    check_values(values)
    return values


@dataclass(frozen=True)
class Loss:
    """A mean over images and its standard error, NaN for a single image; nats per image."""

    mean: float
    standard_error: float


@dataclass(frozen=True)
class LinearLosses:
    """Where a linear model loses against the optimum of its training images; the two add up to limit - ELBO.

    Attributes:
        decoder: limit - exact. Below 0 on images the optimum was not made for, where the decoder suits them better.
        encoder: exact - ELBO; not below 0 but for the noise of an ELBO from a few draws.
    """

    decoder: Loss
    encoder: Loss


def linear_losses(vae: VAE, images: Tensor, optimum: LinearOptimum, elbo: Tensor) -> LinearLosses:
    """The two losses of a linear model, image by image, so that the spread between images does not count.

    Args:
        vae: The model, its decoder linear.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        optimum: Of the model's training images, for its ``zdim`` and its fixed or learned sigma.
        elbo: Of each of these images, ``(n,)``.

    Raises:
        UsageError: The decoder is not linear.
        EvaluationError: Weights are not finite.
    """
    exact = exact_log_likelihood(vae, images)
    limit = linear_log_likelihood(images, optimum.weight, optimum.mean, optimum.sigma)
    return LinearLosses(decoder=_loss(limit - exact), encoder=_loss(exact - elbo.double().cpu()))


def _loss(values: Tensor) -> Loss:
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Loss(float(values.mean()), error)
