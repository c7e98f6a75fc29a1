"""The page of a study: its trials, and any metric of them over the size of the models or over what varies."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widget import Widget

from tui_vae.charts.curves import CurvePlot
from tui_vae.charts.study import study_chart
from tui_vae.run_status import ListedRun
from tui_vae.tui.background import run_in_thread
from tui_vae.tui.keys import STUDY_BINDINGS
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.pages.runs.page import SECONDS_BETWEEN_LISTS, SECONDS_BETWEEN_LOOKS, RunsPage
from tui_vae.tui.pages.runs.table import RowFlags, RunTable
from tui_vae.tui.run_tracker import RunTracker
from tui_vae.tui.screens.dialogs import StopScreen
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.view.metric_rows import ARROWS, direction_and_unit, title_text
from tui_vae.view.run_source import HELD_OUT_ELBO, StudyListing, StudyTrials
from tui_vae.view.state import RunState
from tui_vae.view.study_answer import PARAMETERS, StudyLine

_SIDE_BY_SIDE, _BELOW = 100, 16
"""Width from which the chart is placed next to the list, and height from which it is placed below it."""


class StudyPage(Page):
    """Reads the trials only while the page is visible, in threads.

    Args:
        trials: The study.
        tracker: Which run is shown.
        queue: Has charts drawn.
    """

    BINDINGS: ClassVar[list[Binding]] = STUDY_BINDINGS  # type: ignore[assignment]

    def __init__(self, trials: StudyTrials, tracker: RunTracker, queue: ChartQueue) -> None:
        super().__init__(id="study")
        self.trials = trials
        self._tracker = tracker
        self._table = RunTable(of_trials=True)
        self._chart = Chart(queue, self._build, "no trial has a value yet", id="study-chart")
        self._chart.can_focus = False
        self._listing: StudyListing | None = None
        self._lines: tuple[StudyLine, ...] = ()
        self._revision = 0
        """Of the lines: a chart is drawn again when that, the metric or the axis has changed."""
        self._metric, self._axis = HELD_OUT_ELBO, PARAMETERS
        self._reading = False
        self._read_at = -math.inf
        self._looked_at: set[str] = set()
        self._latest: PageContext | None = None
        self._table.border_title = f" {trials.name} "

    def compose(self) -> ComposeResult:
        with Container(id="study-body"):
            yield self._table
            yield self._chart

    def panels(self) -> list[Widget]:
        return [self._table]

    def has(self, key: str | None) -> bool:
        """Whether a run is one of the trials."""
        return self._listing is not None and any(run.key == key for run in self._listing.runs)

    def on_resize(self) -> None:
        self._place_panels()

    def show(self, context: PageContext) -> None:
        self._latest = context
        self._place_panels()
        runs: Sequence[ListedRun] = self._listing.runs if self._listing is not None else ()
        self._table.show(runs, RowFlags(self._tracker.key), time.time(), ascii_only=context.settings.ascii_only)
        self._read()
        if self._chart.display:
            self._chart.show(RunState(name=f"{self._metric} {self._axis} {self._revision}"), context.settings)

    def _build(
        self, state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> CurvePlot | None:
        return study_chart(self._title(), self._lines, self._axis, settings, columns, rows)

    def _title(self) -> str:
        if self._metric == HELD_OUT_ELBO:
            name = "held-out ELBO, nats ↑"
        else:
            better, unit = direction_and_unit(self._metric)
            name = " ".join(filter(None, (title_text(self._metric), unit, ARROWS[better])))
        return f"{name} over {self._axis}"

    # Reading.

    def _read(self) -> None:
        """Read the trials regularly; at once if other rows are visible."""
        selected = self._table.selected
        seen = {run.key for run in (*self._table.seen, *([selected] if selected is not None else []))}
        since = time.monotonic() - self._read_at
        rests = seen <= self._looked_at and (self._listing is None or self._listing.complete)
        if self._reading or since < (SECONDS_BETWEEN_LISTS if rests else SECONDS_BETWEEN_LOOKS):
            return
        self._reading, self._looked_at = True, seen
        metric, axis = self._metric, self._axis

        def read() -> tuple[StudyListing, tuple[StudyLine, ...]]:
            return self.trials.look(seen), self.trials.lines(metric, axis)

        run_in_thread(self.app, read, lambda found: self._take(metric, axis, found), self._cannot_read)

    def _take(self, metric: str, axis: str, found: tuple[StudyListing, tuple[StudyLine, ...]]) -> None:
        self._listing, lines = found
        if lines != self._lines and (metric, axis) == (self._metric, self._axis):
            self._lines, self._revision = lines, self._revision + 1
        self._table.border_title = f" {self.trials.name} · {self._listing.progress} "
        self._done()

    def _cannot_read(self, why: str) -> None:
        self._refuse(why)
        self._done()

    def _refuse(self, why: str) -> None:
        self.app.notify(why, severity="error", timeout=10, markup=False)

    def _done(self) -> None:
        self._reading = False
        self._read_at = time.monotonic()
        self._redraw()

    def _redraw(self) -> None:
        if self._latest is not None and self.display:
            self.show(self._latest)

    # Actions.

    def action_open(self) -> None:
        run = self._table.selected
        if run is not None and run.state not in ("waiting", "empty"):
            self.post_message(RunsPage.Opened(run.key, run.name))
        elif run is not None:
            self.app.notify(f"{run.name} has not begun", timeout=3, markup=False)

    def on_run_table_clicked(self) -> None:
        self.action_open()

    def action_metric(self, step: int) -> None:
        if self._listing is not None:
            self._metric = _next(self._listing.metrics, self._metric, step)
            self._read_lines()

    def action_axis(self) -> None:
        if self._listing is not None:
            self._axis = _next(self._listing.axes, self._axis, 1)
            self._read_lines()

    def _read_lines(self) -> None:
        metric, axis = self._metric, self._axis

        def take(lines: tuple[StudyLine, ...]) -> None:
            if (metric, axis) == (self._metric, self._axis):
                self._lines, self._revision = lines, self._revision + 1
                self._redraw()

        run_in_thread(self.app, lambda: self.trials.lines(metric, axis), take, self._refuse)

    def action_seeds(self) -> None:
        self.app.notify(f"in a shell: tui-vae study {self.trials.name} --seeds N", timeout=10, markup=False)

    def action_stop(self) -> None:
        run = self._table.selected
        one = run.name if run is not None and run.live else None
        self.app.push_screen(StopScreen(RunState(), one), lambda wanted: self._stop(wanted, one))

    def _stop(self, wanted: str | None, one: str | None) -> None:
        if wanted is None:
            return
        what = one if wanted == "one" else None

        def asked(_: None) -> None:
            name = what or "all trials"
            self.app.notify(f"{name}: stopping after a checkpoint", timeout=5, markup=False)

        run_in_thread(self.app, lambda: self.trials.stop(what), asked, self._refuse)

    def _place_panels(self) -> None:
        width, height = self.size
        side_by_side = width >= _SIDE_BY_SIDE
        self._chart.display = side_by_side or height >= _BELOW
        self.query_one("#study-body").styles.layout = "horizontal" if side_by_side else "vertical"
        for panel, share in ((self._table, "3fr"), (self._chart, "2fr")):
            panel.styles.width, panel.styles.height = (share, "100%") if side_by_side else ("100%", "1fr")


def _next(values: Sequence[str], value: str, step: int) -> str:
    return values[(values.index(value) + step) % len(values)] if value in values else values[0]
