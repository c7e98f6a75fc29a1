"""The curves of the machine in a frame that scrolls where there are many GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.description import Face, Row
from tui_vae.tui.machine_lines import ChartLine, Parts, machine_lines
from tui_vae.tui.widgets.curves import picture, text_of
from tui_vae.tui.widgets.lines_view import LinesView
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
        self._pictures: dict[int, tuple[Row, ...]] = {}

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
        self._pictures.clear()
        self.fill(len(self._lines))

    def strip(self, line: int) -> Strip:
        parts = (part if isinstance(part, Text) else self._row(part) for part in self._lines[line])
        return self.text_strip(Text.assemble(" ", *parts, no_wrap=True))

    def _row(self, line: ChartLine) -> Text:
        """Charts are drawn when one of their rows is seen."""
        if id(line.chart) not in self._pictures:
            self._pictures[id(line.chart)] = picture(line.chart)
        return text_of(self._pictures[id(line.chart)][line.row])
