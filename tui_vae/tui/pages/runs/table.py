"""The list of stored runs: as many columns as fit; hidden rows cost nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui_vae.run_status import ListedRun
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.numbers import UNKNOWN, age, nats, out_of

_STYLES = {
    "running": "green",
    "paused": "yellow",
    "stalled": "yellow",
    "failed": "red",
    "killed": "red",
    "damaged": "red",
}
_MARKS, _STATE, _ELBO, _AGE, _EPOCHS, _NODE = 3, 10, 8, 8, 9, 12
_SHORTEST_NAME, _LONGEST_NAME, _SHORTEST_MODELS = 12, 30, 14
_RIGHT = ("ELBO", "age", "epochs", "node")
_SHORTEST_TRIAL = 23


@dataclass(frozen=True)
class RowFlags:
    """Keys of the run that is shown, of the run of this process, and of the marked runs."""

    shown: str | None = None
    own: str | None = None
    marked: Collection[str] = ()


class RunTable(LinesView, inherit_bindings=False):
    """One row for each run. Actions apply to the run under the cursor, which stays on it when rows are added above.

    Args:
        of_trials: Whether the runs are trials of a study, which have a node and one model each.
    """

    BINDINGS: ClassVar = [
        ("up", "cursor(-1)", "Previous run"),
        ("down", "cursor(1)", "Next run"),
        ("pageup", "page(-1)", "Page up"),
        ("pagedown", "page(1)", "Page down"),
        ("home", "edge(-1)", "First run"),
        ("end", "edge(1)", "Last run"),
    ]
    COMPONENT_CLASSES: ClassVar = {"run-table--header", "run-table--cursor", "run-table--hover"}

    class Clicked(Message):
        """A run was double-clicked."""

    class Moved(Message):
        """The cursor is on another row, or other rows are visible."""

    def __init__(self, *, of_trials: bool = False) -> None:
        super().__init__(id="run-table")
        self._of_trials = of_trials
        self.cursor_row = 0
        self._hovered: int | None = None
        self._runs: Sequence[ListedRun] = ()
        self._flags = RowFlags()
        self._now = 0.0
        self._ascii = False
        self._widths: dict[str, int] = {}
        self._drawn: dict[int, tuple[object, ...]] = {}
        """What each visible row was drawn from."""

    @property
    def selected(self) -> ListedRun | None:
        """The run under the cursor."""
        return self._runs[self.cursor_row] if self._runs else None

    @property
    def seen(self) -> Sequence[ListedRun]:
        """The visible runs."""
        return self._runs[self._top : self._top + self._height]

    def show(self, runs: Sequence[ListedRun], flags: RowFlags, now: float, *, ascii_only: bool) -> None:
        """Draw the rows that differ; ``now`` is Unix time. The same ``runs`` again cost next to nothing."""
        at = self.selected
        now = float(int(now))  # ages are shown in whole seconds at most
        same = (flags, now, ascii_only) == (self._flags, self._now, self._ascii)
        others, self._runs, self._ascii = runs is not self._runs, runs, ascii_only
        self._flags, self._now = flags, now
        if same and not others:
            return
        if others:
            self._keep_cursor(at)
        if len(runs) != self._count:
            self.lay_out()
        rows = range(self._top, min(self._top + self._height, len(runs)))
        for row in rows:
            if self._drawn.get(row, ()) != self._drawn_from(row):
                self._refresh_row(row)

    def lay_out(self) -> None:
        self._widths = self._columns()
        head = Text(no_wrap=True)
        for heading in self._widths:
            head.append_text(self._fitted(Text(heading), heading))
        self._drawn.clear()
        self.fill(len(self._runs), [head], len(self._runs))

    def strip(self, line: int) -> Strip:
        self._drawn[line] = self._drawn_from(line)
        text = Text(no_wrap=True)
        for heading in self._widths:
            text.append_text(self._fitted(self._cell(self._runs[line], heading), heading))
        segments = text.render(self.app.console, end="")
        component = "cursor" if line == self.cursor_row else "hover" if line == self._hovered else None
        if component is None:
            return Strip(segments)
        style = self.get_component_rich_style(f"run-table--{component}")
        length = self.size.width
        over = Style(color=style.color) if component == "cursor" else None
        return Strip(Segment.apply_style(Strip(segments).adjust_cell_length(length), style, over))

    def _line(self, y: int) -> Strip:
        strip = super()._line(y)
        return strip.apply_style(self.get_component_rich_style("run-table--header")) if y < len(self._head) else strip

    # The cursor.

    def action_cursor(self, rows: int) -> None:
        self._move_to(self.cursor_row + rows)

    def action_page(self, pages: int) -> None:
        self._move_to(self.cursor_row + pages * max(1, self._height))

    def action_edge(self, direction: int) -> None:
        self._move_to(len(self._runs) if direction > 0 else 0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._drawn.clear()
            self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        row = self._row_at(event)
        if row is not None:
            self._move_to(row)
            if event.chain == 2:
                self.post_message(self.Clicked())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._hover(self._row_at(event))

    def on_leave(self) -> None:
        self._hover(None)

    def _move_to(self, row: int) -> None:
        row = max(0, min(row, len(self._runs) - 1))
        before, self.cursor_row = self.cursor_row, row
        if row == before:
            return
        self._refresh_row(before)
        self._refresh_row(row)
        if not self._top <= row < self._top + self._height:
            self.scroll_to(y=row if row < self._top else row - self._height + 1, animate=False)
        self.post_message(self.Moved())

    def _keep_cursor(self, at: ListedRun | None) -> None:
        """Keep the cursor on its run, or on its row if that run is gone."""
        row = min(self.cursor_row, max(0, len(self._runs) - 1))
        if at is not None and self._runs and self._runs[row].key != at.key:
            row = next((place for place, run in enumerate(self._runs) if run.key == at.key), row)
        if row != self.cursor_row:
            self._refresh_row(self.cursor_row)
            self._refresh_row(row)
            self.cursor_row = row

    def _hover(self, row: int | None) -> None:
        if row != self._hovered:
            before, self._hovered = self._hovered, row
            for changed in (before, row):
                if changed is not None:
                    self._refresh_row(changed)

    # Rows.

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    @property
    def _height(self) -> int:
        """Number of visible rows."""
        return max(0, self.scrollable_content_region.height - len(self._head))

    def _row_at(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        row = offset.y - len(self._head) if offset is not None else -1
        return row + self._top if 0 <= row < len(self._runs) - self._top else None

    def _refresh_row(self, row: int) -> None:
        """Draw a row again, if it is visible."""
        self._drawn.pop(row, None)
        y = row - self._top + len(self._head)
        if len(self._head) <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _drawn_from(self, row: int) -> tuple[object, ...]:
        run, flags = self._runs[row], self._flags
        own_flags = (run.key == flags.shown, run.key == flags.own, run.key in flags.marked)
        return run, self._age(run), own_flags, self._ascii

    def _columns(self) -> dict[str, int]:
        """Return the widths of the columns that fit, by their headings."""
        if self._of_trials:
            return self._columns_of_trials()
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

    def _columns_of_trials(self) -> dict[str, int]:
        rest = self.scrollable_content_region.width - _MARKS - _STATE - _ELBO - 1
        widths = {}
        for heading, width in (("epochs", _EPOCHS), ("age", _AGE), ("node", _NODE)):
            if rest - width >= _SHORTEST_TRIAL:
                widths[heading] = width
                rest -= width
        before = {"": _MARKS, "run": max(_SHORTEST_NAME, rest), "state": _STATE}
        return before | {name: widths[name] for name in ("epochs",) if name in widths} | {"ELBO": _ELBO} | widths

    def _fitted(self, cell: Text, heading: str) -> Text:
        """Fit a cell to the width of its column, with an ellipsis if it is too long."""
        width, right = self._widths[heading], heading in _RIGHT
        cell.truncate(width - (0 if right else 1), overflow="ellipsis")
        (cell.pad_left if right else cell.pad_right)(width - cell.cell_len)
        return cell

    def _age(self, run: ListedRun) -> str:
        return age(max(0.0, self._now - run.began)) if run.began is not None else UNKNOWN

    def _cell(self, run: ListedRun, heading: str) -> Text:
        flags = self._flags
        match heading:
            case "":
                marker, pointer = ("*", ">") if self._ascii else ("●", "▸")
                shown = pointer if run.key == flags.shown else " "
                return Text(shown + (marker if run.key in flags.marked else " "))
            case "run":
                name = Text(run.name)
                return name.append(" · this process", style="dim") if run.key == flags.own else name
            case "state":
                return Text("…" if run.state == "unread" else run.state, style=_STYLES.get(run.state, ""))
            case "epochs":
                done = run.models[0].epoch if run.models else 0
                return Text(out_of(done, run.epochs), style="dim")
            case "node":
                return Text(run.node or "", style="dim")
            case "models":
                if run.trials is not None:
                    done, trials = run.trials
                    return Text(f"study · {done:,} of {trials:,} trials", style="dim")
                if run.trouble is not None:
                    return Text(run.trouble, style="red")
                return Text(", ".join(model.name for model in run.models), style="dim")
            case "ELBO":
                return Text(nats(run.elbo) if run.state != "unread" else "", style="bold")
        return Text(self._age(run))
