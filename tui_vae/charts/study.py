"""Builds the chart of a study: a metric over the size of the models or over what varies, a line for each setting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tui_vae.charts.captions import model_name, whole_legend
from tui_vae.charts.curves import CurvePlot
from tui_vae.charts.description import CurveChart, Face, Line, Marks, Row, Span, Tick, margin_of
from tui_vae.charts.palette import GREY, GRID, bright, model_style
from tui_vae.charts.settings import CurveSettings
from tui_vae.view.axis import nice_ticks, tick_label
from tui_vae.view.numbers import short_count
from tui_vae.view.study_answer import PARAMETERS, StudyLine

_MEANING = "marks: seeds, lines: means with 95 % intervals "
_CORNERS = 4
"""Cells of the frame's corners and the spaces beside them."""
_MARGIN = 0.06
"""Of the range of an axis, left free on both sides."""


def study_chart(
    title: str, lines: Sequence[StudyLine], axis: str, settings: CurveSettings, columns: int, rows: int
) -> CurvePlot | None:
    """Describe a chart: one mark a seed, and the means with their 95 % intervals as lines.

    Args:
        title: Of the metric.
        lines: One for each setting or model.
        axis: ``PARAMETERS``, whose scale is logarithmic, or the name of an option.
        settings: How curves are drawn.
        columns: Of the picture in cells.
        rows: Of the picture.

    Returns:
        ``None`` without any value.
    """
    forward = _log if axis == PARAMETERS else float
    places = sorted({x for line in lines for x in line.x})
    values = [value for line in lines for _, _, value in line.marks]
    values += [end for line in lines for ends in line.interval if ends is not None for end in ends]
    values = [value for value in values if math.isfinite(value)]
    if not places or not values:
        return None
    y_range = _widened(min(values), max(values))
    x_range = _widened(forward(places[0]), forward(places[-1]))
    y_ticks = tuple((value, tick_label(value)) for value in nice_ticks(*y_range, max(2, rows // 3)))
    x_ticks = _x_ticks(places, axis, forward, x_range, max(1, columns - margin_of(y_ticks, columns)))
    drawn, marks, names = _strokes(lines, forward, settings)
    chart = CurveChart(
        columns=columns,
        rows=rows,
        x_range=x_range,
        y_range=y_range,
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        lines=tuple(drawn),
        marks=tuple(marks),
        axis=GREY,
        grid=GRID,
        face=settings.face,
    )
    return CurvePlot(
        chart=chart,
        title=(Span(f" {title} "),),
        legend=_legend(names, columns),
        whole_legend=whole_legend(names, [_MEANING]),
        readings=(),
        limits=(),
        text=tick_label,
        end=x_range[1],
    )


def _strokes(
    lines: Sequence[StudyLine], forward: Callable[[float], float], settings: CurveSettings
) -> tuple[list[Line], list[Marks], list[Span]]:
    """The means and their intervals, the seeds, and the names of the lines."""
    drawn: list[Line] = []
    marks: list[Marks] = []
    names: list[Span] = []
    for index, line in enumerate(lines):
        style = model_style(index, ascii_only=settings.ascii_only)
        names.append(model_name(line.label or "all trials", style))
        x = np.array([forward(place) for place in line.x])
        drawn.append(Line(x, np.array(line.mean), style.colour, style.marker))
        for place, ends in zip(x.tolist(), line.interval, strict=True):
            if ends is not None:
                drawn.append(Line(np.array([place, place]), np.array(ends), bright(style.colour), "|"))
        seeds = np.array([(forward(place), value) for place, _, value in line.marks])
        marks.append(Marks(seeds[:, 0], seeds[:, 1], bright(style.colour), style.marker, settings.face is Face.COLOURS))
    return drawn, marks, names


def _legend(names: Sequence[Span], columns: int) -> Row:
    """Name as many lines as fit, and say what marks and lines are where there is room left."""
    parts = [Span(" ")]
    room = columns - _CORNERS
    for index, name in enumerate(names):
        left = len(names) - index
        more = f"… {left - 1} more  " if left > 1 else ""
        if len(name.text) + len(more) > room:
            parts.append(Span(f"… {left} more  "))
            break
        parts.append(name)
        room -= len(name.text)
    else:
        parts += [Span(_MEANING)] if len(_MEANING) <= room else []
    return tuple(parts)


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = _MARGIN * (high - low) or max(1e-6, 0.05 * abs(high))
    return low - margin, high + margin


def _log(x: float) -> float:
    return math.log10(max(x, 1.0))


def _x_ticks(
    places: Sequence[float],
    axis: str,
    forward: Callable[[float], float],
    x_range: tuple[float, float],
    columns: int,
) -> tuple[Tick, ...]:
    """The values themselves, as many as fit next to each other."""
    ticks: list[Tick] = []
    free = -1.0
    for place in places:
        label = short_count(place) if axis == PARAMETERS else f"{place:g}"
        at = (forward(place) - x_range[0]) / (x_range[1] - x_range[0]) * columns
        if at - len(label) / 2 > free:
            ticks.append((forward(place), label))
            free = at + len(label) / 2 + 1
    return tuple(ticks)
