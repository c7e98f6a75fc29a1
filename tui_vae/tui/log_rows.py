"""Lines of the log as rows of the screen: folded to a width, marked where they are searched for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text

from tui_vae.view.log_lines import LogLine

LEVELS = ("all", "warnings and errors", "errors")
_SHOWN = ({"info", "warning", "error"}, {"warning", "error"}, {"error"})
_STYLES = {"error": "bold red", "warning": "yellow"}
_CLOCK_WIDTH = 10
_NARROW = 60
"""Columns below which later rows of a line are indented by little."""


def is_shown(line: LogLine, level: int) -> bool:
    """Whether a line is among those of ``LEVELS[level]``."""
    return line.level in _SHOWN[level]


def is_found(line: LogLine, query: str) -> bool:
    """Whether a line has what is searched for, whatever the case; ``query`` is folded and not empty."""
    return query in line.text.casefold() or (line.model is not None and query in line.model.casefold())


Rows = tuple[tuple[str, bool], ...]
"""Each with whether it is in the middle of several lines, such as those of a traceback."""


def rows_of(line: LogLine, width: int) -> Rows:
    """The text of a line in as many rows as it needs, the clock and the model's name standing before the first."""
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
    """Columns before the later rows of a line."""
    return _CLOCK_WIDTH if width >= _NARROW else 2


def folded(text: str, first: int, width: int) -> Iterator[str]:
    """``text`` in rows of at most ``width`` cells, the first of at most ``first``; at spaces where there are any."""
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
    """How many characters fit into so many cells."""
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > cells:
            return index
    return len(text)


def painted(line: LogLine, rows: Rows, at: int, width: int, model_style: str, query: str) -> Text:
    """Row ``at`` of a line, with what is searched for marked."""
    if at:
        text = Text(" " * indent_of(width), no_wrap=True)
    else:
        clock = time.strftime("%H:%M:%S", time.localtime(line.t))
        text = Text.assemble(
            (f"{clock}  ", "dim"), (f"{line.model}  " if line.model else "", model_style), no_wrap=True
        )
    row, inner = rows[at]
    # Of a traceback the first and the last line say what happened; red all over, nothing in it could be read.
    text.append(row, style="" if inner else _STYLES.get(line.level, ""))
    if query:
        _mark(text, query)
    return text


def _mark(text: Text, query: str) -> None:
    folded_text = text.plain.casefold()
    if len(folded_text) != len(text.plain):  # a character that folds into several: the places would be others
        return
    at = folded_text.find(query, _CLOCK_WIDTH if folded_text[:1].strip() else 0)
    while at >= 0:
        text.stylize("reverse bold", at, at + len(query))
        at = folded_text.find(query, at + len(query))
