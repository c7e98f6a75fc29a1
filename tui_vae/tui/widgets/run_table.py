"""The list of stored runs: as many columns as the width allows, changed cells only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import DataTable

from tui_vae.view.library import ListedRun
from tui_vae.view.numbers import UNKNOWN, age, nats

_STYLES = {
    "running": "green",
    "paused": "yellow",
    "stalled": "yellow",
    "failed": "red",
    "killed": "red",
    "damaged": "red",
}
_MARKS, _STATE, _ELBO, _AGE = 3, 10, 8, 8
_SHORTEST_NAME, _LONGEST_NAME, _SHORTEST_MODELS = 12, 30, 14


@dataclass(frozen=True)
class Standing:
    """What runs are to the interface, by their keys: the run that is shown, that of this process, those compared."""

    shown: str | None = None
    own: str | None = None
    marked: Collection[str] = ()


class RunTable(DataTable[Text], inherit_bindings=False):
    """One row a run; the row of the cursor is the run that keys act on, whatever comes and goes above it."""

    BINDINGS: ClassVar = [
        ("up", "cursor_up", "Previous run"),
        ("down", "cursor_down", "Next run"),
        ("pageup", "page_up", "Page up"),
        ("pagedown", "page_down", "Page down"),
        ("home", "scroll_top", "First run"),
        ("end", "scroll_bottom", "Last run"),
    ]

    class Clicked(Message):
        """A run was clicked twice."""

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cell_padding=0, id="run-table", classes="panel")
        self._runs: tuple[ListedRun, ...] = ()
        self._standing = Standing()
        self._now = 0.0
        self._ascii = False
        self._widths: dict[str, int] = {}
        self._shown: dict[tuple[str, str], Text] = {}

    @property
    def selected(self) -> ListedRun | None:
        """The run that keys act on."""
        return self._runs[min(self.cursor_row, len(self._runs) - 1)] if self._runs else None

    def show(self, runs: Sequence[ListedRun], standing: Standing, now: float, *, ascii_only: bool) -> None:
        """Change the cells that differ; ``now`` is unix time."""
        at = self.selected
        others = [run.key for run in runs] != [run.key for run in self._runs]
        self._runs, self._standing, self._now, self._ascii = tuple(runs), standing, now, ascii_only
        if others:
            self._build(at.key if at is not None else None)
        self._fill()

    def on_resize(self, event: events.Resize) -> None:
        if self._widths != self._columns():
            self._build(self.selected.key if self.selected is not None else None)
            self._fill()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and "row" in event.style.meta and event.style.meta["row"] >= 0:
            self.post_message(self.Clicked())

    def _columns(self) -> dict[str, int]:
        """Widths of the columns that have room, by their headings."""
        rest = self.scrollable_content_region.width - _MARKS - _STATE - _ELBO - 1
        widths = {"": _MARKS, "run": 0, "state": _STATE}
        with_age = rest - _AGE >= _SHORTEST_NAME
        rest -= _AGE if with_age else 0
        name = max(_SHORTEST_NAME, rest)
        if rest >= _SHORTEST_NAME + _SHORTEST_MODELS:
            name = min(_LONGEST_NAME, rest - _SHORTEST_MODELS)
            widths["models"] = rest - name
        widths["run"] = name
        return widths | {"ELBO": _ELBO} | ({"age": _AGE} if with_age else {})

    def _build(self, at: str | None) -> None:
        """Make the rows anew, with the cursor on the run where it was."""
        row, top = self.cursor_row, self.scroll_offset.y
        self.clear(columns=True)
        self._shown.clear()
        self._widths = self._columns()
        for heading, width in self._widths.items():
            right = "right" if heading in ("ELBO", "age") else "left"
            self.add_column(Text(heading, justify=right), key=heading, width=width)  # type: ignore[arg-type]
        for run in self._runs:
            self.add_row(*(Text() for _ in self._widths), key=run.key)
        keys = [run.key for run in self._runs]
        self.move_cursor(row=keys.index(at) if at in keys else min(row, max(0, len(keys) - 1)), scroll=False)
        self.scroll_to(y=top, animate=False)

    def _fill(self) -> None:
        for run in self._runs:
            for heading, width in self._widths.items():
                cell = self._cell(run, heading)
                cell.truncate(width - (0 if heading in ("ELBO", "age") else 1), overflow="ellipsis")
                if self._shown.get((run.key, heading)) != cell:
                    self._shown[run.key, heading] = cell
                    self.update_cell(run.key, heading, cell)

    def _cell(self, run: ListedRun, heading: str) -> Text:
        standing = self._standing
        match heading:
            case "":
                marker, pointer = ("*", ">") if self._ascii else ("●", "▸")
                shown = pointer if run.key == standing.shown else " "
                return Text(shown + (marker if run.key in standing.marked else " "))
            case "run":
                name = Text(run.name, no_wrap=True)
                return name.append(" · this process", style="dim") if run.key == standing.own else name
            case "state":
                return Text(run.state, style=_STYLES.get(run.state, ""), no_wrap=True)
            case "models":
                if run.trouble is not None:
                    return Text(run.trouble, style="red", no_wrap=True)
                return Text(", ".join(model.name for model in run.models), style="dim", no_wrap=True)
            case "ELBO":
                return Text(nats(run.elbo), justify="right", style="bold", no_wrap=True)
        past = max(0.0, self._now - run.began) if run.began is not None else None
        return Text(age(past) if past is not None else UNKNOWN, justify="right", no_wrap=True)
