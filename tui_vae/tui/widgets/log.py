"""The log of a run: by level, searched, and following its end unless one has scrolled away from it."""

from __future__ import annotations

from textual.strip import Strip

from tui_vae.charts.plotted_models import styles_of
from tui_vae.tui.log_rows import LEVELS, Rows, is_found, is_shown, painted, rows_of
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.log_lines import LogLine
from tui_vae.view.state import RunState


class LogView(LinesView):
    """One line for everything worth telling, in as many rows as it needs."""

    def __init__(self) -> None:
        super().__init__(id="log")
        self._run_state = RunState()
        self._ascii = False
        self._level = 0
        self._query = ""
        self._match: LogLine | None = None
        self._following = True
        self._drawn: tuple[object, ...] = ()
        self._folded: dict[LogLine, Rows] = {}
        self._folded_at = 0
        self._lines: list[LogLine] = []
        self._rows: list[tuple[int, int]] = []
        self._found: list[int] = []

    @property
    def query_text(self) -> str:
        """What is searched for, folded to one case; empty when nothing is."""
        return self._query

    def show(self, state: RunState, *, ascii_only: bool) -> None:
        """Show the lines that are new."""
        self._run_state, self._ascii = state, ascii_only
        self.lay_out()

    def next_level(self) -> None:
        """Show other levels: all, warnings and errors, errors alone."""
        self._level = (self._level + 1) % len(LEVELS)
        self.lay_out()

    def search(self, text: str) -> None:
        """Mark ``text`` wherever it stands, and go to where it stands last; an empty one ends the search."""
        self._query = text.strip().casefold()
        self._match = None
        self.lay_out()
        if self._found:
            self._go_to(self._found[-1])
        self._entitle()

    def go_to_match(self, direction: int) -> bool:
        """Go to where it stands next, or before; from the end to the beginning. Whether it stands anywhere."""
        if not self._found:
            return False
        at = next((n for n, index in enumerate(self._found) if self._lines[index] is self._match), None)
        following = (at + direction) % len(self._found) if at is not None else -1
        self._go_to(self._found[following])
        self._entitle()
        return True

    def _go_to(self, index: int) -> None:
        self._match = self._lines[index]
        row = next(n for n, (line, part) in enumerate(self._rows) if line == index and part == 0)
        # A little below the upper edge, so that what stood before it is seen.
        self.scroll_to(y=max(0, row - self.scrollable_content_region.height // 3), animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if old_value != new_value:
            self._following = self.is_vertical_scroll_end
            self._entitle()

    def lay_out(self) -> None:
        width = self.scrollable_content_region.width
        log = self._run_state.log
        revision = (log[-1] if log else None, len(log), self._level, self._query, self._ascii, width)
        if not width or revision == self._drawn:
            return
        self._drawn = revision
        top = self._at_top()
        self._fold(width)
        self._lines = [line for line in log if is_shown(line, self._level)]
        self._rows = [(n, part) for n, line in enumerate(self._lines) for part in range(len(self._folded[line]))]
        self._found = [n for n, line in enumerate(self._lines) if self._query and is_found(line, self._query)]
        if self._lines:
            self.fill(len(self._rows))
            self._stay(top)
        else:
            self.say("nothing has happened yet" if not log else f"no {LEVELS[self._level]}: v shows others")
        self._entitle()

    def _fold(self, width: int) -> None:
        """Fold the lines that are new; all of them for another width."""
        known = self._folded if width == self._folded_at else {}
        self._folded_at = width
        self._folded = {line: known.get(line) or rows_of(line, max(1, width - 1)) for line in self._run_state.log}

    def _at_top(self) -> LogLine | None:
        row = self.scroll_offset.y
        return self._lines[self._rows[row][0]] if row < len(self._rows) else None

    def _stay(self, top: LogLine | None) -> None:
        """Follow the end, or keep what stands at the upper edge there."""
        if self._following:
            self.scroll_end(animate=False, force=True, immediate=True)
            return
        index = next((n for n, line in enumerate(self._lines) if line is top), None)
        if index is not None:
            self.scroll_to(y=self._rows.index((index, 0)), animate=False, force=True, immediate=True)

    def strip(self, line: int) -> Strip:
        index, part = self._rows[line]
        told = self._lines[index]
        styles = styles_of(self._run_state, ascii_only=self._ascii)
        model_style = styles[told.model].style if told.model in styles else ""
        width = self._folded_at - 1
        text = painted(told, self._folded[told], part, width, str(model_style), self._query)
        if told is self._match:
            text.stylize("underline")
        return self.text_strip(text)

    def _entitle(self) -> None:
        title = "log" if not self._level else f"log · {LEVELS[self._level]}"
        hints = ["following" if self._following else "end follows"]
        if self._query:
            at = next((n + 1 for n, index in enumerate(self._found) if self._lines[index] is self._match), 0)
            hints.insert(0, f"{at} of {len(self._found)} found  n N" if self._found else "not found")
        else:
            hints.append("/ search")
        hints.append("v levels")
        self.caption.say(title, "   ".join(hints))
