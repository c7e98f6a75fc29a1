"""Lines of text, or of images, that may be scrolled under a head which stays."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_vae.tui.widgets.strip_widget import Caption


class LinesView(ScrollView, can_focus=True):
    """Draws what a subclass has in ``head`` and gives by ``strip``; or a few words where there is nothing."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self.caption = Caption(self)
        self._head: list[Text] = []
        self._headed = 0
        self._count = 0
        self._words: list[str] = []

    @property
    def overflows(self) -> bool:
        """Whether there are more lines than are seen."""
        return not self._words and len(self._head) + self._count > self.scrollable_content_region.height

    def strip(self, line: int) -> Strip:
        """Line number ``line`` below the head."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Fill the view for its size, where that or what it shows has changed."""
        raise NotImplementedError

    def on_resize(self) -> None:
        self.lay_out()

    def say(self, words: str) -> None:
        """Show words alone, folded to the width, in the middle."""
        folded = Text(words).wrap(self.app.console, max(1, self.scrollable_content_region.width - 2))
        self._words = [line.plain.strip() for line in folded]
        self._extent(0)

    def fill(self, count: int, head: list[Text] | None = None, headed: int = 0) -> None:
        """Show ``count`` lines, and above them a head which is of the first ``headed`` ones."""
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
        """A line that is too long ends in a sign of it."""
        line = text.copy()
        line.truncate(self.scrollable_content_region.width, overflow="ellipsis")
        console = self.app.console
        return Strip(Segment.apply_style(line.render(console, end=""), console.get_style(line.style)))
