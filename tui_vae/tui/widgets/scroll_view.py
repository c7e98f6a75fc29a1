"""Widgets made of lines, of which only those that have changed are drawn again.

A line that has not changed is the same ``Strip`` object again: Textual caches in it what it has rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.actions import SkipAction
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget


def merged(before: Sequence[Strip], after: Sequence[Strip]) -> tuple[list[Strip], list[int]]:
    """Return the rows ``after``, as objects of ``before`` where they are equal, and the indices of the others."""
    rows: list[Strip] = []
    changed: list[int] = []
    for place, (old, new) in enumerate(zip_longest(before, after)):
        same = old is new or old == new
        if not same:
            changed.append(place)
        if new is not None:
            rows.append(old if same else new)
    return rows, changed


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each run of consecutive numbers."""
    if not numbers:
        return []
    breaks = [at for at in range(1, len(numbers)) if numbers[at] > numbers[at - 1] + 1]
    return [(numbers[first], numbers[last - 1]) for first, last in pairwise([0, *breaks, len(numbers)])]


class StripWidget(Widget, can_focus=True):
    """Shows rows of cells."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._rows: list[Strip] = []
        self._style = Style()
        self._room = Size(0, 0)
        self.caption = Caption(self)

    @property
    def room(self) -> Size:
        """The size to draw into; while it is hidden, the size it had before."""
        if self.size:
            self._room = self.size
        return self._room

    def lay(self, rows: Sequence[Strip]) -> None:
        """Show these rows from the top, as many as fit."""
        width, height = self.room
        self._rows, changed = merged(self._rows, rows[:height])
        if changed:
            self.refresh(*(Region(0, first, width, last + 1 - first) for first, last in runs(changed)))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # computed from all ancestors: once for all lines
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        row = self._rows[y] if y < len(self._rows) else Strip.blank(width)
        return row.adjust_cell_length(width).apply_style(self._style)


class Caption:
    """The titles in a widget's frame. Setting them again costs nothing, where Textual would draw the whole widget."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._title: Text | None = None
        self._subtitle: Text | None = None

    def say(self, title: Text | str, subtitle: Text | str | None = None) -> None:
        """Set the titles, with a space on either side; strings are not parsed as markup."""
        above, below = (Text(f" {text} ") if isinstance(text, str) else text for text in (title, subtitle or None))
        if above != self._title:
            self._title = self._widget.border_title = above
        if below != self._subtitle:
            self._subtitle = self._widget.border_subtitle = below


class LeavesHomeAndEnd:
    """A mixin for scrolling widgets: leaves home and end to the page. It precedes the widget's class."""

    def action_scroll_home(self) -> None:
        raise SkipAction

    def action_scroll_end(self) -> None:
        raise SkipAction


class LinesView(ScrollView, can_focus=True):
    """Scrolls the lines of ``strip`` under a head that stays; shows a message if there are none."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self.caption = Caption(self)
        self._head: list[Text] = []
        self._headed = 0
        self._count = 0
        self._words: list[str] = []

    @property
    def overflows(self) -> bool:
        """Whether there are more lines than fit."""
        return not self._words and len(self._head) + self._count > self.scrollable_content_region.height

    def strip(self, line: int) -> Strip:
        """Return a line below the head."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Fill the view again if its size or its content has changed."""
        raise NotImplementedError

    def on_resize(self) -> None:
        self.lay_out()

    def say(self, words: str) -> None:
        """Show only a message, centred and wrapped."""
        folded = Text(words).wrap(self.app.console, max(1, self.scrollable_content_region.width - 2))
        self._words = [line.plain.strip() for line in folded]
        self._extent(0)

    def fill(self, count: int, head: list[Text] | None = None, headed: int = 0) -> None:
        """Show ``count`` lines under a head, which scrolls away after the first ``headed`` ones."""
        self._head, self._headed, self._words = head or [], headed, []
        self._extent(count)

    def _extent(self, count: int) -> None:
        self._count = count
        lines = 0 if self._words else len(self._head) + count
        self.virtual_size = Size(self.scrollable_content_region.width, lines)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        return self._line(y).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._words:
            at = y - max(0, (self.size.height - len(self._words)) // 2)
            text = self._words[at].center(width) if 0 <= at < len(self._words) else ""
            return Strip([Segment(text, Style(dim=True))])
        if y < len(self._head):
            return self.text_strip(self._head[y]) if self.scroll_offset.y < self._headed else Strip.blank(width)
        line = y - len(self._head) + self.scroll_offset.y
        return self.strip(line) if line < self._count else Strip.blank(width)

    def text_strip(self, text: Text) -> Strip:
        """Render a line, with an ellipsis if it is too long."""
        line = text.copy()
        line.truncate(self.scrollable_content_region.width, overflow="ellipsis")
        console = self.app.console
        return Strip(Segment.apply_style(line.render(console, end=""), console.get_style(line.style)))


class EmptyState(LinesView):
    """A message in the middle."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, text: str) -> None:
        """Show a message; the same again costs nothing."""
        if text != self._text:
            self._text = text
            self.lay_out()

    def lay_out(self) -> None:
        self.say(self._text)

    def strip(self, line: int) -> Strip:
        raise NotImplementedError
