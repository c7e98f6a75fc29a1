"""What is drawn row by row: only rows that have changed are drawn again, and what frames say only when it changes.

A row that comes again is the same object again: Textual keeps in it what it has made of it, down to the text that is
written to the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest

from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget


def merged(before: Sequence[Strip], after: Sequence[Strip]) -> tuple[list[Strip], list[int]]:
    """The rows ``after``, as the objects of ``before`` where they are equal; and the places of those that are not."""
    rows: list[Strip] = []
    changed: list[int] = []
    for place, (old, new) in enumerate(zip_longest(before, after)):
        same = old is new or old == new
        if not same:
            changed.append(place)
        if new is not None:
            rows.append(old if same else new)
    return rows, changed


def runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of places that follow each other."""
    if not places:
        return []
    breaks = [at for at in range(1, len(places)) if places[at] > places[at - 1] + 1]
    return [(places[first], places[last - 1]) for first, last in pairwise([0, *breaks, len(places)])]


class Drawing(Widget, can_focus=True):
    """Shows the rows that were laid last."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._rows: list[Strip] = []
        self._style = Style()
        self._room = Size(0, 0)
        self.caption = Caption(self)

    @property
    def room(self) -> Size:
        """What there is to draw into; while it is not seen, what there was when it was seen last."""
        if self.size:
            self._room = self.size
        return self._room

    def lay(self, rows: Sequence[Strip]) -> None:
        """Show these rows from the top down, at most as many as there is height."""
        width, height = self.room
        self._rows, changed = merged(self._rows, rows[:height])
        if changed:
            self.refresh(*(Region(0, first, width, last + 1 - first) for first, last in runs(changed)))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # put together from those of all that it stands in: once for all lines
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        row = self._rows[y] if y < len(self._rows) else Strip.blank(width)
        return row.adjust_cell_length(width).apply_style(self._style)


class Caption:
    """What the frame of a widget says; the same again costs nothing, where setting a title draws all of the widget."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._title: Text | None = None
        self._subtitle: Text | None = None

    def say(self, title: Text | str, subtitle: Text | str | None = None) -> None:
        """Say it, with a blank on either side, as it is: nothing in a string is markup."""
        above, below = (Text(f" {text} ") if isinstance(text, str) else text for text in (title, subtitle or None))
        if above != self._title:
            self._title = self._widget.border_title = above
        if below != self._subtitle:
            self._subtitle = self._widget.border_subtitle = below
