"""The line in which globs are typed that choose which models the charts show."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static


class FilterLine(Horizontal):
    """Takes no space until it is opened; every change is told at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "show all", show=False)]

    class Changed(Message):
        """Other globs were typed; none shows every model."""

        def __init__(self, globs: str) -> None:
            super().__init__()
            self.globs = globs

    def __init__(self) -> None:
        super().__init__(id="filter")
        self.display = False
        self._input = Input(placeholder="models to show, such as deep*, run-a/*", compact=True)
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static(" / ")
        yield self._input
        yield Static(" enter keep  esc show all ", id="filter-keys")

    def open(self, globs: str) -> None:
        """Let globs be typed, beginning with these."""
        if not self.display:
            self._before = self.screen.focused
        self.display = True
        self._input.value = globs
        self._input.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.display = False

    def action_clear(self) -> None:
        self._input.value = ""
        self._close()

    def _close(self) -> None:
        self.display = False
        if self._before is not None and self._before.is_attached:
            self._before.focus()
