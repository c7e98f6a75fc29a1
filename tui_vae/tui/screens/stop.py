"""Asks before training is stopped by a key."""

from __future__ import annotations

from typing import ClassVar

from tui_vae.tui.screens.confirm import ConfirmScreen

_TRAINING = "Stop training all models?", "stop after the step at hand; it can be resumed"
_EVALUATION = "Training is done. Stop its evaluation?", "stop it; the models are kept"


class StopScreen(ConfirmScreen):
    """Returns whether to stop.

    Args:
        evaluation_alone: Training has ended, and its evaluation is what would stop.
    """

    BINDINGS: ClassVar = [("s,S,y", "choose('do')", "Stop")]

    def __init__(self, evaluation_alone: bool) -> None:
        question, stop = _EVALUATION if evaluation_alone else _TRAINING
        super().__init__(question, "s", stop, id="stop-dialog")
