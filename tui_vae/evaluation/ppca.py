"""The exact optimum of a linear Gaussian VAE: probabilistic PCA.

Tipping & Bishop, "Probabilistic Principal Component Analysis", J. R. Statist. Soc. B 61 (1999); for the VAE and fixed
sigma, Lucas, Tucker, Grosse & Norouzi, arXiv:1911.02469. Images are scaled to [0, 1]; D = 784; the eigenpairs
(lambda_i, U_i) are those of the 1/N covariance of the training images. All in float64.

The exact log p(x) of a linear decoder, and what a linear model loses where.

For a linear decoder p(x) = N(b, W Wᵀ + sigma² I). With the limit, log p(x) of the optimal linear decoder (probabilistic
PCA of the training images), what the ELBO lacks divides in two:

    limit - ELBO = (limit - exact) + (exact - ELBO) = loss of the decoder + gap of the encoder,

the latter being the mean of KL(q(z|x) || p(z|x)), which is never negative (Cremer, Li & Duvenaud, arXiv:1801.03558).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.config import LEARNED, PIXELS, learned_sigma
from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.bounds import encode
from tui_vae.evaluation.likelihood.conditional_likelihood import check_finite, pixels
from tui_vae.evaluation.likelihood.estimate import check_values
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.events import PpcaOptimum
from tui_vae.model import VAE

LOG_2_PI = math.log(2 * math.pi)

# A product of two bytes is below 2^16, so sums over 256 rows stay below 2^24: exact in float32, which is much
# faster than float64, and independent of the order of summation. TF32 has bits enough for a byte as well.
_EXACT_ROWS = 256

_DECODED = 1000
"""Images that are decoded at a time."""

_COLUMNS = 112
"""At a time of the second moments: they are symmetric, and blocks below the diagonal are not computed."""


@dataclass(frozen=True)
class Covariance:
    """Second moments of a set of images in [0, 1].

    Attributes:
        mean: ``(784,)``.
        eigenvalues: Of the 1/N covariance, descending, none below 0, ``(784,)``.
        eigenvectors: In columns, in the same order, ``(784, 784)``.
    """

    mean: Tensor
    eigenvalues: Tensor
    eigenvectors: Tensor


def covariance(images: Tensor) -> Covariance:
    """Mean and eigenpairs of uint8 images ``(n, 784)``; the moments are exact before they are divided."""
    second = torch.zeros(PIXELS, PIXELS, dtype=torch.float64, device=images.device)
    total = torch.zeros(PIXELS, dtype=torch.float64, device=images.device)
    for rows in torch.split(images, _EXACT_ROWS):
        values = rows.float()
        for start in range(0, PIXELS, _COLUMNS):
            second[start : start + _COLUMNS, start:] += values[:, start : start + _COLUMNS].T @ values[:, start:]
        total += values.sum(0)
    second = second.triu() + second.triu(1).T
    mean = total / len(images)
    central = (second / len(images) - torch.outer(mean, mean)).cpu() / 255**2
    eigenvalues, eigenvectors = torch.linalg.eigh(central)
    return Covariance((mean / 255).cpu(), eigenvalues.flip(0).clamp_min(0), eigenvectors.flip(1))


def dequantized_covariance(moments: Covariance) -> Covariance:
    """Those of the same images dequantised, (byte + u) / 256 with u ~ U[0, 1), in the expectation over u.

    The noise has the mean ½ / 256 and is white, with the variance 1 / (12 · 256²): eigenvectors stay as they are.

    Args:
        moments: Of bytes / 255.
    """
    mean = (255 * moments.mean + 0.5) / 256
    return Covariance(mean, (255 / 256) ** 2 * moments.eigenvalues + 1 / (12 * 256**2), moments.eigenvectors)


@torch.inference_mode()
def unexplained_variances(vae: VAE, images: Tensor, report: Report = no_progress) -> Tensor:
    """Eigenvalues of the covariance of x - decoder(E_q z): the variances of what a model leaves unexplained.

    Of a model at the optimum of the linear one they are sigma⁴ / lambda_i in the directions in use, which is below
    sigma², and lambda_i in all others.

    Args:
        vae: The model, on any device.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        report: Called with the share done, 0 to 1; may raise to cancel.

    Returns:
        Descending, float64 ``(784,)`` on the CPU.

    Raises:
        EvaluationError: Weights, or what they give, are not finite.
    """
    mu = encode(vae, images).mu
    second, total = torch.zeros(PIXELS, PIXELS, dtype=torch.float64), torch.zeros(PIXELS, dtype=torch.float64)
    for start in range(0, len(images), _DECODED):
        rows = slice(start, start + _DECODED)
        rest = pixels(images[rows].to(mu.device)) - vae.decoder(mu[rows]).float()
        second += (rest.T @ rest).cpu().double()
        total += rest.cpu().double().sum(0)
        report(min(1.0, rows.stop / len(images)))
    mean = total / len(images)
    check_values(second.sum(1))
    eigenvalues: Tensor = torch.linalg.eigvalsh(second / len(images) - torch.outer(mean, mean))
    return eigenvalues.flip(0).clamp_min(0)


@dataclass(frozen=True)
class LinearOptimum:
    """The linear decoder x = W z + mean + sigma * noise that maximises the training likelihood.

    Attributes:
        weight: W, ``(784, zdim)``; the column of a collapsed latent is 0.
        mean: Bias of the decoder, ``(784,)``.
        sigma: Standard deviation of the decoder.
        eigenvalues: The ``zdim`` largest of the covariance, ``(zdim,)``.
        kl_per_latent: Training mean of the KL of each latent at the optimal encoder, nats, ``(zdim,)``.
        train_log_likelihood: Training mean of log p(x), nats per image; the ELBO equals it at the optimal encoder.
    """

    weight: Tensor
    mean: Tensor
    sigma: float
    eigenvalues: Tensor
    kl_per_latent: Tensor
    train_log_likelihood: float

    @property
    def active(self) -> int:
        return int((self.kl_per_latent > 0).sum())


def linear_optimum(moments: Covariance, zdim: int, sigma: float | str) -> LinearOptimum:
    """The optimum for ``zdim`` latents and a fixed or learned sigma.

    Raises:
        UsageError: sigma is to be learned but no variance is left beyond ``zdim`` components, so that the
            likelihood has no maximum.
    """
    zdim_used = min(zdim, PIXELS)
    values = moments.eigenvalues
    if (learned := learned_sigma(sigma)) is not None:
        rest = float(values[zdim_used:].sum())
        if rest <= 0:
            raise UsageError(f"--sigma {LEARNED}: with --zdim {zdim} no variance is left, the likelihood is unbounded")
        variance = max(rest / (PIXELS - zdim_used), (learned.floor or 0.0) ** 2)
    else:
        variance = float(sigma) ** 2
    leading = values[:zdim_used]
    excess = (leading - variance).clamp_min(0)
    active = int((excess > 0).sum())
    kl = torch.zeros(zdim, dtype=torch.float64)
    kl[:active] = 0.5 * torch.log(leading[:active] / variance)
    weight = torch.zeros(PIXELS, zdim, dtype=torch.float64)
    weight[:, :zdim_used] = moments.eigenvectors[:, :zdim_used] * excess.sqrt()
    log_likelihood = -0.5 * float(
        PIXELS * LOG_2_PI
        + torch.log(leading[:active]).sum()
        + (PIXELS - active) * math.log(variance)
        + active
        + values[active:].sum() / variance
    )
    return LinearOptimum(weight, moments.mean, math.sqrt(variance), leading, kl, log_likelihood)


def linear_log_likelihood(images: Tensor, weight: Tensor, bias: Tensor, sigma: float) -> Tensor:
    """Exact log p(x) of any linear decoder: log N(x; bias, W Wᵀ + sigma² I), by Woodbury's identity.

    Args:
        images: uint8, divided by 255 here, or floating, taken as they are, ``(n, 784)``.
        weight: W, ``(784, m)``.
        bias: ``(784,)``.
        sigma: Standard deviation of the decoder.

    Returns:
        Nats of each image, float64 ``(n,)``.
    """
    weight, bias = weight.double().cpu(), bias.double().cpu()
    latents = weight.shape[1]
    inner = torch.eye(latents, dtype=torch.float64) + weight.T @ weight / sigma**2
    factor = torch.linalg.cholesky(inner)
    log_determinant = 2 * torch.log(torch.diagonal(factor)).sum() + 2 * PIXELS * math.log(sigma)
    result = []
    for rows in torch.split(images, 4096):
        values = rows.cpu().double()
        centred = (values / 255 if rows.dtype == torch.uint8 else values) - bias
        projected = torch.linalg.solve_triangular(factor, (centred @ weight).T / sigma, upper=False)
        distance = (centred.square().sum(1) - projected.square().sum(0)) / sigma**2
        result.append(-0.5 * (PIXELS * LOG_2_PI + log_determinant + distance))
    return torch.cat(result)


def linear_limit(
    train: Tensor, held_out: Tensor, zdim: int, sigma: float | str, *, dequantize: bool = False
) -> PpcaOptimum:
    """What a linear model can reach on these images.

    Args:
        train: uint8 ``(n, 784)``.
        held_out: The same, or floating in [0, 1].
        zdim: The latent dimension.
        sigma: Of the decoder, or ``learned``.
        dequantize: Whether the training images are dequantised: then it is what can be reached in expectation.
    """
    moments = covariance(train)
    optimum = linear_optimum(dequantized_covariance(moments) if dequantize else moments, zdim, sigma)
    held_out_log_likelihood = linear_log_likelihood(held_out, optimum.weight, optimum.mean, optimum.sigma)
    return PpcaOptimum(
        train=optimum.train_log_likelihood,
        held_out=float(held_out_log_likelihood.mean()),
        sigma=optimum.sigma,
        kl_per_latent=tuple(optimum.kl_per_latent.tolist()),
        variances=tuple(optimum.eigenvalues.tolist()),
    )


def exact_log_likelihood(vae: VAE, images: Tensor) -> Tensor:
    """log p(x) of each image under a model with a linear decoder, nats, float64 ``(n,)``.

    Args:
        vae: The model; its encoder does not matter.
        images: uint8, or floating in [0, 1], ``(n, 784)``.

    Raises:
        UsageError: The decoder is not linear, so that nothing exact is known.
        EvaluationError: Weights are not finite.
    """
    layer = vae.decoder.only_layer
    if layer is None:
        raise UsageError("only a decoder without hidden layers has an exact likelihood")
    check_finite(vae.decoder)
    values = linear_log_likelihood(images, layer.weight.detach(), layer.bias.detach(), vae.decoder.sigma)
    check_values(values)
    return values


@dataclass(frozen=True)
class LossEstimate:
    """A mean over images and its standard error, NaN for a single image; nats per image."""

    mean: float
    standard_error: float


@dataclass(frozen=True)
class LinearLosses:
    """Where a linear model loses against the optimum of its training images; the two add up to limit - ELBO.

    Attributes:
        decoder: limit - exact. Below 0 on images the optimum was not made for, where the decoder suits them better.
        encoder: exact - ELBO; not below 0 but for rounding.
    """

    decoder: LossEstimate
    encoder: LossEstimate


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


def _loss(values: Tensor) -> LossEstimate:
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return LossEstimate(float(values.mean()), error)
