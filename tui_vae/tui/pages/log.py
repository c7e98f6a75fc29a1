"""What happened in the run, in order."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget

from tui_vae.tui.pages.page import Page, Shown
from tui_vae.tui.widgets.log import LogView


class LogPage(Page):
    def __init__(self) -> None:
        super().__init__(id="log-page")
        self._log = LogView()
        self._log.border_title = " log "

    def compose(self) -> ComposeResult:
        yield self._log

    def panels(self) -> list[Widget]:
        return [self._log]

    def show(self, shown: Shown) -> None:
        self._log.show(shown.state, ascii_only=shown.settings.ascii_only)
