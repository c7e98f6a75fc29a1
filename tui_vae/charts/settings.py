"""What the user has chosen for charts of curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from tui_vae.charts.description import Face
from tui_vae.view.decimation import Window

XAxis = Literal["steps", "epochs", "time"]
X_AXES: tuple[XAxis, ...] = ("steps", "epochs", "time")
SMOOTHING_WINDOWS = (1, 3, 5, 10, 25, 50, 100)


@dataclass(frozen=True)
class CurveSettings:
    x_axis: XAxis = "steps"
    log_y: bool = False
    smoothing: int = 1
    """Points that a value of a smoothed line stands for; 1 smooths nothing."""
    window: Window | None = None
    """The part of x that is shown; all when ``None``."""
    wanted: str = ""
    """Globs of the models that are shown, see :func:`tui_vae.charts.plotted_models.wanted_traces`."""
    face: Face = Face.COLOURS

    @property
    def ascii_only(self) -> bool:
        return self.face is Face.ASCII

    def smoother(self, direction: int) -> Self:
        """Smoothed by the next window of points, or by the one before."""
        at = SMOOTHING_WINDOWS.index(self.smoothing) + direction
        return replace(self, smoothing=SMOOTHING_WINDOWS[min(max(at, 0), len(SMOOTHING_WINDOWS) - 1)])

    def on_next_x_axis(self) -> Self:
        return replace(self, x_axis=X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)])
