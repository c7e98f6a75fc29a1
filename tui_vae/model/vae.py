"""The Gaussian VAE: an encoder q(z|x), a decoder p(x|z), and both together.

The decoder is p(x|z) = N(mu(z), sigma² I) with one scalar sigma; the encoder is q(z|x) = N(mu(x), diag(sigma(x)²)); the
prior is N(0, I) (Kingma & Welling, arXiv:1312.6114; Doersch, arXiv:1606.05908). Without hidden layers both are one
fully connected layer, and the model is the linear VAE whose optimum is probabilistic PCA (arXiv:1911.02469).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tui_vae.config import LEARNED, PIXELS, ModelSpec
from tui_vae.events import Parameters
from tui_vae.model.objective import ElboTerms, gaussian_kl, gaussian_log_likelihood

# Where a learned sigma starts; it reaches its optimum within the warm-up.
_INITIAL_LEARNED_SIGMA = 0.2


class Linear(nn.Linear):
    """A layer whose weights are yet to be set: nn.Linear's own start would draw from the global generator."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


def feed_forward(widths: Sequence[int]) -> nn.Sequential:
    """Fully connected layers with ReLU between them, none after the last; their weights are yet to be set."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Encoder(nn.Module):
    """q(z|x): images ``(batch, 784)`` in [0, 1] to means and log standard deviations, each ``(batch, zdim)``."""

    def __init__(self, hidden: Sequence[int], zdim: int) -> None:
        super().__init__()
        self.net = feed_forward((PIXELS, *hidden, 2 * zdim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # The moments are taken in fp32 also where the matrix products are in bf16.
        mu, log_sigma = self.net(x).float().chunk(2, dim=-1)
        return mu, log_sigma


class Decoder(nn.Module):
    """p(x|z): latents ``(batch, zdim)`` to means ``(batch, 784)``; no squashing of the output.

    ``log_sigma`` is the log of the scalar standard deviation: a parameter when sigma is learned, else a constant.
    """

    log_sigma: Tensor

    def __init__(self, hidden: Sequence[int], zdim: int, sigma: float | str) -> None:
        super().__init__()
        self.net = feed_forward((zdim, *reversed(hidden), PIXELS))
        if sigma == LEARNED:
            self.log_sigma = nn.Parameter(torch.tensor(math.log(_INITIAL_LEARNED_SIGMA)))
        else:
            self.register_buffer("log_sigma", torch.tensor(math.log(float(sigma))))

    def forward(self, z: Tensor) -> Tensor:
        mean: Tensor = self.net(z)
        return mean.float()

    @property
    def sigma(self) -> float:
        return math.exp(float(self.log_sigma.detach()))


class VAE(nn.Module):
    """An encoder and a decoder, and the evidence lower bound of the two."""

    def __init__(self, hidden: Sequence[int], zdim: int, sigma: float | str) -> None:
        super().__init__()
        # Its weights are not set: use ``from_spec``, or load some.
        self.zdim = zdim
        self.encoder = Encoder(hidden, zdim)
        self.decoder = Decoder(hidden, zdim, sigma)

    @classmethod
    def from_spec(cls, spec: ModelSpec, zdim: int, sigma: float | str, generator: torch.Generator) -> VAE:
        """A model on the CPU whose weights are a function of its widths and the generator alone."""
        vae = cls(spec.hidden, zdim, sigma)
        initialise(vae, generator)
        return vae

    def forward(self, x: Tensor, noise: Tensor) -> ElboTerms:
        """The terms of the ELBO with one reparameterised draw of z an image.

        Args:
            x: Images ``(batch, 784)`` in [0, 1].
            noise: Standard normal ``(batch, zdim)``; z = mu + sigma * noise.
        """
        mu, log_sigma = self.encoder(x)
        z = torch.addcmul(mu, log_sigma.exp(), noise)
        return ElboTerms(
            reconstruction=gaussian_log_likelihood(x, self.decoder(z), self.decoder.log_sigma),
            kl=gaussian_kl(mu, log_sigma),
            mu=mu,
        )

    def parameter_counts(self) -> Parameters:
        encoder, decoder = (
            sum(p.numel() for p in part.parameters() if p.requires_grad) for part in (self.encoder, self.decoder)
        )
        return Parameters(encoder, decoder, encoder + decoder)


@torch.no_grad()
def initialise(vae: VAE, generator: torch.Generator) -> None:
    """Weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), drawn from ``generator`` alone.

    This is the law of ``nn.Linear``'s own start, which draws from the global generator instead.
    """
    for module in vae.modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            for parameter in (module.weight, module.bias):
                parameter.uniform_(-bound, bound, generator=generator)
