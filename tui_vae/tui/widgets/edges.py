"""What is scrolled by lines, while home and end belong to the page: there they lead to the first epoch or picture."""

from __future__ import annotations

from textual.actions import SkipAction
from textual.widget import Widget


class EdgesOfThePage(Widget):
    """Leaves home and end to the page."""

    def action_scroll_home(self) -> None:
        raise SkipAction

    def action_scroll_end(self) -> None:
        raise SkipAction
