"""What the charts of the interface show, as plain data made from the state of a run. Nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rich.text import Text

from tui_vae.charts.curves import CurvePlot
from tui_vae.charts.description import RGB, Tick
from tui_vae.charts.settings import CurveSettings
from tui_vae.tui.graphics.images import Draw, half_block_lines, shade_lines
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState


@dataclass(frozen=True)
class ChartSettings(CurveSettings):
    """What the user has chosen for all charts."""

    selected: str | None = None
    """The model of charts that show one."""
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
    """Everything that a chart of bars or a heat map draws."""

    title: Text
    subtitle: Text
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: Bars | None = None
    heat: Heat | None = None


class Builder(Protocol):
    """From a state, settings, the size of the picture in cells, and the runs to compare with to what is drawn."""

    def __call__(
        self, state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> CurvePlot | ChartData | None:
        """``None`` while there is nothing to draw."""
