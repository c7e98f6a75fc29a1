"""The training page: curves of all models, KL per latent, and samples; as many panels as there is space for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.widget import Widget

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.description import Frame
from tui_vae.charts.metric_series import (
    ACTIVE,
    KL,
    LOSS,
    RECONSTRUCTION,
    SIGMA,
    SPEED,
    end_of_trace,
    place_on,
    traces_of,
    wanted_traces,
)
from tui_vae.charts.settings import XAxis
from tui_vae.tui.pages.page import ArrangedPage, PageContext
from tui_vae.tui.pages.training.chart_cursor import Inspection
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.digits import DigitGallery
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.series import FloatArray

_KEY_FACTOR, _WHEEL_FACTOR = 0.5, 0.8
_PAN = 0.25
"""The part of its width by which a key moves what is shown."""


class InspectedPage(ArrangedPage):
    """Owns the place that is read and the part of x that is looked at; its charts are told on every ``show``."""

    has_filter = True

    def __init__(self, at_hand: Widget, *, id: str) -> None:
        super().__init__(at_hand, id=id)
        self._inspection = Inspection()
        self._shown: PageContext | None = None

    def charts(self) -> Iterable[Chart]:
        """The charts with a common x."""
        raise NotImplementedError

    def _inspected(self, shown: PageContext) -> tuple[ChartSettings, float | None]:
        """The settings of charts, and the place to read in them."""
        self._shown = shown
        before, axis = self._inspection.axis, shown.settings.x_axis
        if axis != before:
            self._inspection = self._inspection.on(axis, self._conversion(shown, before, axis))
        return replace(shown.settings, window=self._inspection.window), self._inspection.cursor

    def _conversion(self, shown: PageContext, before: XAxis, after: XAxis) -> Callable[[float], float] | None:
        """By the model that has come farthest: of several, each takes its own time."""
        traces = traces_of(shown.state, shown.others, ascii_only=shown.settings.ascii_only)
        trained = [trace for trace in wanted_traces(traces, shown.settings.wanted) if len(trace.model.progress)]
        farthest = max(trained, key=lambda trace: end_of_trace(trace, before), default=None)
        return None if farthest is None else lambda place: place_on(farthest, place, before, after)

    def _largest(self) -> tuple[Chart, Frame] | None:
        """The widest chart with curves that is seen: its columns are those that the cursor goes by."""
        seen = [(chart, chart.plot) for chart in self.charts() if chart.display]
        drawn = [(chart, plot) for chart, plot in seen if plot is not None]
        return max(drawn, key=lambda each: each[1].columns, default=None)

    def step(self, direction: int) -> None:
        largest = self._largest()
        if largest is not None:
            chart, plot = largest
            self._inspection = self._inspection.moved(direction, plot.step, _end(chart), _points(chart))

    def to_edge(self, direction: int) -> None:
        largest = self._largest()
        if largest is not None:
            chart, plot = largest
            self._inspection = self._inspection.at_edge(direction, plot.step, _end(chart), _points(chart))

    def zoom(self, direction: int) -> None:
        self._zoom(_KEY_FACTOR**direction, None)

    def _zoom(self, factor: float, place: float | None) -> None:
        largest = self._largest()
        if largest is not None:
            self._inspection = self._inspection.zoomed(factor, _end(largest[0]), place)

    def pan(self, direction: int) -> None:
        self._pan(_PAN * direction)

    def _pan(self, part: float) -> None:
        largest = self._largest()
        if largest is not None:
            self._inspection = self._inspection.panned(part, _end(largest[0]))

    def show_whole(self) -> None:
        self._inspection = replace(self._inspection, window=None)

    def undo(self) -> bool:
        before = self._inspection
        self._inspection = before.undone()
        return self._inspection != before

    def on_chart_pointed(self, event: Chart.Pointed) -> None:
        plot = event.chart.plot
        if plot is not None:
            self._inspection = self._inspection.put(event.place, plot.step, _points(event.chart))
            self._again()

    def on_chart_zoomed(self, event: Chart.Zoomed) -> None:
        self._zoom(_WHEEL_FACTOR**event.direction, event.place)
        self._again()

    def on_chart_panned(self, event: Chart.Panned) -> None:
        self._pan(event.part)
        self._again()

    def _again(self) -> None:
        if self._shown is not None:
            self.show(self._shown)


def _end(chart: Chart) -> float:
    return chart.curves.end if chart.curves is not None else 0.0


def _points(chart: Chart) -> Sequence[FloatArray]:
    """Where a chart has something to read: marks before lines, of whose points there are many."""
    readings = chart.curves.readings if chart.curves is not None else ()
    return [
        *(reading.held_out[0] for reading in readings if reading.held_out is not None),
        *(reading.training[0] for reading in readings if reading.training is not None),
    ]


_WAITING = "waiting for the first steps"
_WAITING_FOR_EPOCH = "waiting for the first epoch"
_WAITING_FOR_SAMPLES = "waiting for the first samples"
_NARROWEST, _LOWEST = 24, 24
"""Columns that a chart below the loss needs, and rows of a page for each row of them."""


@dataclass(frozen=True)
class _Room:
    """What a page has room for: a grid of charts below the loss, or one panel only, and the columns of samples."""

    columns: int
    rows: int
    samples: int

    @property
    def together(self) -> int:
        return self.columns * self.rows


def _room(width: int, height: int, charts: int) -> _Room:
    if width < 100:
        return _Room(0, 0, 0)
    # Three small digits a row beside the curves, four or more where the curves have enough.
    samples = max(62, int(width * 0.42)) if width >= 130 else 48
    if height < 30:
        return _Room(0, 0, samples)
    samples = samples if width >= 120 else 0
    rows = min(2, max(1, height // _LOWEST))
    return _Room(min((width - samples) // _NARROWEST, -(-charts // rows)), rows, samples)


class TrainingPage(InspectedPage):
    """Arranges its panels by size: the loss with as many others as fit; two; or the one at hand."""

    drawn_ahead = True

    def __init__(self, queue: ChartQueue) -> None:
        self._loss = Chart(queue, curve_chart(LOSS), _WAITING, id="loss")
        self._sigma = Chart(queue, curve_chart(SIGMA), _WAITING_FOR_EPOCH, id="sigma")
        self._latents = Chart(queue, latent_chart(None), _WAITING_FOR_EPOCH, id="latent-bars")
        self._below = [
            Chart(queue, curve_chart(RECONSTRUCTION), _WAITING, id="reconstruction"),
            Chart(queue, curve_chart(KL), _WAITING, id="kl"),
            self._latents,
            Chart(queue, curve_chart(ACTIVE), _WAITING_FOR_EPOCH, id="active"),
            Chart(queue, curve_chart(SPEED), _WAITING, id="speed"),
            self._sigma,
        ]
        self._samples = DigitGallery(_WAITING_FOR_SAMPLES, id="samples")
        self._left = Vertical(id="left")
        self._bottom = Grid(id="bottom")
        self._learns_sigma = False
        self._sheet = 0
        super().__init__(self._loss, id="training")

    def compose(self) -> ComposeResult:
        with self._left:
            yield self._loss
            with self._bottom:
                yield from self._below
        yield self._samples

    def panels(self) -> list[Widget]:
        return [self._loss, *self._known(), self._samples]

    def charts(self) -> Iterable[Chart]:
        return (self._loss, *self._below)

    def _known(self) -> list[Chart]:
        """The charts below the loss that the runs at hand have something for."""
        return [chart for chart in self._below if chart is not self._sigma or self._learns_sigma]

    def show(self, shown: PageContext) -> None:
        learns_sigma = any(SIGMA.known(run) for run in (shown.state, *shown.others))
        if learns_sigma != self._learns_sigma:
            self._learns_sigma = learns_sigma
            self.place_panels()
        settings, cursor = self._inspected(shown)
        for chart in self.charts():
            if chart.display:
                chart.show(shown.state, settings, shown.others, cursor)
        if self._samples.display and shown.source is not None:
            ascii_only = shown.settings.ascii_only
            rows = shown.gallery.rows(shown.state, shown.source, None, ascii_only=ascii_only, wanted=settings.wanted)
            self._samples.wait_for(shown.awaited(_WAITING_FOR_SAMPLES))
            self._samples.show(rows, draw=shown.settings.draw)

    def turn_to(self, panel: Widget) -> None:
        known, room = self._known(), self._room()
        if panel in known and room.together:
            self._sheet = known.index(panel) // room.together
        super().turn_to(panel)

    def turn(self, direction: int) -> None:
        """To the charts after or before; where the panel at hand stands alone, to the panel after or before."""
        room = self._room()
        if room.together:
            self._sheet = (self._sheet + direction) % self._sheets(room)
            self.place_panels()
        else:
            panels = self._one_of(room)
            at = panels.index(self.at_hand) if self.at_hand in panels else 0
            self.turn_to(panels[(at + direction) % len(panels)])

    def _room(self) -> _Room:
        return _Room(0, 0, 0) if self.enlarged else _room(*self.size, len(self._known()))

    def _sheets(self, room: _Room) -> int:
        return -(-len(self._known()) // room.together)

    def _one_of(self, room: _Room) -> list[Widget]:
        """The panels of which one is shown at a time."""
        return [panel for panel in self.panels() if not room.samples or panel is not self._samples]

    def place_panels(self) -> None:
        room = self._room()
        below: list[Chart] = []
        upper: Widget = self.at_hand
        if room.together:
            self._sheet = min(self._sheet, self._sheets(room) - 1)
            below = self._known()[self._sheet * room.together : (self._sheet + 1) * room.together]
            upper = self._loss
        elif room.samples and upper is self._samples:
            upper = self._loss
        for panel in (self._loss, *self._below, self._samples):
            panel.display = panel is upper or panel in below or (panel is self._samples and room.samples > 0)
        self._left.display = upper is not self._samples
        self._bottom.display = bool(below) or upper in self._below
        self._samples.styles.width = room.samples if self._left.display else "1fr"
        self._bottom.styles.grid_size_columns = max(1, min(len(below), room.columns))
        self._bottom.styles.height = f"{5 * -(-len(below) // max(1, room.columns)) or 1}fr"
        self._count(room, upper, below)

    def _count(self, room: _Room, upper: Widget, below: list[Chart]) -> None:
        """Say in a frame which of the panels are shown, where not all are."""
        panels = self._one_of(room)
        which = f"{panels.index(upper) + 1}/{len(panels)}" if upper in panels and not below else ""
        for chart in self.charts():
            chart.sign = which if chart is upper else ""
        if below and self._sheets(room) > 1:
            below[0].sign = f"{self._sheet + 1}/{self._sheets(room)}"
        self._samples.caption.say(f"samples · {which}" if upper is self._samples else "samples")
