"""What is scrolled by lines, while home and end belong to the page: there they lead to the first epoch or picture."""

from __future__ import annotations

from textual.actions import SkipAction


class EdgesOfThePage:
    """Leaves home and end to the page; stands before the widget that scrolls, and is none, or none could be focused."""

    def action_scroll_home(self) -> None:
        raise SkipAction

    def action_scroll_end(self) -> None:
        raise SkipAction
