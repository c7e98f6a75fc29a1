"""A chart drawn by plotext, built only when it is visible and what it shows has changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual_plotext.plot import Plot

from tui_vae.tui.charts import Builder, ChartData, ChartSettings
from tui_vae.tui.palette import GREY
from tui_vae.tui.widgets.bars import draw_bars
from tui_vae.tui.widgets.heat import draw_heat
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


def draw_curves(data: ChartData, size: Size) -> list[Strip]:
    """The character cells of a chart."""
    plot = Plot()
    # Else plotext cuts to what it takes for the terminal's size. It has a public name for its global figure only.
    plot._limit_size(False, False)  # type: ignore[attr-defined]
    plot.plotsize(size.width, size.height)
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color(GREY)
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    plot.xlim(*data.x_range)
    plot.ylim(*data.y_range)
    plot.xticks(*_ticks(data.x_ticks))
    plot.yticks(*_ticks(data.y_ticks))
    for y, colour in data.lines:
        plot.hline(y, color=colour)
    for curve in data.curves:
        if len(curve.x) and curve.marker is None:
            plot.plot(curve.x.tolist(), curve.y.tolist(), marker="braille", color=curve.colour)
        elif len(curve.x):
            plot.scatter(curve.x.tolist(), curve.y.tolist(), marker=curve.marker, color=curve.colour)
    return [_strip(line, size.width) for line in plot.build().split("\n")[: size.height]]


def _ticks(ticks: tuple[tuple[float, str], ...]) -> tuple[list[float], list[str]]:
    return [value for value, _ in ticks], [label for _, label in ticks]


def _strip(line: str, width: int) -> Strip:
    text = Text.from_ansi(line)
    segments: list[Segment] = []
    position = 0
    for span in text.spans:
        if span.start > position:
            segments.append(Segment(text.plain[position : span.start]))
        segments.append(
            Segment(text.plain[span.start : span.end], span.style if isinstance(span.style, Style) else None)
        )
        position = span.end
    segments.append(Segment(text.plain[position:]))
    return Strip(segments).adjust_cell_length(width)


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
