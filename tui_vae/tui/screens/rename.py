"""Asks for another name of a run, checking it as it is typed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from tui_vae.config import check_name
from tui_vae.errors import UsageError
from tui_vae.tui.screens.dialog import Dialog


class RenameScreen(Dialog[str | None]):
    """Returns the name, or ``None`` when it stays."""

    BINDINGS: ClassVar = [("escape", "dismiss(None)", "Cancel")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_now = name

    def compose(self) -> ComposeResult:
        with Vertical(id="rename-dialog", classes="dialog") as dialog:
            dialog.border_subtitle = " enter renames · esc cancels "
            yield Label(Text(f"Another name for {self._name_now}:"))
            yield Input(self._name_now, id="new-name", compact=True)
            yield Static(id="name-trouble")

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#name-trouble", Static).update(Text(_trouble(event.value) or ""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if _trouble(event.value) is None:
            self.dismiss(event.value if event.value != self._name_now else None)


def _trouble(name: str) -> str | None:
    try:
        check_name(name, "a run's name")
    except UsageError as error:
        return str(error)
    return None
