"""The encode–decode chain x_t → z_{t+1} → x_{t+1}, whose limiting distribution tells what a model holds to be an image.

With both steps sampled, z ~ q(z|x) and x ~ p(x|z), this is a Gibbs sampler of p(x, z) as far as q is the posterior
(Rezende, Mohamed & Wierstra, arXiv:1401.4082, who complete images so). In the optimal linear model it is (``ppca``),
and the chain is AR(1) in every latent. With r = sigma²/lambda_i, and r = 1 for a collapsed latent:

=====================  =======================  ===============  ==========================
decoded x              encoded z                coefficient      stationary law of z_i
=====================  =======================  ===============  ==========================
sample                 sample                   1 - r            N(0, 1), the prior
mean                   sample                   1 - r            N(0, 1 / (2 - r))
sample                 mean                     1 - r            N(0, (1 - r) / (2 - r))
mean                   mean                     1 - r            0: all ends in the mean image
=====================  =======================  ===============  ==========================

Hence two warnings. Decoding or encoding means instead of samples changes the law: it contracts, so the variant is
always named. And a short chain is not at its limit: it forgets its start within about 1/r = lambda_i/sigma² steps,
which are hundreds for the leading latents of MNIST at sigma 0.2.

What the encoder is given is the chain's own x, neither clipped to [0, 1] nor quantised. Of trained models, samples are
unlike any image that the encoder has seen, for data have no pixel noise: a chain may leave the data for good, and grow
without bound where the encoder's standard deviations do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.model.vae import VAE

Taken = Literal["mean", "sample"]

_REPORT_EVERY = 10


@dataclass(frozen=True)
class Variant:
    """Which x goes on from p(x|z), and which z from q(z|x)."""

    decoded: Taken
    encoded: Taken

    @property
    def name(self) -> str:
        """``samples`` or ``means`` when both steps are alike, else both, decoding first."""
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
        z: What they were decoded from, ``(n, zdim)``; ``None`` at the start.
    """

    t: int
    x: Tensor
    z: Tensor | None


@torch.inference_mode()
def chain(vae: VAE, x: Tensor, variant: Variant, seed: int) -> Iterator[ChainStep]:
    """Chains side by side, without end.

    Args:
        vae: The model.
        x: Where they start, in [0, 1] as models see images, ``(n, 784)`` on the model's device.
        variant: What goes on at each step.
        seed: Decides on all noise, which is drawn on the CPU, so that every device sees the same.
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
    """The links after these numbers of steps, in the order of the chain, which is not run beyond the last.

    ``report`` is told the share done, 0 to 1, and may raise to end the work.
    """
    last = max(times)
    for link in links:
        if link.t % _REPORT_EVERY == 0 or link.t == last:
            report(link.t / last if last else 1.0)
        if link.t in times:
            yield link
        if link.t == last:
            return


def _encode(vae: VAE, x: Tensor, variant: Variant, noise: torch.Generator) -> Tensor:
    mu: Tensor
    mu, log_sigma = vae.encoder(x)
    return mu if variant.encoded == "mean" else torch.addcmul(mu, log_sigma.exp(), _normal(mu, noise))


def decoded(vae: VAE, z: Tensor, variant: Variant, noise: torch.Generator) -> Tensor:
    """x of latents ``(n, zdim)``: the mean of p(x|z), or a sample of it, ``(n, 784)``."""
    mean: Tensor = vae.decoder(z)
    return mean if variant.decoded == "mean" else mean + vae.decoder.sigma * _normal(mean, noise)


def _normal(like: Tensor, noise: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=noise).to(like.device)
