"""The curves of the machine in a frame that scrolls where there are many GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.strip import Strip

from tui_vae.tui.machine_lines import machine_lines
from tui_vae.tui.widgets.lines_view import LinesView
from tui_vae.view.machine import SECONDS_KEPT, MachineReading

_TITLE = "this machine"


class MachineView(LinesView):
    """Drawn when there is a new reading, and at no other time."""

    def __init__(self) -> None:
        super().__init__(id="machine-view")
        self._readings: Sequence[MachineReading] = ()
        self._ascii = False
        self._shown: tuple[MachineReading | None, bool] | None = None
        self._lines: list[Text] = []

    def show(self, readings: Sequence[MachineReading], *, ascii_only: bool) -> None:
        shown = readings[-1] if readings else None
        if (shown, ascii_only) != self._shown:
            self._readings, self._ascii, self._shown = readings, ascii_only, (shown, ascii_only)
            self.lay_out()

    def lay_out(self) -> None:
        region = self.scrollable_content_region
        if not self._readings:
            self.caption.say(_TITLE)
            self.say("waiting for the first reading")
            return
        scroll = "   ↑↓ scroll" if self.overflows else ""
        self.caption.say(_TITLE, f"x: last {SECONDS_KEPT / 60:.0f} min{scroll}")
        self._lines = machine_lines(self._readings, max(1, region.width - 2), region.height, ascii_only=self._ascii)
        self.fill(len(self._lines))

    def strip(self, line: int) -> Strip:
        return self.text_strip(Text.assemble(" ", self._lines[line], no_wrap=True))
