"""Down-samples curves to few points a column without losing a spike or a gap; zooms and pans along x."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tui_vae.view.series import FloatArray

IntArray = npt.NDArray[np.int64]
Window = tuple[float, float]
"""The visible range of x."""


def within(x: FloatArray, window: Window | None) -> slice:
    """Return the points inside a window and one on each side of it; all without a window."""
    if window is None or not len(x):
        return slice(None)
    first, last = np.searchsorted(x, window[0], "left"), np.searchsorted(x, window[1], "right")
    return slice(max(0, int(first) - 1), int(last) + 1)


def value_at(x: FloatArray, y: FloatArray, place: float) -> tuple[float, float] | None:
    """Return the last point at or before ``place``; ``None`` if there is none. x ascends."""
    index = int(np.searchsorted(x, place, "right")) - 1
    return (float(x[index]), float(y[index])) if index >= 0 else None


def extremes(
    x: FloatArray, low: FloatArray, high: FloatArray, window: Window, parts: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the least and the greatest value in each of ``parts`` equal parts of a window.

    Args:
        x: Ascending, finite; what lies outside the window counts to the nearest part.
        low: Least values that each point stands for.
        high: Greatest values that each point stands for.
        window: The range of x.
        parts: Number of parts, at least 1.

    Returns:
        The middles of those parts that have points, ascending, and their least and greatest finite values; NaN where
        none is finite.
    """
    part = _part(x, window, parts)
    starts = np.flatnonzero(_starts(part))
    middles = window[0] + (part[starts] + 0.5) * (window[1] - window[0]) / parts
    if not len(x):
        return middles, middles, middles
    finite = np.isfinite(low) & np.isfinite(high)
    least = np.fmin.reduceat(np.where(finite, low, np.nan), starts)
    greatest = np.fmax.reduceat(np.where(finite, high, np.nan), starts)
    return middles, least, greatest


def means(x: FloatArray, y: FloatArray, window: Window, parts: int) -> tuple[FloatArray, FloatArray]:
    """Return the means in each of ``parts`` equal parts of a window, and a gap where a value is not finite.

    Args:
        x: Ascending, finite; what lies outside the window counts to the nearest part.
        y: Values.
        window: The range of x.
        parts: Number of parts, at least 1.

    Returns:
        x and y, ascending: for each part that has points the means of those that are finite, and one NaN where the
        first lies that is not.
    """
    part = _part(x, window, parts)
    finite = np.isfinite(y)
    inside, lost = np.flatnonzero(finite), np.flatnonzero(~finite)
    lost = lost[_starts(part[lost])]
    starts = np.flatnonzero(_starts(part[inside]))
    counts = np.diff(starts, append=len(inside))
    share = 1 / np.repeat(counts, counts)  # no sum of these is greater than the greatest value
    mean_x, mean_y = (
        np.add.reduceat(values[inside] * share, starts) if len(starts) else values[:0] for values in (x, y)
    )
    places, values = np.concatenate((mean_x, x[lost])), np.concatenate((mean_y, np.full(len(lost), np.nan)))
    order = np.argsort(places, kind="stable")
    return places[order], values[order]


def _part(x: FloatArray, window: Window, parts: int) -> IntArray:
    first, last = window
    place = (x - first) / (last - first) if last > first else np.zeros(len(x))
    return np.clip(np.floor(place * parts), 0, parts - 1).astype(np.int64)


def _starts(part: IntArray) -> npt.NDArray[np.bool_]:
    """Return which values begin a part; values of one part are neighbours."""
    starts = np.ones(len(part), dtype=np.bool_)
    np.not_equal(part[1:], part[:-1], out=starts[1:])
    return starts


NARROWEST = 1e-4
"""Least fraction of x that a window shows; there a point of a full series is wider than a chart."""


def zoomed(window: Window | None, end: float, factor: float, place: float) -> Window | None:
    """Return the window ``factor`` times as wide, ``place`` keeping its column; ``None`` when it shows everything.

    Args:
        window: The visible range; everything when ``None``.
        end: x reaches from 0 to here.
        factor: Below 1 zooms in.
        place: A value of x.
    """
    low, high = window or (0.0, end)
    if high <= low:
        return window
    factor = max(factor, NARROWEST * end / (high - low))
    place = min(max(place, low), high)
    low, high = place - (place - low) * factor, place + (high - place) * factor
    if high - low >= end:
        return None
    return panned((low, high), end, 0.0)


def panned(window: Window | None, end: float, distance: float) -> Window | None:
    """Return the window moved along x, within its ends; ``None``, which shows everything, stays."""
    if window is None:
        return None
    low, high = window
    distance = max(min(distance, end - high), -low)
    return low + distance, high + distance
