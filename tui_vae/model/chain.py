"""The encode–decode chain x_t → z_{t+1} → x_{t+1} and its limiting distribution; interpolation in latent space.

With both steps sampled, z ~ q(z|x) and x ~ p(x|z), this is a Gibbs sampler of p(x, z) to the extent that q is the
posterior (Rezende, Mohamed & Wierstra, arXiv:1401.4082, who complete images with it). For the optimal linear model it
is (``ppca``), and the chain is AR(1) in every latent. With r = sigma²/lambda_i, and r = 1 for a collapsed latent:

=====================  =======================  ===============  ==========================
decoded x              encoded z                coefficient      stationary law of z_i
=====================  =======================  ===============  ==========================
sample                 sample                   1 - r            N(0, 1), the prior
mean                   sample                   1 - r            N(0, 1 / (2 - r))
sample                 mean                     1 - r            N(0, (1 - r) / (2 - r))
mean                   mean                     1 - r            0: all ends in the mean image
=====================  =======================  ===============  ==========================

Two warnings follow. Decoding or encoding means instead of samples contracts the law, so the variant is always named.
And a short chain is not at its limit: it forgets its start within about 1/r = lambda_i/sigma² steps, which are hundreds
for the leading latents of MNIST at sigma 0.2.

The encoder takes the chain's own x, neither clipped to [0, 1] nor quantised. Samples of trained models have pixel noise
that the encoder has never seen: a chain may leave the data for good, and diverge if the encoder's standard deviations
do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.data.image_ops import quantised
from tui_vae.model.vae import VAE

Taken = Literal["mean", "sample"]

_REPORT_EVERY = 10


@dataclass(frozen=True)
class Variant:
    """Whether the chain continues with the mean or a sample of p(x|z), and of q(z|x)."""

    decoded: Taken
    encoded: Taken

    @property
    def name(self) -> str:
        """``samples`` or ``means`` if both steps are alike, else both, decoding first."""
        return (
            f"{self.decoded}s" if self.decoded == self.encoded else f"decoded {self.decoded}s, encoded {self.encoded}s"
        )

    def __str__(self) -> str:
        x = "x ~ p(x|z)" if self.decoded == "sample" else "x the mean of p(x|z)"
        z = "z ~ q(z|x)" if self.encoded == "sample" else "z the mean of q(z|x)"
        return f"{z}, {x}"


SAMPLES = Variant("sample", "sample")
MEANS = Variant("mean", "mean")


@dataclass(frozen=True)
class ChainStep:
    """The chain after ``t`` steps, on the model's device.

    Attributes:
        t: Number of steps done.
        x: The images, neither clipped nor quantised, ``(n, 784)``.
        z: The latents they were decoded from, ``(n, zdim)``; ``None`` at the start.
    """

    t: int
    x: Tensor
    z: Tensor | None


@torch.inference_mode()
def chain(vae: VAE, x: Tensor, variant: Variant, seed: int) -> Iterator[ChainStep]:
    """Run a batch of chains without end.

    Args:
        vae: The model.
        x: The initial images in [0, 1], ``(n, 784)`` on the model's device.
        variant: Means or samples at each step.
        seed: Seed of the noise, which is drawn on the CPU: the same on every device.
    """
    noise = generator(seed, "chain noise")
    yield ChainStep(0, x, None)
    for t in itertools.count(1):
        z = _encode(vae, x, variant, noise)
        x = decoded(vae, z, variant, noise)
        yield ChainStep(t, x, z)


def links_at(
    links: Iterator[ChainStep], times: Collection[int], report: Callable[[float], None] = lambda share: None
) -> Iterator[ChainStep]:
    """Yield the states of the chain after these numbers of steps, and end with the last.

    ``report`` is called with the fraction done, 0 to 1, and may raise to end the chain.
    """
    last = max(times)
    for link in links:
        if link.t % _REPORT_EVERY == 0 or link.t == last:
            report(link.t / last if last else 1.0)
        if link.t in times:
            yield link
        if link.t == last:
            return


@torch.inference_mode()
def interpolations(vae: VAE, first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Interpolate between images on straight lines of the latent space, between their means of q(z|x).

    Args:
        vae: The model.
        first: Images at the start of the lines, uint8 ``(n, 784)``, on the model's device.
        last: Images at the end of the lines, likewise.
        steps: Steps from one mean of q(z|x) to the other.

    Returns:
        uint8 ``(n, steps + 3, 784)``: the first image, the means of p(x|z) along the line, and the last image.
    """
    mu, _ = vae.encoder(torch.cat((first, last)).float() / 255)
    weight = torch.linspace(0, 1, steps + 1, device=mu.device)
    z = torch.lerp(mu[: len(first), None], mu[len(first) :, None], weight[:, None])  # (n, steps + 1, zdim)
    return torch.cat(
        (first[:, None], quantised(vae.decoder(z.flatten(0, 1)).unflatten(0, z.shape[:2])), last[:, None]), dim=1
    )


def _encode(vae: VAE, x: Tensor, variant: Variant, noise: torch.Generator) -> Tensor:
    mu: Tensor
    mu, log_sigma = vae.encoder(x)
    return mu if variant.encoded == "mean" else torch.addcmul(mu, log_sigma.exp(), _normal(mu, noise))


def decoded(vae: VAE, z: Tensor, variant: Variant, noise: torch.Generator) -> Tensor:
    """Decode latents ``(n, zdim)`` to the mean of p(x|z), or a sample of it, ``(n, 784)``."""
    mean: Tensor = vae.decoder(z)
    return mean if variant.decoded == "mean" else mean + vae.decoder.sigma * _normal(mean, noise)


def _normal(like: Tensor, noise: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=noise).to(like.device)
