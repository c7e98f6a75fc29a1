"""Curves as character cells: labels of y on the left, of x below, and lines of braille dots between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.tui.charts import ChartData
from tui_vae.tui.palette import GREY, RGB
from tui_vae.view.canvas import Canvas
from tui_vae.view.series import FloatArray

_SHORTEST_LABEL = 4
"""Cells kept for labels of y, so that the axis seldom moves when they change."""


@dataclass(frozen=True)
class Frame:
    """Where a plot lies in its widget: ``columns`` × ``rows`` cells, ``left`` of them before it; and its range of x."""

    left: int
    columns: int
    rows: int
    x_range: tuple[float, float]

    def column(self, x: float) -> int | None:
        """The column of a value of x, ``None`` outside the range."""
        low, high = self.x_range
        if not low <= x <= high or high <= low:
            return None
        return int(Canvas(self.columns, 1).column(np.array([(x - low) / (high - low)]))[0])

    def x(self, column: float) -> float:
        """The value of x in the middle of a column, that of the nearest edge outside."""
        low, high = self.x_range
        return low + (high - low) * min(max((column + 0.25) / max(0.5, self.columns - 0.5), 0.0), 1.0)

    @property
    def step(self) -> float:
        """How far the middles of two columns lie apart."""
        return (self.x_range[1] - self.x_range[0]) / max(0.5, self.columns - 0.5)


def frame_of(data: ChartData, size: Size) -> Frame:
    margin = max([_SHORTEST_LABEL, *(cell_len(label) for _, label in data.y_ticks)])
    margin = min(margin, max(0, size.width - 2))
    return Frame(margin + 1, max(1, size.width - margin - 1), max(1, size.height - 2), data.x_range)


def draw_curves(data: ChartData, size: Size) -> list[Strip]:
    """The character cells of a chart of curves, one strip a row."""
    frame = frame_of(data, size)
    canvas = Canvas(frame.columns, frame.rows)
    heights = _fraction(np.array([y for y, _ in data.lines]), data.y_range).tolist()
    for height, (_, colour) in zip(heights, data.lines, strict=True):
        canvas.across(height, "─", colour)
    for curve in data.curves:
        x, y = _fraction(curve.x, data.x_range), _fraction(curve.y, data.y_range)
        if curve.marker is None:
            canvas.line(x, y, curve.colour)
        else:
            canvas.marks(x, y, curve.marker, curve.colour)
    places = canvas.row(_fraction(np.array([place for place, _ in data.y_ticks]), data.y_range)).tolist()
    labels = {row: label for row, (_, label) in zip(places, data.y_ticks, strict=True)}
    strips = []
    for row, runs in enumerate(canvas.lines()):
        axis = f"{labels.get(row, ''):>{frame.left - 1}}"[: frame.left - 1] + ("┤" if row in labels else "│")
        strips.append(Strip([Segment(axis, _style(GREY)), *(Segment(text, _style(c)) for text, c in runs)]))
    strips += [Strip([Segment(line, _style(GREY))]) for line in _x_axis(data, frame)]
    return [strip.adjust_cell_length(size.width) for strip in strips[: size.height]]


def _fraction(values: FloatArray, span: tuple[float, float]) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return (values - span[0]) / (span[1] - span[0])


def _x_axis(data: ChartData, frame: Frame) -> tuple[str, str]:
    """The axis, and the labels below it as far as they do not run into each other."""
    axis, labels = ["─"] * frame.columns, ""
    for place, label in data.x_ticks:
        column = frame.column(place)
        start = 0 if column is None else max(0, min(column - len(label) // 2, frame.columns - len(label)))
        if column is not None and start >= len(labels) + bool(labels) and start + len(label) <= frame.columns:
            axis[column] = "┬"
            labels = labels.ljust(start) + label
    return " " * (frame.left - 1) + "└" + "".join(axis), " " * frame.left + labels


@lru_cache(maxsize=256)
def _style(colour: RGB | None) -> Style | None:
    return None if colour is None else Style(color=Color.from_rgb(*colour))
