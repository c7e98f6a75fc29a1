"""Asks before something is done that cannot be taken back by a key."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList

from tui_vae.tui.screens.choices import choice


class ConfirmScreen(ModalScreen[bool]):
    """Returns whether to do it. Subclasses bind the keys that say so.

    Args:
        question: For the user.
        key: That says yes.
        consequence: What it does.
        id: Of the dialog.
    """

    BINDINGS: ClassVar = [("escape,q,n,ctrl+c", "choose('cancel')", "Cancel")]

    def __init__(self, question: str, key: str, consequence: str, *, id: str) -> None:
        super().__init__()
        self._question, self._key, self._consequence, self._dialog = question, key, consequence, id

    def compose(self) -> ComposeResult:
        with Vertical(id=self._dialog, classes="dialog"):
            yield Label(Text(self._question))
            yield OptionList(choice(self._key, self._consequence, "do"), choice("esc", "cancel", "cancel"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen == "do")
