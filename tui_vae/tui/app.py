"""The interface as an application: it reads the runs, redraws at its own pace, and ends or is suspended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.console import RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen

from tui_vae.charts.description import Face
from tui_vae.events import Notice
from tui_vae.tui.background import OpenSource, RunOpener
from tui_vae.tui.key_queue import KeyQueue
from tui_vae.tui.keys import ALSO_CALLED, APP_BINDINGS, GROUPS, PAGE_GROUPS, SCREEN_BINDINGS
from tui_vae.tui.main_screen import MainScreen
from tui_vae.tui.pages import ExplorerPage, Page, RunsPage, StudyPage
from tui_vae.tui.redraw import FrameLimiter, Redraw, RedrawLoop
from tui_vae.tui.run_tracker import RunTracker
from tui_vae.tui.saving import ReportSaver, export, save
from tui_vae.tui.screens.dialogs import ExportScreen, Leave, LeaveScreen, LeaveStartedScreen, Palette
from tui_vae.tui.screens.help import HelpScreen
from tui_vae.tui.terminal.output import TerminalOutput
from tui_vae.tui.themes import ASCII, PreferenceStore, ThemeSwitcher
from tui_vae.tui.training_actions import TrainingActions, ask_about_started
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartDrawer, ChartQueue
from tui_vae.view.machine import MachineProbe
from tui_vae.view.run_source import RunLibrary, RunSource
from tui_vae.view.state import RunState
from tui_vae.view.status_text import evaluation_alone
from tui_vae.view.terminal_probe import Graphics

_SECONDS_BEHIND = 1.5
"""Between two states that are drawn while the line to the terminal is too slow for all of them."""


class MonitorApp(App[Leave]):
    """Shows one run, and lets the user choose among others.

    Args:
        open_source: Opens the run; called in a thread once the interface is on screen. ``None`` lets the user choose
            one first.
        state: What is known before the first event, such as the names of the models.
        drawer: Draws charts; closed at the end.
        ascii_only: Draw with ASCII alone.
        graphics: How pictures are drawn.
        fps: Most redraws a second.
        stray: Returns what was printed past the interface since the last call; it is shown in the log.
        stalled: Returns whether the terminal does not read, so that nothing should be drawn.
        answers: Called with whether the interface is working for a key or the mouse.
        suspended: Called when the interface is suspended.
        machine: Takes readings of the machine while the interface runs.
        library: The stored runs.
        study: Key of a study to begin with.
        preferences: Where the user's preferences are remembered.
        announce: Returns what to write to the terminal for the first run's state, such as a bell.

    Attributes:
        main: The screen with the pages.
        runs: The runs that are read.
        error: Why the first run could not be opened.
    """

    CSS_PATH = "app.tcss"
    TITLE = "tui-vae"
    BINDINGS: ClassVar[list[Binding]] = APP_BINDINGS  # type: ignore[assignment]
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
        stray: Callable[[], str] | None = None,
        stalled: Callable[[], bool] | None = None,
        answers: Callable[[bool], object] | None = None,
        suspended: Callable[[], object] | None = None,
        machine: MachineProbe | None = None,
        library: RunLibrary | None = None,
        study: str | None = None,
        preferences: PreferenceStore | None = None,
        announce: Callable[[RunState], str] | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.error: BaseException | None = None
        self.runs = RunTracker(RunOpener(open_source), state)
        self.output = TerminalOutput(self, graphics, ascii_only=ascii_only)
        self.driver_class = self.output.driver_class(self)
        self.theme_switcher = ThemeSwitcher(self, preferences)
        self._drawer = drawer
        self._library = library
        self._reports = ReportSaver(self, library)
        self._redraws = RedrawLoop(self, FrameLimiter(fps, lambda: drawer.spent), self._redraw, answers)
        self._keys = KeyQueue(self, self._take_key)
        self._stray, self._suspended, self._announce = stray, suspended, announce
        self._stalled = stalled if stalled is not None else _never
        self._machine = machine
        self._machine_of: RunSource | None = None
        self._taken_at = 0.0
        self._greeting = False
        self._study = study
        self._notified_of_end = False
        self._leave_requested = threading.Event()
        self.main = MainScreen(
            self.runs,
            library,
            ChartQueue(self, drawer),
            self.output,
            TrainingActions(self, self.runs, self.take),
            settings=ChartSettings(face=self._face(ascii_only)),
            machine=machine,
            stalled=self._stalled,
        )

    def _face(self, ascii_only: bool) -> Face:
        """Return how curves are drawn on this terminal."""
        if ascii_only:
            return Face.ASCII
        has_colours = self.console.color_system in ("256", "truecolor") and not self.no_color
        return Face.COLOURS if has_colours else Face.SHADES

    @property
    def first_state(self) -> RunState:
        """State of the run that the interface was opened on."""
        return self.runs.first_state

    def get_default_screen(self) -> MainScreen:
        return self.main

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = self.theme_switcher.filters(super().get_line_filters())
        return [*filters, ASCII] if self.main.settings.ascii_only else filters

    def on_mount(self) -> None:
        self.begin_capture_print(self)
        self.call_after_refresh(self._begin)
        self._greeting = self.theme_switcher.greets()
        self.main.greet(self._greeting)
        self._redraws.resume()
        if self._machine is not None:
            self._machine.start()

    def on_unmount(self) -> None:
        self._drawer.close()
        self._redraws.pause()
        if self._machine is not None:
            self._machine.stop()
        self.runs.close()

    def exit(self, result: Leave | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        self.main.is_leaving = True
        super().exit(result, return_code, message)

    async def on_event(self, event: events.Event) -> None:
        if self.main.is_leaving and isinstance(event, (events.InputEvent, events.Paste)):
            return  # the widgets that it would act on are being removed
        if isinstance(event, (events.Key, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)):
            self.output.sender.asked()
            self._redraws.key_pressed()
        if self._greeting and isinstance(event, (events.Key, events.MouseDown)):
            self._greeting = False
            self.main.greet(False)
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self._keys.add(event)
        else:
            await super().on_event(event)

    async def _take_key(self, event: events.Event) -> None:
        if not self.main.is_leaving:  # what was typed ahead of the end is for nobody
            await super().on_event(event)

    # Reading and drawing.

    def _begin(self) -> None:
        self.main.update_view()
        self._drawer.prepare()
        self.runs.opener.start()
        if self._study is not None:
            self.main.open_study(self._study)
        self._redraws.tick()

    def _redraw(self) -> Redraw | None:
        """Read and draw what is new, unless the terminal does not take it."""
        if not self.is_running:  # its widgets are gone
            return None
        if self.runs.opener.error is not None:
            self.error = self.runs.opener.error
            self.exit()
            return None
        stalled = self._stalled()
        if not stalled and (not self.output.sender.behind or time.monotonic() > self._taken_at + _SECONDS_BEHIND):
            self.take()
        return Redraw(self.runs.training, drew=not stalled, idle=isinstance(self.main.page, (RunsPage, StudyPage)))

    def take(self) -> None:
        """Read what is new and draw it."""
        self._taken_at = time.monotonic()
        self.runs.take()
        source = self.runs.source
        if self._machine is not None and source is not None and source is not self._machine_of:
            self._machine_of = source
            self._machine.look_at(source.trainer)
        self._notify_of_end()
        announcement = self._announce(self.first_state) if self._announce is not None else ""
        if announcement and self._driver is not None:
            self._driver.write(announcement)  # not past the driver, which would tear a frame apart
        printed = self._stray() if self._stray is not None else ""
        if printed:
            self.warn(printed)
        self.main.update_view()

    def _notify_of_end(self) -> None:
        """Notify the user when the first run has ended while another is shown."""
        state = self.first_state
        if state.status is None:
            self._notified_of_end = False
        elif not self._notified_of_end:
            self._notified_of_end = True
            if self.runs.visited is not None:
                self.notify(f"{state.name} {state.status}: press 0 to return to it", timeout=10, markup=False)

    def warn(self, text: str) -> None:
        """Show a warning in the log of the first run; call it from the interface's thread."""
        self.runs.add(Notice(level="warning", text=text))

    def on_print(self, event: events.Print) -> None:
        """Show in the log what Python prints, which Textual keeps off the screen."""
        if event.text.strip():
            self.warn(event.text.strip())

    def on_resize(self, event: events.Resize) -> None:
        self.output.sender.forget()
        self.output.repaint_soon()  # also with as many cells as before: another font has other pixels
        self.main.fit(*event.size)

    def on_app_focus(self) -> None:
        self.output.repaint_soon()

    def _display(self, screen: Screen[object], renderable: RenderableType | CompositorUpdate | None) -> None:
        """Send what has changed, as fast as the terminal takes it; Textual sends everything at once."""
        if not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
        elif self.is_headless:
            self.post_display_hook()
        elif not self._batch_count:
            self.output.show(renderable, self.size)
            self.post_display_hook()

    # Suspending and leaving; see :class:`tui_vae.tui.terminal.driver.Suspendable`.

    @property
    def leaves(self) -> bool:
        return self._leave_requested.is_set()

    def request_leave(self, leave: Leave) -> None:
        """Leave the interface, also while it is suspended; from any thread, or a signal handler."""
        self._leave_requested.set()
        self.call_later(self.exit, leave)

    def request_stop(self, name: str) -> None:
        """Leave at once and stop training, on a signal."""
        self.request_leave(Leave.STOP)

    def suspending(self) -> str:
        self._redraws.pause()
        self.output.sender.lose_terminal()
        if self._suspended is not None:
            self._suspended()
        if self.runs.trains_here:
            return "tui-vae: suspended, and training with it; fg resumes both, bg training only"
        return "tui-vae: suspended; fg resumes it"

    def resumed(self, *, stopped: bool) -> None:
        self._redraws.resume()
        self.refresh(layout=True)
        if not stopped:
            self.notify("ctrl+z: there is no shell to return from here; press q to leave", timeout=10)

    def action_suspend_process(self) -> None:
        if self._driver is not None and self._driver.can_suspend:
            os.kill(0, signal.SIGTSTP)  # as the terminal does on Ctrl-Z, had the interface not taken its keys
        else:
            self.resumed(stopped=False)

    def action_leave(self) -> None:
        """Leave, after asking if the first run trains here, or runs that were started from here train elsewhere."""
        if not self.runs.trains_here:
            if self._library is None or not self.runs.started or isinstance(self.screen, LeaveStartedScreen):
                self.exit(Leave.STOP if self.runs.opener.waiting else Leave.DONE)
            else:
                ask_about_started(self, self._library, self.runs.started)
        elif isinstance(self.screen, LeaveScreen):
            self.exit(Leave.STOP)
        else:
            self.push_screen(LeaveScreen(evaluation_alone(self.first_state)), self._left)

    def _left(self, leave: Leave | None) -> None:
        if leave is not None:
            self.exit(leave)

    async def action_quit(self) -> None:
        self.action_leave()

    # Files, help, themes and the palette.

    def action_save_picture(self) -> None:
        if self.runs.source is None:
            return
        with self.output.without_images():
            self.main.update_view()
            svg = self.export_screenshot()
        self.main.update_view()
        save(self, self.runs.source, "screen", "svg", lambda path: path.write_text(svg, encoding="utf-8"))

    def action_export(self) -> None:
        """Ask for a format, and export the run that is shown in it."""
        source, library = self.runs.source, self._library
        if source is not None and library is not None and not isinstance(self.screen, ExportScreen):
            self.push_screen(ExportScreen(), lambda form: export(self, library, source, form) if form else None)

    def action_write_report(self) -> None:
        if self.runs.source is not None:
            self._reports.save(self.runs.source)

    def action_redraw(self) -> None:
        self.output.repaint()

    def action_next_theme(self) -> None:
        self.theme_switcher.next()

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        only_there: dict[str, type[Page]] = {"Explorer": ExplorerPage, "Study": StudyPage}
        shown = {"command_palette"}  # it is open
        for title, bindings in GROUPS.items():
            if not isinstance(self.main.page, only_there.get(title, Page)):
                continue
            for binding in bindings:
                if binding.action not in shown:
                    shown.add(binding.action)
                    other = f" ({ALSO_CALLED[binding.action]})" if binding.action in ALSO_CALLED else ""
                    yield SystemCommand(
                        f"{title}: {binding.description}{other} · {binding.key_display}",
                        binding.tooltip,
                        self._command(title, binding),
                    )
        yield from self.theme_switcher.commands()

    def _command(self, title: str, binding: Binding) -> Callable[[], object]:
        """Return what runs the action of a key where it belongs: on a page, the main screen, or the app."""
        if title in PAGE_GROUPS:
            return lambda: self.call_later(self._run_on_page, PAGE_GROUPS[title], binding.action)
        namespace = self.main if binding in SCREEN_BINDINGS else self
        return lambda: self.call_later(self.run_action, binding.action, namespace)

    async def _run_on_page(self, name: str, action: str) -> None:
        await self.main.action_page(name)
        if self.main.page.id == name:  # there is none before a run is chosen
            await self.run_action(action, self.main.page)


def _never() -> bool:
    """The terminal always reads."""
    return False
