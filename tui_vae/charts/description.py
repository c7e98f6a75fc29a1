"""What a chart of curves shows, as immutable data, and where its curves lie among the labels of its axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tui_vae.view.series import FloatArray

RGB = tuple[int, int, int]
Colour = RGB | int | None
"""RGB; the number of one of the 16 terminal colours; or ``None`` for the default colour."""

Tick = tuple[float, str]
"""A coordinate of an axis and its label."""


class Span(NamedTuple):
    """Neighbouring cells of a row with one style; every character takes one cell."""

    text: str
    foreground: Colour = None
    background: Colour = None


Row = tuple[Span, ...]


class Face(Enum):
    """The characters that a chart is drawn with."""

    COLOURS = "colours"
    """Bands are areas of a faded colour; lines and marks are braille dots."""
    SHADES = "shades"
    """For terminals of few colours or none: bands are shaded, and marks are the characters of their models."""
    ASCII = "ascii"


@dataclass(frozen=True, eq=False)
class Band:
    """The area between the least and the greatest values ``(n,)`` over x; interrupted where one is not finite."""

    x: FloatArray
    low: FloatArray
    high: FloatArray
    colour: Colour


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points ``(n,)``, interrupted where one is not finite; drawn with ``symbol`` in ASCII."""

    x: FloatArray
    y: FloatArray
    colour: Colour
    symbol: str = "."


@dataclass(frozen=True, eq=False)
class Marks:
    """Single points ``(n,)``, each drawn as one character in its cell.

    ``exact`` marks are braille dots at their exact height; only the last one is the character, to identify the model.
    """

    x: FloatArray
    y: FloatArray
    colour: Colour
    symbol: str
    exact: bool = False


@dataclass(frozen=True)
class LimitLine:
    """A horizontal line and its label, shortened to as many of its last words as fit."""

    y: float
    label: str
    colour: Colour


@dataclass(frozen=True, eq=False)
class CurveChart:
    """A picture of ``columns`` × ``rows`` cells with its labels.

    Coordinates are values of the axes; what lies outside their ranges is clipped. ``bands`` lie under ``limits``, these
    under ``lines``, and these under ``marks``; later items lie above earlier ones.
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
    """Whether the two lowest rows are the x axis and its labels."""


SMALLEST = (8, 4)
"""Least columns and rows of a chart with axes."""
_SHORTEST_LABEL = 4
"""Cells reserved for labels of y, so that the axis seldom moves when they change."""
LONGEST_LABEL = 16


class Frame(NamedTuple):
    """The part of a picture that curves fill: ``columns`` × ``rows`` cells after a margin of ``left``; its x range."""

    left: int
    columns: int
    rows: int
    x_range: tuple[float, float]

    def column(self, x: float) -> int | None:
        """Return the column of a value of x; ``None`` outside the range."""
        low, high = self.x_range
        if not low <= x <= high or high <= low:
            return None
        return min(int((x - low) / (high - low) * self.columns), self.columns - 1)

    def x(self, column: float) -> float:
        """Return the value of x in the middle of a column; outside, that of the nearest edge."""
        low, high = self.x_range
        return low + (high - low) * min(max((column + 0.5) / self.columns, 0.0), 1.0)

    @property
    def step(self) -> float:
        """Difference of x between neighbouring columns."""
        return (self.x_range[1] - self.x_range[0]) / self.columns


def frame_of(chart: CurveChart) -> Frame:
    left = margin_of(chart.y_ticks, chart.columns)
    rows = chart.rows - (2 if chart.has_x_axis else 0)
    return Frame(left, max(1, chart.columns - left), max(1, rows), chart.x_range)


def margin_of(y_ticks: Iterable[Tick], columns: int) -> int:
    """Return the width of the margin in a picture of ``columns`` cells: the y labels and their axis."""
    longest = max([_SHORTEST_LABEL, *(len(label) for _, label in y_ticks)])
    return min(longest, LONGEST_LABEL, max(1, columns // 2)) + 1
