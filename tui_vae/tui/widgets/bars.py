"""Bars in eighths of a cell, with marks where theory has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.charts.description import RGB, Tick
from tui_vae.charts.palette import GREY, MARK
from tui_vae.tui.widgets.chart_data import Bars, ChartData

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARK = Color.from_rgb(*MARK)
_AXIS = Style(color=Color.from_rgb(*GREY))


def draw_bars(data: ChartData, bars: Bars, size: Size, *, ascii_only: bool) -> list[Strip]:
    """The character cells of a bar chart: labels of y on the left, of x below."""
    expected = None if bars.expected is None else tuple(bars.expected.tolist())
    frame = _Frame(size, data.y_range[1], data.x_ticks, data.y_ticks)
    return list(_drawn(frame, tuple(bars.heights.tolist()), expected, bars.colour, ascii_only))


class _Frame(NamedTuple):
    """What there is around bars: the value at the top, and places of both axes with what stands there."""

    size: Size
    high: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@lru_cache(maxsize=64)  # bars change with an epoch, and what they are a part of at every step
def _drawn(
    frame: _Frame, heights: tuple[float, ...], expected: tuple[float, ...] | None, colour: RGB, ascii_only: bool
) -> tuple[Strip, ...]:
    rows = max(1, frame.size.height - 2)
    margin = max((len(label) for _, label in frame.y_ticks), default=0)
    columns = max(1, frame.size.width - margin - 1)
    places = _places(len(heights), columns)
    labels = {min(rows - 1, int(value / frame.high * rows)): label for value, label in frame.y_ticks}
    strips = []
    for row in range(rows - 1, -1, -1):
        axis = f"{labels.get(row, ''):>{margin}}" + (
            ("|" if ascii_only else "┤") if row in labels else "|" if ascii_only else "│"
        )
        cells = _row(heights, expected, colour, row, rows / frame.high, ascii_only)
        strips.append(Strip([Segment(axis, _AXIS), *(cells[place] for place in places)]))
    line = ("+" + "-" * columns) if ascii_only else ("└" + "─" * columns)
    strips.append(Strip([Segment(" " * margin + line, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _x_labels(frame.x_ticks, places), _AXIS)]))
    return tuple(strip.adjust_cell_length(frame.size.width) for strip in strips)


def _places(count: int, columns: int) -> list[int | None]:
    """Which bar stands in each column; ``None`` is a gap.

    Bars of three columns and more have a gap between them. Narrower ones are closed up and fill the width, which makes
    some a column wider than others; when there are more bars than columns, they are picked evenly.
    """
    width = columns // count
    if width < 3:
        return [column * count // columns for column in range(columns)]
    return [column // width if column % width < width - 1 else None for column in range(width * count)]


def _row(
    heights: Sequence[float], expected: Sequence[float] | None, colour: RGB, row: int, scale: float, ascii_only: bool
) -> dict[int | None, Segment]:
    """A cell of each bar in the row ``row`` rows above the axis, and that of a gap; ``scale`` is rows per nat."""
    bar = Color.from_rgb(*colour)
    style = Style(color=bar)
    cells: dict[int | None, Segment] = {None: Segment(" ")}
    for index, height in enumerate(heights):
        eighths = min(8, max(0, round((height * scale - row) * 8)))
        cells[index] = Segment(("#" if eighths >= 4 else " ") if ascii_only else _EIGHTHS[eighths], style)
        if expected is not None and expected[index] > 0 and int(expected[index] * scale) == row:
            cells[index] = Segment("━", Style(color=_MARK, bgcolor=bar if eighths == 8 and not ascii_only else None))
    return cells


def _x_labels(ticks: Sequence[Tick], places: list[int | None]) -> str:
    """Each label begins under the first column of its bar."""
    line = ""
    for value, label in ticks:
        start = next(
            (column for column, place in enumerate(places) if place is not None and place >= value), len(places)
        )
        if start >= len(line) + bool(line) and start + len(label) <= len(places):
            line = line.ljust(start) + label
    return line
