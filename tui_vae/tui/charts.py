"""What each chart shows, as plain data made from the state of a run. Nothing here draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from rich.text import Text

from tui_vae.tui.palette import GREY, RGB, ModelStyle, model_style
from tui_vae.tui.traces import Trace, traces_of
from tui_vae.view.axis import Symlog, nice_ticks, settled_range, tick_label
from tui_vae.view.curves import downsampled, smoothed
from tui_vae.view.numbers import duration
from tui_vae.view.series import FloatArray
from tui_vae.view.state import ModelState, RunState

XAxis = Literal["steps", "epochs", "time"]
X_AXES: tuple[XAxis, ...] = ("steps", "epochs", "time")
SMOOTHING_WINDOWS = (1, 3, 5, 10, 25, 50, 100)


@dataclass(frozen=True)
class ChartSettings:
    """What the user has chosen for all charts."""

    x_axis: XAxis = "steps"
    log_y: bool = False
    smoothing: int = 1
    selected: str | None = None
    """The model of charts that show one."""
    ascii_only: bool = False
    shades: bool = False
    """Draw pictures as shades of ASCII."""
    by_index: bool = False
    """Latents in the order of their index, not of their KL."""
    over_epochs: bool = False
    """The KL of latents over the epochs, not at the newest alone."""


@dataclass(frozen=True)
class Curve:
    """Points of one curve in axis coordinates, drawn as a line or as single marks."""

    x: FloatArray
    y: FloatArray
    colour: RGB
    marker: str | None = None
    """A character for each point; ``None`` draws a line."""


@dataclass(frozen=True)
class Bars:
    """Bars of one height each, and marks where theory has them; their x is their index."""

    heights: FloatArray
    colour: RGB
    expected: FloatArray | None = None


@dataclass(frozen=True)
class Heat:
    """Values from 0 to ``high`` as colours, ``(rows, columns)``, and a column ``(rows,)`` that stands apart.

    Row 0 is the topmost, and what is not finite is left empty.
    """

    values: FloatArray
    high: float
    colour: RGB
    apart: FloatArray | None = None
    apart_label: str = ""


@dataclass(frozen=True)
class ChartData:
    """Everything that a chart draws."""

    title: Text
    subtitle: Text
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...] = ()
    lines: tuple[tuple[float, RGB], ...] = ()
    bars: Bars | None = None
    heat: Heat | None = None


Points = tuple[FloatArray, FloatArray]
"""x and y."""


class Builder(Protocol):
    """From a state, settings, the columns and rows of the plot, and the runs to compare with to what is drawn."""

    def __call__(
        self, state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> ChartData | None:
        """``None`` while there is nothing to draw."""


def styles_of(state: RunState, *, ascii_only: bool) -> dict[str, ModelStyle]:
    return {name: model_style(index, ascii_only=ascii_only) for index, name in enumerate(state.models)}


def curve_chart(column: Literal["loss", "reconstruction", "kl"], title: str, short_title: str) -> Builder:
    """A chart of one column of every model's history: the training curve as a line, the held-out value as marks.

    Args:
        column: What is drawn.
        title: What it is and in which unit.
        short_title: The same where there is little space.
    """

    def build(
        state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> ChartData | None:
        traces = traces_of(state, others, ascii_only=settings.ascii_only)
        lines: list[Curve] = []
        marks: list[Curve] = []
        behind: list[Curve] = []
        for trace in traces:
            model, style, steps_per_epoch = trace.model, trace.style, trace.steps_per_epoch
            raw, line = _training_curves(model, column, settings, columns, steps_per_epoch)
            if raw is not None:
                behind.append(Curve(*raw, style.faded))
            if line is not None:
                lines.append(Curve(*line, style.colour))
            held_out = _held_out_points(model, column, settings.x_axis, steps_per_epoch)
            if held_out is not None:
                marks.append(Curve(*held_out, style.colour, style.marker))
        if not lines and not marks:
            return None
        limits = _limits(state) if column == "loss" else ()
        curves = (*behind, *lines, *marks)
        return _framed(traces, settings, title if columns >= 40 else short_title, curves, limits, (columns, rows))

    return build


def _training_curves(
    model: ModelState, column: str, settings: ChartSettings, columns: int, steps_per_epoch: float
) -> tuple[Points | None, Points | None]:
    """The raw curve, where a smoothed one stands before it, and the curve itself."""
    history = model.progress
    if not len(history):
        return None, None
    x = history.column("step")
    if settings.x_axis == "epochs":
        x = x / steps_per_epoch
    elif settings.x_axis == "time":
        x = history.column("t") - _start(model)
    y = history.column(column)
    # Where several steps share a column, the loss is drawn from its least to its greatest, so that no spike is lost.
    crowded = column == "loss" and len(x) > columns
    raw = downsampled(x, y, columns, *((history.column("loss_min"), history.column("loss_max")) if crowded else ()))
    if settings.smoothing <= 1:
        return None, raw
    return raw, downsampled(x, smoothed(y, settings.smoothing), columns)


def _held_out_points(model: ModelState, column: str, axis: XAxis, steps_per_epoch: float) -> Points | None:
    if not model.held_out:
        return None
    values = {"loss": lambda e: -e.elbo, "reconstruction": lambda e: e.reconstruction, "kl": lambda e: e.kl}
    y = np.array([values[column](epoch) for epoch in model.held_out])
    if axis == "time":
        return np.array([epoch.t - _start(model) for epoch in model.held_out]), y
    epochs = np.array([float(epoch.epoch) for epoch in model.held_out])
    return (epochs if axis == "epochs" else epochs * steps_per_epoch), y


def _start(model: ModelState) -> float:
    return model.started_at if model.started_at is not None else 0.0


def _limits(state: RunState) -> tuple[tuple[float, RGB], ...]:
    limits = {model.limit.held_out for model in state.models.values() if model.limit is not None}
    return tuple((-limit, GREY) for limit in sorted(limits))


def _framed(
    traces: Sequence[Trace],
    settings: ChartSettings,
    title: str,
    curves: tuple[Curve, ...],
    lines: tuple[tuple[float, RGB], ...],
    size: tuple[int, int],
) -> ChartData | None:
    """Ranges, ticks, title and legend around curves given in plain values."""
    extra = [y for y, _ in lines]
    span = settled_range([(curve.x, curve.y) for curve in curves], extra)
    if span is None:
        return None
    low, high = span
    top = max((float(curve.y[np.isfinite(curve.y)].max(initial=-np.inf)) for curve in curves), default=high)
    columns, rows = size
    tick_count = max(2, rows // 3)
    if settings.log_y:
        high = max(high, top)
        scale = Symlog.fitting(low, high)
        values = scale.ticks(low, high, tick_count)
        y_ticks = tuple((float(scale.forward(np.array([v]))[0]), tick_label(v)) for v in values)
        curves = tuple(replace(curve, y=scale.forward(curve.y)) for curve in curves)
        lines = tuple((float(scale.forward(np.array([y]))[0]), colour) for y, colour in lines)
        low, high = (float(v) for v in scale.forward(np.array([low, high])))
    else:
        y_ticks = tuple((v, tick_label(v)) for v in nice_ticks(low, high, tick_count))
    right = max((float(curve.x[-1]) for curve in curves if len(curve.x)), default=1.0) or 1.0
    heading = Text(f" {title}")
    if settings.log_y:
        heading.append(" · log")
    elif top > high and columns >= 50:
        heading.append(f" · begins at {tick_label(float(f'{top:.3g}'))}", style="dim")
    return ChartData(
        title=heading.append(" "),
        subtitle=_legend(traces, settings, bool(lines), columns),
        x_range=(0.0, right),
        y_range=(low, high),
        x_ticks=_x_ticks(settings.x_axis, right, columns),
        y_ticks=y_ticks,
        curves=tuple(_clipped(curve, low, high) for curve in curves),
        lines=lines,
    )


def _clipped(curve: Curve, low: float, high: float) -> Curve:
    keep = np.isfinite(curve.y) & (curve.y >= low) & (curve.y <= high)
    return replace(curve, x=curve.x[keep], y=curve.y[keep])


def _x_ticks(axis: XAxis, right: float, columns: int) -> tuple[tuple[float, str], ...]:
    ticks = nice_ticks(0, right, max(2, columns // 14))
    labels = [duration(v) if axis == "time" else tick_label(v) for v in ticks]
    return tuple(zip(ticks, labels, strict=True))


def _legend(traces: Sequence[Trace], settings: ChartSettings, has_limit: bool, columns: int) -> Text:
    """What the marks mean, as far as the width allows, and the unit of x."""
    legend = Text(" ")
    if columns >= 50:
        for trace in traces:
            legend.append(f"{trace.style.marker} {trace.label}  ", style=trace.style.style)
        legend.append("line train, mark held out  ")
        if has_limit:
            legend.append("─ exact limit of linear  " if columns >= 90 else "─ limit  ")
    if settings.smoothing > 1 and columns >= 50:
        legend.append(f"smoothed {settings.smoothing}  ")
    return legend.append(f"x: {settings.x_axis} ")
