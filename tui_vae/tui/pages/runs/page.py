"""The page of stored runs: a list, a preview of the run under the cursor, and a comparison of the marked runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widget import Widget

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.metric_series import LOSS
from tui_vae.run_status import ListedRun
from tui_vae.tui.background import Outcome, run_in_thread
from tui_vae.tui.keys import RUNS_BINDINGS, key_of_page
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.pages.runs.details import ComparisonView, RunPreview
from tui_vae.tui.pages.runs.table import RowFlags, RunTable
from tui_vae.tui.run_tracker import MOST_COMPARED, RunTracker, TrackedRun
from tui_vae.tui.screens.dialogs import DeleteScreen, RenameScreen
from tui_vae.tui.screens.setup import SetupScreen
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.scroll_view import EmptyState
from tui_vae.view.run_source import OpenedRun, Preview, RunLibrary
from tui_vae.view.state import RunState

SECONDS_BETWEEN_LISTS = 3.0
SECONDS_BETWEEN_LOOKS = 0.2
"""While other rows scroll into view."""

SECONDS_TO_REST = 0.15
"""How long the cursor stays on a run before that is read, so that not every run it passes is read."""

_REFUSED = ("running", "paused", "stalled", "empty", "damaged", "unread")
"""States in which some actions are refused, or of which nothing is known."""

_SIDE_BY_SIDE, _BELOW = 100, 14
"""Width from which panels are placed next to the list, and height from which they are placed below it."""

_WITH_CURVES = 20
"""Height from which the curves of marked runs are drawn below their options."""


class RunsPage(Page):
    """Reads the runs only while the page is visible, in threads.

    Args:
        library: The runs; ``None`` when there is no folder of any.
        tracker: Which runs are shown and compared.
        queue: Has charts drawn.
    """

    class Opened(Message):
        """The user wants to see a study, or a run, whose files were ``moved``, or that was ``started`` from here."""

        def __init__(
            self, key: str, name: str = "", *, moved: bool = False, started: bool = False, study: bool = False
        ) -> None:
            super().__init__()
            self.key, self.name, self.moved, self.started, self.study = key, name, moved, started, study

    class Compare(Message):
        """The user wants to see how these runs differ."""

        def __init__(self, keys: tuple[str, ...]) -> None:
            super().__init__()
            self.keys = keys

    class RunDeleted(Message):
        """A run was deleted."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    BINDINGS: ClassVar[list[Binding]] = RUNS_BINDINGS  # type: ignore[assignment]

    def __init__(self, library: RunLibrary | None, tracker: RunTracker, queue: ChartQueue) -> None:
        super().__init__(id="runs")
        self._library = library
        self._tracker = tracker
        self._table = RunTable()
        self._empty_state = EmptyState(id="no-runs")
        self._empty_state.border_title = " runs "
        self._preview = RunPreview(queue)
        self._comparison = ComparisonView("comparison", f"{key_of_page('training')} curves · = differences")
        self._curves = Chart(queue, curve_chart(LOSS), "no steps yet", id="marked-curves")
        self._curves.can_focus = False
        self._marked = Vertical(self._comparison, self._curves, id="marked")
        self._runs: Sequence[ListedRun] | None = None
        self._trouble: str | None = None
        self._listing = False
        self._listed_at = -math.inf
        self._looked_at: set[str] = set()
        self._previewed: tuple[str, Preview | None, str | None] | None = None
        self._reading = False
        self._resting_since = self._read_at = 0.0
        self._alone: Widget | None = None
        self._latest: PageContext | None = None
        self._table.border_title = " runs "
        self._table.border_subtitle = " ELBO: held out, of the best model "

    def compose(self) -> ComposeResult:
        with Container(id="runs-body"):
            yield from (self._table, self._empty_state, self._preview, self._marked)

    def panels(self) -> list[Widget]:
        if self._message() is not None:
            return [self._empty_state]
        return [self._table, self._comparison] if self._tracker.marks else [self._table]

    def turn_to(self, panel: Widget) -> None:
        self._alone = panel
        self._place_panels()

    def restore(self) -> None:
        self._alone = None
        for key in self._tracker.marks:
            self._tracker.unmark(key)
        self._table.focus()

    def on_resize(self) -> None:
        self._place_panels()

    def show(self, context: PageContext) -> None:
        self._latest = context
        self._place_panels()
        now, ascii_only = time.time(), context.settings.ascii_only
        first = self._tracker.first_key
        own = first if first is not None and self._is_own(first) else None
        flags = RowFlags(self._tracker.key, own, self._tracker.marks)
        self._table.show(self._runs or (), flags, now, ascii_only=ascii_only)
        self._list()
        self._empty_state.show(self._message() or "")
        self._read_preview(self._table.selected)
        if self._preview.display:
            self._show_preview(context)
        if self._marked.display:
            compared = self._compared(context)
            self._comparison.show(compared)
            if self._curves.display and compared:
                self._curves.show(compared[0], context.settings, tuple(compared[1:]))

    # Reading.

    def _list(self) -> None:
        """Read the list regularly, and in it the visible runs; at once if other runs are visible."""
        library, selected = self._library, self._table.selected
        seen = {run.key for run in (*self._table.seen, *([selected] if selected is not None else []))}
        if library is None or self._listing:
            return
        since = time.monotonic() - self._listed_at
        if since < (SECONDS_BETWEEN_LISTS if seen <= self._looked_at else SECONDS_BETWEEN_LOOKS):
            return
        self._listing, self._looked_at = True, seen
        run_in_thread(self.app, lambda: library.list(seen), self._listed, self._cannot_list)

    def _listed(self, runs: Sequence[ListedRun]) -> None:
        self._runs, self._trouble = runs, None
        self._listing_done()

    def _cannot_list(self, why: str) -> None:
        self._runs, self._trouble = [], why
        self._listing_done()

    def _listing_done(self) -> None:
        self._listing = False
        self._listed_at = time.monotonic()
        self._redraw()

    def _redraw(self) -> None:
        """Show what was read without waiting for the next redraw."""
        if self._latest is not None and self.display:
            self.show(self._latest)

    def look_again(self) -> None:
        """Read the list as soon as the page is visible: something has changed."""
        self._listed_at = -math.inf
        self._redraw()

    def on_run_table_moved(self) -> None:
        self._resting_since = time.monotonic()
        self.set_timer(SECONDS_TO_REST, self._redraw)

    def _read_preview(self, run: ListedRun | None) -> None:
        """Read the run under the cursor when the cursor has stayed there; a run that trains is read again regularly."""
        library = self._library
        if run is None or library is None or self._reading or not self._preview.display or run.trials is not None:
            return
        if time.monotonic() < self._resting_since + SECONDS_TO_REST:
            return
        if self._previewed is not None and self._previewed[0] == run.key and not self._due(run):
            return
        self._reading = True
        self._read_at, key = time.monotonic(), run.key

        def outcome(preview: Preview | None, why: str | None) -> None:
            self._reading = False
            self._previewed = key, preview, why
            self._redraw()

        run_in_thread(
            self.app, lambda: library.preview(key), lambda p: outcome(p, None), lambda why: outcome(None, why)
        )

    def _due(self, run: ListedRun) -> bool:
        return run.live and time.monotonic() > self._read_at + SECONDS_BETWEEN_LISTS

    # Actions.

    def action_new(self) -> None:
        if self._library is not None:
            self.app.push_screen(SetupScreen(self._library), self._open_started)
        else:
            self._notify_of_none()

    def action_open(self) -> None:
        run = self._table.selected
        if run is not None:
            self.post_message(self.Opened(run.key, run.name, study=run.trials is not None))
        else:
            self._notify_of_none()

    def action_compare(self) -> None:
        """Compare the marked runs; of a single one, with the run that is shown or else with that under the cursor."""
        selected = self._table.selected
        keys = list(self._tracker.marks)
        for key in (self._tracker.key, selected.key if selected is not None else None):
            keys += [key] if key is not None and key not in keys and len(keys) < 2 else []
        if self._library is None or len(keys) < 2:
            self.app.notify("mark two runs with m: = shows how they differ", timeout=5)
        else:
            self.post_message(self.Compare(tuple(keys)))

    def action_mark(self) -> None:
        self._act_on_selected("mark")

    def action_resume(self) -> None:
        self._act_on_selected("resume")

    def action_rename(self) -> None:
        self._act_on_selected("rename")

    def action_delete(self) -> None:
        self._act_on_selected("delete")

    def _notify_of_none(self) -> None:
        self.app.notify("there is no run yet" if self._runs is not None else "the runs are still being read", timeout=3)

    def _act_on_selected(self, what: str) -> None:
        run, library = self._table.selected, self._library
        if run is None or library is None:
            self._notify_of_none()
        elif run.trials is not None:
            self.app.notify(f"a study goes on in a shell: tui-vae study {run.name}", timeout=5, markup=False)
        elif run.state in _REFUSED and not self._is_own(run.key):
            # The list is some seconds old: look again before refusing.
            run_in_thread(
                self.app, lambda: library.look(run.key), lambda now: self._act(what, now, library), self._refuse
            )
        else:
            self._act(what, run, library)

    def _act(self, what: str, run: ListedRun, library: RunLibrary) -> None:
        match what:
            case "mark" if run.state in ("damaged", "empty"):
                self.app.notify(f"{run.name}: {run.trouble or 'nothing is logged yet'}", markup=False)
            case "mark":
                self._mark(run, library)
            case "resume" if not self._in_use(run, "resumed"):
                self._resume(run, library)
            case "rename" if not self._in_use(run, "renamed"):
                self.app.push_screen(RenameScreen(run.name), lambda name: self._rename(run, library, name))
            case "delete" if not self._in_use(run, "deleted"):
                self.app.push_screen(DeleteScreen(run), lambda wanted: self._delete(run, library, wanted))

    def _mark(self, run: ListedRun, library: RunLibrary) -> None:
        """Compare with a run, or stop comparing."""
        tracker = self._tracker

        def follow(source: OpenedRun) -> None:
            if run.key in tracker.marks or len(tracker.marks) >= MOST_COMPARED:
                source.close()
            else:
                tracker.mark(run.key, TrackedRun(run.key, source, run.name))

        if run.key in tracker.marks:
            tracker.unmark(run.key)
        elif len(tracker.marks) >= MOST_COMPARED:
            self.app.notify(f"{MOST_COMPARED} runs can be compared at most", timeout=3)
        elif run.key == tracker.first_key:
            tracker.mark(run.key, None)
        else:
            run_in_thread(self.app, lambda: library.open(run.key), follow, self._refuse)

    def _refuse(self, why: str) -> None:
        self.app.notify(why, severity="error", timeout=10, markup=False)
        self.look_again()

    def on_run_table_clicked(self) -> None:
        self.action_open()

    def _open_started(self, key: str | None) -> None:
        if key is not None:
            self.look_again()
            self.post_message(self.Opened(key, started=True))

    def _is_own(self, key: str) -> bool:
        first = self._tracker.first
        return first is not None and first.own and key == self._tracker.first_key

    def _in_use(self, run: ListedRun, done: str) -> bool:
        """Return whether a run is being written, and notify the user. The library checks again."""
        if self._is_own(run.key):
            self.app.notify(
                f"{run.name} is the run of this process: it can be {done} once that has ended", markup=False
            )
        elif run.live:
            self.app.notify(f"{run.name} is being trained: it can be {done} once it has ended", markup=False)
        else:
            return False
        return True

    def _resume(self, run: ListedRun, library: RunLibrary) -> None:
        self.app.notify(f"{run.name}: resuming in a new process", timeout=5, markup=False)
        self._do(lambda: library.resume(run.key), lambda key: self.post_message(self.Opened(key, started=True)))

    def _rename(self, run: ListedRun, library: RunLibrary, name: str | None) -> None:
        if name is None:
            return
        shown = run.key == self._tracker.key

        def renamed(key: str) -> None:
            self.post_message(self.RunDeleted(run.key))
            if shown:
                self.post_message(self.Opened(key, name, moved=True))

        self._do(lambda: library.rename(run.key, name), renamed)

    def _delete(self, run: ListedRun, library: RunLibrary, wanted: bool | None) -> None:
        if wanted:
            self._do(lambda: library.delete(run.key), lambda _: self.post_message(self.RunDeleted(run.key)))

    def _do(self, do: Callable[[], Outcome], then: Callable[[Outcome], object]) -> None:
        """Run a request to the library, and read the list again."""

        def done(outcome: Outcome) -> None:
            then(outcome)
            self.look_again()

        run_in_thread(self.app, do, done, self._refuse)

    # Drawing.

    def _show_preview(self, context: PageContext) -> None:
        run = self._table.selected
        known = self._previewed if run is not None and self._previewed and self._previewed[0] == run.key else None
        self._preview.show(run, known[1] if known else None, known[2] if known else None, context.settings)

    def _compared(self, context: PageContext) -> list[RunState]:
        return [*(() if context.source is None else (context.state,)), *context.others]

    def _message(self) -> str | None:
        """Return the text while there is no run to list."""
        if self._library is None:
            return "no runs directory"
        if self._trouble is not None:
            return self._trouble
        if self._runs is None:
            return f"reading {self._library.folder}…"
        return None if self._runs else f"no runs in {self._library.folder} yet: press n to start one"

    def _place_panels(self) -> None:
        width, height = self.size
        side_by_side = width >= _SIDE_BY_SIDE
        any_marked = bool(self._tracker.marks)
        none = self._message() is not None
        alone = self._alone if any_marked and not side_by_side and height < _BELOW else None
        if none != self._empty_state.display and self.app.focused in (self._empty_state, self._table, None):
            self.call_after_refresh((self._empty_state if none else self._table).focus)
        self._empty_state.display = none
        self._table.display = not none and alone is not self._comparison
        self._preview.display = side_by_side and not any_marked and not none
        self._marked.display = (
            any_marked and not none and (side_by_side or height >= _BELOW or alone is self._comparison)
        )
        self._curves.display = side_by_side and height >= _WITH_CURVES
        self.query_one("#runs-body").styles.layout = "horizontal" if side_by_side else "vertical"
        # With marks the panel on the right is wide enough for curves with the names of their models.
        table = "4fr" if any_marked else "3fr"
        for panel, share in ((self._table, table), (self._preview, "2fr"), (self._marked, "3fr")):
            panel.styles.width, panel.styles.height = (share, "100%") if side_by_side else ("100%", share)
