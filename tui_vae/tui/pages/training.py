"""The training page: curves of all models, KL per latent, and samples; as many panels as there is space for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.widget import Widget

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.description import Frame
from tui_vae.charts.metric_series import (
    ACTIVE,
    FREE,
    KL,
    KL_WEIGHT,
    LOSS,
    RECONSTRUCTION,
    SIGMA,
    SPEED,
    end_of_trace,
    has_values,
    place_on,
    traces_of,
    wanted_traces,
)
from tui_vae.charts.settings import XAxis
from tui_vae.tui.pages.page import PageContext, PanelPage
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.digits import DigitGallery
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.decimation import Window, panned, zoomed
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState

_WAITING = "waiting for the first steps"
_WAITING_FOR_EPOCH = "waiting for the first epoch"
_WAITING_FOR_SAMPLES = "waiting for the first samples"
_NARROWEST, _LOWEST = 24, 24
"""Columns of a chart below the loss, and rows of a page for each row of such charts, at least."""

_KEY_FACTOR, _WHEEL_FACTOR = 0.5, 0.8
"""How much of x is still visible after zooming in once."""
_PAN = 0.25
"""Share of the visible part of x by which a key pans."""


@dataclass(frozen=True)
class ChartCursor:
    """Where curves are read, and the visible part of x, both in units of x, so that new points move neither.

    ``position`` is ``None`` while nothing is read, ``window`` while all of x is visible.
    """

    axis: XAxis = "steps"
    position: float | None = None
    window: Window | None = None

    def on(self, axis: XAxis, convert: Callable[[float], float] | None) -> ChartCursor:
        """Return the same cursor on another axis.

        Args:
            axis: The new axis.
            convert: From values of the old axis to the new one; ``None`` forgets position and window.
        """
        if axis == self.axis:
            return self
        if convert is None:
            return ChartCursor(axis)
        position = None if self.position is None else convert(self.position)
        window = None if self.window is None else (convert(self.window[0]), convert(self.window[1]))
        if position is not None and axis == "steps":
            position = float(round(position))
        return ChartCursor(axis, position, window if window is not None and window[0] < window[1] else None)

    def put(self, x: float, width: float, points: Sequence[FloatArray]) -> ChartCursor:
        """Return the cursor at ``x``, or at a point less than half of ``width`` away, of the first array with one."""
        for values in points:
            nearest = values[np.abs(values - x).argmin()] if len(values) else np.inf
            if abs(nearest - x) < width / 2:
                x = float(nearest)
                break
        return replace(self, position=float(round(x)) if self.axis == "steps" else x)

    def moved(self, count: int, width: float, end: float, points: Sequence[FloatArray]) -> ChartCursor:
        """Return the cursor moved by columns, with a window that follows it. It starts at an edge of the window.

        Args:
            count: Columns to the right, or to the left if negative.
            width: How much of x a column covers.
            end: The largest x.
            points: Where there is something to read, the most important first.
        """
        low, high = self.window or (0.0, end)
        if self.position is None:
            return self.put(high if count < 0 else low, width, points)
        least = 1.0 if self.axis == "steps" else 0.0  # between two steps there is nothing
        distance = max(abs(count) * width, least) * (1 if count > 0 else -1)
        after = self.put(min(max(self.position + distance, 0.0), max(end, self.position)), width, points)
        if self.window is None or after.position is None:
            return after
        beyond = min(after.position - low, 0.0) + max(after.position - high, 0.0)
        return replace(after, window=panned(self.window, end, beyond)) if beyond else after

    def at_edge(self, direction: int, width: float, end: float, points: Sequence[FloatArray]) -> ChartCursor:
        """Return the cursor at the first or last visible x."""
        low, high = self.window or (0.0, end)
        return self.put(high if direction > 0 else low, width, points)

    def zoomed(self, factor: float, end: float, x: float | None = None) -> ChartCursor:
        """Return it zoomed around ``x``, by default around the cursor or else the newest points."""
        low, high = self.window or (0.0, end)
        if x is None:
            x = self.position if self.position is not None and low <= self.position <= high else high
        return replace(self, window=zoomed(self.window, end, factor, x))

    def panned(self, share: float, end: float) -> ChartCursor:
        """Return it with the window moved by a share of its width."""
        if self.window is None:
            return self
        return replace(self, window=panned(self.window, end, share * (self.window[1] - self.window[0])))

    def undone(self) -> ChartCursor:
        """Return it without its position, or if it has none, without its window."""
        return replace(self, position=None) if self.position is not None else replace(self, window=None)


@dataclass(frozen=True)
class _Room:
    """What fits on a page: a grid of charts below the loss, or a single panel, and the columns of samples."""

    columns: int
    rows: int
    samples: int

    @property
    def together(self) -> int:
        return self.columns * self.rows


def _room_for(width: int, height: int, charts: int) -> _Room:
    if width < 100:
        return _Room(0, 0, 0)
    # Three small digits in a row next to the curves, four or more where the curves have enough space.
    samples = max(62, int(width * 0.42)) if width >= 130 else 48
    if height < 30:
        return _Room(0, 0, samples)
    samples = samples if width >= 120 else 0
    rows = min(2, max(1, height // _LOWEST))
    return _Room(min((width - samples) // _NARROWEST, -(-charts // rows)), rows, samples)


class TrainingPage(PanelPage):
    """Arranges its panels by size: the loss with as many others as fit, two panels, or one.

    All charts share one x: its cursor, zoom and pan.

    Args:
        queue: Has charts drawn.
    """

    has_filter = True
    renders_before_layout = True

    def __init__(self, queue: ChartQueue) -> None:
        self._loss = Chart(queue, curve_chart(LOSS), _WAITING, id="loss")
        self._latents = Chart(queue, latent_chart(None), _WAITING_FOR_EPOCH, id="latent-bars")
        self._curves = {
            Chart(queue, curve_chart(RECONSTRUCTION), _WAITING, id="reconstruction"): RECONSTRUCTION,
            Chart(queue, curve_chart(KL), _WAITING, id="kl"): KL,
            (weight := Chart(queue, curve_chart(KL_WEIGHT), _WAITING_FOR_EPOCH, id="kl-weight")): KL_WEIGHT,
            (free := Chart(queue, curve_chart(FREE), _WAITING_FOR_EPOCH, id="free")): FREE,
            Chart(queue, curve_chart(ACTIVE), _WAITING_FOR_EPOCH, id="active"): ACTIVE,
            Chart(queue, curve_chart(SPEED), _WAITING, id="speed"): SPEED,
            (sigma := Chart(queue, curve_chart(SIGMA), _WAITING_FOR_EPOCH, id="sigma")): SIGMA,
        }
        self._below = [*self._curves]
        self._below.insert(2, self._latents)
        self._charts = [self._loss, *self._below]
        self._samples = DigitGallery(_WAITING_FOR_SAMPLES, id="samples")
        self._left = Vertical(id="left")
        self._bottom = Grid(id="bottom")
        self._without_values: frozenset[Chart] = frozenset((sigma, weight, free))
        self._sheet = 0
        self._cursor = ChartCursor()
        self._latest: PageContext | None = None
        super().__init__(self._loss, id="training")

    def compose(self) -> ComposeResult:
        with self._left:
            yield self._loss
            with self._bottom:
                yield from self._below
        yield self._samples

    def panels(self) -> list[Widget]:
        return [self._loss, *self._known(), self._samples]

    def _known(self) -> list[Chart]:
        """Return the charts below the loss for which the runs have values."""
        return [chart for chart in self._below if chart not in self._without_values]

    def show(self, context: PageContext) -> None:
        self._latest = context
        without_values = self._find_without_values((context.state, *context.others))
        if without_values != self._without_values:
            self._without_values = without_values
            self.place_panels()
        axis = context.settings.x_axis
        if axis != self._cursor.axis:
            self._cursor = self._cursor.on(axis, _conversion(context, self._cursor.axis, axis))
        settings = replace(context.settings, window=self._cursor.window)
        for chart in self._charts:
            if chart.display:
                chart.show(context.state, settings, context.others, self._cursor.position)
        if self._samples.display and context.source is not None:
            rows = context.sheets.rows(
                context.state, context.source, None, ascii_only=settings.ascii_only, wanted=settings.wanted
            )
            self._samples.wait_for(context.empty_message(_WAITING_FOR_SAMPLES))
            self._samples.show(rows, draw=settings.draw)

    def _find_without_values(self, runs: Sequence[RunState]) -> frozenset[Chart]:
        found = {chart for chart, of in self._curves.items() if not any(has_values(of, run) for run in runs)}
        if runs[0].own_loop and all(model.last_latents is None for model in runs[0].models.values()):
            found.add(self._latents)
        return frozenset(found)

    # Reading, zooming and panning.

    def _widest(self) -> tuple[Chart, Frame] | None:
        """Return the widest visible chart with curves: the cursor moves by its columns."""
        plots = [(chart, chart.plot) for chart in self._charts if chart.display]
        drawn = [(chart, plot) for chart, plot in plots if plot is not None]
        return max(drawn, key=lambda each: each[1].columns, default=None)

    def step(self, direction: int) -> None:
        if (widest := self._widest()) is not None:
            chart, plot = widest
            self._cursor = self._cursor.moved(direction, plot.step, _end(chart), _points(chart))

    def to_edge(self, direction: int) -> None:
        if (widest := self._widest()) is not None:
            chart, plot = widest
            self._cursor = self._cursor.at_edge(direction, plot.step, _end(chart), _points(chart))

    def zoom(self, direction: int) -> None:
        self._zoom(_KEY_FACTOR**direction, None)

    def _zoom(self, factor: float, x: float | None) -> None:
        if (widest := self._widest()) is not None:
            self._cursor = self._cursor.zoomed(factor, _end(widest[0]), x)

    def pan(self, direction: int) -> None:
        self._pan(_PAN * direction)

    def _pan(self, share: float) -> None:
        if (widest := self._widest()) is not None:
            self._cursor = self._cursor.panned(share, _end(widest[0]))

    def show_whole(self) -> None:
        self._cursor = replace(self._cursor, window=None)

    def undo(self) -> bool:
        before = self._cursor
        self._cursor = before.undone()
        return self._cursor != before

    def on_chart_pointed(self, event: Chart.Pointed) -> None:
        plot = event.chart.plot
        if plot is not None:
            self._cursor = self._cursor.put(event.place, plot.step, _points(event.chart))
            self._show_again()

    def on_chart_zoomed(self, event: Chart.Zoomed) -> None:
        self._zoom(_WHEEL_FACTOR**event.direction, event.place)
        self._show_again()

    def on_chart_panned(self, event: Chart.Panned) -> None:
        self._pan(event.part)
        self._show_again()

    def _show_again(self) -> None:
        if self._latest is not None:
            self.show(self._latest)

    # Arranging panels.

    def turn_to(self, panel: Widget) -> None:
        known, room = self._known(), self._room()
        if panel in known and room.together:
            self._sheet = known.index(panel) // room.together
        super().turn_to(panel)

    def turn(self, direction: int) -> None:
        """Show the next charts or those before; where one panel is shown alone, the next panel or the one before."""
        room = self._room()
        if room.together:
            self._sheet = (self._sheet + direction) % self._sheets(room)
            self.place_panels()
        else:
            panels = self._one_of(room)
            at = panels.index(self.active) if self.active in panels else 0
            self.turn_to(panels[(at + direction) % len(panels)])

    def _room(self) -> _Room:
        return _Room(0, 0, 0) if self.enlarged else _room_for(*self.size, len(self._known()))

    def _sheets(self, room: _Room) -> int:
        return -(-len(self._known()) // room.together)

    def _one_of(self, room: _Room) -> list[Widget]:
        """Return the panels of which one is shown at a time."""
        return [panel for panel in self.panels() if not room.samples or panel is not self._samples]

    def place_panels(self) -> None:
        room = self._room()
        below: list[Chart] = []
        upper: Widget = self.active
        if room.together:
            self._sheet = min(self._sheet, self._sheets(room) - 1)
            below = self._known()[self._sheet * room.together : (self._sheet + 1) * room.together]
            upper = self._loss
        elif room.samples and upper is self._samples:
            upper = self._loss
        for panel in (*self._charts, self._samples):
            panel.display = panel is upper or panel in below or (panel is self._samples and room.samples > 0)
        self._left.display = upper is not self._samples
        self._bottom.display = bool(below) or upper in self._below
        self._samples.styles.width = room.samples if self._left.display else "1fr"
        self._bottom.styles.grid_size_columns = max(1, min(len(below), room.columns))
        self._bottom.styles.height = f"{5 * -(-len(below) // max(1, room.columns)) or 1}fr"
        self._number_panels(room, upper, below)

    def _number_panels(self, room: _Room, upper: Widget, below: list[Chart]) -> None:
        """Show in a frame which of the panels are visible, where not all are."""
        panels = self._one_of(room)
        which = f"{panels.index(upper) + 1}/{len(panels)}" if upper in panels and not below else ""
        for chart in self._charts:
            chart.sign = which if chart is upper else ""
        if below and self._sheets(room) > 1:
            below[0].sign = f"{self._sheet + 1}/{self._sheets(room)}"
        self._samples.caption.say(f"samples · {which}" if upper is self._samples else "samples")


def _conversion(context: PageContext, before: XAxis, after: XAxis) -> Callable[[float], float] | None:
    """Return how to convert x between axes: by the model that has come farthest, as each takes its own time."""
    traces = traces_of(context.state, context.others, ascii_only=context.settings.ascii_only)
    trained = [trace for trace in wanted_traces(traces, context.settings.wanted) if len(trace.model.progress)]
    farthest = max(trained, key=lambda trace: end_of_trace(trace, before), default=None)
    return None if farthest is None else lambda x: place_on(farthest, x, before, after)


def _end(chart: Chart) -> float:
    return chart.curves.end if chart.curves is not None else 0.0


def _points(chart: Chart) -> Sequence[FloatArray]:
    """Return the x of points to read: marks before lines, which have many points."""
    readings = chart.curves.readings if chart.curves is not None else ()
    return [
        *(reading.held_out[0] for reading in readings if reading.held_out is not None),
        *(reading.training[0] for reading in readings if reading.training is not None),
    ]
