"""Charts drawn in character cells: bars, and heat maps."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.charts.description import RGB, Tick
from tui_vae.charts.palette import GREY, MARK
from tui_vae.tui.widgets.chart_data import Bars, ChartData, Heat
from tui_vae.view.axis import tick_label
from tui_vae.view.image_cells import RAMP, UPPER_HALF

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARK = Color.from_rgb(*MARK)
_AXIS = Style(color=Color.from_rgb(*GREY))


def draw_bars(data: ChartData, bars: Bars, size: Size, *, ascii_only: bool) -> list[Strip]:
    """Draw a bar chart: labels of y on the left, of x below."""
    expected = None if bars.expected is None else tuple(bars.expected.tolist())
    frame = _BarFrame(size, data.y_range[1], data.x_ticks, data.y_ticks)
    return list(_bar_strips(frame, tuple(bars.heights.tolist()), expected, bars.colour, ascii_only))


class _BarFrame(NamedTuple):
    """What surrounds the bars: the value at the top, and the ticks of both axes."""

    size: Size
    high: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@lru_cache(maxsize=64)  # bars change with an epoch, and what they are a part of at every step
def _bar_strips(
    frame: _BarFrame, heights: tuple[float, ...], expected: tuple[float, ...] | None, colour: RGB, ascii_only: bool
) -> tuple[Strip, ...]:
    rows = max(1, frame.size.height - 2)
    margin = max((len(label) for _, label in frame.y_ticks), default=0)
    columns = max(1, frame.size.width - margin - 1)
    places = _columns_of_bars(len(heights), columns)
    labels = {min(rows - 1, int(value / frame.high * rows)): label for value, label in frame.y_ticks}
    strips = []
    for row in range(rows - 1, -1, -1):
        axis = f"{labels.get(row, ''):>{margin}}" + (
            ("|" if ascii_only else "┤") if row in labels else "|" if ascii_only else "│"
        )
        cells = _bar_row(heights, expected, colour, row, rows / frame.high, ascii_only)
        strips.append(Strip([Segment(axis, _AXIS), *(cells[place] for place in places)]))
    line = ("+" + "-" * columns) if ascii_only else ("└" + "─" * columns)
    strips.append(Strip([Segment(" " * margin + line, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _bar_labels(frame.x_ticks, places), _AXIS)]))
    return tuple(strip.adjust_cell_length(frame.size.width) for strip in strips)


def _columns_of_bars(count: int, columns: int) -> list[int | None]:
    """Return the bar in each column; ``None`` is a gap.

    Bars of three columns and more have a gap between them. Narrower ones are closed up and fill the width, which makes
    some a column wider than others; when there are more bars than columns, they are picked evenly.
    """
    width = columns // count
    if width < 3:
        return [column * count // columns for column in range(columns)]
    return [column // width if column % width < width - 1 else None for column in range(width * count)]


def _bar_row(
    heights: Sequence[float], expected: Sequence[float] | None, colour: RGB, row: int, scale: float, ascii_only: bool
) -> dict[int | None, Segment]:
    """Return a cell of each bar, and of a gap, in a row counted from the axis; ``scale`` is in rows per nat."""
    bar = Color.from_rgb(*colour)
    style = Style(color=bar)
    cells: dict[int | None, Segment] = {None: Segment(" ")}
    for index, height in enumerate(heights):
        eighths = min(8, max(0, round((height * scale - row) * 8)))
        cells[index] = Segment(("#" if eighths >= 4 else " ") if ascii_only else _EIGHTHS[eighths], style)
        if expected is not None and expected[index] > 0 and int(expected[index] * scale) == row:
            cells[index] = Segment("━", Style(color=_MARK, bgcolor=bar if eighths == 8 and not ascii_only else None))
    return cells


def _bar_labels(ticks: Sequence[Tick], places: list[int | None]) -> str:
    """Return the labels of x; each begins under the first column of its bar."""
    line = ""
    for value, label in ticks:
        start = next(
            (column for column, place in enumerate(places) if place is not None and place >= value), len(places)
        )
        if start >= len(line) + bool(line) and start + len(label) <= len(places):
            line = line.ljust(start) + label
    return line


_LOWER_HALF = "▄"
_LEVELS = 32
"""Colour steps; more could not be distinguished, and would take more styles."""

_DARK, _BRIGHT = (26, 28, 34), (250, 250, 250)
_FULL = 0.75
"""Share of the range at which the model's own colour is used: smaller values are darker, larger ones brighter."""

_APART = 2
"""Width of the separate column; one column before it is empty."""


def draw_heat(data: ChartData, heat: Heat, size: Size, *, shades: bool, ascii_only: bool) -> list[Strip]:
    """Draw a heat map: labels of y on the left, of x below."""
    lines = max(1, size.height - 2)
    margin = max((len(label) for _, label in data.y_ticks), default=0)
    columns = max(1, size.width - margin - 1 - (_APART + 1 if heat.apart is not None else 0))
    places = [column * heat.values.shape[1] // columns for column in range(columns)]
    each = 1 if shades else 2
    repeated = max(1, lines * each // len(heat.values))
    labels = {int(row) * repeated // each: label for row, label in reversed(data.y_ticks)}
    upright, corner, along = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    marked = "|" if ascii_only else "┤"
    strips = []
    for line in range(lines):
        axis = f"{labels.get(line, ''):>{margin}}{marked if line in labels else upright}"
        rows = [line * each // repeated] if shades else [(2 * line + half) // repeated for half in (0, 1)]
        strips.append(Strip([Segment(axis, _AXIS), *_heat_line(heat, rows, places)]))
    width = size.width - margin - 1
    strips.append(Strip([Segment(" " * margin + corner + along * width, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _heat_labels(data, heat, places, width), _AXIS)]))
    return [strip.adjust_cell_length(size.width) for strip in strips]


def legend(heat: Heat, *, shades: bool) -> Text:
    """Return the scale of colours with its unit."""
    text = Text("0 ")
    steps = len(RAMP)
    for step in range(steps):
        share = step / (steps - 1)
        if shades:
            text.append(_shade(share))
        else:
            text.append("█", Style(color=_colour(heat.colour, round(share * _LEVELS))))
    return text.append(f" {tick_label(float(f'{heat.high:.2g}'))} nats")


def _heat_line(heat: Heat, rows: list[int], places: list[int]) -> list[Segment]:
    """Return a line of cells, which shows one row of values or two."""
    inside = [row if row < len(heat.values) else None for row in rows]
    values = [[math.nan] * len(places) if row is None else heat.values[row][places].tolist() for row in inside]
    segments = _cells(values, heat)
    if heat.apart is not None:
        apart = [[math.nan if row is None else float(heat.apart[row])] * _APART for row in inside]
        segments += [Segment(" "), *_cells(apart, heat)]
    return segments


def _cells(values: list[list[float]], heat: Heat) -> list[Segment]:
    shares = [[value / heat.high if math.isfinite(value) else None for value in row] for row in values]
    if len(shares) == 1:
        return [Segment("".join(" " if share is None else _shade(share) for share in shares[0]))]
    upper, lower = ([_level(share) for share in row] for row in shares)
    pairs = groupby(zip(upper, lower, strict=True))
    return [_half_blocks(heat.colour, *pair, len(list(cells))) for pair, cells in pairs]


def _level(share: float | None) -> int | None:
    return None if share is None else round(min(1.0, max(0.0, share)) * _LEVELS)


def _half_blocks(colour: RGB, upper: int | None, lower: int | None, count: int) -> Segment:
    if upper is None:
        return Segment(" " * count) if lower is None else Segment(_LOWER_HALF * count, _heat_style(colour, lower, None))
    return Segment(UPPER_HALF * count, _heat_style(colour, upper, lower))


def _shade(share: float) -> str:
    return RAMP[min(len(RAMP) - 1, max(0, int(share * len(RAMP))))]


@functools.lru_cache(maxsize=8192)
def _heat_style(colour: RGB, front: int, back: int | None) -> Style:
    return Style(color=_colour(colour, front), bgcolor=_colour(colour, back) if back is not None else None)


def _colour(colour: RGB, level: int) -> Color:
    share = level / _LEVELS
    low, high, at = (_DARK, colour, share / _FULL) if share <= _FULL else (colour, _BRIGHT, (share - _FULL) / 0.5)
    red, green, blue = (round(a + (b - a) * at) for a, b in zip(low, high, strict=True))
    return Color.from_rgb(red, green, blue)


def _heat_labels(data: ChartData, heat: Heat, places: list[int], width: int) -> str:
    """Return the labels of x: each begins under its column; the label of the separate column is at the right."""
    last = f" {heat.apart_label}" if heat.apart is not None else ""
    room = width - len(last)
    line = ""
    for value, label in data.x_ticks:
        start = next((column for column, place in enumerate(places) if place >= value), len(places))
        if start >= len(line) + bool(line) and start + len(label) <= room:
            line = line.ljust(start) + label
    return line.ljust(room) + last
