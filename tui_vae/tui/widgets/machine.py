"""The curves of the machine in a frame that scrolls where there are many GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.description import CurveChart, Face
from tui_vae.charts.drawer import DrawnChart, Failure
from tui_vae.tui.drawn_charts import DrawnChartsApp
from tui_vae.tui.system_charts import ChartLine, Parts, machine_lines
from tui_vae.tui.widgets.curves import rows_of, text_of
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.machine import SECONDS_KEPT, MachineReading

_TITLE = "this machine"


class MachineView(LinesView):
    """Drawn when there is a new reading, and at no other time."""

    def __init__(self) -> None:
        super().__init__(id="machine-view")
        self._readings: Sequence[MachineReading] = ()
        self._face = Face.COLOURS
        self._shown: tuple[MachineReading | None, Face] | None = None
        self._lines: list[Parts] = []
        self._places: dict[CurveChart, int] = {}
        self._asked: set[CurveChart] = set()
        self._drawn: dict[int, DrawnChart | Failure] = {}

    def show(self, readings: Sequence[MachineReading], face: Face) -> None:
        shown = readings[-1] if readings else None, face
        if shown != self._shown:
            self._readings, self._face, self._shown = readings, face, shown
            self.lay_out()

    def lay_out(self) -> None:
        region = self.scrollable_content_region
        if not self._readings:
            self.caption.say(_TITLE)
            self.say("waiting for the first reading")
            return
        scroll = "   ↑↓ scroll" if self.overflows else ""
        self.caption.say(_TITLE, f"x: last {SECONDS_KEPT / 60:.0f} min{scroll}")
        self._lines = machine_lines(self._readings, max(1, region.width - 2), region.height, self._face)
        charts = dict.fromkeys(part.chart for parts in self._lines for part in parts if isinstance(part, ChartLine))
        self._places = {chart: place for place, chart in enumerate(charts)}
        self._asked.clear()
        self.fill(len(self._lines))

    def strip(self, line: int) -> Strip:
        parts = (part if isinstance(part, Text) else self._row(part) for part in self._lines[line])
        return self.text_strip(Text.assemble(" ", *parts, no_wrap=True))

    def _row(self, line: ChartLine) -> Text:
        """Charts are drawn when one of their rows is seen; until then there is what was drawn in their place before."""
        chart, place = line.chart, self._places[line.chart]
        if chart not in self._asked:
            self._asked.add(chart)
            assert isinstance(self.app, DrawnChartsApp)
            self.app.ask_for_chart((self, place), chart, partial(self._take, place))
        drawn = self._drawn.get(place)
        if drawn is None or (drawn.chart.columns, drawn.chart.rows) != (chart.columns, chart.rows):
            return Text(" " * chart.columns)
        return text_of(rows_of(drawn)[line.row])

    def _take(self, place: int, outcome: DrawnChart | Failure) -> None:
        self._drawn[place] = outcome
        self.refresh()
