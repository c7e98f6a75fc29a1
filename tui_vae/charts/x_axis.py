"""Steps, epochs or time along x: where the points of a model lie, how far x reaches, and how a place is written."""

from __future__ import annotations

import numpy as np

from tui_vae.charts.plotted_models import Trace
from tui_vae.charts.settings import XAxis
from tui_vae.view.axis import nice_ticks, tick_label
from tui_vae.view.decimation import Window
from tui_vae.view.numbers import duration
from tui_vae.view.series import FloatArray

X_LABELS: dict[XAxis, str] = {"steps": "steps", "epochs": "epochs", "time": "time, min:s"}


def x_of_trace(trace: Trace, axis: XAxis, steps: FloatArray, times: FloatArray) -> FloatArray:
    """Steps, epochs, or seconds since the model first started; a clock that was set back stands still."""
    if axis == "time":
        start = trace.model.started_at
        return np.maximum.accumulate(times - (start if start is not None else 0.0))
    return steps if axis == "steps" else steps / trace.steps_per_epoch


def place_on(trace: Trace, place: float, before: XAxis, after: XAxis) -> float:
    """Where a place of one axis lies on another, by the points of a model; beyond the last of them in proportion."""
    if "time" not in (before, after):
        return place / trace.steps_per_epoch if after == "epochs" else place * trace.steps_per_epoch
    history = trace.model.progress
    steps, times = (np.concatenate(([0.0], history.column(name))) for name in ("step", "t"))
    times[0] = trace.model.started_at or 0.0
    old, new = (x_of_trace(trace, axis, steps, times) for axis in (before, after))
    if place > old[-1] > 0:
        return float(place * new[-1] / old[-1])
    return float(np.interp(place, old, new))


def end_of_trace(trace: Trace, axis: XAxis) -> float:
    """How far x reaches for a model, whatever is drawn of it."""
    newest, epochs = trace.model.progress.last(), (trace.model.last_train, trace.model.last_held_out)
    places = [(newest.step, newest.t)] if newest is not None else []
    places += [(epoch.epoch * trace.steps_per_epoch, epoch.t) for epoch in epochs if epoch is not None]
    if not places:
        return 0.0
    steps, times = (np.array(values, dtype=float) for values in zip(*places, strict=True))
    return max(0.0, float(x_of_trace(trace, axis, steps, times).max()))


def x_ticks(axis: XAxis, window: Window, columns: int) -> tuple[tuple[float, str], ...]:
    ticks = nice_ticks(*window, max(2, columns // 14))
    return tuple((v, x_text(axis, v)) for v in ticks)


def x_text(axis: XAxis, value: float) -> str:
    """A place of x: ``1200``, ``3.5``, or of time ``02:05`` and ``1.5 s``."""
    if axis != "time":
        return tick_label(value)
    return duration(value) if value == round(value) else f"{value:.6g} s"


def place_text(axis: XAxis, value: float) -> str:
    """A place of x to be read, as exact as it is read: ``1,234``, ``3.428``, ``02:05``, ``1.52 s``."""
    if axis == "time":
        return duration(value) if value >= 60 else f"{value:.3g} s"
    return f"{value:,.0f}" if axis == "steps" else f"{value:.4g}"
