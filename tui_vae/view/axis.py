"""Axes: round numbers for ticks, a range that shows what matters, and a log scale that takes negative values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tui_vae.view.series import FloatArray

TRANSIENT = 0.1
"""The first part of training, in which losses fall from thousands of nats."""


def nice_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return at most ``most`` multiples of 1, 2 or 5 times a power of ten in a range; only integers if ``whole``."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return []
    rough = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    if whole:
        magnitude = max(1.0, magnitude)
    step = next(
        m * magnitude
        for m in (1, 2, 5, 10, 20, 50)
        if math.floor(high / (m * magnitude)) - math.ceil(low / (m * magnitude)) + 1 <= most
    )
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def tick_label(value: float) -> str:
    """Format the value of a tick: ``-350``, ``0.05``, ``12k``."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.6g}"


@dataclass(frozen=True)
class Symlog:
    """A scale that is linear around 0 and logarithmic beyond, for values of either sign.

    The signed logarithm sign(v) · log10(1 + |v| / unit); a negative ELBO's curve has no plain logarithm.
    """

    unit: float = 1.0

    @classmethod
    def fitting(cls, low: float, high: float) -> Symlog:
        """Return the scale for a range: linear up to the power of ten below its smaller end, so that both ends show."""
        smaller = min((abs(v) for v in (low, high) if v), default=1.0)
        return cls(10.0 ** math.floor(math.log10(smaller)))

    def forward(self, values: FloatArray) -> FloatArray:
        result: FloatArray = np.sign(values) * np.log10(1 + np.abs(values) / self.unit)
        return result

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return at most ``most`` multiples of 1, 2 or 5 times a power of ten in a range, evenly spread."""
        exponent = round(math.log10(self.unit))
        magnitudes = [m * 10.0**k for k in range(exponent, exponent + 12) for m in (1, 2, 5)]
        values = [v for v in sorted([0.0, *magnitudes, *(-m for m in magnitudes)]) if low <= v <= high]
        if len(values) < 2 or most < 2:
            return nice_ticks(low, high, most)
        places = self.forward(np.array(values)).tolist()
        gap = (places[-1] - places[0]) / max(1, most - 1)
        chosen: list[int] = []
        for index, place in enumerate(places):
            if not chosen or place - places[chosen[-1]] >= 0.999 * gap:
                chosen.append(index)
        return [values[index] for index in chosen]


def y_range_after_transient(
    curves: Sequence[tuple[FloatArray, FloatArray]], extra: Sequence[float], transient: float = TRANSIENT
) -> tuple[float, float] | None:
    """Return the range of y that shows the curves after their beginning, and the extra values.

    A loss begins thousands of nats above where it ends; shown whole, the rest would be a flat line.

    Args:
        curves: x and y of each curve.
        extra: Values of y that are to be inside.
        transient: The part of x that is the beginning.

    Returns:
        Low and high with a margin, or ``None`` when there is nothing finite.
    """
    ends = [x[-1] for x, _ in curves if len(x)]
    settled = transient * max(ends, default=0.0)
    values = [y[np.isfinite(y) & (x >= settled)] for x, y in curves]
    everything = np.concatenate([*values, np.asarray([e for e in extra if math.isfinite(e)], dtype=float)])
    if not len(everything):
        everything = np.concatenate([y[np.isfinite(y)] for _, y in curves]) if curves else everything
    if not len(everything):
        return None
    low, high = float(everything.min()), float(everything.max())
    size = max(abs(low), abs(high))
    # A constant, rounding aside, has no range of its own.
    margin = 0.06 * (high - low) if high - low > 1e-6 * size else (0.05 * size or 1.0)
    return low - margin, high + margin
