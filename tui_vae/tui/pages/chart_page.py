"""A page whose charts are read by one cursor, and zoomed and panned together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from textual.widget import Widget

from tui_vae.charts.frame import Frame
from tui_vae.charts.plotted_models import traces_of, wanted_traces
from tui_vae.charts.settings import XAxis
from tui_vae.charts.x_axis import end_of_trace, place_on
from tui_vae.tui.chart_cursor import Inspection
from tui_vae.tui.charts import ChartSettings
from tui_vae.tui.pages.page import PageContext
from tui_vae.tui.pages.panel_page import ArrangedPage
from tui_vae.tui.widgets.chart import Chart
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
