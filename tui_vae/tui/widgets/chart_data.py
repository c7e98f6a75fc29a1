"""What charts of bars and heat maps show, and the user's choices for all charts. Nothing here draws."""

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
    """The user's choices for all charts."""

    selected: str | None = None
    """The model shown by charts of one model."""
    draw: Draw = half_block_lines
    """How pictures are drawn."""
    by_index: bool = False
    """Show latents in the order of their index instead of their KL."""
    over_epochs: bool = False
    """Show the KL of latents over all epochs instead of only the newest."""

    @property
    def shades(self) -> bool:
        """Whether ASCII shades replace greys and colours."""
        return self.draw is shade_lines


@dataclass(frozen=True)
class Bars:
    """Bars, whose x is their index, and marks at the values that theory predicts."""

    heights: FloatArray
    colour: RGB
    expected: FloatArray | None = None


@dataclass(frozen=True)
class Heat:
    """Values from 0 to ``high`` as colours, ``(rows, columns)``, and a separate column, ``(rows,)``.

    Row 0 is the topmost, and what is not finite is left empty.
    """

    values: FloatArray
    high: float
    colour: RGB
    apart: FloatArray | None = None
    apart_label: str = ""


@dataclass(frozen=True)
class ChartData:
    """Everything that a bar chart or heat map shows."""

    title: Text
    subtitle: Text
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: Bars | None = None
    heat: Heat | None = None


class Builder(Protocol):
    """Makes a chart from a run, settings, a size in cells, and the runs to compare with."""

    def __call__(
        self, state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> CurvePlot | ChartData | None:
        """Return ``None`` while there is nothing to draw."""
