"""What happened in the run, in order, and a line to search in it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from tui_vae.tui.keys import ON_LOG
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.log import LogView


class LogPage(Page):
    BINDINGS: ClassVar[list[Binding]] = ON_LOG  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(id="log-page")
        self._log = LogView()
        self._search = Input(placeholder="search in the log", id="log-search", compact=True)

    def compose(self) -> ComposeResult:
        yield self._log
        yield self._search

    def on_mount(self) -> None:
        self._search.display = False

    def panels(self) -> list[Widget]:
        return [self._log]

    def show(self, shown: PageContext) -> None:
        self._log.show(shown.state, ascii_only=shown.settings.ascii_only)

    def next_view(self) -> None:
        self._log.next_level()

    def search(self) -> None:
        """Open the line in which one types what is searched for."""
        self._search.display = True
        self.screen.set_focus(self._search)  # at once: what is typed next is meant for it

    def go_to_match(self, direction: int) -> None:
        if not self._log.go_to_match(direction):
            said = "found nowhere" if self._log.query_text else "nothing is searched for: / searches"
            self.notify(said, timeout=2)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._log.search(event.value)

    def on_input_submitted(self) -> None:
        self._search.display = bool(self._search.value)
        self._log.focus()

    def restore(self) -> None:
        self._search.value = ""
        self._search.display = False
        self._log.focus()
