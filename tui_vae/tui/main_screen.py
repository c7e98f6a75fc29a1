"""The main screen: status, table of models, and one page at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from tui_vae.config import ChangeKind
from tui_vae.run_status import WriterStatus
from tui_vae.tui.background import run_in_thread
from tui_vae.tui.keys import BINDINGS, GROUPS, HINTS, SCREEN_BINDINGS
from tui_vae.tui.pages import DifferencesPage, EvaluationPage, MachinePage, Page, PageContext, RunsPage, page_of_a_run
from tui_vae.tui.pages.runs.study import StudyPage
from tui_vae.tui.run_tracker import RunTracker, TrackedRun
from tui_vae.tui.terminal.output import TerminalOutput
from tui_vae.tui.training_actions import TrainingActions
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.digits import SampleSheets
from tui_vae.tui.widgets.loading_screen import ENOUGH_LINES, LoadingMessage, OutcomeLines
from tui_vae.tui.widgets.models import ModelTable
from tui_vae.tui.widgets.status_bar import AlertLine, FilterLine, KeyHints, StatusLine
from tui_vae.view.machine import MachineProbe
from tui_vae.view.run_source import OpenedRun, RunLibrary, StudyTrials
from tui_vae.view.status_text import run_status, training_ended

SMALLEST = (30, 6)


class MainScreen(Screen[None]):
    """Shows the run of a tracker, and turns keys into what its pages do.

    Args:
        runs: The runs.
        library: The stored runs.
        queue: Has charts drawn.
        output: Draws pictures.
        training: Controls training.
        settings: How charts are drawn at first.
        machine: Readings of the machine.
        stalled: Whether the terminal does not read, so that nothing should be drawn.
    """

    BINDINGS: ClassVar[list[Binding]] = SCREEN_BINDINGS  # type: ignore[assignment]

    def __init__(
        self,
        runs: RunTracker,
        library: RunLibrary | None,
        queue: ChartQueue,
        output: TerminalOutput,
        training: TrainingActions,
        *,
        settings: ChartSettings,
        machine: MachineProbe | None,
        stalled: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.settings = settings
        self.is_leaving = False
        self._runs = runs
        self._library = library
        self._queue = queue
        self._output = output
        self._training = training
        self._machine = machine
        self._stalled = stalled
        self._sheets = SampleSheets()
        self._status, self._alert = StatusLine(), AlertLine()
        self._models = ModelTable()
        self._outcome, self._loading = OutcomeLines(), LoadingMessage()
        self._study: StudyPage | None = None
        self._runs_page = RunsPage(library, runs, queue)
        self._pages = ContentSwitcher(initial="training" if runs.opener.waiting else "runs", id="pages")
        self._changing_pages = asyncio.Lock()
        self._filter = FilterLine()
        self._hints = KeyHints(BINDINGS, GROUPS["Pages"])
        self._too_small = Static(id="too-small")

    def compose(self) -> ComposeResult:
        yield from (self._status, self._models, self._alert, self._outcome, self._loading)
        with self._pages:
            yield self._runs_page
            if self._runs.opener.waiting:
                yield page_of_a_run("training", self._queue)
        yield self._filter
        yield self._hints
        yield self._too_small

    def on_mount(self) -> None:
        (self._models if self._runs.opener.waiting else self.page.panels()[0]).focus()

    @property
    def page(self) -> Page:
        """The page that is shown."""
        page = self._pages.visible_content
        assert isinstance(page, Page)
        return page

    @property
    def selected(self) -> str | None:
        """The model that keys act on."""
        return self._models.selected

    def greet(self, greeting: bool) -> None:
        """Show the hint for new users, or stop showing it."""
        self._hints.greet(greeting)

    # What is drawn.

    def update_view(self) -> None:
        """Draw what differs from what is on screen."""
        if self.is_leaving:
            return
        state, source = self._runs.state, self._runs.source
        writer_status = source.writer_status() if source is not None else WriterStatus("live")
        machine = self._machine.readings() if self._machine is not None else ()
        ascii_only = self.settings.ascii_only
        self._status.show(state, time.time(), self._runs.opener.waiting, writer_status, machine)
        self._models.show(state, ascii_only=ascii_only, killed=run_status(state, writer_status) == "killed")
        self._alert.show(state, writer_status)
        self._show_loading_and_outcome(writer_status)
        self._hints.of_page(
            type(self.page).BINDINGS, HINTS.get(self.page.id or "", ()), self._without_effect(writer_status)
        )
        settings = replace(self.settings, selected=self.selected, draw=self._output.draw)
        if self.page.is_mounted:  # else its widgets are still being added
            compared = self._runs.compared
            self.page.show(
                PageContext(state, settings, source, self._sheets, writer_status, compared, machine, self._stalled)
            )

    def _without_effect(self, writer_status: WriterStatus) -> frozenset[str]:
        """Return the actions that would do nothing now to the run that is shown, or on the page."""
        state, source = self._runs.state, self._runs.source
        found = set()
        is_over = training_ended(state) or run_status(state, writer_status) == "killed"
        if is_over or source is None or source.cannot_control is not None:
            found |= {"pause_model", "pause_all"}
        if source is None or state.own_loop:
            found.add("evaluate")
        if len(self.page.panels()) < 2:
            found.add("enlarge")
        if len(self._runs.marks) < 2:
            found.add("compare")
        return frozenset(found)

    def _show_loading_and_outcome(self, writer_status: WriterStatus) -> None:
        """Show how the run ended, and what is being loaded in place of a page that has nothing to show yet."""
        state, source = self._runs.state, self._runs.source
        room = not self._alert.display or self.app.size.height >= ENOUGH_LINES
        self._outcome.show(state, source.directory() if source is not None else None, writer_status, room=room)
        needs_no_run = self._runs.visited is not None or isinstance(self.page, (RunsPage, StudyPage, MachinePage))
        waiting = None if needs_no_run or self.has_class("-too-small") else self._runs.opener.waiting
        self._loading.show(state, waiting, self._runs.opener.seconds, ascii_only=self.settings.ascii_only)
        # Not by a class: every widget inside would look up its styles again.
        self._pages.styles.display = "none" if self._loading.display else None

    def fit(self, width: int, height: int) -> None:
        """Adapt to the size of the terminal, also while a dialog covers this screen."""
        self.set_class(width < SMALLEST[0] or height < SMALLEST[1], "-too-small")
        self._too_small.update(f"{width}x{height} is too small: 40x12 shows state and ELBO")
        self.call_after_refresh(self.update_view)

    def on_data_table_row_highlighted(self) -> None:
        self.update_view()

    def on_run_table_moved(self) -> None:
        self.update_view()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        self._change(replace(self.settings, wanted=event.globs))

    # Which run is shown.

    async def on_runs_page_opened(self, message: RunsPage.Opened) -> None:
        """Show a run of the library."""
        key, library = message.key, self._library
        if message.started:
            self._runs.started.add(key)
        if message.study:
            self.open_study(key)
        elif key == self._runs.first_key:
            self.call_later(self._visit, None)
        elif key == self._runs.key and not message.moved:
            await self.action_page("training")
        elif library is not None:

            def visit(source: OpenedRun) -> object:
                return self._visit(TrackedRun(key, source, message.name))

            run_in_thread(self.app, lambda: library.open(key), visit, self._refuse)

    def open_study(self, key: str) -> None:
        """Show the trials of a study of the library."""
        if (library := self._library) is not None:
            run_in_thread(self.app, lambda: library.study(key), self._show_study, self._refuse)

    def _refuse(self, why: str) -> None:
        self.notify(why, severity="error", timeout=10, markup=False)

    async def _show_study(self, trials: StudyTrials) -> None:
        """Show the trials of a study on a new page."""
        async with self._changing_pages:
            if self._study is not None:
                self._pages.current = "runs"
                await self._study.remove()
            self._study = StudyPage(trials, self._runs, self._queue)
            await self._pages.add_content(self._study)
        await self.action_page("study")
        self.call_after_refresh(self._study.panels()[0].focus)  # the page of runs, too, may be about to take the focus

    async def on_runs_page_compare(self, message: RunsPage.Compare) -> None:
        """Turn to the page of differences, which is filled when the runs have been read."""
        library = self._library
        if library is None:
            return
        await self._turn_to("differences")
        page = self.page
        if isinstance(page, DifferencesPage):
            page.compare(None)
            run_in_thread(
                self.app,
                lambda: library.compare(message.keys),
                lambda found: self._on_page(lambda _: page.compare(found)),
                lambda why: self._on_page(lambda _: page.compare(None, why)),
            )

    async def on_differences_page_left(self) -> None:
        await self._turn_to("runs")

    async def on_runs_page_run_deleted(self, message: RunsPage.RunDeleted) -> None:
        """Stop following a run that was deleted."""
        self._runs.unmark(message.key)
        if self._runs.visited is not None and self._runs.key == message.key:
            await self._visit(None)

    async def _visit(self, run: TrackedRun | None) -> None:
        """Show a run on new pages, or with ``None`` the first again."""
        if run is not None or self._runs.visited is not None:
            self._runs.visit(run)
            self._sheets = SampleSheets()
            async with self._changing_pages:
                self._pages.current = "runs"
                await self._pages.remove_children(
                    [page for page in self._pages.children if page not in (self._runs_page, self._study)]
                )
        if self._runs.source is not None:
            await self.action_page("training")

    # Pages, panels and models.

    async def action_page(self, name: str) -> None:
        """Turn to a page, which is made when it is first turned to."""
        if self._runs.is_empty and name not in ("runs", "study"):
            marked = ", = to compare the marked ones" if self._runs.marks else ""
            self.notify(f"no run is open; press enter to open the one under the cursor{marked}", timeout=5)
            return
        await self._turn_to(name)

    async def _turn_to(self, name: str) -> None:
        page = {"log": "log-page"}.get(name, name)
        async with self._changing_pages:
            if self.is_leaving:
                return
            if not any(child.id == page for child in self._pages.children):
                await self._pages.add_content(page_of_a_run(page, self._queue))
            self._pages.current = page
        panels = self.page.panels()
        # At once: what is hidden while it has the focus would take it away from the widget that is to get it.
        self.set_focus(panels[0] if name not in ("training", "latents") and panels else self._models)
        if self.page.renders_before_layout:
            self.update_view()
        self._update_after_refresh()

    def action_panel(self, direction: int) -> None:
        """Focus the next panel, or the one before; the table of models is the first."""
        order: list[Widget] = [*([self._models] if self._models.size else []), *self.page.panels()]
        at = order.index(self.focused) if self.focused in order else 0
        panel = order[(at + direction) % len(order)]  # a page has a panel at least
        if panel is not self._models:
            self.page.turn_to(panel)
        self.set_focus(panel)
        self._update_after_refresh()

    def action_select(self, direction: int) -> None:
        self._models.move_cursor(row=self._models.cursor_row + direction)

    def action_next_model(self) -> None:
        self._models.move_cursor(row=(self._models.cursor_row + 1) % max(1, self._models.row_count))

    # What the page shows, and how.

    def _change(self, settings: ChartSettings) -> None:
        self.settings = settings
        self.update_view()

    def _on_page(self, act: Callable[[Page], object]) -> None:
        # A page that was turned to a moment ago has no size yet, and has not been given its data.
        self.call_after_refresh(self._act, act)

    def _act(self, act: Callable[[Page], object]) -> None:
        self.update_view()
        act(self.page)
        self.update_view()

    def _update_after_refresh(self) -> None:
        self.call_after_refresh(self.update_view)

    def action_log_axis(self) -> None:
        self._change(replace(self.settings, log_y=not self.settings.log_y))

    def action_x_axis(self) -> None:
        self._change(self.settings.on_next_x_axis())

    def action_smooth(self, direction: int) -> None:
        self._change(self.settings.smoother(direction))

    def action_order(self) -> None:
        self._change(replace(self.settings, by_index=not self.settings.by_index))

    def action_next_view(self) -> None:
        self.page.next_view()
        self._update_after_refresh()

    def action_film(self) -> None:
        self._on_page(lambda page: page.play())

    def action_step(self, count: int) -> None:
        self._on_page(lambda page: page.step(count))

    def action_edge(self, direction: int) -> None:
        self._on_page(lambda page: page.to_edge(direction))

    def action_zoom(self, direction: int) -> None:
        self._on_page(lambda page: page.zoom(direction))

    def action_pan(self, direction: int) -> None:
        self._on_page(lambda page: page.pan(direction))

    def action_whole(self) -> None:
        self._on_page(lambda page: page.show_whole())

    def action_turn(self, direction: int) -> None:
        self._on_page(lambda page: page.turn(direction))

    def action_enlarge(self) -> None:
        self.page.enlarge()
        self._update_after_refresh()

    def action_restore(self) -> None:
        """Undo one thing: a cursor or a zoom, then the filter, then what else the page knows."""
        if not self.page.undo():
            if self.page.has_filter and self.settings.wanted:
                self.settings = replace(self.settings, wanted="")
            elif self._study is not None and self._study.has(self._runs.key) and not self.page.enlarged:
                self.call_later(self.action_page, "study")
            else:
                self.page.restore()
        self._update_after_refresh()

    def action_filter(self) -> None:
        if self.page.has_filter:
            self._filter.open(self.settings.wanted)
        else:
            self.notify("filter models on pages 1, 2 and 3", timeout=2)

    # Training.

    def action_pause_model(self) -> None:
        if self.selected is not None:
            self._training.pause([self.selected])

    def action_pause_all(self) -> None:
        self._training.pause(list(self._runs.state.models))

    def action_checkpoint(self) -> None:
        self._training.checkpoint()

    def action_evaluate(self) -> None:
        self._training.evaluate("" if isinstance(self.page, EvaluationPage) else "; press 4 to see the results")

    def action_change(self, kind: ChangeKind) -> None:
        if self.selected is not None:
            self._training.change(kind, self.selected)

    def action_stop_training(self) -> None:
        self._training.stop(self.selected)
