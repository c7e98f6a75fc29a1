"""Bars in eighths of a cell, with marks where theory has them."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.charts.palette import GREY, MARK
from tui_vae.tui.charts import Bars, ChartData

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARK = Color.from_rgb(*MARK)
_AXIS = Style(color=Color.from_rgb(*GREY))


def draw_bars(data: ChartData, bars: Bars, size: Size, *, ascii_only: bool) -> list[Strip]:
    """The character cells of a bar chart: labels of y on the left, of x below."""
    rows = max(1, size.height - 2)
    margin = max((len(label) for _, label in data.y_ticks), default=0)
    columns = max(1, size.width - margin - 1)
    places = _places(len(bars.heights), columns)
    high = data.y_range[1]
    labels = {min(rows - 1, int(value / high * rows)): label for value, label in data.y_ticks}
    strips = []
    for row in range(rows - 1, -1, -1):
        axis = f"{labels.get(row, ''):>{margin}}" + (
            ("|" if ascii_only else "┤") if row in labels else "|" if ascii_only else "│"
        )
        strips.append(Strip([Segment(axis, _AXIS), *_row(bars, row, rows / high, places, ascii_only)]))
    line = ("+" + "-" * columns) if ascii_only else ("└" + "─" * columns)
    strips.append(Strip([Segment(" " * margin + line, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _x_labels(data, places), _AXIS)]))
    return [strip.adjust_cell_length(size.width) for strip in strips]


def _places(count: int, columns: int) -> list[int | None]:
    """Which bar stands in each column; ``None`` is a gap.

    Bars of three columns and more have a gap between them. Narrower ones are closed up and fill the width, which makes
    some a column wider than others; when there are more bars than columns, they are picked evenly.
    """
    width = columns // count
    if width < 3:
        return [column * count // columns for column in range(columns)]
    return [column // width if column % width < width - 1 else None for column in range(width * count)]


def _row(bars: Bars, row: int, scale: float, places: list[int | None], ascii_only: bool) -> list[Segment]:
    """The cells of one row, ``row`` rows above the axis; ``scale`` is rows per nat."""
    colour = Color.from_rgb(*bars.colour)
    heights = bars.heights.tolist()
    cells: dict[int | None, Segment] = {None: Segment(" ")}
    for index, height in enumerate(heights):
        eighths = min(8, max(0, round((height * scale - row) * 8)))
        cells[index] = Segment(_EIGHTHS[eighths], Style(color=colour))
        if ascii_only:
            cells[index] = Segment("#" if eighths >= 4 else " ", Style(color=colour))
        if bars.expected is not None and bars.expected[index] > 0 and int(bars.expected[index] * scale) == row:
            cells[index] = Segment("━", Style(color=_MARK, bgcolor=colour if eighths == 8 and not ascii_only else None))
    return [cells[place] for place in places]


def _x_labels(data: ChartData, places: list[int | None]) -> str:
    """Each label begins under the first column of its bar."""
    line = ""
    for value, label in data.x_ticks:
        start = next(
            (column for column, place in enumerate(places) if place is not None and place >= value), len(places)
        )
        if start >= len(line) + bool(line) and start + len(label) <= len(places):
            line = line.ljust(start) + label
    return line
