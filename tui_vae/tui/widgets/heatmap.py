"""Heat maps: two values a character cell in half blocks, or one as a shade of ASCII where there are no colours."""

from __future__ import annotations

import functools
import math
from itertools import groupby

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.charts.description import RGB
from tui_vae.charts.palette import GREY
from tui_vae.tui.widgets.chart_data import ChartData, Heat
from tui_vae.view.axis import tick_label
from tui_vae.view.image_cells import RAMP, UPPER_HALF

_AXIS = Style(color=Color.from_rgb(*GREY))
_LOWER_HALF = "▄"
_LEVELS = 32
"""Steps of colour; more are not told apart, and make more styles."""

_DARK, _BRIGHT = (26, 28, 34), (250, 250, 250)
_FULL = 0.75
"""Share of the range at which a model's own colour stands: below it is darker, above brighter."""

_APART = 2
"""Columns of what stands apart; one more is left empty before it."""


def draw_heat(data: ChartData, heat: Heat, size: Size, *, shades: bool, ascii_only: bool) -> list[Strip]:
    """The character cells of a heat map: labels of y on the left, of x below."""
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
        strips.append(Strip([Segment(axis, _AXIS), *_line(heat, rows, places)]))
    width = size.width - margin - 1
    strips.append(Strip([Segment(" " * margin + corner + along * width, _AXIS)]))
    strips.append(Strip([Segment(" " * (margin + 1) + _x_labels(data, heat, places, width), _AXIS)]))
    return [strip.adjust_cell_length(size.width) for strip in strips]


def legend(heat: Heat, *, shades: bool) -> Text:
    """What the colours stand for, with the unit."""
    text = Text("0 ")
    steps = len(RAMP)
    for step in range(steps):
        share = step / (steps - 1)
        if shades:
            text.append(_shade(share))
        else:
            text.append("█", Style(color=_colour(heat.colour, round(share * _LEVELS))))
    return text.append(f" {tick_label(float(f'{heat.high:.2g}'))} nats")


def _line(heat: Heat, rows: list[int], places: list[int]) -> list[Segment]:
    """One line of cells, which shows one row of values or two."""
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
        return Segment(" " * count) if lower is None else Segment(_LOWER_HALF * count, _style(colour, lower, None))
    return Segment(UPPER_HALF * count, _style(colour, upper, lower))


def _shade(share: float) -> str:
    return RAMP[min(len(RAMP) - 1, max(0, int(share * len(RAMP))))]


@functools.lru_cache(maxsize=8192)
def _style(colour: RGB, front: int, back: int | None) -> Style:
    return Style(color=_colour(colour, front), bgcolor=_colour(colour, back) if back is not None else None)


def _colour(colour: RGB, level: int) -> Color:
    share = level / _LEVELS
    low, high, at = (_DARK, colour, share / _FULL) if share <= _FULL else (colour, _BRIGHT, (share - _FULL) / 0.5)
    red, green, blue = (round(a + (b - a) * at) for a, b in zip(low, high, strict=True))
    return Color.from_rgb(red, green, blue)


def _x_labels(data: ChartData, heat: Heat, places: list[int], width: int) -> str:
    """Each label begins under the first column of its epoch; what stands apart is named at the right end."""
    last = f" {heat.apart_label}" if heat.apart is not None else ""
    room = width - len(last)
    line = ""
    for value, label in data.x_ticks:
        start = next((column for column, place in enumerate(places) if place >= value), len(places))
        if start >= len(line) + bool(line) and start + len(label) <= room:
            line = line.ljust(start) + label
    return line.ljust(room) + last
