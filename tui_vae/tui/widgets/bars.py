"""Bars in eighths of a cell, with marks where theory has them: in plotext a mark would cut a hole into its bar."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.tui.charts import Bars, ChartData
from tui_vae.tui.palette import GREY

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARK = Color.from_rgb(245, 245, 245)
_AXIS = Style(color=Color.from_rgb(*GREY))


def draw_bars(data: ChartData, bars: Bars, size: Size, *, ascii_only: bool) -> list[Strip]:
    """The character cells of a bar chart: labels of y on the left, of x below."""
    rows = max(1, size.height - 2)
    margin = max((len(label) for _, label in data.y_ticks), default=0)
    columns = max(1, size.width - margin - 1)
    bar_width = max(1, columns // len(bars.heights))
    high = data.y_range[1]
    labels = {min(rows - 1, int(value / high * rows)): label for value, label in data.y_ticks}
    strips = []
    for row in range(rows - 1, -1, -1):
        axis = f"{labels.get(row, ''):>{margin}}" + (
            ("|" if ascii_only else "┤") if row in labels else "|" if ascii_only else "│"
        )
        strips.append(Strip([Segment(axis, _AXIS), *_row(bars, row, rows / high, bar_width, ascii_only)]))
    line = ("+" + "-" * columns) if ascii_only else ("└" + "─" * columns)
    strips.append(Strip([Segment(" " * margin + line, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _x_labels(data, bar_width, columns), _AXIS)]))
    return [strip.adjust_cell_length(size.width) for strip in strips]


def _row(bars: Bars, row: int, scale: float, bar_width: int, ascii_only: bool) -> list[Segment]:
    """The cells of one row, ``row`` rows above the axis; ``scale`` is rows per nat."""
    colour = Color.from_rgb(*bars.colour)
    segments = []
    gap = 1 if bar_width >= 3 else 0
    for index, height in enumerate(bars.heights.tolist()):
        eighths = min(8, max(0, round((height * scale - row) * 8)))
        character, style = _EIGHTHS[eighths], Style(color=colour)
        if ascii_only:
            character = "#" if eighths >= 4 else " "
        if bars.expected is not None and bars.expected[index] > 0 and int(bars.expected[index] * scale) == row:
            character = "=" if ascii_only else "━"
            style = Style(color=_MARK, bgcolor=colour if eighths == 8 and not ascii_only else None)
        segments.append(Segment(character * (bar_width - gap), style))
        segments.append(Segment(" " * gap))
    return segments


def _x_labels(data: ChartData, bar_width: int, columns: int) -> str:
    """Each label begins under the middle of its bar."""
    line = ""
    for value, label in data.x_ticks:
        start = int((value - 1) * bar_width + (bar_width - 1) // 2)
        if start >= len(line) + bool(line) and start + len(label) <= columns:
            line = line.ljust(start) + label
    return line
