"""Asks before a run is deleted."""

from __future__ import annotations

from typing import ClassVar

from tui_vae.tui.screens.confirm import ConfirmScreen
from tui_vae.view.library import ListedRun
from tui_vae.view.numbers import size


class DeleteScreen(ConfirmScreen):
    """Returns whether to delete the run."""

    BINDINGS: ClassVar = [("d,D,y", "choose('do')", "Delete")]

    def __init__(self, run: ListedRun) -> None:
        question = f"Delete the run {run.name}?"
        super().__init__(question, "d", f"delete its {size(run.size)} for good", id="delete-dialog")
