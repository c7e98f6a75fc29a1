"""Confidence intervals of means, of slopes, and of the difference of two estimates.

All are two-sided. SciPy is imported where it is needed: it takes as long as everything else here together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95

Values = npt.NDArray[np.float64]
Interval = tuple[float, float]

ENOUGH_FOR_T = 1000
"""From so many values on a mean is normal enough: its interval misses by skewness / sqrt(n) of a standard error."""

_RESAMPLES = 9999
_BATCH = 1_000_000


def t_interval(
    values: Sequence[float] | Values, confidence: float = CONFIDENCE, *, spacing: float = 0.0
) -> Interval | None:
    """Student's interval of the mean of a few independent, roughly normal values (Student, Biometrika 6, 1908).

    Exact for normal values, whatever their number; for seeds, of which there are too few to resample.

    Args:
        values: ``(n,)``.
        confidence: How often such an interval contains the mean.
        spacing: Of the values that are possible, where these are counts or shares. Few equal counts do not show that
            all are equal, so the variance is taken to be no less than spacing² / 4, the most that two neighbouring
            values can have.

    Returns:
        Low and high; ``None`` for fewer than two values, which tell nothing of their spread.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2:
        return None
    error = math.sqrt(_variance(sample, spacing) / sample.size)
    return _around(float(sample.mean()), error, sample.size - 1, confidence)


def _variance(sample: Values, spacing: float) -> float:
    return max(float(sample.var(ddof=1)), spacing**2 / 4)


def welch_interval(
    first: Sequence[float] | Values,
    second: Sequence[float] | Values,
    confidence: float = CONFIDENCE,
    *,
    spacing: float = 0.0,
) -> Interval | None:
    """Interval of mean(first) − mean(second) of unpaired values with spreads of their own (Welch, Biometrika 34, 1947).

    Args:
        first: ``(n,)``.
        second: ``(m,)``.
        confidence: How often such an interval contains the difference.
        spacing: As for :func:`t_interval`.

    Returns:
        Low and high; ``None`` when either has fewer than two values.
    """
    samples = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    if min(sample.size for sample in samples) < 2:
        return None
    parts = [_variance(sample, spacing) / sample.size for sample in samples]
    difference = float(samples[0].mean() - samples[1].mean())
    if sum(parts) == 0:
        return difference, difference
    freedom = sum(parts) ** 2 / sum(p**2 / (s.size - 1) for p, s in zip(parts, samples, strict=True))
    return _around(difference, math.sqrt(sum(parts)), freedom, confidence)


def mean_interval(values: Values, confidence: float = CONFIDENCE, seed: int = 0) -> Interval | None:
    """Interval of the mean of many values, such as one per image, whatever their distribution.

    Student's from ``ENOUGH_FOR_T`` values on; below, where skewness tells, the bootstrap, bias-corrected and
    accelerated (Efron, J. Am. Stat. Assoc. 82, 1987).

    Args:
        values: ``(n,)``.
        confidence: How often such an interval contains the mean.
        seed: Of the bootstrap's own generator.

    Returns:
        Low and high; ``None`` for fewer than two values.
    """
    sample = np.asarray(values, dtype=np.float64)
    # The bootstrap divides by the spread of the means that leave one value out.
    if sample.size < 3 or sample.size >= ENOUGH_FOR_T or np.ptp(sample) == 0:
        return t_interval(sample, confidence)
    from scipy import stats  # noqa: PLC0415 - slow to import

    found = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, _BATCH // sample.size),
        confidence_level=confidence,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def independent_difference(
    first: float, first_interval: Interval, second: float, second_interval: Interval
) -> Interval:
    """Interval of ``first − second`` from those of two independent estimates, which may be lopsided.

    Each end takes the distances to the ends that matter there, squared and added (Zou & Donner, Stat. Med. 27, 2008);
    for symmetric intervals that is the familiar sum of variances. An estimate outside of its own interval, which one
    that corrects for bias may have, is taken as at its end.
    """
    (low, high), (second_low, second_high) = first_interval, second_interval
    difference = first - second
    return (
        difference - math.hypot(max(0.0, first - low), max(0.0, second_high - second)),
        difference + math.hypot(max(0.0, high - first), max(0.0, second - second_low)),
    )


def slope_interval(x: Values, y: Values, confidence: float = CONFIDENCE) -> tuple[float, Interval | None]:
    """Slope of the least-squares line through points, and its interval for normal errors of one size.

    Args:
        x: ``(n,)``, not all equal.
        y: ``(n,)``.
        confidence: How often such an interval contains the slope.

    Returns:
        The slope; low and high, ``None`` for fewer than three points, through which a line always passes.
    """
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    freedom = x.size - 2
    if freedom < 1:
        return slope, None
    rest = y - y.mean() - slope * centred
    return slope, _around(slope, math.sqrt(float(rest @ rest) / freedom / spread), freedom, confidence)


def _around(mean: float, error: float, freedom: float, confidence: float) -> Interval:
    from scipy import special  # noqa: PLC0415 - slow to import

    half = float(special.stdtrit(freedom, 0.5 + confidence / 2)) * error
    return mean - half, mean + half
