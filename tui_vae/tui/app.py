"""The interface: takes what is new from a source at its own pace, and shows the page at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType
from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from tui_vae.charts.description import Face
from tui_vae.events import Notice
from tui_vae.run_status import WriterStatus
from tui_vae.tui.background import OpenSource
from tui_vae.tui.chart_actions import ViewingApp
from tui_vae.tui.drawn_charts import ChartDrawer, DrawnChartsApp
from tui_vae.tui.export import write_curves
from tui_vae.tui.keys import BINDINGS, EXPLORER, GROUPS, HINTS
from tui_vae.tui.pages import PAGES, ExplorerPage, MachinePage, Page, PageContext, RunsPage
from tui_vae.tui.redraw import Collector, Pacer
from tui_vae.tui.run_switching import VisitingApp
from tui_vae.tui.screens.dialogs import Leave, Palette
from tui_vae.tui.screens.help import HelpScreen
from tui_vae.tui.terminal.image_app import PicturingApp
from tui_vae.tui.themes import ASCII, PreferenceStore
from tui_vae.tui.theming import DressedApp
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.filter_line import FilterLine
from tui_vae.tui.widgets.loading_screen import ENOUGH_LINES, LoadingFace, OutcomeLines
from tui_vae.tui.widgets.models import ModelTable
from tui_vae.tui.widgets.status_bar import AlertLine, KeyHints, StatusLine
from tui_vae.view.library import RunLibrary
from tui_vae.view.machine import MachineProbe
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState
from tui_vae.view.status_text import run_status
from tui_vae.view.terminal_probe import Graphics

SMALLEST = (30, 6)

SECONDS_AWAKE = 1.0
"""After a key, in which what it asked for of a disk or a process is soon shown."""

_SECONDS_TO_ANSWER = 0.1
"""In which what was asked for by a key is on screen."""


_SECONDS_BEHIND = 1.5
"""Between two states that are drawn while the line to the terminal is too thin for all that was."""


class MonitorApp(VisitingApp, ViewingApp, PicturingApp, DrawnChartsApp, DressedApp):
    """Shows one run, and lets the user choose among others.

    Args:
        open_source: Opens the run; called in a thread of its own once the interface is on screen. ``None`` lets the
            user choose one first.
        state: What is known before the first event, such as the names of the models.
        drawer: Draws charts; closed when the interface is left.
        ascii_only: Draw with ASCII alone.
        graphics: How pictures are drawn.
        fps: Most redraws a second.
        stray: What was printed past the interface since the last call; shown in the log.
        stalled: Whether the terminal does not read: then nothing is drawn.
        answers: Told whether the interface is at work for a key or the mouse.
        suspended: Told when the interface is suspended, and draws no more for now.
        machine: Takes readings of the machine while the interface is there.
        library: The stored runs.
        preferences: Where the interface remembers what the user prefers.
        announce: What is to be written to the terminal past the screen, such as a bell, when the first run is so.

    After ``run``, ``first_state`` is the last state of the run that was opened first, and ``error`` why it could not be
    opened.
    """

    CSS_PATH = "app.tcss"
    TITLE = "tui-vae"
    BINDINGS: ClassVar[list[Binding]] = BINDINGS  # type: ignore[assignment]
    ENABLE_COMMAND_PALETTE = True

    def __init__(  # noqa: PLR0913 - ports, each given by its name
        self,
        open_source: OpenSource | None,
        *,
        state: RunState,
        drawer: ChartDrawer,
        ascii_only: bool = False,
        graphics: Graphics = Graphics(),  # noqa: B008 - frozen
        fps: float = 10.0,
        stray: Callable[[], str] = str,
        stalled: Callable[[], bool] = bool,
        answers: Callable[[bool], object] = bool,
        suspended: Callable[[], object] = bool,
        machine: MachineProbe | None = None,
        library: RunLibrary | None = None,
        preferences: PreferenceStore | None = None,
        announce: Callable[[RunState], str] = lambda state: "",
    ) -> None:
        super().__init__(open_source, state, library)
        self.error: BaseException | None = None
        self.have_charts_drawn(drawer)
        self.settings = ChartSettings(face=self._face(ascii_only))
        self._pacer = Pacer(fps, lambda: drawer.spent)
        self._stray = stray
        self._stalled = stalled
        self._answers = answers
        self._suspended = suspended
        self._answering: Timer | None = None
        self._next_tick: Timer | None = None
        self._idle = False
        self._asked_at = self._taken_at = 0.0
        self._collector = Collector()
        self._machine = machine
        self._looked_at: RunSource | None = None
        self._announcement = announce
        self._leaving = False
        self.animation_level = "none"
        self.apply_theme(preferences)
        self.picture(graphics, ascii_only=ascii_only)

    def _face(self, ascii_only: bool) -> Face:
        """How curves are drawn on this terminal."""
        if ascii_only:
            return Face.ASCII
        has_colours = self.console.color_system in ("256", "truecolor") and not self.no_color
        return Face.COLOURS if has_colours else Face.SHADES

    @property
    def selected(self) -> str | None:
        return self.query_one(ModelTable).selected

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return [*filters, ASCII] if self.settings.ascii_only else filters

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield ModelTable()
        yield AlertLine()
        yield OutcomeLines()
        yield LoadingFace()
        with ContentSwitcher(initial="training" if self._loader.waiting else "runs", id="pages"):
            yield RunsPage(self.library, self.following)
            yield from (page() for page in PAGES)
        yield FilterLine()
        yield KeyHints(BINDINGS, GROUPS["Pages"])
        yield Static(id="too-small")

    def on_mount(self) -> None:
        (self.query_one(ModelTable) if self._loader.waiting else self.page.panels()[0]).focus()
        self.begin_capture_print(self)
        self.call_after_refresh(self._begin)
        self.greet()
        self._collector.begin()
        if self._machine is not None:
            self._machine.start()

    def on_unmount(self) -> None:
        self.drawer.close()
        self._collector.end()
        if self._machine is not None:
            self._machine.stop()

    def exit(self, result: Leave | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        self._leaving = True
        super().exit(result, return_code, message)

    def suspending(self) -> str:
        self._collector.end()
        self.sender.lose_terminal()
        self._answers(False)
        self._suspended()
        first = self.following.first
        trains = first is not None and first.own and self.first_state.status is None
        with_it = ", and training with it; fg goes on with both, bg with training alone" if trains else "; fg goes on"
        return f"tui-vae: suspended{with_it}"

    def resumed(self, *, stopped: bool) -> None:
        self._collector.begin()
        super().resumed(stopped=stopped)

    async def on_event(self, event: events.Event) -> None:
        if self._leaving and isinstance(event, (events.InputEvent, events.Paste)):
            return  # typed in haste: what it would act on is being taken apart
        if isinstance(event, (events.Key, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)):
            self._collector.asked()
            self.sender.asked()
            self._answers(True)
            if self._answering is not None:
                self._answering.stop()
            self._answering = self.set_timer(_SECONDS_TO_ANSWER, lambda: self._answers(False))
            self._asked_at = time.monotonic()
            if self._idle and self._next_tick is not None:
                self._idle = False
                self._next_tick.stop()
                self._next_tick = self.set_timer(self._pacer.fastest, self._tick)
        await super().on_event(event)

    def _begin(self) -> None:
        self.update_view()
        self.drawer.prepare()
        self._loader.start()
        self._tick()

    def _tick(self) -> None:
        """Take what is new, draw it, and come again when the budget allows."""
        if not self.is_running:  # it is being left, and its widgets are gone
            return
        if self._loader.error is not None:
            self.error = self._loader.error
            self.exit()
            return
        stalled = self._stalled()
        if not stalled and (not self.sender.behind or time.monotonic() > self._taken_at + _SECONDS_BEHIND):
            self.take()
        self._collector.rest()
        training = self.following.training
        asked = time.monotonic() < self._asked_at + SECONDS_AWAKE
        self._idle = not (training or asked) and isinstance(self.page, RunsPage)
        interval = self._pacer.interval(training=training, drew=not stalled, idle=self._idle)
        self._next_tick = self.set_timer(interval, self._tick)

    def take(self) -> None:
        """Take what is new and draw it."""
        self._taken_at = time.monotonic()
        self.following.take()
        if self._machine is not None and self.source is not None and self.source is not self._looked_at:
            self._looked_at = self.source
            self._machine.look_at(self.source.trainer)
        self.tell_end_of_first()
        self._announce()
        printed = self._stray()
        if printed:
            self.warn(printed)
        self.update_view()

    def _announce(self) -> None:
        """Ring the bell, or have the terminal notify, by the way that everything drawn takes: nothing is torn apart."""
        sequence = self._announcement(self.first_state)
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    def warn(self, text: str) -> None:
        """Show a warning among what is logged of the first run; from the interface's thread."""
        self.following.tell(Notice(level="warning", text=text))

    def on_print(self, event: events.Print) -> None:
        """Python's own output, which Textual keeps off the screen."""
        if event.text.strip():
            self.warn(event.text.strip())

    def update_view(self) -> None:
        """Show the state as it is, where it differs from what is on screen."""
        if self._leaving:
            return
        state = self.run_state
        sighting = self.source.sighting() if self.source is not None else WriterStatus("live")
        machine = self._machine.readings() if self._machine is not None else ()
        self.query_one(StatusLine).show(state, time.time(), self._loader.waiting, sighting, machine)
        killed = run_status(state, sighting) == "killed"
        self.query_one(ModelTable).show(state, ascii_only=self.settings.ascii_only, killed=killed)
        alert = self.query_one(AlertLine)
        alert.show(state, sighting)
        self._show_faces(sighting, room=not alert.display or self.size.height >= ENOUGH_LINES)
        self.query_one(KeyHints).of_page(type(self.page).BINDINGS, HINTS.get(self.page.id or "", ()))
        settings = replace(self.settings, selected=self.query_one(ModelTable).selected, draw=self.draw)
        shown = PageContext(state, settings, self.source, self._gallery, sighting, self.others, machine, self._stalled)
        if self.page.is_mounted:  # else it is still being put together
            self.page.show(shown)

    def _show_faces(self, sighting: WriterStatus, *, room: bool) -> None:
        """Say how it ended; show what is waited for instead of a page that has nothing to show."""
        directory = self.source.directory() if self.source is not None else None
        self.query_one(OutcomeLines).show(self.run_state, directory, sighting, room=room)
        loading = self.query_one(LoadingFace)
        needs_no_run = self.following.visited is not None or isinstance(self.page, (RunsPage, MachinePage))
        small = self.screen_stack[0].has_class("-too-small")
        waiting = None if needs_no_run or small else self._loader.waiting
        loading.show(self.run_state, waiting, self._loader.seconds, ascii_only=self.settings.ascii_only)
        # Not by a class: all that is inside would look for its style anew.
        self.query_one("#pages").styles.display = "none" if loading.display else None

    def on_data_table_row_highlighted(self) -> None:
        self.update_view()

    on_run_table_moved = on_data_table_row_highlighted

    def on_resize(self, event: events.Resize) -> None:
        self.sender.forget()
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        main = self.screen_stack[0]  # also while a dialog stands before it
        main.set_class(small, "-too-small")
        main.query_one("#too-small", Static).update(f"{width}x{height} is too small: 40x12 shows state and ELBO")
        self.call_after_refresh(self.update_view)

    @property
    def page(self) -> Page:
        page = self.query_one("#pages", ContentSwitcher).visible_content
        assert isinstance(page, Page)
        return page

    # Actions, named by the bindings.

    def action_page(self, name: str) -> None:
        if self.following.nothing and name != "runs":
            self.notify("no run is open: enter opens the one under the cursor", timeout=5)
            return
        switcher, page = self.query_one("#pages", ContentSwitcher), {"log": "log-page"}.get(name, name)
        if not any(child.id == page for child in switcher.children):
            return  # for a moment, while pages are made anew or the interface is left
        switcher.current = page
        panels = self.page.panels()
        wanted = panels[0] if name not in ("training", "latents") and panels else self.query_one(ModelTable)
        # At once: what is hidden while it still has the focus takes it away from whatever was to get it.
        self.screen.set_focus(wanted)
        if self.page.drawn_ahead:
            self.update_view()
        self.call_after_refresh(self.update_view)

    def action_panel(self, direction: int) -> None:
        if len(self.screen_stack) > 1:
            (self.screen.focus_next if direction > 0 else self.screen.focus_previous)()
            return
        order: list[Widget] = [self.query_one(ModelTable), *self.page.panels()]
        at = order.index(self.focused) if self.focused in order else 0
        panel = order[(at + direction) % len(order)]
        if at + direction:
            self.page.turn_to(panel) if panel is not order[0] else None
        self.screen.set_focus(panel)
        self.call_after_refresh(self.update_view)

    def action_select(self, direction: int) -> None:
        table = self.query_one(ModelTable)
        table.move_cursor(row=table.cursor_row + direction)

    def action_next_model(self) -> None:
        table = self.query_one(ModelTable)
        table.move_cursor(row=(table.cursor_row + 1) % max(1, table.row_count))

    def action_save_picture(self) -> None:
        with self.without_images():
            self.update_view()
            self._write("screen", "svg", lambda path: path.write_text(self.export_screenshot(), encoding="utf-8"))
        self.update_view()

    def action_write_csv(self) -> None:
        self._write("curves", "csv", lambda path: write_curves(path, self.run_state))

    def _write(self, name: str, ending: str, write: Callable[[Path], object]) -> None:
        if self.source is None:
            return
        # What others train is not ours to write into.
        folder = Path(self.source.directory()) if self.source.own else Path.cwd()
        path = folder / f"{name}-{time.strftime('%H%M%S')}.{ending}"
        try:
            write(path)
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error", markup=False)
        else:
            self.notify(str(path), title="written", markup=False)

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        explores = isinstance(self.page, ExplorerPage)
        for title, bindings in GROUPS.items():
            for binding in bindings if explores or bindings is not EXPLORER else ():
                if binding.action != "command_palette":
                    run = self._runner(binding.action, self.page if bindings is EXPLORER else None)
                    yield SystemCommand(f"{title}: {binding.description}", binding.tooltip, run)
        yield from self.themes_as_commands()

    def _runner(self, action: str, namespace: Page | None) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, action, namespace)
