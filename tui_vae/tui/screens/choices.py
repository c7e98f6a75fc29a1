"""Questions, and what to choose from in a dialog: lines of which one is decided on by its key, or by the highlight."""

from __future__ import annotations

from rich.text import Text
from textual.command import CommandList, CommandPalette
from textual.events import Key
from textual.screen import ScreenResultType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui_vae.tui.screens.dialog import Dialog


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
    """Answered by keys of its own; a letter that is none of them cancels, as when other words are typed by mistake."""

    def on_key(self, event: Key) -> None:
        if event.is_printable and event.key not in self.active_bindings:
            event.stop()
            # In its turn: a key before this one is answered by the application, and counts.
            self.app.call_later(self.action_choose, "cancel")

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
