"""The memory of a fused step: the same tensors, and the same views of them, at every step.

Allocating costs more than what small layers compute in the memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tui_vae.config import PIXELS
from tui_vae.model.objective import LOG_2_PI


@dataclass(frozen=True)
class Workspace:
    """The intermediate results for some images, one a row.

    What enters or leaves a matrix product has two tensors, one in the precision of the products (``..._rounded``, and
    those of the layers) and one in single precision; if that is the same, so are the tensors.

    Attributes:
        pixels, x: The images, as bytes and in [0, 1].
        encoded, decoded: The outputs of the layers, after the ReLU where there is one.
        encoded_gradients, decoded_gradients: The gradients of the outputs before it.
        terms: mu, log sigma, mu² and sigma² of q(z|x) side by side, ``(images, 4 · zdim)``.
        moments_gradient: The gradient of mu and log sigma, ``(images, 2 · zdim)``.
        sigma, z: The standard deviation of q(z|x), and the draw from it, ``(images, zdim)``.
        mean: The mean of p(x|z).
        error: The error of that mean; then its gradient.
    """

    pixels: Tensor
    x: Tensor
    x_rounded: Tensor
    encoded: list[Tensor]
    encoded_gradients: list[Tensor]
    terms: Tensor
    moments_gradient: Tensor
    sigma: Tensor
    z: Tensor
    z_rounded: Tensor
    z_gradient: Tensor
    z_rounded_gradient: Tensor
    decoded: list[Tensor]
    decoded_gradients: list[Tensor]
    mean: Tensor
    error: Tensor

    @staticmethod
    def allocate(images: int, zdim: int, encoder: Sequence[int], decoder: Sequence[int], like: Tensor) -> Workspace:
        """Allocate a workspace.

        Args:
            images: Number of images.
            zdim: The latent dimension.
            encoder: Output widths of the encoder's layers.
            decoder: Output widths of the decoder's layers.
            like: A tensor on the device, in the precision of the products.
        """
        x_rounded, z_rounded, z_rounded_gradient = (like.new_empty(images, width) for width in (PIXELS, zdim, zdim))
        terms = torch.empty(images, 4 * zdim, device=like.device)
        encoded, encoded_gradients = ([like.new_empty(images, width) for width in encoder] for _ in range(2))
        decoded, decoded_gradients = ([like.new_empty(images, width) for width in decoder] for _ in range(2))
        if like.dtype == terms.dtype:
            encoded[-1] = terms[:, : 2 * zdim]
        return Workspace(
            pixels=torch.empty(images, PIXELS, dtype=torch.uint8, device=like.device),
            x=x_rounded.float(),
            x_rounded=x_rounded,
            encoded=encoded,
            encoded_gradients=encoded_gradients,
            terms=terms,
            moments_gradient=encoded_gradients[-1].float(),
            sigma=torch.empty(images, zdim, device=like.device),
            z=z_rounded.float(),
            z_rounded=z_rounded,
            z_gradient=z_rounded_gradient.float(),
            z_rounded_gradient=z_rounded_gradient,
            decoded=decoded,
            decoded_gradients=decoded_gradients,
            mean=decoded[-1].float(),
            error=decoded_gradients[-1].float(),
        )

    def __getitem__(self, rows: slice) -> Workspace:
        """Return views of the rows of some images."""

        def part(value: Any) -> Any:
            return [tensor[rows] for tensor in value] if isinstance(value, list) else value[rows]

        return Workspace(*(part(getattr(self, field.name)) for field in dataclasses.fields(self)))

    @cached_property
    def moments(self) -> Tensor:
        """Mu and log sigma."""
        return self.terms.chunk(2, dim=1)[0]

    @cached_property
    def each_term(self) -> tuple[Tensor, ...]:
        return self.terms.chunk(4, dim=1)

    @cached_property
    def mu_and_log_sigma_gradient(self) -> tuple[Tensor, ...]:
        return self.moments_gradient.chunk(2, dim=1)

    @cached_property
    def flat_error(self) -> Tensor:
        return self.error.view(-1)


@dataclass(frozen=True)
class StepResult:
    """The terms of the ELBO of a batch, as tensors on the device that the next step changes.

    Attributes:
        loss: Mean of -ELBO over the batch, a scalar.
        totals: Sums over the images of the KL, of E_q z and of its square, for each latent, then of log p(x|z),
            ``(3 · zdim + 1,)``.
    """

    loss: Tensor
    totals: Tensor


class ElboSums:
    """Sums over the images of a batch, collected part by part.

    Args:
        parts: Number of parts of the batch.
        images: Number of images of the batch.
        zdim: The latent dimension.
        log_sigma: Log sigma of the decoder, a scalar on the device.
        free_bits: Nats of KL that are free in each latent.

    Attributes:
        terms_of: For each part, the output for the sums over ``Workspace.terms``, ``(4 · zdim,)``.
        squared_error_of: For each part, the output for the squared error of the mean of p(x|z), a scalar.
        slope: 1 / sigma² of p(x|z) divided by the number of images: an error times this is its gradient of the loss.
        log_sigma_gradient: The gradient of the loss with respect to log sigma, a scalar.
        kl_slope: The weight of the KL divided by the number of images, of all latents or, with free bits, of each: 0
            where its KL is free.
        result: The terms of the ELBO after :meth:`sum_up`.
    """

    def __init__(self, parts: int, images: int, zdim: int, log_sigma: Tensor, free_bits: float = 0.0) -> None:
        self._images, self._zdim = images, zdim
        self._free_nats = free_bits * images
        self.kl_slope = log_sigma.new_empty(zdim if free_bits else ())
        self._whole_kl_slope = log_sigma.new_empty(()) if free_bits else self.kl_slope
        self._costs = torch.empty(zdim, dtype=torch.bool, device=log_sigma.device)
        self._of_parts = log_sigma.new_empty(parts, 4 * zdim + 1)
        self.terms_of, self.squared_error_of = self._of_parts[:, :-1].unbind(), self._of_parts[:, -1].unbind()
        # The factor of each sum in the loss.
        of_terms = log_sigma.new_tensor([0.0, -1.0, 0.5, 0.5]).repeat_interleave(zdim) / images
        self._weights = torch.cat((of_terms, of_terms.new_empty(1))).repeat(parts)
        self._weights_of_errors = self._weights.view(parts, -1)[:, -1]
        self._flat = self._of_parts.view(-1)
        self._sums = log_sigma.new_empty(4 * zdim + 1)
        of_each_term, self._squared_error = self._sums[:-1].view(4, zdim), self._sums[-1]
        _, self._log_sigma, self._mu_squared, self._variance = of_each_term
        self._moments = of_each_term[::2]  # mu and mu²
        # Tensors that a step only reads share no memory with those that it writes: views share one version counter.
        self.slope, self._likelihood, self._constant = log_sigma.new_empty(3).unbind()
        self.log_sigma_gradient = log_sigma.new_empty(())
        self.result = StepResult(log_sigma.new_empty(()), log_sigma.new_empty(3 * zdim + 1))
        self._kl, self._reconstruction = self.result.totals[:zdim], self.result.totals[-1]
        self._result_moments = self.result.totals[zdim:-1].view(2, zdim)
        self.set_sigma(log_sigma)

    def set_sigma(self, log_sigma: Tensor) -> None:
        """Use this sigma of the decoder from now on."""
        torch.mul(log_sigma, -2, out=self.slope).exp_().div_(self._images)
        self._weights_of_errors.copy_(self.slope).mul_(0.5)
        # The part of an image's -log p(x|z) that does not depend on the error.
        torch.add(log_sigma, LOG_2_PI / 2, out=self._likelihood).mul_(PIXELS)
        torch.sub(self._likelihood, self._zdim / 2, out=self._constant)

    def set_kl_weight(self, weight: Tensor) -> None:
        """Use this weight of the KL in the present step."""
        torch.div(weight, self._images, out=self._whole_kl_slope)

    def find_free_latents(self) -> None:
        """Compute :attr:`kl_slope` with free bits, from the sums over ``Workspace.terms`` of all parts."""
        torch.sum(self._of_parts[:, :-1], 0, out=self._sums[:-1])
        self._sum_kl()
        torch.gt(self._kl, self._free_nats, out=self._costs)
        torch.mul(self._costs, self._whole_kl_slope, out=self.kl_slope)

    def _sum_kl(self) -> None:
        torch.add(self._mu_squared, self._variance, out=self._kl)
        self._kl.sub_(self._images).mul_(0.5).sub_(self._log_sigma)

    def find_log_sigma_gradient(self) -> None:
        """Compute :attr:`log_sigma_gradient` from the sums of all parts: D - |x - mean|²/sigma², averaged."""
        torch.sum(self._of_parts[:, -1], 0, out=self.log_sigma_gradient).mul_(self.slope).neg_().add_(PIXELS)

    def sum_up(self) -> None:
        """Compute :attr:`result` from the sums of all parts."""
        torch.dot(self._flat, self._weights, out=self.result.loss).add_(self._constant)
        torch.sum(self._of_parts, 0, out=self._sums)
        self._sum_kl()
        self._result_moments.copy_(self._moments)
        torch.addcmul(self._likelihood, self._squared_error, self.slope, value=0.5, out=self._reconstruction)
        self._reconstruction.mul_(-self._images)
