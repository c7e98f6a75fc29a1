"""Asks before training is stopped by a key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList

from tui_vae.tui.screens.choices import choice


class StopScreen(ModalScreen[bool]):
    """Returns whether to stop."""

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("s,S,y", "choose('stop')", "Stop"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="stop-dialog", classes="dialog"):
            yield Label("Stop training all models?")
            yield OptionList(
                choice("s", "stop after the step at hand; it can be resumed", "stop"),
                choice("esc", "cancel", "cancel"),
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen == "stop")
