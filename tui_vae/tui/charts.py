"""What each chart shows, as plain data made from the state of a run. Nothing here draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from rich.text import Text

from tui_vae.tui.palette import RGB, ModelStyle, model_style
from tui_vae.tui.widgets.pixels import Draw, half_block_lines, shade_lines
from tui_vae.view.curves import Window
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState

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
    window: Window | None = None
    """The part of x that charts of curves show; all when ``None``."""
    wanted: str = ""
    """Globs of the models that charts of curves show, see :func:`tui_vae.tui.traces.wanted_traces`."""
    ascii_only: bool = False
    draw: Draw = half_block_lines
    """How pictures are drawn."""
    by_index: bool = False
    """Latents in the order of their index, not of their KL."""
    over_epochs: bool = False
    """The KL of latents over the epochs, not at the newest alone."""

    @property
    def shades(self) -> bool:
        """Whether there are shades of ASCII in place of greys and colours."""
        return self.draw is shade_lines

    def smoother(self, direction: int) -> ChartSettings:
        """Smoothed by the next window of points, or by the one before."""
        at = SMOOTHING_WINDOWS.index(self.smoothing) + direction
        return replace(self, smoothing=SMOOTHING_WINDOWS[min(max(at, 0), len(SMOOTHING_WINDOWS) - 1)])

    def on_next_x_axis(self) -> ChartSettings:
        return replace(self, x_axis=X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)])


@dataclass(frozen=True)
class Curve:
    """Points of one curve in axis coordinates, drawn as a line or as single marks.

    What lies outside the ranges of the chart is cut off; a line is interrupted where y is not finite.
    """

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


Points = tuple[FloatArray, FloatArray]
"""x and y."""


@dataclass(frozen=True)
class Reading:
    """The values of one model by x, in plain numbers: as drawn, unsmoothed where that differs, and held out."""

    label: str
    style: ModelStyle
    training: Points | None
    raw: Points | None
    held_out: Points | None


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
    readings: tuple[Reading, ...] = ()
    """What can be read at a place of x."""
    limits: tuple[float, ...] = ()
    """What theory has for linear models, read everywhere."""
    text: Callable[[float], str] = str
    """How a value that is read is written."""
    end: float = 0.0
    """How far x reaches when all of it is shown."""


class Builder(Protocol):
    """From a state, settings, the columns and rows of the plot, and the runs to compare with to what is drawn."""

    def __call__(
        self, state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> ChartData | None:
        """``None`` while there is nothing to draw."""


def styles_of(state: RunState, *, ascii_only: bool) -> dict[str, ModelStyle]:
    return {name: model_style(index, ascii_only=ascii_only) for index, name in enumerate(state.models)}
