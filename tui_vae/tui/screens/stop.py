"""Asks before training is stopped by a key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList

from tui_vae.tui.screens.choices import choice

_TRAINING = "Stop training all models?", "stop after the step at hand; it can be resumed"
_EVALUATION = "Training is done. Stop its evaluation?", "stop it; the models are kept"


class StopScreen(ModalScreen[bool]):
    """Returns whether to stop.

    Args:
        evaluation_alone: Training has ended, and its evaluation is what would stop.
    """

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("s,S,y", "choose('stop')", "Stop"),
    ]

    def __init__(self, evaluation_alone: bool) -> None:
        super().__init__()
        self._texts = _EVALUATION if evaluation_alone else _TRAINING

    def compose(self) -> ComposeResult:
        question, stop = self._texts
        with Vertical(id="stop-dialog", classes="dialog"):
            yield Label(question)
            yield OptionList(choice("s", stop, "stop"), choice("esc", "cancel", "cancel"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen == "stop")
