"""Every key, made from the bindings."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_vae.tui.keys import GROUPS


class HelpScreen(ModalScreen[None]):
    """Closed by any of the keys that one would try."""

    BINDINGS: ClassVar = [("escape,q,question_mark,f1,enter,ctrl+c", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-dialog", classes="dialog") as dialog:
            dialog.border_title = " keys "
            dialog.border_subtitle = " esc closes "
            yield Static(_table())


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column()
    for index, (title, bindings) in enumerate(GROUPS.items()):
        if index:
            table.add_row("", "")
        table.add_row("", title, style="underline")
        for binding in bindings:
            table.add_row(binding.key_display or binding.key, binding.tooltip)
    return table
