"""A few words where there is nothing else to show."""

from __future__ import annotations

from textual.strip import Strip

from tui_vae.tui.widgets.scroll_view import LinesView


class Words(LinesView):
    """Words in the middle, folded to the width."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, text: str) -> None:
        """Say something; the same again costs nothing."""
        if text != self._text:
            self._text = text
            self.lay_out()

    def lay_out(self) -> None:
        self.say(self._text)

    def strip(self, line: int) -> Strip:
        raise NotImplementedError
