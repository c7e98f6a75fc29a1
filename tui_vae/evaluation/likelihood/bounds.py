"""Lower bounds on log p(x) from samples z ~ q(z|x): the ELBO and the importance-weighted bound.

The noise of an image is a function of the seed and of its index alone. It depends neither on the batch size nor on the
model, so that two models of one ``zdim`` are compared with the same random numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_vae.data.generators import generator
from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, check_finite, pixels
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights, check_values
from tui_vae.evaluation.memory import MEMORY, rows_within
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import ACTIVE_UNIT_VARIANCE, VAE, Decoder, expected_log_likelihood, gaussian_kl

# About 1,000 rows at a time are fastest: what they go through stays in the caches, and products are large enough.
_ROWS = 1024
_ENCODED = 1024

# Normal numbers are made 16 at a time: only so do parts of a stream equal the whole of it.
_BLOCK = 16


@dataclass(frozen=True)
class PosteriorSamples:
    """A batch of samples of some images.

    Attributes:
        images: Rows of the images.
        log_likelihood: log p(x|z), nats, float64 ``(n, k)``.
        noise: z = mu + sigma * noise, ``(n, k, zdim)``.
        z: ``(n, k, zdim)``.
    """

    images: slice
    log_likelihood: Tensor
    noise: Tensor
    z: Tensor


@dataclass(frozen=True)
class EncodedImages:
    """q(z|x) of images: means and log standard deviations, float32 ``(n, zdim)`` each."""

    mu: Tensor
    log_sigma: Tensor


@torch.inference_mode()
def encode(vae: VAE, images: Tensor) -> EncodedImages:
    """q(z|x) of images, uint8 or floating ``(n, 784)``, on the model's device."""
    check_finite(vae)
    weights = next(vae.encoder.parameters())
    parts = [vae.encoder(pixels(rows.to(weights.device)).to(weights.dtype)) for rows in torch.split(images, _ENCODED)]
    mu, log_sigma = (torch.cat(part) for part in zip(*parts, strict=True))
    return EncodedImages(mu, log_sigma)


@torch.inference_mode()
def posterior_samples(
    vae: VAE,
    images: Tensor,
    posterior: EncodedImages,
    count: int,
    *,
    seed: int,
    purpose: str,
    memory: int,
    report: Report,
) -> Iterator[PosteriorSamples]:
    """Draw ``count`` samples of each image, in batches that fit ``memory`` bytes.

    Args:
        vae: The model.
        images: uint8 or floating ``(n, 784)``.
        posterior: q(z|x) of these images.
        count: Samples of each image.
        seed: Of the noise, together with ``purpose``.
        purpose: Names the random stream.
        memory: Bytes of one batch.
        report: Called with the share done after every batch.

    Raises:
        UsageError: Not even the smallest batch fits.
    """
    likelihood = Likelihood(vae)
    # A draw is held as its noise, as z, as what the decoder makes of z, and as what passes between its layers; an image
    # as its pixels in double precision and in single.
    draw = 4 * (3 * vae.zdim + 2 * likelihood.row_width + 4)
    block = _BLOCK * draw + 24 * images.shape[1]
    blocks = rows_within(memory, block, _ROWS // _BLOCK, f"an image with {_BLOCK} draws of z")
    together = min(blocks, -(-count // _BLOCK)) * _BLOCK  # draws of an image at a time
    at_once = max(1, blocks * _BLOCK // together)  # images at a time
    done = 0
    for start in range(0, len(images), at_once):
        rows = slice(start, min(start + at_once, len(images)))
        observed = likelihood.observe(pixels(images[rows].to(likelihood.device)))
        mu, sigma = posterior.mu[rows, None], posterior.log_sigma[rows, None].exp()
        streams = [generator(seed, purpose, index) for index in range(rows.start, rows.stop)]
        for first in range(0, count, together):
            noise = torch.stack([torch.randn(together, vae.zdim, generator=stream) for stream in streams])
            noise = noise[:, : count - first].to(likelihood.device)
            z = torch.addcmul(mu, sigma, noise)
            misfit = likelihood.misfit(z, observed.target)
            yield PosteriorSamples(rows, observed.constant[:, None] - misfit, noise, z)
            done += misfit.numel()
            report(done / (count * len(images)))


@dataclass(frozen=True)
class LatentUse:
    """How much information each latent carries about an image, in the model's order of latents.

    A latent has collapsed when q(z_i|x) is the prior for every x: its KL is 0, and the mean of q(z_i|x) does not vary.
    It is active when Var_x(E_q z_i) > 0.01 (Burda, Grosse & Salakhutdinov, arXiv:1509.00519, section 5.2). In a linear
    model just the latents beyond #{i : lambda_i > sigma²} collapse (Lucas, Tucker, Grosse & Norouzi, arXiv:1911.02469).

    Attributes:
        kl_per_latent: Mean over images of KL(q(z_i|x) || N(0, 1)), nats.
        variance_of_means: Var_x(E_q z_i).
    """

    kl_per_latent: tuple[float, ...]
    variance_of_means: tuple[float, ...]

    @property
    def active_units(self) -> int:
        return sum(variance > ACTIVE_UNIT_VARIANCE for variance in self.variance_of_means)


def latent_use(mu: Tensor, kl: Tensor) -> LatentUse:
    """The use of the latents on a set of images.

    Args:
        mu: Means of q(z|x), ``(n, zdim)``.
        kl: KL of each latent, nats, ``(n, zdim)``.
    """
    variance = mu.double().var(0, correction=0)
    return LatentUse(tuple(kl.double().mean(0).tolist()), tuple(variance.tolist()))


@dataclass(frozen=True)
class Elbo:
    """``elbo = reconstruction - kl`` of each of n images, nats.

    Attributes:
        reconstruction: E_q log p(x|z), float64 ``(n,)``: exact for a linear decoder, else the mean over the draws of z.
        kl: KL(q(z|x) || p(z)), in closed form, float64 ``(n,)``.
        use: The use of the latents: KL and Var_x(E_q z_i) of each, and the number of active ones.
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
    """The ELBO of each image, its expectation over z in closed form for a linear decoder, else from a few draws.

    Args:
        vae: The model, on any device; nothing of it is changed.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        draws_per_image: Draws of z whose log p(x|z) is averaged where there is no closed form.
        seed: Decides on the draws.
        memory: Bytes that one batch may take.
        report: Called with the share done, 0 to 1; may raise to cancel.

    Raises:
        UsageError: A single image does not fit into ``memory``.
        EvaluationError: Weights or likelihoods are not finite.
    """
    posterior = encode(vae, images)
    if vae.decoder.only_layer is not None:
        reconstruction = _expected(vae.decoder, vae.decoder.only_layer, images, posterior)
        report(1.0)
    else:
        reconstruction = torch.zeros(len(images), dtype=torch.float64, device=posterior.mu.device)
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
            reconstruction[part.images] += part.log_likelihood.sum(1) / draws_per_image
    kl = gaussian_kl(posterior.mu, posterior.log_sigma)
    result = Elbo(reconstruction.cpu(), kl.double().sum(1).cpu(), latent_use(posterior.mu.cpu(), kl.cpu()))
    check_values(result.elbo)
    return result


@torch.no_grad()
def _expected(decoder: Decoder, layer: nn.Linear, images: Tensor, posterior: EncodedImages) -> Tensor:
    """E_q log p(x|z) of each image under a linear decoder, in double precision on the CPU, ``(n,)``."""
    exact, log_sigma = copy.deepcopy(layer).double().cpu(), decoder.log_sigma.double().cpu()
    parts = zip(*(torch.split(values, _ENCODED) for values in (images, posterior.mu, posterior.log_sigma)), strict=True)
    return torch.cat(
        [
            expected_log_likelihood(
                rows.cpu().double() / (255 if rows.dtype == torch.uint8 else 1),
                exact,
                mu.double().cpu(),
                spread.double().cpu(),
                log_sigma,
            )
            for rows, mu, spread in parts
        ]
    )


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
