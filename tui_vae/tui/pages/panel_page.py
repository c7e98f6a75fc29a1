"""A page that shows as many of its panels as have room, and one alone when that is enlarged."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

from tui_vae.tui.pages.page import Page


class ArrangedPage(Page):
    """Knows which panel is at hand, and whether it is enlarged.

    Args:
        at_hand: The panel that is at hand at first.
        id: Of the page.
    """

    def __init__(self, at_hand: Widget, *, id: str) -> None:
        super().__init__(id=id)
        self.at_hand = at_hand
        self.enlarged = False

    def place_panels(self) -> None:
        """Show what has room; called whenever that may have changed."""
        raise NotImplementedError

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # By key or by mouse: what has the focus is at hand when there is room for one only.
        if event.widget in self.panels():
            self.at_hand = event.widget

    def on_resize(self) -> None:
        self.place_panels()

    def turn_to(self, panel: Widget) -> None:
        self.at_hand = panel
        self.place_panels()

    def enlarge(self) -> None:
        self.enlarged = not self.enlarged
        self.place_panels()

    def restore(self) -> None:
        self.enlarged = False
        self.place_panels()
