"""The log page: what happened in the run, by level, with a line to search in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tui_vae.charts.palette import styles_of
from tui_vae.tui.keys import LOG_BINDINGS
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.log_lines import LogLine
from tui_vae.view.state import RunState

LEVELS = ("all", "warnings and errors", "errors")
_SHOWN = ({"info", "warning", "error"}, {"warning", "error"}, {"error"})
_STYLES = {"error": "bold red", "warning": "yellow"}
_CLOCK_WIDTH = 10
_NARROW = 60
"""Width below which the later rows of a line are indented only a little."""


def is_shown(line: LogLine, level: int) -> bool:
    """Return whether a line is among those of ``LEVELS[level]``."""
    return line.level in _SHOWN[level]


def is_found(line: LogLine, query: str) -> bool:
    """Return whether a line contains the case-folded ``query``."""
    return query in line.text.casefold() or (line.model is not None and query in line.model.casefold())


Rows = tuple[tuple[str, bool], ...]
"""Each row, and whether it is in the middle of a multi-line text such as a traceback."""


def rows_of(line: LogLine, width: int) -> Rows:
    """Wrap a line; the clock and the model's name take up space in the first row."""
    indent = indent_of(width)
    first = _CLOCK_WIDTH + (cell_len(line.model) + 2 if line.model else 0)
    rows: list[tuple[str, bool]] = []
    parts = line.text.rstrip().expandtabs(4).split("\n")
    for number, part in enumerate(parts):
        room = max(1, width - (indent if rows else first))
        inner = 0 < number < len(parts) - 1
        rows += [(row, inner) for row in folded(part, room, max(1, width - indent))]
    return tuple(rows)


def indent_of(width: int) -> int:
    """Return the indent of the later rows of a line."""
    return _CLOCK_WIDTH if width >= _NARROW else 2


def folded(text: str, first: int, width: int) -> Iterator[str]:
    """Wrap ``text`` into rows of at most ``width`` cells, the first of at most ``first``, at spaces where possible."""
    room = first
    while cell_len(text) > room:
        most = room if text.isascii() else _characters(text, room)
        cut = text.rfind(" ", 1, most + 1)
        if cut < 1 or not text[:cut].strip():
            cut = max(1, most)
        yield text[:cut]
        text = text[cut:].lstrip(" ")
        room = width
    yield text


def _characters(text: str, cells: int) -> int:
    """Return how many characters fit into a number of cells."""
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > cells:
            return index
    return len(text)


def painted(line: LogLine, rows: Rows, at: int, width: int, model_style: str, query: str) -> Text:
    """Return row ``at`` of a line, with matches highlighted."""
    if at:
        text = Text(" " * indent_of(width), no_wrap=True)
    else:
        clock = time.strftime("%H:%M:%S", time.localtime(line.t))
        text = Text.assemble(
            (f"{clock}  ", "dim"), (f"{line.model}  " if line.model else "", model_style), no_wrap=True
        )
    row, inner = rows[at]
    # The first and the last line of a traceback say what happened; all in red, nothing could be read.
    text.append(row, style="" if inner else _STYLES.get(line.level, ""))
    if query:
        _mark(text, query)
    return text


def _mark(text: Text, query: str) -> None:
    folded_text = text.plain.casefold()
    if len(folded_text) != len(text.plain):  # a character that folds into several shifts all positions
        return
    at = folded_text.find(query, _CLOCK_WIDTH if folded_text[:1].strip() else 0)
    while at >= 0:
        text.stylize("reverse bold", at, at + len(query))
        at = folded_text.find(query, at + len(query))


class LogView(LinesView):
    """The lines of the log; follows the end unless the user has scrolled away from it."""

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
        """The search text, case-folded; empty if there is none."""
        return self._query

    def show(self, state: RunState, *, ascii_only: bool) -> None:
        """Show the new lines."""
        self._run_state, self._ascii = state, ascii_only
        self.lay_out()

    def next_level(self) -> None:
        """Show other levels: all, warnings and errors, only errors."""
        self._level = (self._level + 1) % len(LEVELS)
        self.lay_out()

    def search(self, text: str) -> None:
        """Highlight all matches and go to the last; an empty text ends the search."""
        self._query = text.strip().casefold()
        self._match = None
        self.lay_out()
        if self._found:
            self._go_to(self._found[-1])
        self._entitle()

    def go_to_match(self, direction: int) -> bool:
        """Go to the next match or the one before, cyclically; returns whether there is one."""
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
        # A little below the upper edge, so that the lines before it are visible.
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
            self.say("the log is empty" if not log else f"no {LEVELS[self._level]}: press v for other levels")
        self._entitle()

    def _fold(self, width: int) -> None:
        """Wrap the new lines; for another width, all of them."""
        known = self._folded if width == self._folded_at else {}
        self._folded_at = width
        self._folded = {line: known.get(line) or rows_of(line, max(1, width - 1)) for line in self._run_state.log}

    def _at_top(self) -> LogLine | None:
        row = self.scroll_offset.y
        return self._lines[self._rows[row][0]] if row < len(self._rows) else None

    def _stay(self, top: LogLine | None) -> None:
        """Scroll to the end if it is followed, else keep the line at the upper edge there."""
        if self._following:
            self.scroll_end(animate=False, force=True, immediate=True)
            return
        index = next((n for n, line in enumerate(self._lines) if line is top), None)
        if index is not None:
            self.scroll_to(y=self._rows.index((index, 0)), animate=False, force=True, immediate=True)

    def strip(self, line: int) -> Strip:
        index, part = self._rows[line]
        shown = self._lines[index]
        styles = styles_of(self._run_state, ascii_only=self._ascii)
        model_style = styles[shown.model].style if shown.model in styles else ""
        width = self._folded_at - 1
        text = painted(shown, self._folded[shown], part, width, str(model_style), self._query)
        if shown is self._match:
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


class LogPage(Page):
    BINDINGS: ClassVar[list[Binding]] = LOG_BINDINGS  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(id="log-page")
        self._log = LogView()
        self._search = Input(placeholder="search in the log", id="log-search", compact=True)

    def compose(self) -> ComposeResult:
        yield self._log
        yield self._search

    def on_mount(self) -> None:
        self._search.display = False

    def panels(self) -> list[Widget]:
        return [self._log]

    def show(self, context: PageContext) -> None:
        self._log.show(context.state, ascii_only=context.settings.ascii_only)

    def next_view(self) -> None:
        self._log.next_level()

    def action_search(self) -> None:
        """Open the search line."""
        self._search.display = True
        self.screen.set_focus(self._search)  # at once: what is typed next is meant for it

    def action_match(self, direction: int) -> None:
        if not self._log.go_to_match(direction):
            said = "no match" if self._log.query_text else "no search text: press / to search"
            self.notify(said, timeout=2)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._log.search(event.value)

    def on_input_submitted(self) -> None:
        self._search.display = bool(self._search.value)
        self._log.focus()

    def restore(self) -> None:
        self._search.value = ""
        self._search.display = False
        self._log.focus()
