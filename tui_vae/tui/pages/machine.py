"""What the machine does: small curves of processor, memory and GPUs, the share of one process marked."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget

from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.machine import MachineView


class MachinePage(Page):
    def __init__(self) -> None:
        super().__init__(id="machine")
        self._view = MachineView()

    def compose(self) -> ComposeResult:
        yield self._view

    def panels(self) -> list[Widget]:
        return [self._view]

    def show(self, shown: PageContext) -> None:
        self._view.show(shown.machine, shown.settings.face)
