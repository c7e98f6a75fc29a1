"""The compared runs as a table: the options in which they differ, and the held-out ELBO of each model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.strip import Strip

from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.run_diff import ComparedRow, differing_options, held_out_elbos
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

_GAP = 2
_NARROWEST, _WIDEST = 9, 24
_LONGEST_NAME = 18


class ComparisonView(LinesView):
    """A column for each run, as many as have room; the head names the runs."""

    def __init__(self) -> None:
        super().__init__(id="comparison")
        self._runs: tuple[RunState, ...] = ()
        self._rows: list[Text] = []
        self._drawn: tuple[object, ...] = ()

    def show(self, runs: Sequence[RunState]) -> None:
        """Show these runs; the same again costs next to nothing."""
        self._runs = tuple(runs)
        self.lay_out()

    def lay_out(self) -> None:
        width = self.scrollable_content_region.width
        options, elbos = differing_options(self._runs), held_out_elbos(self._runs)
        drawn = (width, options, elbos, tuple(run.name for run in self._runs))
        if drawn == self._drawn or not width:
            return
        self._drawn = drawn
        names = [printable(run.name) or "…" for run in self._runs]
        first = min(_LONGEST_NAME, max(len(row.name) for row in (*options, *elbos, ComparedRow("option", ()))))
        column = min(_WIDEST, max(_NARROWEST, (width - first) // max(1, len(names)) - _GAP))
        count = max(1, min(len(names), (width - first) // (column + _GAP)))
        self._rows = [_line(row.name, row.values[:count], first, column) for row in options]
        if not options:
            self._rows.append(Text("no option differs", style="dim"))
        self._rows += [Text(), Text("held-out ELBO, nats per image", style="dim")]
        self._rows += [_line(row.name, row.values[:count], first, column, "bold") for row in elbos]
        if count < len(names):
            self._rows += [Text(), Text(f"{len(names) - count} more have no room here", style="dim")]
        self.fill(len(self._rows), [_line("option", names[:count], first, column, "bold")], len(self._rows))
        self.caption.say("compared", f"{len(names)} runs{'   ↑↓ scroll' if self.overflows else ''}")

    def strip(self, line: int) -> Strip:
        return self.text_strip(self._rows[line])


def _line(name: str, values: Sequence[str], first: int, column: int, style: str = "") -> Text:
    line = _cell(name, first, "dim")
    for value in values:
        line.append(" " * _GAP).append(_cell(value, column, style))
    return line


def _cell(text: str, width: int, style: str) -> Text:
    cell = Text(text, style=style, no_wrap=True)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return Text.assemble(cell)
