"""Which part of x is looked at: zoomed about a place and panned, within all there is."""

from __future__ import annotations

from tui_vae.view.decimation import Window

NARROWEST = 1e-4
"""The least part of all of x that a window can be zoomed to; there a point of a full series is wider than a chart."""


def zoomed(window: Window | None, end: float, factor: float, place: float) -> Window | None:
    """The window ``factor`` times as wide, ``place`` staying where it is on screen; ``None`` when it shows everything.

    Args:
        window: What is looked at now; all when ``None``.
        end: All of x reaches from 0 to here, or as far as the window does.
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
    """The window moved along x, as far as there is something; what shows everything stays."""
    if window is None:
        return None
    low, high = window
    distance = max(min(distance, end - high), -low)
    return low + distance, high + distance
