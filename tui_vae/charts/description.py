"""What a chart of curves shows, as immutable data, and where its curves lie among the labels of its axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tui_vae.view.series import FloatArray

RGB = tuple[int, int, int]
Colour = RGB | int | None
"""Red, green and blue; the number of one of the 16 colours of a terminal; or that of plain text."""

Tick = tuple[float, str]
"""A place of an axis, and what stands there."""


class Span(NamedTuple):
    """Neighbouring cells of one row that look alike; every character takes one cell."""

    text: str
    foreground: Colour = None
    background: Colour = None


Row = tuple[Span, ...]


class Face(Enum):
    """With which characters a chart is drawn."""

    COLOURS = "colours"
    """Bands are areas of a faded colour; lines and marks are braille dots."""
    SHADES = "shades"
    """For few colours or none: bands are shaded, and marks are the characters of their models."""
    ASCII = "ascii"


@dataclass(frozen=True, eq=False)
class Band:
    """What lies between the least and the greatest values ``(n,)`` at places of x; interrupted where not finite."""

    x: FloatArray
    low: FloatArray
    high: FloatArray
    colour: Colour


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points ``(n,)``, interrupted where one is not finite; of ``symbol`` where there is only ASCII."""

    x: FloatArray
    y: FloatArray
    colour: Colour
    symbol: str = "."


@dataclass(frozen=True, eq=False)
class Marks:
    """Single points ``(n,)``, each one character in the cell where it lies.

    ``exact`` ones are braille dots at their height, the last alone the character, which tells whose they are.
    """

    x: FloatArray
    y: FloatArray
    colour: Colour
    symbol: str
    exact: bool = False


@dataclass(frozen=True)
class LimitLine:
    """A line across the chart, and what stands beside it: as many of its last words as there is room for."""

    y: float
    label: str
    colour: Colour


@dataclass(frozen=True, eq=False)
class CurveChart:
    """A picture of ``columns`` × ``rows`` cells with its labels.

    Places are values of the axes. What lies outside their ranges is cut off. ``bands`` lie under ``limits``, these
    under ``lines`` and ``marks``; of each, the later above.
    """

    columns: int
    rows: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    bands: tuple[Band, ...] = ()
    lines: tuple[Line, ...] = ()
    marks: tuple[Marks, ...] = ()
    limits: tuple[LimitLine, ...] = ()
    axis: Colour = None
    grid: Colour = None
    face: Face = Face.COLOURS
    has_x_axis: bool = True
    """Whether two rows below the curves have the axis of x and its labels."""


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
