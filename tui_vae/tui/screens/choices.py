"""Questions, and what to choose from in a dialog: lines of which one is decided on by its key, or by the highlight."""

from __future__ import annotations

import time

from rich.text import Text
from textual.command import CommandList, CommandPalette
from textual.events import Key
from textual.screen import ScreenResultType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui_vae.tui.screens.dialog import Dialog

_SECONDS_OF_A_WORD = 1.0
"""After a letter that is no answer, in which another is taken for one of the same word."""


def choice(key: str, text: str, id: str) -> Option:
    return Option(Text.assemble((f"{key:>4}", "bold"), f"  {text}"), id=id)


class Choices(OptionList):
    """The lines; where there is no room for any, the library's list would look for a page of none and fail."""

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class Question(Dialog[ScreenResultType]):
    """Answered by keys of its own. Words typed by mistake, as for a shell, come upon no answer, and enter cancels."""

    _strayed = -_SECONDS_OF_A_WORD

    def on_key(self, event: Key) -> None:
        if not event.is_printable:
            return
        if event.key not in self.active_bindings:
            self._strayed = time.monotonic()
            choices = self.query_one(Choices)
            choices.highlighted = choices.option_count - 1
        if time.monotonic() - self._strayed < _SECONDS_OF_A_WORD:
            event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        """Take an answer by its name, or ``cancel``."""
        raise NotImplementedError


class Palette(CommandPalette, Dialog[None]):
    """The library's palette, which passes keys on to a list of its own."""

    def _action_command_list(self, action: str) -> None:
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)
