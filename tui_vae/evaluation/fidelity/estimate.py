"""A measured value with the standard error of drawing the samples anew.

Every model is measured against the same reference images. So an error here is that of the generated samples alone, the
reference set held fixed: it says how far the value would move if the same model drew other samples, and the errors of
two models are independent of each other.

Where nothing better is known, the error is the jackknife's: what the value would be without each sample in turn (or
without each group of them, whose moments are then simply subtracted). Efron & Stein, "The Jackknife MetricEstimate of
Variance", Ann. Statist. 9 (1981) show that its expectation is never below the variance of a value of n - 1 samples,
for any symmetric function of independent samples; for a mean it is the usual standard error. No single set of samples
tells what a rare sample would do that is not in it: where such samples decide on a value, several sets are drawn.

Features are checked once, so that no metric has to check them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.metrics import NORMAL_QUANTILE


@dataclass(frozen=True)
class Features:
    """The features of generated and of reference images.

    Attributes:
        generated: float32 ``(n, d)``, of a model's samples (or of training images, for the floor).
        reference: float32 ``(m, d)``, of test images.

    Raises:
        UsageError: A value is not finite, or a set has fewer than two images.
        ValueError: The shapes or types do not fit: an error of the program.
    """

    generated: Tensor
    reference: Tensor

    def __post_init__(self) -> None:
        for name, values in (("generated", self.generated), ("reference", self.reference)):
            if values.ndim != 2 or values.dtype != torch.float32:
                raise ValueError(f"{name} features are {values.dtype} {tuple(values.shape)}, not float32 (n, d)")
            if len(values) < 2:
                raise UsageError(f"{len(values)} {name} images cannot be compared as a set: at least 2 are needed")
            check_finite(values, f"features of the {name} images")
        if self.generated.shape[1] != self.reference.shape[1]:
            raise ValueError(f"features are {self.generated.shape[1]} and {self.reference.shape[1]} wide")

    @property
    def width(self) -> int:
        return self.reference.shape[1]


def check_finite(values: Tensor, what: str) -> None:
    """Raise UsageError when a row of ``(n, d)`` holds a NaN or an infinity."""
    bad = int((~torch.isfinite(values)).any(1).sum())
    if bad:
        raise UsageError(
            f"{what}: {bad:,} of {len(values):,} are not finite, so nothing is measured; check the weights for NaN"
        )


@dataclass(frozen=True)
class MetricEstimate:
    """A value, its standard error, and the number of generated samples that it is made of.

    The error is that of the expected value at this ``n``, against this reference set: the biases in n that some metrics
    have (see each) are in the floor too, and not in the error. It is NaN where it is not known.

    Attributes:
        ends: The 95 % interval, where it is not ``value ± 1.96 error``.
    """

    value: float
    error: float
    n: int
    ends: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; ``None`` where the error is unknown, as where no sample differs from another."""
        if self.ends is not None or not self.error > 0:
            return self.ends
        margin = NORMAL_QUANTILE * self.error
        return self.value - margin, self.value + margin


def median_of_draws(values: Sequence[float], n: int) -> MetricEstimate:
    """The median of a metric over several sets of ``n`` samples, whatever the metric's distribution.

    Each set is above the median of all sets with probability 1/2. So the least and the greatest of ``r`` values enclose
    that median but in 2^(1 - r) of all cases (Thompson, Ann. Math. Stat. 7, 1936): of six in 96.9 %. Nothing is
    assumed, where Student's interval of a mean assumes that no value is rare and large.
    """
    return MetricEstimate(statistics.median(values), math.nan, n, (min(values), max(values)))


def mean_estimate(values: Tensor) -> MetricEstimate:
    """The mean of independent values ``(n,)``, n > 1."""
    values = values.double()
    return MetricEstimate(float(values.mean()), float(values.std()) / math.sqrt(len(values)), len(values))


def proportion_estimate(hits: Tensor) -> MetricEstimate:
    """The share of hits among independent trials, bool ``(n,)``.

    The error is that of the share with two hits and two misses added (Agresti & Coull, Am. Statist. 52, 1998): that of
    the share itself would be 0 when all or none hit, however few were tried.
    """
    n, hit = len(hits), int(hits.sum())
    return MetricEstimate(hit / n, _error_of_share(hit, n), n)


def _error_of_share(hit: float, n: int) -> float:
    adjusted = (hit + 2) / (n + 4)
    return math.sqrt(adjusted * (1 - adjusted) / (n + 4))


def share_estimate(share: float, jackknifed: float, n: int) -> MetricEstimate:
    """A share with the jackknife's error; where no sample moves it, being none or all, with that of ``n`` trials.

    Args:
        share: Between 0 and 1.
        jackknifed: Its error by the jackknife.
        n: Number of samples.
    """
    return MetricEstimate(share, jackknifed or _error_of_share(share * n, n), n)


def jackknife_error(values: Tensor) -> float:
    """Standard error of a statistic from its values without each of g equal groups of the samples, ``(g,)``."""
    groups = len(values)
    values = values.double()
    return math.sqrt((groups - 1) / groups * float((values - values.mean()).square().sum()))
