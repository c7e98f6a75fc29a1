"""What the user has chosen for charts of curves, and how their axis of x is labelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from tui_vae.charts.description import Face
from tui_vae.view.axis import nice_ticks, tick_label
from tui_vae.view.decimation import Window
from tui_vae.view.numbers import duration

XAxis = Literal["steps", "epochs", "time"]
X_AXES: tuple[XAxis, ...] = ("steps", "epochs", "time")
X_LABELS: dict[XAxis, str] = {"steps": "steps", "epochs": "epochs", "time": "time, min:s"}
SMOOTHING_WINDOWS = (1, 3, 5, 10, 25, 50, 100)


@dataclass(frozen=True)
class CurveSettings:
    x_axis: XAxis = "steps"
    log_y: bool = False
    smoothing: int = 1
    """Window of the moving average in points; 1 does not smooth."""
    window: Window | None = None
    """The visible range of x; all of it when ``None``."""
    wanted: str = ""
    """Globs of the models to show, see :func:`tui_vae.charts.metric_series.wanted_traces`."""
    face: Face = Face.COLOURS

    @property
    def ascii_only(self) -> bool:
        return self.face is Face.ASCII

    def smoother(self, direction: int) -> Self:
        """Return settings with the next larger (1) or smaller (-1) smoothing window."""
        at = SMOOTHING_WINDOWS.index(self.smoothing) + direction
        return replace(self, smoothing=SMOOTHING_WINDOWS[min(max(at, 0), len(SMOOTHING_WINDOWS) - 1)])

    def on_next_x_axis(self) -> Self:
        return replace(self, x_axis=X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)])


def x_ticks(axis: XAxis, window: Window, columns: int) -> tuple[tuple[float, str], ...]:
    ticks = nice_ticks(*window, max(2, columns // 14))
    return tuple((v, x_text(axis, v)) for v in ticks)


def x_text(axis: XAxis, value: float) -> str:
    """Format a tick of x: ``1200``, ``3.5``; of time ``02:05`` or ``1.5 s``."""
    if axis != "time":
        return tick_label(value)
    return duration(value) if value == round(value) else f"{value:.6g} s"


def place_text(axis: XAxis, value: float) -> str:
    """Format a value of x below a cursor: ``1,234``, ``3.428``, ``02:05``, ``1.52 s``."""
    if axis == "time":
        return duration(value) if value >= 60 else f"{value:.3g} s"
    return f"{value:,.0f}" if axis == "steps" else f"{value:.4g}"
