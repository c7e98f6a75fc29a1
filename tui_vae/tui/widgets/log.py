"""The log of a run, following its end."""

from __future__ import annotations

import time

from rich.text import Text
from textual import events
from textual.widgets import RichLog

from tui_vae.tui.charts import styles_of
from tui_vae.view.log_lines import LogLine
from tui_vae.view.state import MOST_LOG_LINES, RunState

_LEVELS = {"error": "bold red", "warning": "yellow", "info": ""}


class LogView(RichLog):
    """One line for everything worth telling; follows the end unless scrolled away from it."""

    def __init__(self) -> None:
        super().__init__(max_lines=2 * MOST_LOG_LINES, min_width=1, wrap=True, markup=False, highlight=False, id="log")
        self._last: LogLine | None = None
        self._shown: tuple[RunState, bool] | None = None
        self._folded_at = 0

    def on_resize(self, event: events.Resize) -> None:
        """Lines are folded when they are written: another width needs them written again."""
        if self._shown is not None and event.size.width != self._folded_at:
            self.clear()
            self._last = None
            self.show(self._shown[0], ascii_only=self._shown[1])
        self._folded_at = event.size.width

    def show(self, state: RunState, *, ascii_only: bool) -> None:
        """Add the lines that are new."""
        self._shown = state, ascii_only
        if not state.log or state.log[-1] is self._last:
            return
        start = next((i + 1 for i in range(len(state.log) - 1, -1, -1) if state.log[i] is self._last), 0)
        styles = styles_of(state, ascii_only=ascii_only)
        at_end = self.is_vertical_scroll_end
        for line in state.log[start:]:
            style = styles[line.model].style if line.model in styles else ""
            clock = time.strftime("%H:%M:%S", time.localtime(line.t))
            text = Text.assemble((clock, "dim"), "  ", (f"{line.model}  " if line.model else "", style))
            self.write(
                text.append(line.text.rstrip(), style=_LEVELS.get(line.level, "")), expand=True, scroll_end=at_end
            )
        self._last = state.log[-1]
