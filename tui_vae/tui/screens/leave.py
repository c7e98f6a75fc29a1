"""Asks what becomes of training when the user leaves."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Label

from tui_vae.tui.screens.choices import Choices, Question, choice


class Leave(Enum):
    """How the interface was left."""

    DONE = "done"
    HEADLESS = "headless"
    STOP = "stop"


_TRAINING = (
    "Training is going on. Leave the interface?",
    "go on training in this terminal, without the interface",
    "stop after a checkpoint, from which --resume goes on",
)
_EVALUATION = (
    "Training is done, its evaluation goes on. Leave the interface?",
    "let the evaluation go on in this terminal",
    "leave now, without the rest of the evaluation",
)


class LeaveScreen(Question[Leave | None]):
    """Returns the choice, or ``None`` for going on as before.

    Args:
        evaluation_alone: Training has ended, and its evaluation is what goes on.
    """

    BINDINGS: ClassVar = [
        ("escape,q", "choose('cancel')", "Cancel"),
        ("h", "choose('headless')", "Headless"),
        ("s,ctrl+c", "choose('stop')", "Stop"),
    ]

    def __init__(self, evaluation_alone: bool) -> None:
        super().__init__()
        self._texts = _EVALUATION if evaluation_alone else _TRAINING

    def compose(self) -> ComposeResult:
        question, headless, stop = self._texts
        with Vertical(id="leave-dialog", classes="dialog"):
            yield Label(question)
            yield Choices(
                choice("h", headless, "headless"), choice("s", stop, "stop"), choice("esc", "cancel", "cancel")
            )

    def action_choose(self, chosen: str) -> None:
        self.dismiss(Leave(chosen) if chosen != "cancel" else None)
