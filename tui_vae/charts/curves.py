"""Builds charts of one metric of every model over training: descriptions, captions, and values for a cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from tui_vae.charts.captions import ASCII_HELD_OUT, NARROW, legend, meanings_of, model_name, title, whole_legend
from tui_vae.charts.description import Band, Colour, CurveChart, Face, LimitLine, Line, Marks, Row, Tick, margin_of
from tui_vae.charts.metric_series import (
    CurvePoints,
    Quantity,
    Trace,
    end_of_trace,
    held_out_points,
    traces_of,
    training_points,
    wanted_traces,
)
from tui_vae.charts.palette import GREY, GRID, LIMIT, ModelStyle, bright, faded
from tui_vae.charts.settings import CurveSettings, x_ticks
from tui_vae.view.axis import TRANSIENT, Symlog, nice_ticks, tick_label, y_range_after_transient
from tui_vae.view.decimation import IntArray, Window, extremes, means, within
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState

LOST = "×"
"""Marks, at the lower edge, values that are not finite."""
MOST_BANDS = 4
"""Most models with a band and a held-out line each; of more there is one line each."""
_BETWEEN_MARKS = (4, 8)
"""Least columns between two marks; in a narrow chart."""
Points = tuple[FloatArray, FloatArray]
"""x and y."""


@dataclass(frozen=True)
class Reading:
    """The values of one model over x: as drawn, unsmoothed where that differs, and held out."""

    label: str
    style: ModelStyle
    training: Points | None
    raw: Points | None
    held_out: Points | None


@dataclass(frozen=True)
class CurvePlot:
    """A chart with its title, legend and the values that a cursor reads."""

    chart: CurveChart
    title: Row
    legend: Row
    """As much of the legend as fits into the frame."""
    whole_legend: Row
    """The complete legend, in spans between which a line may break."""
    readings: tuple[Reading, ...]
    limits: tuple[float, ...]
    """Theoretical optima of linear models, the same at every x."""
    text: Callable[[float], str]
    """Formats a value."""
    end: float
    """The greatest x."""


class CurveBuilder(Protocol):
    """Builds a chart from a state, settings, the size of the picture in cells, and runs to compare with."""

    def __call__(
        self, state: RunState, settings: CurveSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> CurvePlot | None:
        """``None`` while there is nothing to draw."""


def curve_chart(quantity: Quantity) -> CurveBuilder:
    """Return a builder of charts of one quantity, for the wanted models and the visible range of x."""

    def build(
        state: RunState, settings: CurveSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> CurvePlot | None:
        traces = wanted_traces(traces_of(state, others, ascii_only=settings.ascii_only), settings.wanted)
        end = max((end_of_trace(trace, settings.x_axis) for trace in traces), default=0.0) or 1.0
        window = settings.window or (0.0, end)
        curves = [
            curve for trace in traces if (curve := _curve(quantity, trace, settings, window, columns)) is not None
        ]
        if not curves:
            return None
        if len(curves) > MOST_BANDS:
            curves = [curve._replace(is_dense=False) for curve in curves]
        runs = (state,) if state.models else others
        models = [model for run in runs for model in run.models.values()]
        limits = sorted({limit for model in models if (limit := quantity.limit(model)) is not None})
        axis = _y_axis(quantity, curves, limits, settings, rows)
        readings = tuple(curve.reading for curve in curves)
        names = [model_name(curve.reading.label, curve.reading.style) for curve in curves]
        has_bands = any(curve.is_dense for curve in curves)
        has_both = any(curve.reading.training and curve.reading.held_out for curve in curves)
        meanings = meanings_of(settings, has_bands=has_bands, has_both=has_both)
        begins_at = axis.top if settings.window is None and axis.top > axis.span[1] else None
        return CurvePlot(
            chart=_chart(
                curves, limits if axis.is_finite else [], quantity.text, axis, settings, window, (columns, rows)
            ),
            title=title(quantity, settings, columns, is_finite=axis.is_finite, begins_at=begins_at),
            legend=legend(names, meanings, columns),
            whole_legend=whole_legend(names, meanings),
            readings=readings,
            limits=tuple(limits),
            text=quantity.text,
            end=end,
        )

    return build


# One model


class _Curve(NamedTuple):
    """The visible values of one model: those in the window, and one point on each side."""

    reading: Reading
    training: CurvePoints | None
    held_out: Points | None
    is_dense: bool
    """Whether several steps share a column, so that there are a band and a line of their means."""


def _curve(quantity: Quantity, trace: Trace, settings: CurveSettings, window: Window, columns: int) -> _Curve | None:
    training = training_points(quantity, trace, settings.x_axis, settings.smoothing)
    held_out = held_out_points(quantity, trace, settings.x_axis)
    if training is None and held_out is None:
        return None
    shown = raw = part = marks = None
    if training is not None:
        shown = training.x, training.smooth
        raw = (training.x, training.y) if settings.smoothing > 1 else None
        inside = within(training.x, settings.window)
        part = CurvePoints(*(values[inside] for values in training))
    if held_out is not None:
        inside = within(held_out.x, settings.window)
        marks = held_out.x[inside], held_out.y[inside]
    reading = Reading(trace.label, trace.style, shown, raw, held_out and (held_out.x, held_out.y))
    return _Curve(reading, part, marks, part is not None and len(part.x) > columns)


# The axis of y


class _YAxis(NamedTuple):
    """Range and ticks in axis coordinates; ``forward`` converts values to them."""

    span: tuple[float, float]
    ticks: tuple[Tick, ...]
    forward: Callable[[FloatArray], FloatArray]
    top: float
    """The greatest value, which may lie above the range."""
    is_finite: bool = True

    def position(self, value: float) -> float:
        """Convert one value to axis coordinates."""
        return float(self.forward(np.array([value]))[0])


def _y_axis(
    quantity: Quantity, curves: Sequence[_Curve], limits: Sequence[float], settings: CurveSettings, rows: int
) -> _YAxis:
    """Choose range and ticks for what is visible."""
    drawn = [points for curve in curves for points in _extent(curve, settings)]
    window = settings.window
    if window is None:
        visible, span = drawn, y_range_after_transient(drawn, limits, TRANSIENT)
    else:
        visible = [(x[inside], y[inside]) for x, y in drawn for inside in [(x >= window[0]) & (x <= window[1])]]
        span = y_range_after_transient(visible, [], 0.0) or y_range_after_transient(drawn, [], 0.0)
    if span is None:
        return _YAxis((0.0, 1.0), (), np.copy, 0.0, is_finite=False)
    low, high = span
    top = max((float(y[np.isfinite(y)].max(initial=-np.inf)) for _, y in visible), default=high)
    most = max(2, rows // 3)
    if not settings.log_y:
        values = nice_ticks(low, high, most, whole=quantity.whole)
        return _YAxis(span, tuple((v, tick_label(v)) for v in values), np.copy, top)
    high = max(high, top)
    scale = Symlog.fitting(low, high)
    values = scale.ticks(low, high, most)
    places = scale.forward(np.array(values, dtype=float)).tolist()
    low, high = scale.forward(np.array([low, high])).tolist()
    return _YAxis((low, high), tuple(zip(places, map(tick_label, values), strict=True)), scale.forward, top)


def _extent(curve: _Curve, settings: CurveSettings) -> list[Points]:
    """Return the points of a model that the range of y has to cover."""
    points = [] if curve.held_out is None else [curve.held_out]
    training = curve.training
    if training is not None and curve.is_dense:
        return [(training.x, training.low), (training.x, training.high), *points]
    if training is not None:
        points.append((training.x, training.smooth))
        if settings.smoothing > 1:
            points.append((training.x, training.y))
    return points


# The picture


class _Colours(NamedTuple):
    """Colours of one model."""

    line: Colour
    band: Colour
    held_out: Colour


def _colours(style: ModelStyle, face: Face) -> _Colours:
    if face is Face.COLOURS:
        return _Colours(style.colour, faded(style.colour), bright(style.colour))
    return _Colours(style.colour, style.colour, style.colour)


def _chart(
    curves: Sequence[_Curve],
    limits: Sequence[float],
    text: Callable[[float], str],
    axis: _YAxis,
    settings: CurveSettings,
    window: Window,
    size: tuple[int, int],
) -> CurveChart:
    columns, rows = size
    room = max(1, columns - margin_of(axis.ticks, columns))
    bands: list[Band] = []
    raw: list[Line] = []
    lines: list[Line] = []
    held_out: list[Line] = []
    marks: list[Marks] = []
    for curve in curves:
        style, colours = curve.reading.style, _colours(curve.reading.style, settings.face)
        if curve.training is not None:
            x, y, low, high, smooth = curve.training
            if curve.is_dense:
                places, least, greatest = extremes(x, low, high, window, room)
                bands.append(Band(places, axis.forward(least), axis.forward(greatest), colours.band))
            elif settings.smoothing > 1 and len(curves) <= MOST_BANDS:
                raw.append(Line(x, axis.forward(y), colours.band, ","))
            if len(x) > room:
                x, smooth = means(x, smooth, window, room)
            lines.append(Line(x, axis.forward(smooth), colours.line, style.marker))
            marks += _lost(lines[-1], axis)
        if curve.held_out is not None:
            x, y = curve.held_out
            if len(x) > room:
                x, y = means(x, y, window, room)
            line = Line(x, axis.forward(y), colours.held_out, style.marker)
            few = _spread(line, window, room)
            if len(curves) > MOST_BANDS:
                line, few = replace(line, colour=colours.line), few[-1:]
            if curve.training is None or (len(curves) <= MOST_BANDS and not settings.ascii_only):
                held_out.append(line)
            symbol = ASCII_HELD_OUT if settings.ascii_only else style.marker
            exact = settings.face is Face.COLOURS
            marks.append(Marks(line.x[few], line.y[few], line.colour, symbol, exact))
            marks += _lost(line, axis)
    return CurveChart(
        columns=columns,
        rows=rows,
        x_range=window,
        y_range=axis.span,
        x_ticks=x_ticks(settings.x_axis, window, room),
        y_ticks=axis.ticks,
        bands=tuple(bands),
        lines=(*raw, *lines, *held_out),
        marks=tuple(marks),
        limits=tuple(LimitLine(axis.position(limit), f"exact limit {text(limit)}", LIMIT) for limit in limits),
        axis=GREY,
        grid=GRID,
        face=settings.face,
    )


def _lost(line: Line, axis: _YAxis) -> list[Marks]:
    """Return marks at the lower edge where values of a line are not finite."""
    places = line.x[~np.isfinite(line.y)]
    return [Marks(places, np.full(len(places), axis.span[0]), line.colour, LOST)] if len(places) else []


def _spread(line: Line, window: Window, columns: int) -> IntArray:
    """Return the indices of points with marks: the newest visible one, and earlier ones at sufficient distances."""
    least = _BETWEEN_MARKS[columns < NARROW] * (window[1] - window[0]) / columns
    seen = np.flatnonzero((line.x >= window[0]) & (line.x <= window[1]) & np.isfinite(line.y))
    chosen: list[int] = []
    for index in reversed(seen.tolist()):
        if not chosen or line.x[chosen[-1]] - line.x[index] >= 0.999 * least:
            chosen.append(index)
    return np.array(chosen[::-1], dtype=np.int64)
