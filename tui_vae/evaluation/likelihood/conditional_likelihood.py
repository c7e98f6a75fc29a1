"""log p(x|z) of a decoder, fast: of each image only the part that the decoder can reach is compared.

The last layer of fully connected ones is affine, mu(z) = W h(z) + b. With W = Q R, Q having orthonormal columns,

    ||x - mu(z)||² = ||Qᵀ(x - b) - R h(z)||² + ||(I - Q Qᵀ)(x - b)||²,

where the last term does not depend on z and Qᵀ(x - b) is found once an image. What is left for every z is a product
with R, of min(784, width) rows instead of 784: a third less work and memory for a width of 512, and for a linear
decoder of 32 latents a twenty-fifth. Unlike the expansion of the square it loses no digits.

Images as points of [0, 1]^784 whose density is measured: bytes / 255, or bytes with uniform noise.

A density needs to say of what. Two notions are offered, both in nats per image of 784 pixels in [0, 1]:

- ``pixels``: bytes / 255, as the models are trained on. The data are 256 values a pixel, on which a density may grow
  without bound as sigma goes to 0: compare such values at one sigma only, or between models that both learn it.
- ``dequantized``: (bytes + u) / 256 with u ~ U[0, 1), as Wu, Burda, Salakhutdinov & Grosse do (arXiv:1611.04273;
  Theis, van den Oord & Bethge, arXiv:1511.01844, section 3.1). E_u log p is a lower bound on log of the probability
  that p gives the bytes, after 784 ln 256 = 4347.4 nats are subtracted, so that no sigma can make it unbounded.

Table 2 of arXiv:1611.04273 ("continuous MNIST") gives log-densities of the second kind in nats, on the same scale:
VAE-50 991.4 ± 6.5 and VAE-10 705.4 ± 7.4 on 1,000 test images, against GANs of 627.3 and 328.8. Its models were trained
on dequantised images with a spherical Gaussian; what its code calls sigma is the variance (0.005 to 0.03, a standard
deviation of 0.07 to 0.17), chosen model by model. A model of this package that was trained on bytes / 255 with a given
sigma is at a disadvantage there by its sigma more than by its decoder.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_vae.config import PIXELS
from tui_vae.errors import EvaluationError
from tui_vae.model import VAE
from tui_vae.model.objective import LOG_2_PI
from tui_vae.model.vae import is_fully_connected


def pixels(images: Tensor) -> Tensor:
    """Images as float32 ``(n, 784)`` in [0, 1]: bytes are divided by 255, floating values are taken as they are."""
    if images.dtype == torch.uint8:
        return images.float() / 255
    return images.float()


def dequantized(images: Tensor, generator: torch.Generator) -> Tensor:
    """Bytes with uniform noise, (bytes + u) / 256 with u ~ U[0, 1), as float32 ``(n, 784)`` in [0, 1].

    Args:
        images: uint8 ``(n, 784)``, on the generator's device.
        generator: Of the noise alone.
    """
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    return noise.add_(images).div_(256)


@dataclass(frozen=True)
class Observed:
    """Images as a decoder sees them: log p(x|z) = ``constant`` - misfit(z).

    Attributes:
        target: Qᵀ(x - b), float32 ``(n, rank)``.
        constant: What does not depend on z, nats, float64 ``(n,)``.
    """

    target: Tensor
    constant: Tensor

    def __getitem__(self, rows: slice) -> Observed:
        return Observed(self.target[rows], self.constant[rows])

    def __len__(self) -> int:
        return len(self.constant)


class Likelihood:
    """p(x|z) of a model's decoder as it is now: later changes of its weights do not reach here.

    The projection is for decoders whose last layer is known to be affine, which fully connected ones are; any other is
    compared in all pixels.
    """

    def __init__(self, vae: VAE) -> None:
        decoder = vae.decoder
        check_finite(decoder)
        self.device = decoder.log_sigma.device
        self._log_sigma = float(decoder.log_sigma.detach())
        self._half_precision = 0.5 * math.exp(-2 * self._log_sigma)
        self._last: _LastLayer | None = None
        self._body: nn.Module
        self.row_width: int
        """Number of activations that one row z passes through."""
        if is_fully_connected(decoder.net):
            *body, last = decoder.net
            assert isinstance(last, nn.Linear)
            self._last = _LastLayer.of(last)
            self._body = nn.Sequential(*(copy.deepcopy(layer) for layer in body)).float().requires_grad_(False)
            for layer in self._body:
                if isinstance(layer, nn.ReLU):
                    layer.inplace = True  # what it is given is not needed again
            widths = [layer.out_features for layer in body if isinstance(layer, nn.Linear)]
            self.row_width = sum(widths) + self._last.factor.shape[1]
        else:
            self._body = decoder.frozen()
            self.row_width = _activations(self._body, vae.zdim, self.device)

    @torch.no_grad()
    def observe(self, x: Tensor) -> Observed:
        """Take in images, floating ``(n, 784)``."""
        log_normaliser = PIXELS * (self._log_sigma + 0.5 * LOG_2_PI)
        if self._last is None:
            return Observed(x.float(), torch.full((len(x),), -log_normaliser, dtype=torch.float64, device=x.device))
        centred = x.double() - self._last.bias
        target = centred @ self._last.basis
        # A sum of squares; rounding must not make it negative.
        unreachable = (centred.square().sum(1) - target.square().sum(1)).clamp_min(0)
        return Observed(target.float(), -unreachable * self._half_precision - log_normaliser)

    def misfit(self, z: Tensor, target: Tensor) -> Tensor:
        """||Qᵀ(x - b) - R h(z)||² / (2 sigma²), or ||x - mu(z)||² / (2 sigma²), nats, float32 ``(n, k)``.

        Args:
            z: Latents of each image, float32 ``(n, k, zdim)``.
            target: Of the images, ``(n, rank)``, or ``(n, 784)``.
        """
        output: Tensor = self._body(z.flatten(0, 1))
        if self._last is not None:
            output = output @ self._last.factor
            error = output.view(*z.shape[:2], -1).sub_(target[:, None])
        else:
            error = output.view(*z.shape[:2], -1) - target[:, None]
        # Squared in place where no derivative needs what is squared.
        squared: Tensor = error.square() if error.requires_grad else error.square_()
        return squared.sum(-1).mul_(self._half_precision)

    def misfit_and_gradient(self, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The same and its gradient by z, ``(n, k)`` and ``(n, k, zdim)``."""
        with torch.enable_grad():
            variable = z.detach().requires_grad_()
            misfit = self.misfit(variable, target)
            (gradient,) = torch.autograd.grad(misfit.sum(), variable)
        return misfit.detach(), gradient


@dataclass(frozen=True)
class _LastLayer:
    """An affine last layer, divided: W = basis · factorᵀ with orthonormal columns of ``basis``.

    Attributes:
        basis: Q, float64 ``(784, rank)``.
        factor: Rᵀ, float32 ``(width, rank)``.
        bias: float64 ``(784,)``.
    """

    basis: Tensor
    factor: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Linear) -> _LastLayer:
        basis, factor = torch.linalg.qr(layer.weight.detach().double())
        return cls(basis, factor.T.float().contiguous(), layer.bias.detach().double())


@torch.no_grad()
def _activations(net: nn.Module, zdim: int, device: torch.device) -> int:
    """Count the outputs of the layers for one row z."""
    count = 0

    def add(module: nn.Module, given: object, output: object) -> None:
        nonlocal count
        count += output.numel() if isinstance(output, Tensor) else 0

    layers = [module for module in net.modules() if not any(True for _ in module.children())]
    hooks = [module.register_forward_hook(add) for module in layers]
    net(torch.zeros(1, zdim, device=device))
    for hook in hooks:
        hook.remove()
    return count + PIXELS


def check_finite(module: nn.Module) -> None:
    """Refuse weights that are not numbers.

    Raises:
        EvaluationError: Some are NaN or infinite.
    """
    tensors: Iterable[tuple[str, Tensor]] = module.state_dict().items()
    for name, values in tensors:
        wrong = int(values.numel() - torch.isfinite(values).sum())
        if wrong:
            raise EvaluationError(
                f"{wrong:,} of {values.numel():,} weights of {name} are not finite: nothing to evaluate"
            )
