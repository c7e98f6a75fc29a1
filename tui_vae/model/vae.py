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
from tui_vae.model.objective import ElboTerms, expected_log_likelihood, gaussian_kl, gaussian_log_likelihood

# The initial value of a learned sigma, which reaches its optimum within the warm-up.
_INITIAL_LEARNED_SIGMA = 0.2


class Linear(nn.Linear):
    """A layer without initial weights: those of nn.Linear are drawn from the global generator."""

    def reset_parameters(self) -> None:
        """Do nothing."""


def feed_forward(widths: Sequence[int]) -> nn.Sequential:
    """Return fully connected layers, without initial weights, with ReLU between them and none after the last."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Encoder(nn.Module):
    """q(z|x): maps images ``(batch, 784)`` in [0, 1] to means and log standard deviations, each ``(batch, zdim)``."""

    def __init__(self, hidden: Sequence[int], zdim: int) -> None:
        super().__init__()
        self.net = feed_forward((PIXELS, *hidden, 2 * zdim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # The moments are in fp32 also if the matrix products are in bf16.
        mu, log_sigma = self.net(x).float().chunk(2, dim=-1)
        return mu, log_sigma


class Decoder(nn.Module):
    """p(x|z): maps latents ``(batch, zdim)`` to means ``(batch, 784)`` without squashing.

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
    def only_layer(self) -> nn.Linear | None:
        """The layer of a linear decoder, whose expectations and likelihoods have closed forms; ``None`` of others."""
        first, *others = self.net
        return first if isinstance(first, nn.Linear) and not others else None

    @property
    def sigma(self) -> float:
        return math.exp(float(self.log_sigma.detach()))


class VAE(nn.Module):
    """An encoder, a decoder, and their evidence lower bound.

    Any module that maps as :class:`Encoder` does can take the place of ``encoder``, and any that maps as
    :class:`Decoder` does and has ``log_sigma`` that of ``decoder``. Initial weights are those of :meth:`from_spec`.
    """

    def __init__(self, hidden: Sequence[int], zdim: int, sigma: float | str) -> None:
        super().__init__()
        self.zdim = zdim
        self.encoder = Encoder(hidden, zdim)
        self.decoder = Decoder(hidden, zdim, sigma)

    @classmethod
    def from_spec(cls, spec: ModelSpec, zdim: int, sigma: float | str, generator: torch.Generator) -> VAE:
        """Return a model on the CPU with initial weights that depend on its widths and the generator only."""
        vae = cls(spec.hidden, zdim, sigma)
        initialise(vae, generator)
        return vae

    def forward(self, x: Tensor, noise: Tensor) -> ElboTerms:
        """Return the terms of the ELBO with one reparameterised draw of z for each image.

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

    def expected_terms(self, x: Tensor) -> ElboTerms | None:
        """Return the terms of the ELBO with their expectation over z, in closed form; ``None`` if there is none.

        Only a linear decoder has one.

        Args:
            x: Images ``(batch, 784)`` in [0, 1].
        """
        layer = self.decoder.only_layer
        if layer is None:
            return None
        mu, log_sigma = self.encoder(x)
        return ElboTerms(
            reconstruction=expected_log_likelihood(x, layer, mu, log_sigma, self.decoder.log_sigma),
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
    """Draw weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as ``nn.Linear`` does, from ``generator``."""
    for module in vae.modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            for parameter in (module.weight, module.bias):
                parameter.uniform_(-bound, bound, generator=generator)
