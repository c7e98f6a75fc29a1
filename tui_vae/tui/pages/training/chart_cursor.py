"""Where curves are read, and which part of x is looked at: the same in every chart of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tui_vae.charts.settings import XAxis
from tui_vae.view.decimation import Window, panned, zoomed
from tui_vae.view.series import FloatArray


@dataclass(frozen=True)
class Inspection:
    """A place of x, and a part of it, both in values of one axis, so that new points move neither.

    ``cursor`` is ``None`` while nothing is read, ``window`` while all is shown.
    """

    axis: XAxis = "steps"
    cursor: float | None = None
    window: Window | None = None

    def on(self, axis: XAxis, place_on: Callable[[float], float] | None) -> Inspection:
        """The same on this axis, where places of the one before lie at ``place_on`` them; nowhere when ``None``."""
        if axis == self.axis:
            return self
        if place_on is None:
            return Inspection(axis)
        cursor = None if self.cursor is None else place_on(self.cursor)
        window = None if self.window is None else (place_on(self.window[0]), place_on(self.window[1]))
        if cursor is not None and axis == "steps":
            cursor = float(round(cursor))
        return Inspection(axis, cursor, window if window is not None and window[0] < window[1] else None)

    def put(self, place: float, width: float, points: Sequence[FloatArray]) -> Inspection:
        """The cursor at a place, or at a point less than half of ``width`` from it: of the first array that has one."""
        for x in points:
            nearest = x[np.abs(x - place).argmin()] if len(x) else np.inf
            if abs(nearest - place) < width / 2:
                place = float(nearest)
                break
        return replace(self, cursor=float(round(place)) if self.axis == "steps" else place)

    def moved(self, count: int, width: float, end: float, points: Sequence[FloatArray]) -> Inspection:
        """The cursor moved by so many columns, the window following it. It begins at an edge of what is shown.

        Args:
            count: Columns to the right, or to the left when negative.
            width: How much of x a column has.
            end: How far x reaches.
            points: Where there is something to read, the most important first.
        """
        low, high = self.window or (0.0, end)
        if self.cursor is None:
            return self.put(high if count < 0 else low, width, points)
        least = 1.0 if self.axis == "steps" else 0.0  # between two steps there is nothing
        distance = max(abs(count) * width, least) * (1 if count > 0 else -1)
        place = min(max(self.cursor + distance, 0.0), max(end, self.cursor))
        after = self.put(place, width, points)
        if self.window is None or after.cursor is None:
            return after
        beyond = min(after.cursor - low, 0.0) + max(after.cursor - high, 0.0)
        return replace(after, window=panned(self.window, end, beyond)) if beyond else after

    def at_edge(self, direction: int, width: float, end: float, points: Sequence[FloatArray]) -> Inspection:
        """The cursor at the first or last place that is shown."""
        low, high = self.window or (0.0, end)
        return self.put(high if direction > 0 else low, width, points)

    def zoomed(self, factor: float, end: float, place: float | None = None) -> Inspection:
        """Zoomed about a place; about the cursor, or else the newest points, when none is given."""
        low, high = self.window or (0.0, end)
        if place is None:
            place = self.cursor if self.cursor is not None and low <= self.cursor <= high else high
        return replace(self, window=zoomed(self.window, end, factor, place))

    def panned(self, part: float, end: float) -> Inspection:
        """The window moved by a part of its width."""
        if self.window is None:
            return self
        return replace(self, window=panned(self.window, end, part * (self.window[1] - self.window[0])))

    def undone(self) -> Inspection:
        """Without the cursor, or where there is none without the window."""
        return replace(self, cursor=None) if self.cursor is not None else replace(self, window=None)
