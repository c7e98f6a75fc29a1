"""The help screen: every key, made from the bindings."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui_vae.tui.keys import GROUPS
from tui_vae.tui.screens.dialogs import Dialog

_WIDTH = 66
_ALL = [binding for bindings in GROUPS.values() for binding in bindings]


class HelpScreen(Dialog[None]):
    """Lists every key; closed by escape, enter, q, or the key that opened it."""

    BINDINGS: ClassVar = [("escape,q,question_mark,f1,enter,ctrl+c", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-dialog", classes="dialog") as dialog:
            dialog.border_title = " keys "
            dialog.border_subtitle = " esc close "
            yield Static()

    def on_resize(self) -> None:
        """Use two columns where they fit."""
        two_columns = self.size.width >= 2 * _WIDTH
        self.query_one("#help-dialog").styles.width = 2 * _WIDTH if two_columns else _WIDTH
        tables = Table.grid(padding=(0, 2), expand=two_columns)
        tables.add_row(*(_table(groups) for groups in (_halves() if two_columns else [list(GROUPS)])))
        self.query_one(Static).update(tables)


def _halves() -> list[list[str]]:
    """Split the groups into two columns of about the same length, in order."""
    lengths = [len(bindings) + 2 for bindings in GROUPS.values()]
    names = list(GROUPS)
    middle = min(range(len(names)), key=lambda at: max(sum(lengths[:at]), sum(lengths[at:])))
    return [names[:middle], names[middle:]]


def _table(titles: list[str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True, width=max(len(_key(b)) for b in _ALL))
    table.add_column()
    for index, title in enumerate(titles):
        if index:
            table.add_row("", "")
        table.add_row("", Text(title, style="bold underline"))
        for binding in GROUPS[title]:
            table.add_row(_key(binding), binding.tooltip)
    return table


def _key(binding: Binding) -> str:
    return binding.key_display or binding.key
