"""Asks before training is stopped by a key."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Label

from tui_vae.tui.screens.choices import Choices, Question, choice

_TRAINING = "Stop training?", "stop all models after a step; it can be resumed"
_EVALUATION = "Training is done. Stop its evaluation?", "stop it; the models are kept"

_MOST_OF_A_NAME = 20
"""Cells: some characters take two."""


class StopScreen(Question[str | None]):
    """Returns ``all``, or ``one`` for a single model, or ``None`` for going on.

    Args:
        evaluation_alone: Training has ended, and its evaluation is what would stop.
        one: The model that may be stopped alone; ``None`` where that is no question.
    """

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("s,S,y", "choose('all')", "Stop"),
        ("o", "choose('one')", "Stop one"),
    ]

    def __init__(self, evaluation_alone: bool, one: str | None) -> None:
        super().__init__()
        self._one = one
        self._texts = _EVALUATION if evaluation_alone else _TRAINING

    def compose(self) -> ComposeResult:
        question, stop = self._texts
        with Vertical(id="stop-dialog", classes="dialog"):
            yield Label(question)
            one = [choice("o", f"stop only {_shortened(self._one)}", "one")] if self._one is not None else []
            yield Choices(choice("s", stop, "all"), *one, choice("esc", "cancel", "cancel"))

    def action_choose(self, chosen: str) -> None:
        if chosen != "one" or self._one is not None:
            self.dismiss(chosen if chosen != "cancel" else None)


def _shortened(name: str) -> str:
    text = Text(name)
    text.truncate(_MOST_OF_A_NAME, overflow="ellipsis")
    return text.plain
