"""From a history to the points of a chart: few points a column without losing a spike or a gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tui_vae.view.series import FloatArray

IntArray = npt.NDArray[np.int64]
Window = tuple[float, float]
"""The part of x that is looked at."""


def within(x: FloatArray, window: Window | None) -> slice:
    """The points inside a window and one on each side, to which lines lead; all without a window."""
    if window is None or not len(x):
        return slice(None)
    first, last = np.searchsorted(x, window[0], "left"), np.searchsorted(x, window[1], "right")
    return slice(max(0, int(first) - 1), int(last) + 1)


def value_at(x: FloatArray, y: FloatArray, place: float) -> tuple[float, float] | None:
    """The newest point at or before ``place``, ``None`` where there is none yet; x ascends."""
    index = int(np.searchsorted(x, place, "right")) - 1
    return (float(x[index]), float(y[index])) if index >= 0 else None


def downsampled(
    x: FloatArray,
    y: FloatArray,
    columns: int,
    low: FloatArray | None = None,
    high: FloatArray | None = None,
    window: Window | None = None,
) -> tuple[FloatArray, FloatArray]:
    """At most three points for each of ``columns`` equal parts of a range of x: least, greatest, and a gap.

    Args:
        x: Ascending, finite.
        y: Values.
        columns: Number of parts, at least 1.
        low: Least values that each point stands for; ``y`` by default.
        high: Greatest values that each point stands for; ``y`` by default.
        window: The range of x, from the first to the last by default; what lies outside counts to the nearest part.

    Returns:
        x and y, in ascending order of x. Where a value was not finite there is one NaN in its part, a gap. Short
        histories without bounds come back whole.
    """
    bounded = low is not None or high is not None
    low, high = y if low is None else low, y if high is None else high
    usable = np.isfinite(low) & np.isfinite(high)
    whole = usable & np.isfinite(y)
    if len(x) <= 2 * columns and (not bounded or np.array_equal(low, high)):
        return x, np.where(whole, low, np.nan)
    if not len(x):
        return x, y
    first, last = (x[0], x[-1]) if window is None else window
    place = (x - first) / (last - first) if last > first else np.zeros(len(x))
    part = np.clip((place * columns).astype(int), 0, columns - 1)
    finite, gaps = np.flatnonzero(usable), np.flatnonzero(~whole)
    least = finite[_first_of_least(low[finite], part[finite])]
    greatest = finite[_first_of_least(-high[finite], part[finite])]
    differ = low[least] != high[greatest]
    greatest = greatest[differ]
    gaps = gaps[_starts(part[gaps])]
    index = np.concatenate((least, greatest, gaps))
    values = np.concatenate((low[least], high[greatest], np.full(len(gaps), np.nan)))
    order = np.argsort(index, kind="stable")
    return x[index[order]], values[order]


def _starts(part: IntArray) -> npt.NDArray[np.bool_]:
    """Which values begin a part; equal parts stand together."""
    starts = np.ones(len(part), dtype=np.bool_)
    np.not_equal(part[1:], part[:-1], out=starts[1:])
    return starts


def _first_of_least(values: FloatArray, part: IntArray) -> IntArray:
    """For each part the index of its least value, the first of several."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(_starts(part))
    least = np.repeat(np.minimum.reduceat(values, starts), np.diff(starts, append=len(values)))
    hits = np.flatnonzero(values == least)
    return hits[_starts(part[hits])]
