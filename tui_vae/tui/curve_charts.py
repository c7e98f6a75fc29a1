"""Charts of one quantity of every model over training: the training curve as a line, held-out values as marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.text import Text

from tui_vae.tui.charts import Builder, ChartData, ChartSettings, Curve, Points, Reading
from tui_vae.tui.palette import GREY, RGB
from tui_vae.tui.quantities import History, Quantity, held_out_points, training_points
from tui_vae.tui.traces import traces_of, wanted_traces
from tui_vae.tui.x_axis import X_LABELS, end_of_trace, x_ticks
from tui_vae.view.axis import TRANSIENT, Symlog, nice_ticks, settled_range, tick_label
from tui_vae.view.curves import Window, downsampled, within
from tui_vae.view.printable import printable
from tui_vae.view.state import RunState

LOST = "×"
"""Stands at the lower edge where a value was not finite."""
_NARROW = 50
"""Columns below which a legend names x alone."""
_MEANINGS = (
    ("line train, mark held out  ", "─ exact limit of linear  "),
    ("line train, mark held out  ", "─ limit  "),
    ("mark held out  ", "─ limit  "),
    ("", "─ limit  "),
    ("", ""),
)
"""Of lines and marks, and of the limit: the first whose length leaves room for the names of all models."""


def curve_chart(quantity: Quantity) -> Builder:
    """A chart of one quantity of every model that is wanted, over the part of x that is looked at."""

    def build(
        state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> ChartData | None:
        traces = wanted_traces(traces_of(state, others, ascii_only=settings.ascii_only), settings.wanted)
        behind: list[Curve] = []
        lines: list[Curve] = []
        marks: list[Curve] = []
        readings: list[Reading] = []
        for trace in traces:
            training = training_points(quantity, trace, settings.x_axis, settings.smoothing)
            held_out = held_out_points(quantity, trace, settings.x_axis)
            raw = shown = None
            if training is not None:
                shown = training.x, training.smooth
                lines.append(_line(training, shown, settings, columns, trace.style.colour))
                if settings.smoothing > 1:
                    raw = training.x, training.y
                    behind.append(_line(training, raw, settings, columns, trace.style.faded))
            if held_out is not None:
                marks.append(Curve(*_part(held_out, settings.window), trace.style.colour, trace.style.marker))
            if training is not None or held_out is not None:
                reading = Reading(trace.label, trace.style, shown, raw, held_out and (held_out.x, held_out.y))
                readings.append(reading)
        if not readings:
            return None
        limits = {limit for model in state.models.values() if (limit := quantity.limit(model)) is not None}
        end = max(end_of_trace(trace, settings.x_axis) for trace in traces) or 1.0
        window = settings.window or (0.0, end)
        data = ChartData(
            title=Text(),
            subtitle=_legend(readings, settings, bool(limits), columns),
            x_range=window,
            y_range=(0.0, 1.0),
            x_ticks=x_ticks(settings.x_axis, window, columns),
            y_ticks=(),
            curves=(*behind, *lines, *marks),
            lines=tuple((limit, GREY) for limit in sorted(limits)),
            readings=tuple(readings),
            limits=tuple(sorted(limits)),
            text=quantity.text,
            end=end,
        )
        return _framed(data, quantity, settings, columns, rows)

    return build


def _part(points: History, window: Window | None) -> Points:
    part = within(points.x, window)
    return points.x[part], points.y[part]


def _line(history: History, shown: Points, settings: ChartSettings, columns: int, colour: RGB) -> Curve:
    """As many points of a line as there are columns for; ``shown`` is the history itself or what was smoothed of it."""
    part = within(history.x, settings.window)
    x, y = shown[0][part], shown[1][part]
    low = high = None
    # Where several steps share a column, a loss is drawn from its least to its greatest, so that no spike is lost.
    if shown[1] is history.y and history.low is not history.y and len(x) > columns:
        low, high = history.low[part], history.high[part]
    return Curve(*downsampled(x, y, columns, low, high, settings.window), colour)


def _framed(data: ChartData, quantity: Quantity, settings: ChartSettings, columns: int, rows: int) -> ChartData:
    """With a range of y that suits what is visible, ticks, the title, and marks where values were lost."""
    plain = [_inside(curve, data.x_range) for curve in data.curves]
    if settings.window is None:
        span = settled_range(plain, [y for y, _ in data.lines], TRANSIENT)
    else:
        span = settled_range(plain, [], 0.0) or settled_range([(curve.x, curve.y) for curve in data.curves], [], 0.0)
    title = Text(f" {quantity.title if columns >= 40 else quantity.short_title}")
    if span is None:
        return replace(data, title=title.append(" · no finite value "), curves=_with_lost(data, 0.0), lines=())
    low, high = span
    top = max((float(y[np.isfinite(y)].max(initial=-np.inf)) for _, y in plain), default=high)
    ticks = max(2, rows // 3)
    if settings.log_y:
        high = max(high, top)
        scale = Symlog.fitting(low, high)
        values = scale.ticks(low, high, ticks)
        places = scale.forward(np.array(values)).tolist()
        low, high = (float(v) for v in scale.forward(np.array([low, high])))
        curves = tuple(replace(curve, y=scale.forward(curve.y)) for curve in data.curves)
        lines = tuple((float(scale.forward(np.array([y]))[0]), colour) for y, colour in data.lines)
        data = replace(data, curves=curves, lines=lines)
        title.append(" · log")
    else:
        values = places = nice_ticks(low, high, ticks, whole=quantity.whole)
        if settings.window is None and top > high and columns >= _NARROW:
            title.append(f" · begins at {tick_label(float(f'{top:.3g}'))}", style="dim")
    if settings.window is not None:
        title.append(" · zoomed")
    if settings.wanted:
        title.append(f" · only {settings.wanted}")
    return replace(
        data,
        title=title.append(" "),
        y_range=(low, high),
        y_ticks=tuple(zip(places, map(tick_label, values), strict=True)),
        curves=_with_lost(data, low),
    )


def _inside(curve: Curve, window: Window) -> Points:
    inside = (curve.x >= window[0]) & (curve.x <= window[1])
    return curve.x[inside], curve.y[inside]


def _with_lost(data: ChartData, low: float) -> tuple[Curve, ...]:
    """The curves, and marks at the lower edge where their values are not finite."""
    lost = []
    for curve in data.curves:
        places = curve.x[~np.isfinite(curve.y)]
        if len(places):
            lost.append(Curve(places, np.full(len(places), low), curve.colour, LOST))
    return (*data.curves, *lost)


def _legend(readings: Sequence[Reading], settings: ChartSettings, has_limit: bool, columns: int) -> Text:
    """Which model is which, what lines and marks mean where that leaves room, and the unit of x."""
    if columns < _NARROW:
        return Text(f" x: {settings.x_axis} ")
    names = [
        Text(f"{reading.style.marker} {printable(reading.label)}  ", style=reading.style.style) for reading in readings
    ]
    both = any(reading.training and reading.held_out for reading in readings)
    signs = f"smoothed {settings.smoothing}  " if settings.smoothing > 1 else ""
    signs += f"x: {X_LABELS[settings.x_axis]} "
    tail = ""
    for lines_and_marks, limit in _MEANINGS:
        tail = (lines_and_marks if both else "") + (limit if has_limit else "") + signs
        if 1 + sum(name.cell_len for name in names) + len(tail) <= columns:
            break
    legend = Text(" ")
    while names:
        more = f"… {len(names) - 1} more  " if len(names) > 1 else ""
        room = columns - legend.cell_len - len(tail)
        if names[0].cell_len + len(more) > room and sum(name.cell_len for name in names) > room:
            legend.append(f"… {len(names)} more  ")
            break
        legend.append(names.pop(0))
    return legend.append(tail)
