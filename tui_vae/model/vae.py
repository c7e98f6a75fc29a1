"""The Gaussian VAE: an encoder q(z|x), a decoder p(x|z), and both together.

The decoder is p(x|z) = N(mu(z), sigma² I) with one scalar sigma; the encoder is q(z|x) = N(mu(x), diag(sigma(x)²)); the
prior is N(0, I) (Kingma & Welling, arXiv:1312.6114; Doersch, arXiv:1606.05908). Without hidden layers both are one
fully connected layer, and the model is the linear VAE whose optimum is probabilistic PCA (arXiv:1911.02469).

Networks of the user's own take the place of the fully connected ones: an encoder that returns (mu, sigma), as
:class:`OwnEncoder`, and any decoder.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from tui_vae.config import PIXELS, ModelSpec, learned_sigma
from tui_vae.events import Parameters
from tui_vae.model.objective import ElboTerms, expected_log_likelihood, gaussian_kl, gaussian_log_likelihood
from tui_vae.model.private_randomness import PrivateRandomness


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


def is_fully_connected(net: nn.Module) -> TypeGuard[nn.Sequential]:
    """Whether a network is what :func:`feed_forward` makes: layers that are alternately linear and ReLU."""
    return type(net) is nn.Sequential and all(
        isinstance(layer, nn.ReLU if index % 2 else Linear) for index, layer in enumerate(net)
    )


class Encoder(nn.Module):
    """q(z|x): maps images ``(batch, 784)`` in [0, 1] to means and log standard deviations, each ``(batch, zdim)``."""

    def __init__(self, hidden: Sequence[int], zdim: int) -> None:
        super().__init__()
        self.net = feed_forward((PIXELS, *hidden, 2 * zdim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # The moments are in fp32 also if the matrix products are in bf16.
        mu, log_sigma = self.net(x).float().chunk(2, dim=-1)
        return mu, log_sigma


class OwnEncoder(nn.Module):
    """q(z|x) by a network of the user's own, which returns means and standard deviations; maps as :class:`Encoder`.

    Args:
        net: Maps images ``(batch, 784)`` to ``(mu, sigma)``, each ``(batch, zdim)``, sigma above 0.
        randomness: What it draws from, if it draws random numbers.
    """

    def __init__(self, net: nn.Module, randomness: PrivateRandomness | None = None) -> None:
        super().__init__()
        self.net = net
        self._randomness = randomness

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu: Tensor
        sigma: Tensor
        with _drawing(self._randomness, x, training=self.training):
            mu, sigma = self.net(x)
        return mu.float(), sigma.float().log()


class Decoder(nn.Module):
    """p(x|z): maps latents ``(batch, zdim)`` to means ``(batch, 784)`` without squashing.

    ``log_sigma`` is the log of the scalar standard deviation: a parameter when sigma is learned, else a constant. A
    training step leaves it at ``log_sigma_floor`` or above, if that is not ``None``.

    Args:
        net: Maps latents to means, ``(batch, 784)`` or images of as many values.
        sigma: The standard deviation, or ``learned``.
        randomness: What ``net`` draws from, if it draws random numbers.
        affine_in: The number of latents if ``net`` is affine, though of other layers than :func:`feed_forward` makes.
    """

    log_sigma: Tensor

    def __init__(
        self,
        net: nn.Module,
        sigma: float | str,
        randomness: PrivateRandomness | None = None,
        *,
        affine_in: int | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self._randomness = randomness
        self._affine_in = affine_in
        learned = learned_sigma(sigma)
        self.log_sigma_floor = math.log(learned.floor) if learned is not None and learned.floor is not None else None
        if learned is not None:
            self.log_sigma = nn.Parameter(torch.tensor(math.log(learned.start)))
        else:
            self.register_buffer("log_sigma", torch.tensor(math.log(float(sigma))))

    def forward(self, z: Tensor) -> Tensor:
        with _drawing(self._randomness, z, training=self.training):
            mean: Tensor = self.net(z)
        return mean.float().reshape(*z.shape[:-1], PIXELS)

    def frozen(self) -> Decoder:
        """Return a copy in evaluation mode that has no gradients and that later steps do not change."""
        copied = Decoder(copy.deepcopy(self.net), self.sigma, self._randomness, affine_in=self._affine_in)
        return copied.to(self.log_sigma.device).requires_grad_(False).eval()

    @property
    def only_layer(self) -> nn.Linear | None:
        """The layer of a linear decoder, whose expectations and likelihoods have closed forms; ``None`` of others."""
        if is_fully_connected(self.net):
            layer, *others = self.net
            return layer if isinstance(layer, nn.Linear) and not others else None
        return None if self._affine_in is None else self._layer_by_outputs(self._affine_in)

    @torch.no_grad()
    def _layer_by_outputs(self, zdim: int) -> nn.Linear:
        device = self.log_sigma.device
        with torch.autocast(device.type, enabled=False):
            bias = self(torch.zeros(1, zdim, device=device))
            columns = self(torch.eye(zdim, device=device)) - bias
        layer = Linear(zdim, PIXELS, device=device)
        layer.weight.copy_(columns.T)
        layer.bias.copy_(bias[0])
        return layer

    @property
    def sigma(self) -> float:
        return math.exp(float(self.log_sigma.detach()))


class VAE(nn.Module):
    """An encoder, a decoder, and their evidence lower bound.

    Args:
        encoder: q(z|x).
        decoder: p(x|z).
        zdim: The latent dimension.
        randomness: What the networks draw from, if they draw random numbers.
    """

    def __init__(
        self,
        encoder: Encoder | OwnEncoder,
        decoder: Decoder,
        zdim: int,
        randomness: PrivateRandomness | None = None,
    ) -> None:
        super().__init__()
        self.zdim = zdim
        self.encoder = encoder
        self.decoder = decoder
        self.randomness = randomness

    @classmethod
    def fully_connected(cls, hidden: Sequence[int], zdim: int, sigma: float | str) -> VAE:
        """Return a model of fully connected layers, the decoder mirroring ``hidden``, without initial weights."""
        return cls(Encoder(hidden, zdim), Decoder(feed_forward((zdim, *reversed(hidden), PIXELS)), sigma), zdim)

    @classmethod
    def from_spec(cls, spec: ModelSpec, zdim: int, sigma: float | str, generator: torch.Generator) -> VAE:
        """Return a model on the CPU with initial weights that depend on its widths and the generator only."""
        vae = cls.fully_connected(spec.hidden, zdim, sigma)
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

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of q(z|x), each ``(batch, zdim)``.

        Args:
            x: Images in [0, 1], ``(batch, 784)`` or of as many pixels in another shape.
        """
        mu, log_sigma = self.encoder(x.flatten(1))
        return mu, log_sigma.exp()

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of p(x|z), ``(batch, 784)``, for latents ``(batch, zdim)``."""
        mean: Tensor = self.decoder(z)
        return mean

    def sample(self, n: int, generator: torch.Generator | None = None, *, noisy: bool = False) -> Tensor:
        """Return ``n`` images of z drawn from the prior, ``(n, 784)``, neither clipped nor rounded.

        Args:
            n: How many.
            generator: Of the random numbers, on the CPU; torch's own by default.
            noisy: Draw from p(x|z); else take its mean.
        """
        device = self.decoder.log_sigma.device
        mean = self.decode(torch.randn(n, self.zdim, generator=generator).to(device))
        if not noisy:
            return mean
        return mean + self.decoder.sigma * torch.randn(mean.shape, generator=generator).to(device)

    def elbo(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the ELBO of each image in nats, ``(batch,)``: exact for an affine decoder, else with one draw of z.

        Args:
            x: As for :meth:`encode`.
            generator: Of the draw, on the CPU; torch's own by default.
        """
        x = x.flatten(1)
        terms = self.expected_terms(x)
        if terms is None:
            terms = self(x, torch.randn(len(x), self.zdim, generator=generator).to(x.device))
        return terms.reconstruction - terms.kl.sum(1)

    def parameter_counts(self) -> Parameters:
        """Count the trainable scalars; those that encoder and decoder share count once in the total."""
        encoder, decoder, both = (
            sum(p.numel() for p in part.parameters() if p.requires_grad) for part in (self.encoder, self.decoder, self)
        )
        return Parameters(encoder, decoder, both)

    def weights(self) -> dict[str, Tensor]:
        """Return ``state_dict()``, in which a tensor of two names has the first of them only."""
        seen: set[int] = set()
        found = {}
        for name, tensor in self.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                found[name] = tensor.detach()
        return found

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take the values that :meth:`weights` returned, or refuse them.

        Raises:
            RuntimeError: They are of other names or shapes.
        """
        missing, unexpected = self.load_state_dict(dict(weights), strict=False)
        lost = sorted((set(missing) & set(self.weights())) | set(unexpected))
        if lost:
            raise RuntimeError(f"weights that are missing or not of this model: {', '.join(lost)}")


def _drawing(
    randomness: PrivateRandomness | None, like: Tensor, *, training: bool
) -> contextlib.AbstractContextManager[None]:
    """A context in which networks that draw random numbers draw from their own."""
    return contextlib.nullcontext() if randomness is None else randomness.drawing(like.device, training=training)


@torch.no_grad()
def initialise(vae: VAE, generator: torch.Generator) -> None:
    """Draw weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as ``nn.Linear`` does, from ``generator``."""
    for module in vae.modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            for parameter in (module.weight, module.bias):
                parameter.uniform_(-bound, bound, generator=generator)
