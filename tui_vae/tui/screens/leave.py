"""Asks what becomes of training when the user leaves."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList

from tui_vae.tui.screens.choices import choice


class Leave(Enum):
    """How the interface was left."""

    DONE = "done"
    HEADLESS = "headless"
    STOP = "stop"


class LeaveScreen(ModalScreen[Leave | None]):
    """Returns the choice, or ``None`` for going on as before."""

    BINDINGS: ClassVar = [
        ("escape,q", "choose('cancel')", "Cancel"),
        ("h", "choose('headless')", "Headless"),
        ("s,ctrl+c", "choose('stop')", "Stop"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="leave-dialog", classes="dialog"):
            yield Label("Training is going on. Leave the interface?")
            yield OptionList(
                choice("h", "go on training in this terminal, without the interface", "headless"),
                choice("s", "stop after a checkpoint, from which --resume goes on", "stop"),
                choice("esc", "cancel", "cancel"),
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        self.dismiss(Leave(chosen) if chosen != "cancel" else None)
