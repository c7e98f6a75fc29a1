"""The interface of a training run and of a watched run; training goes on when the interface fails or is left."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui_vae.app.interpreter import SwitchInterval
from tui_vae.app.output_capture import OutputCapture
from tui_vae.app.preferences import PreferencesFile
from tui_vae.app.run_library import Library
from tui_vae.app.signals import StopSignals
from tui_vae.app.terminal import TerminalWatch
from tui_vae.app.watch_source import WatchSource
from tui_vae.charts.drawer import Drawer
from tui_vae.config import DisplayConfig, TrainConfig
from tui_vae.errors import ExitCode, TuiVaeError
from tui_vae.machine.sampler import Sampler
from tui_vae.tui import Leave, MonitorApp
from tui_vae.view.notifications import Notifier
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.terminal_probe import Graphics

if TYPE_CHECKING:
    from tui_vae.app.session import Session

OpenRun = Callable[[Callable[[str], None]], "Session"]
"""Open a run and start its training; calls its argument with what it is waiting for."""

SECONDS_TO_LEAVE = 5.0
"""If the interface has not ended by then, it is blocked by a terminal that does not read."""


def train_in_interface(
    open_run: OpenRun,
    config: TrainConfig,
    runs_dir: Path,
    display: DisplayConfig,
    signals: StopSignals,
    graphics: Graphics,
    *,
    ascii_only: bool,
) -> int:
    """Train with the interface; returns the exit code of the process.

    ``open_run`` is called in a worker thread; ``config`` is shown until the run has its own.
    """
    opening = _Opening(open_run)
    terminal = TerminalWatch()
    interval = SwitchInterval()
    announce = Notifier(display.notify, os.environ, ascii_only=ascii_only)
    known = RunState(config=config.to_json(), models={spec.name: ModelState(spec.name) for spec in config.models})
    with OutputCapture() as capture:
        app = MonitorApp(
            opening,
            state=known,
            drawer=Drawer(lambda why: _warn(why, opening.session, app)),
            ascii_only=ascii_only,
            graphics=graphics,
            fps=display.fps,
            stray=capture.take,
            stalled=lambda: _stalled(capture, interval),
            answers=interval.set_answering,
            suspended=lambda: interval.set_drawing(False),
            library=Library(runs_dir),
            machine=Sampler(),
            preferences=PreferencesFile(display.theme),
            announce=announce,
        )
        left = _end_on_signals(app, opening, signals, terminal)
        leave = app.run()
        left.set()
        interval.set_drawing(False)
        remains = capture.take(at_end=True)
    if remains:
        sys.stderr.write(f"{remains}\n")
    if terminal.lost:
        opening.wait()
        leave = Leave.HEADLESS
    if app.error is not None:
        raise app.error
    if opening.session is None:
        # Torch is still being imported by a thread that nothing can end; no file has been touched yet.
        sys.stderr.write("tui-vae: stopped before training began\n")
        sys.stderr.flush()
        os._exit(ExitCode.STOPPED)
    signals.forward_to(opening.session.stop)
    terminal.on_lost(opening.session.detach)
    if leave is None:
        # Textual has printed what went wrong. The run is worth more than its display.
        print("tui-vae: the interface failed; training continues without it", file=sys.stderr)
        leave = Leave.HEADLESS
    return _after(leave, opening.session, app.first_state, display, terminal, announce)


def watch_in_interface(
    source: WatchSource | None,
    known: RunState,
    library: Library,
    display: DisplayConfig,
    signals: StopSignals,
    graphics: Graphics,
    *,
    ascii_only: bool,
    study: str | None = None,
) -> int:
    """Show a run of another process, or the list of runs; returns the exit code of the process.

    Args:
        source: The run; ``None`` lets the user choose one.
        known: What is shown before the first event.
        library: The runs that the interface lists.
        display: Options of the interface.
        signals: Answered by the interface.
        graphics: How pictures are drawn.
        ascii_only: Draw with ASCII characters only.
        study: Key of a study to begin with.
    """
    with OutputCapture() as capture:
        app = MonitorApp(
            None if source is None else lambda report: source,
            state=known,
            drawer=Drawer(lambda why: app.call_later(app.warn, why)),
            ascii_only=ascii_only,
            graphics=graphics,
            fps=display.fps,
            stray=capture.take,
            stalled=capture.stalled,
            library=library,
            study=study,
            machine=Sampler(),
            preferences=PreferencesFile(display.theme),
            announce=Notifier(display.notify, os.environ, ascii_only=ascii_only),
        )
        signals.answer = app.request_stop
        leave = app.run()
        remains = capture.take(at_end=True)
    if remains:
        sys.stderr.write(printable(remains, keep="\n") + "\n")
    if app.error is not None:
        raise app.error
    codes = {Leave.STOP: ExitCode.STOPPED, None: ExitCode.MODEL_FAILED}  # none: Textual has printed what went wrong
    return codes.get(leave, ExitCode.OK)


def _warn(text: str, session: Session | None, app: MonitorApp) -> None:
    """Log a warning, which the interface then shows; before there is a log, show it only."""
    if session is not None:
        session.warn(text)
    else:
        app.call_later(app.warn, text)


def _stalled(capture: OutputCapture, interval: SwitchInterval) -> bool:
    """Whether the terminal does not read; nothing is drawn then."""
    stalled = capture.stalled()
    interval.set_drawing(not stalled)
    return stalled


class _Opening:
    """Opens a run for the interface; others may wait until it is open or has failed."""

    def __init__(self, open_run: OpenRun) -> None:
        self._open = open_run
        self._done = threading.Event()
        self.session: Session | None = None

    def __call__(self, report: Callable[[str], None]) -> Session:
        try:
            self.session = self._open(report)
            return self.session
        finally:
            self._done.set()

    def wait(self) -> None:
        self._done.wait()


def _end_on_signals(
    app: MonitorApp, opening: _Opening, signals: StopSignals, terminal: TerminalWatch
) -> threading.Event:
    """End the interface on a signal or the loss of the terminal; returns an event to set once it has ended."""
    left = threading.Event()

    def stop(name: str) -> None:
        if opening.session is not None:
            opening.session.stop(f"by {name}")
            _end_without(left, opening.session)
        app.request_stop(name)

    def lost(reason: str) -> None:
        if opening.session is not None:
            opening.session.detach(reason)
            _end_without(left, opening.session)
        app.request_leave(Leave.HEADLESS)

    signals.answer, signals.on_hangup = stop, terminal.lose
    terminal.on_lost(lost)
    terminal.watch()
    return left


def _end_without(left: threading.Event, session: Session) -> None:
    """End the process with the run if the interface has not ended by then."""

    def end() -> None:
        if not left.wait(SECONDS_TO_LEAVE):
            session.wait_detached()
            try:
                code = session.close()
            except TuiVaeError as error:
                code = error.exit_code
            if not left.is_set():
                os._exit(code)

    threading.Thread(target=end, name="end without the interface", daemon=True).start()


def _after(
    leave: Leave,
    session: Session,
    state: RunState,
    display: DisplayConfig,
    terminal: TerminalWatch,
    announce: Notifier,
) -> int:
    """Finish a run after the interface: headless, or stopped."""
    if leave is Leave.STOP:
        session.stop("by the user")
    for name, model in state.models.items():
        if model.status == "paused" and leave is Leave.HEADLESS:
            session.resume(name)  # nothing there could do it later
    if not terminal.output_lost:
        from tui_vae.headless import follow, make_output  # noqa: PLC0415 - only here, and Rich's share of it is slow

        output = make_output(display if leave is Leave.HEADLESS else _quiet(display))
        follow(session, output, state=state, detached=lambda: terminal.output_lost, announce=announce)
    session.wait_detached()
    code = session.close()
    if terminal.lost:
        os._exit(code)  # not to wait for threads of the library, should one of them still wait for the terminal
    return code


def _quiet(display: DisplayConfig) -> DisplayConfig:
    return DisplayConfig(no_ui=True, quiet=True, ascii=display.ascii, color=display.color, fps=display.fps)
