"""A chart, built only when it is visible and what it shows has changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui_vae.tui.charts import Builder, ChartSettings
from tui_vae.tui.widgets.bars import draw_bars
from tui_vae.tui.widgets.heat import draw_heat
from tui_vae.tui.widgets.plot import draw_curves
from tui_vae.view.state import RunState

_MARGIN = 7
"""Columns taken by the labels of y."""


class Chart(Widget, can_focus=True):
    """One chart in a frame; the builder decides what it shows."""

    def __init__(self, builder: Builder, waiting: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._builder = builder
        self._waiting = waiting
        self._state = RunState()
        self._others: tuple[RunState, ...] = ()
        self._drawn: object = None
        self._settings = ChartSettings()
        self._strips: list[Strip] = []

    def show(self, state: RunState, settings: ChartSettings, others: tuple[RunState, ...] = ()) -> None:
        """Take a new state; draws nothing unless something changed."""
        shown = (tuple(_revision(run) for run in (state, *others)), settings)
        if shown != self._drawn:
            self._state, self._settings, self._others, self._drawn = state, settings, others, shown
            self._build()

    def on_resize(self) -> None:
        self._build()

    def render_line(self, y: int) -> Strip:
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)
        return strip.apply_style(self.rich_style)

    def _build(self) -> None:
        size = self.size
        columns, rows = max(4, size.width - _MARGIN), max(2, size.height - 2)
        data = self._builder(self._state, self._settings, columns, rows, self._others) if size.height >= 4 else None
        self.border_title = data.title if data is not None else None
        self.border_subtitle = data.subtitle if data is not None else None
        if data is None:
            self._strips = _centred(self._waiting, size)
        elif data.bars is not None:
            self._strips = draw_bars(data, data.bars, size, ascii_only=self._settings.ascii_only)
        elif data.heat is not None:
            shades, ascii_only = self._settings.shades, self._settings.ascii_only
            self._strips = draw_heat(data, data.heat, size, shades=shades, ascii_only=ascii_only)
        else:
            self._strips = draw_curves(data, size)
        self.refresh()


def _centred(message: str, size: Size) -> list[Strip]:
    blank = Strip.blank(size.width)
    line = Strip([Segment(message[: size.width].center(size.width), Style(dim=True))])
    return [line if y == size.height // 2 else blank for y in range(size.height)]


def _revision(state: RunState) -> tuple[object, ...]:
    """Changes whenever a chart could look different."""
    models = tuple(
        (name, len(m.progress), m.step, len(m.held_out), m.limit is None) for name, m in state.models.items()
    )
    return state.name, models
