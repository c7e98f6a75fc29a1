"""Log-likelihoods of images as estimates: the logarithm of a mean of weights, and its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import EvaluationError


@dataclass(frozen=True)
class LikelihoodEstimate:
    """log p(x) of each of n images, in nats.

    Attributes:
        values: float64 ``(n,)``.
        noise: Standard error of each value for the random numbers it was estimated with, ``(n,)``, by the delta method.
            Where few weights dominate it is itself too small: see ``effective``.
        effective: Effective number of weights of each image, (Σ w)² / Σ w² (Kong, Liu & Wong, 1994), ``(n,)``.
    """

    values: Tensor
    noise: Tensor
    effective: Tensor

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean, for other images and other random numbers alike; NaN for a single image."""
        return float(self.values.std() / math.sqrt(len(self.values)))


class LogMeanWeights:
    """The logarithm of each image's mean weight, of weights that come in parts; nothing is kept but their sums.

    Args:
        n: Number of images.
    """

    def __init__(self, n: int) -> None:
        self._log_sum = torch.full((n,), -math.inf, dtype=torch.float64)
        self._log_sum_of_squares = self._log_sum.clone()
        self._count = torch.zeros(n, dtype=torch.float64)

    def add(self, images: slice, log_weights: Tensor) -> None:
        """Take in the logarithms of ``k`` more weights of some images, ``(len(images), k)``."""
        log_weights = log_weights.double().cpu()
        for total, logarithms in ((self._log_sum, log_weights), (self._log_sum_of_squares, 2 * log_weights)):
            total[images] = torch.logaddexp(total[images], logarithms.logsumexp(1))
        self._count[images] += log_weights.shape[1]

    def estimate(self) -> LikelihoodEstimate:
        """The estimates from all weights up to now.

        Raises:
            EvaluationError: One is not a finite number.
        """
        values = self._log_sum - self._count.log()
        check_values(values)
        effective = torch.exp(2 * self._log_sum - self._log_sum_of_squares).clamp_min(1)
        # Var(log of a mean) = Var(w) / (E[w]² count) to first order, Var(w) unbiased; of one weight it is 0 / 0.
        noise = ((self._count / effective - 1).clamp_min(0) / (self._count - 1)).sqrt()
        return LikelihoodEstimate(values, noise, effective)


def check_values(values: Tensor) -> None:
    """Refuse log-likelihoods that are not numbers, as weights far from any image give.

    Raises:
        EvaluationError: Some are NaN or infinite.
    """
    wrong = int(len(values) - torch.isfinite(values).sum())
    if wrong:
        raise EvaluationError(f"the likelihood of {wrong:,} of {len(values):,} images is not a finite number")
