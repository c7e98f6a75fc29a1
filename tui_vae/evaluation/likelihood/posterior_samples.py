"""Samples z ~ q(z|x) of every image with their log p(x|z), in batches, for the ELBO and the IWAE bound.

The noise of an image is a function of the seed and of its place among the images alone. It depends neither on how much
is worked on at once nor on the model, so that two models of one ``zdim`` are compared with the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, check_finite, pixels
from tui_vae.evaluation.memory import rows_within
from tui_vae.evaluation.progress import Report
from tui_vae.model import VAE

# About 1,000 rows at a time are fastest: what they go through stays in the caches, and products are large enough.
_ROWS = 1024
_ENCODED = 1024

# Normal numbers are made 16 at a time: only so do parts of a stream equal the whole of it.
_BLOCK = 16


@dataclass(frozen=True)
class PosteriorSamples:
    """Some draws of some images.

    Attributes:
        images: Which.
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
    """All ``count`` draws of all images, in parts that fit ``memory`` bytes.

    Args:
        vae: The model.
        images: uint8 or floating ``(n, 784)``.
        posterior: q(z|x) of these images.
        count: PosteriorSamples an image.
        seed: Decides, with ``purpose``, on the noise.
        purpose: What the noise is for.
        memory: Bytes allowed for one part.
        report: Called with the share done after every part.

    Raises:
        UsageError: Not even the smallest part fits.
    """
    likelihood = Likelihood(vae.decoder)
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
