"""What a step tells of its batch: sums over its images, gathered by threads that each have some of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.config import PIXELS
from tui_vae.model.objective import LOG_2_PI


@dataclass(frozen=True)
class StepSums:
    """What a step tells of the ELBO, as tensors on the device that the next step changes.

    Attributes:
        loss: Mean of -ELBO over the batch, a scalar.
        totals: Of the KL, of E_q z and of its square the sums over the images, of each latent, then that of log p(x|z),
            ``(3 · zdim + 1,)``.
    """

    loss: Tensor
    totals: Tensor


class BatchSums:
    """Sums over the images of a batch, which are gathered part by part.

    Args:
        parts: Of the batch.
        images: Of the batch.
        zdim: The latent dimension.
        log_sigma: Of the decoder, a scalar on the device.

    Attributes:
        terms_of: For each part, where the sums over ``Places.terms`` go, ``(4 · zdim,)``.
        squared_error_of: For each part, where that of the mean of p(x|z) goes, a scalar.
        slope: 1 / sigma² of p(x|z) by the number of images: an error times this is the slope of the loss.
        log_sigma_gradient: Of the loss, by log sigma, a scalar.
        told: What the step tells.
    """

    def __init__(self, parts: int, images: int, zdim: int, log_sigma: Tensor) -> None:
        self._images, self._zdim = images, zdim
        self._of_parts = log_sigma.new_empty(parts, 4 * zdim + 1)
        self.terms_of, self.squared_error_of = self._of_parts[:, :-1].unbind(), self._of_parts[:, -1].unbind()
        # By how much each of them counts in the loss.
        of_terms = log_sigma.new_tensor([0.0, -1.0, 0.5, 0.5]).repeat_interleave(zdim) / images
        self._weights = torch.cat((of_terms, of_terms.new_empty(1))).repeat(parts)
        self._weights_of_errors = self._weights.view(parts, -1)[:, -1]
        self._flat = self._of_parts.view(-1)
        self._sums = log_sigma.new_empty(4 * zdim + 1)
        of_each_term, self._squared_error = self._sums[:-1].view(4, zdim), self._sums[-1]
        _, self._log_sigma, self._mu_squared, self._variance = of_each_term
        self._moments = of_each_term[::2]  # mu and mu²
        # What a step only reads shares no memory with what it writes: torch counts changes of all views together.
        self.slope, self._likelihood, self._constant = log_sigma.new_empty(3).unbind()
        self.log_sigma_gradient = log_sigma.new_empty(())
        self.told = StepSums(log_sigma.new_empty(()), log_sigma.new_empty(3 * zdim + 1))
        self._kl, self._reconstruction = self.told.totals[:zdim], self.told.totals[-1]
        self._told_moments = self.told.totals[zdim:-1].view(2, zdim)
        self.take_sigma(log_sigma)

    def take_sigma(self, log_sigma: Tensor) -> None:
        """Measure with this sigma of the decoder from now on."""
        torch.mul(log_sigma, -2, out=self.slope).exp_().div_(self._images)
        self._weights_of_errors.copy_(self.slope).mul_(0.5)
        # Of an image's -log p(x|z), what no error is part of.
        torch.add(log_sigma, LOG_2_PI / 2, out=self._likelihood).mul_(PIXELS)
        torch.sub(self._likelihood, self._zdim / 2, out=self._constant)

    def find_log_sigma_gradient(self) -> None:
        """Leave it in its place, once all parts have left their sums."""
        torch.sum(self._of_parts[:, -1], 0, out=self.log_sigma_gradient).mul_(self.slope).neg_().add_(PIXELS)

    def sum_up(self) -> None:
        """Leave in :attr:`told` what the step tells, once all parts have left their sums."""
        torch.dot(self._flat, self._weights, out=self.told.loss).add_(self._constant)
        torch.sum(self._of_parts, 0, out=self._sums)
        torch.add(self._mu_squared, self._variance, out=self._kl)
        self._kl.sub_(self._images).mul_(0.5).sub_(self._log_sigma)
        self._told_moments.copy_(self._moments)
        torch.addcmul(self._likelihood, self._squared_error, self.slope, value=0.5, out=self._reconstruction)
        self._reconstruction.mul_(-self._images)
