"""Where curves lie in their picture, among the labels of their axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tui_vae.charts.description import CurveChart, Tick

SMALLEST = (8, 4)
"""Columns and rows below which a chart with its axes says nothing."""
_SHORTEST_LABEL = 4
"""Cells kept for labels of y, so that the axis seldom moves when they change."""
LONGEST_LABEL = 16


class Frame(NamedTuple):
    """Where curves lie in their picture: ``columns`` × ``rows`` cells, ``left`` of them before it; its range of x."""

    left: int
    columns: int
    rows: int
    x_range: tuple[float, float]

    def column(self, x: float) -> int | None:
        """The column of a value of x, ``None`` outside the range."""
        low, high = self.x_range
        if not low <= x <= high or high <= low:
            return None
        return min(int((x - low) / (high - low) * self.columns), self.columns - 1)

    def x(self, column: float) -> float:
        """The value of x in the middle of a column, that of the nearest edge outside."""
        low, high = self.x_range
        return low + (high - low) * min(max((column + 0.5) / self.columns, 0.0), 1.0)

    @property
    def step(self) -> float:
        """How far the middles of two columns lie apart."""
        return (self.x_range[1] - self.x_range[0]) / self.columns


def frame_of(chart: CurveChart) -> Frame:
    left = margin_of(chart.y_ticks, chart.columns)
    rows = chart.rows - (2 if chart.has_x_axis else 0)
    return Frame(left, max(1, chart.columns - left), max(1, rows), chart.x_range)


def margin_of(y_ticks: Iterable[Tick], columns: int) -> int:
    """Cells before the curves in a picture of so many columns: the labels of y and their axis."""
    longest = max([_SHORTEST_LABEL, *(len(label) for _, label in y_ticks)])
    return min(longest, LONGEST_LABEL, max(1, columns // 2)) + 1
