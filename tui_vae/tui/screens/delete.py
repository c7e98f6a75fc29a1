"""Asks before a run is deleted."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Label, OptionList

from tui_vae.tui.screens.choices import Choices, Question, choice
from tui_vae.view.library import ListedRun
from tui_vae.view.numbers import size


class DeleteScreen(Question[bool]):
    """Returns whether to delete the run."""

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("d,D,y", "choose('delete')", "Delete"),
    ]

    def __init__(self, run: ListedRun) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        with Vertical(id="delete-dialog", classes="dialog"):
            yield Label(Text(f"Delete the run {self._run.name}?", no_wrap=True, overflow="ellipsis"))
            delete = f"delete its {size(self._run.size)} for good"
            if self._run.link is not None:
                delete = "remove the link"
                yield Label(Text(f"Its place here is a link; the run stays in {self._run.link}"), id="delete-link")
            yield Choices(choice("d", delete, "delete"), choice("esc", "cancel", "cancel"))

    def begin(self) -> None:
        self.query_one(OptionList).highlighted = 1  # a key pressed once too often deletes nothing

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen == "delete")
